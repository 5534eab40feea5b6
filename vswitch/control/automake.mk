# vswitch/control: desired state, publishing, RPC handlers, persistence.  See Makefile.am.
noinst_LIBRARIES += vswitch/libcontrol.a
vswitch_libcontrol_a_SOURCES = \
	vswitch/control/bindings.c \
	vswitch/control/bindings.h \
	vswitch/control/change.c \
	vswitch/control/change.h \
	vswitch/control/compile.c \
	vswitch/control/compile.h \
	vswitch/control/config.c \
	vswitch/control/config.h \
	vswitch/control/conn_filter.c \
	vswitch/control/conn_filter.h \
	vswitch/control/conn_message.c \
	vswitch/control/conn_message.h \
	vswitch/control/control.c \
	vswitch/control/control.h \
	vswitch/control/desired.c \
	vswitch/control/desired.h \
	vswitch/control/digest.c \
	vswitch/control/digest.h \
	vswitch/control/drop_message.c \
	vswitch/control/drop_message.h \
	vswitch/control/eal.c \
	vswitch/control/eal.h \
	vswitch/control/file.c \
	vswitch/control/file.h \
	vswitch/control/learned.c \
	vswitch/control/learned.h \
	vswitch/control/limits.c \
	vswitch/control/limits.h \
	vswitch/control/message.c \
	vswitch/control/message.h \
	vswitch/control/policies.c \
	vswitch/control/port_changes.c \
	vswitch/control/ports.c \
	vswitch/control/publish.c \
	vswitch/control/publish.h \
	vswitch/control/rpc.h \
	vswitch/control/rpc_binding.c \
	vswitch/control/rpc_conn.c \
	vswitch/control/rpc_counter.c \
	vswitch/control/rpc_drop.c \
	vswitch/control/rpc_group.c \
	vswitch/control/rpc_policy.c \
	vswitch/control/rpc_port.c \
	vswitch/control/rpc_quarantine.c \
	vswitch/control/rpc_system.c \
	vswitch/control/rpc_table.c \
	vswitch/control/slots.c \
	vswitch/control/slots.h \
	vswitch/control/state.c \
	vswitch/control/state.h \
	vswitch/control/vlans.c
vswitch_libcontrol_a_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(OVS_CFLAGS)
$(vswitch_libcontrol_a_OBJECTS): $(BUILT_SOURCES)
