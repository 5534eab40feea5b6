check_PROGRAMS += tests/unit/telemetry/test_telemetry
TESTS += tests/unit/telemetry/test_telemetry
tests_unit_telemetry_test_telemetry_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_telemetry_test_telemetry_SOURCES = \
	tests/unit/telemetry/detect_suite.c \
	tests/unit/telemetry/drop_log_suite.c \
	tests/unit/telemetry/suites.h \
	tests/unit/telemetry/test_telemetry.c
tests_unit_telemetry_test_telemetry_LDADD = vswitch/libtelemetry.a vswitch/libdatapath.a \
	vswitch/libtelemetry.a acl/libacl.a $(OVS_LIBS) $(DPDK_LIBS) $(SQLITE_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/telemetry/test_flows
TESTS += tests/unit/telemetry/test_flows
tests_unit_telemetry_test_flows_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_telemetry_test_flows_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_telemetry_test_flows_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=conn_clock
tests_unit_telemetry_test_flows_SOURCES = \
	tests/unit/telemetry/flow_account_suite.c \
	tests/unit/telemetry/flow_disk_suite.c \
	tests/unit/telemetry/flow_store_suite.c \
	tests/unit/telemetry/flow_suites.h \
	tests/unit/telemetry/test_flows.c
tests_unit_telemetry_test_flows_LDADD = vswitch/libtelemetry.a vswitch/libdatapath.a \
	vswitch/libtelemetry.a acl/libacl.a $(OVS_LIBS) $(DPDK_LIBS) $(SQLITE_LIBS) $(CUNIT_LIBS)
