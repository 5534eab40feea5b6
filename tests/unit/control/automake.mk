check_PROGRAMS += tests/unit/control/test_control
TESTS += tests/unit/control/test_control
tests_unit_control_test_control_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(OVS_CFLAGS)
tests_unit_control_test_control_SOURCES = \
	tests/unit/control/bindings_suite.c \
	tests/unit/control/access_suite.c \
	tests/unit/control/audit_log_suite.c \
	tests/unit/control/config_suite.c \
	tests/unit/control/conn_filter_suite.c \
	tests/unit/control/desired_suite.c \
	tests/unit/control/drop_message_suite.c \
	tests/unit/control/incident_suite.c \
	tests/unit/control/learned_suite.c \
	tests/unit/control/learner.c \
	tests/unit/control/learner.h \
	tests/unit/control/limits_suite.c \
	tests/unit/control/lint_facts_suite.c \
	tests/unit/control/message_suite.c \
	tests/unit/control/metrics_suite.c \
	tests/unit/control/object_log_suite.c \
	tests/unit/control/objects_suite.c \
	tests/unit/control/port_spec_suite.c \
	tests/unit/control/publish_memory.c \
	tests/unit/control/publish_suite.c \
	tests/unit/control/refresh_suite.c \
	tests/unit/control/quarantines_suite.c \
	tests/unit/control/request_ids_suite.c \
	tests/unit/control/sets_suite.c \
	tests/unit/control/sights_suite.c \
	tests/unit/control/slots_suite.c \
	tests/unit/control/specs.c \
	tests/unit/control/state_damage_suite.c \
	tests/unit/control/state_dir.c \
	tests/unit/control/state_dir.h \
	tests/unit/control/sessions_suite.c \
	tests/unit/control/state_policy_suite.c \
	tests/unit/control/state_text_suite.c \
	tests/unit/control/state_schema_suite.c \
	tests/unit/control/state_suite.c \
	tests/unit/control/suites.h \
	tests/unit/control/switch.c \
	tests/unit/control/switch.h \
	tests/unit/control/test_control.c \
	tests/unit/control/vlan_suite.c
# See publish_memory.c, learner.c and, for publish, sets_suite.c.
tests_unit_control_test_control_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=xzalloc -Wl,--wrap=xcalloc \
	-Wl,--wrap=x2nrealloc -Wl,--wrap=time_msec -Wl,--wrap=learner_take \
	-Wl,--wrap=learner_hand_back -Wl,--wrap=change_submit -Wl,--wrap=state_set_bindings \
	-Wl,--wrap=state_load_bindings -Wl,--wrap=publish
tests_unit_control_test_control_LDADD = \
	vswitch/libcontrol.a \
	vswitch/libreport.a \
	vswitch/libcapture.a \
	vswitch/libport.a \
	vswitch/libdatapath.a \
	vswitch/libtelemetry.a \
	proto/libproto.a \
	acl/libacl.a \
	$(OVS_LIBS) $(DPDK_LIBS) $(PROTOBUF_C_LIBS) $(SQLITE_LIBS) $(FYAML_LIBS) $(JANSSON_LIBS) \
	$(GRPC_LIBS) $(CRYPTO_LIBS) $(MICROHTTPD_LIBS) \
	$(CUNIT_LIBS)
$(tests_unit_control_test_control_OBJECTS): $(BUILT_SOURCES)

# For tests/interop/test_access.py: the table of RPCs, as text.
check_PROGRAMS += tests/interop/rpc_table
tests_interop_rpc_table_SOURCES = tests/interop/rpc_table.c
tests_interop_rpc_table_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(OVS_CFLAGS)
tests_interop_rpc_table_LDADD = $(bin_vswitchd_LDADD)
$(tests_interop_rpc_table_OBJECTS): $(BUILT_SOURCES)
