# What packets come in by.
noinst_LIBRARIES += vswitch/libport.a
vswitch_libport_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
vswitch_libport_a_SOURCES = \
	vswitch/port/af_packet.c \
	vswitch/port/af_packet.h \
	vswitch/port/af_packet_rx.c \
	vswitch/port/af_packet_tx.c \
	vswitch/port/af_xdp.c \
	vswitch/port/af_xdp.h \
	vswitch/port/class.h \
	vswitch/port/ethdev.c \
	vswitch/port/gso.c \
	vswitch/port/gso.h \
	vswitch/port/port.c \
	vswitch/port/port.h \
	vswitch/port/rx_vlan.c \
	vswitch/port/rx_vlan.h \
	vswitch/port/unix_socket.c \
	vswitch/port/unix_socket.h \
	vswitch/port/vhost.c
