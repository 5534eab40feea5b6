check_PROGRAMS += tests/unit/datapath/test_datapath
TESTS += tests/unit/datapath/test_datapath
tests_unit_datapath_test_datapath_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_datapath_test_datapath_SOURCES = \
	tests/unit/datapath/arp_suite.c \
	tests/unit/datapath/audit_suite.c \
	tests/unit/datapath/bench.c \
	tests/unit/datapath/bench.h \
	tests/unit/datapath/capture_suite.c \
	tests/unit/datapath/conn_suite.c \
	tests/unit/datapath/dhcp_suite.c \
	tests/unit/datapath/learn_suite.c \
	tests/unit/datapath/fdb_suite.c \
	tests/unit/datapath/mcast_suite.c \
	tests/unit/datapath/mcast_table_suite.c \
	tests/unit/datapath/messages.c \
	tests/unit/datapath/messages.h \
	tests/unit/datapath/nd_suite.c \
	tests/unit/datapath/packets.c \
	tests/unit/datapath/parse_suite.c \
	tests/unit/datapath/pipeline_suite.c \
	tests/unit/datapath/quarantine_suite.c \
	tests/unit/datapath/reject_suite.c \
	tests/unit/datapath/rig.c \
	tests/unit/datapath/rig.h \
	tests/unit/datapath/snoop_suite.c \
	tests/unit/datapath/rota_suite.c \
	tests/unit/datapath/storm_suite.c \
	tests/unit/datapath/suites.h \
	tests/unit/datapath/tcp_suite.c \
	tests/unit/datapath/test_datapath.c \
	tests/unit/datapath/trace_suite.c \
	tests/unit/datapath/vlan_suite.c
tests_unit_datapath_test_datapath_LDADD = vswitch/libdatapath.a vswitch/libtelemetry.a acl/libacl.a \
	$(DPDK_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += tests/unit/datapath/test_large_table
TESTS += tests/unit/datapath/test_large_table
tests_unit_datapath_test_large_table_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_datapath_test_large_table_SOURCES = \
	tests/unit/datapath/packets.c \
	tests/unit/datapath/suites.h \
	tests/unit/datapath/test_large_table.c
tests_unit_datapath_test_large_table_LDADD = vswitch/libdatapath.a vswitch/libtelemetry.a \
	acl/libacl.a $(DPDK_LIBS)

check_PROGRAMS += tests/unit/datapath/test_swap
TESTS += tests/unit/datapath/test_swap
tests_unit_datapath_test_swap_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_datapath_test_swap_SOURCES = tests/unit/datapath/test_swap.c
tests_unit_datapath_test_swap_LDADD = vswitch/libdatapath.a vswitch/libtelemetry.a acl/libacl.a \
	$(DPDK_LIBS) $(FYAML_LIBS)

check_PROGRAMS += tests/unit/datapath/test_workers
TESTS += tests/unit/datapath/test_workers
tests_unit_datapath_test_workers_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_datapath_test_workers_SOURCES = \
	tests/unit/datapath/load.c \
	tests/unit/datapath/load.h \
	tests/unit/datapath/test_workers.c
tests_unit_datapath_test_workers_LDADD = vswitch/libdatapath.a vswitch/libtelemetry.a acl/libacl.a \
	$(DPDK_LIBS)

check_PROGRAMS += tests/unit/datapath/test_races
TESTS += tests/unit/datapath/test_races
tests_unit_datapath_test_races_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_datapath_test_races_SOURCES = tests/unit/datapath/test_races.c
tests_unit_datapath_test_races_LDADD = vswitch/libdatapath.a vswitch/libtelemetry.a acl/libacl.a \
	$(DPDK_LIBS)

check_PROGRAMS += tests/unit/datapath/diff_conntrack
TESTS += tests/unit/datapath/diff_conntrack
tests_unit_datapath_diff_conntrack_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_datapath_diff_conntrack_SOURCES = \
	tests/unit/datapath/diff_conntrack.c \
	tests/unit/datapath/judges.c \
	tests/unit/datapath/judges.h
tests_unit_datapath_diff_conntrack_LDADD = vswitch/libdatapath.a $(OVS_LIBS)

check_PROGRAMS += tests/unit/datapath/diff_recorded
TESTS += tests/unit/datapath/diff_recorded
tests_unit_datapath_diff_recorded_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_datapath_diff_recorded_SOURCES = \
	tests/unit/datapath/diff_recorded.c \
	tests/unit/datapath/judges.c \
	tests/unit/datapath/judges.h
tests_unit_datapath_diff_recorded_LDADD = vswitch/libdatapath.a $(OVS_LIBS)
