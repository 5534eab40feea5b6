# The packet path.
noinst_LIBRARIES += vswitch/libdatapath.a
vswitch_libdatapath_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
vswitch_libdatapath_a_SOURCES = \
	vswitch/datapath/conn.c \
	vswitch/datapath/conn.h \
	vswitch/datapath/conn_age.c \
	vswitch/datapath/conn_private.h \
	vswitch/datapath/conn_tcp.c \
	vswitch/datapath/conn_tcp.h \
	vswitch/datapath/csum.c \
	vswitch/datapath/csum.h \
	vswitch/datapath/dhcp.c \
	vswitch/datapath/dhcp.h \
	vswitch/datapath/fdb.c \
	vswitch/datapath/fdb.h \
	vswitch/datapath/flood.c \
	vswitch/datapath/flood.h \
	vswitch/datapath/forward.c \
	vswitch/datapath/forward.h \
	vswitch/datapath/frag.c \
	vswitch/datapath/frag.h \
	vswitch/datapath/grace.h \
	vswitch/datapath/guard.c \
	vswitch/datapath/guard.h \
	vswitch/datapath/judge.c \
	vswitch/datapath/judge.h \
	vswitch/datapath/learn.c \
	vswitch/datapath/learn.h \
	vswitch/datapath/neigh.c \
	vswitch/datapath/neigh.h \
	vswitch/datapath/output.c \
	vswitch/datapath/output.h \
	vswitch/datapath/parse.c \
	vswitch/datapath/parse.h \
	vswitch/datapath/pipeline.c \
	vswitch/datapath/pipeline.h \
	vswitch/datapath/port.h \
	vswitch/datapath/record.c \
	vswitch/datapath/record.h \
	vswitch/datapath/reject.c \
	vswitch/datapath/reject.h \
	vswitch/datapath/relation.c \
	vswitch/datapath/relation.h \
	vswitch/datapath/snapshot.h \
	vswitch/datapath/track.c \
	vswitch/datapath/vlan.c \
	vswitch/datapath/vlan.h \
	vswitch/datapath/worker.c \
	vswitch/datapath/worker.h \
	vswitch/datapath/worker_private.h
