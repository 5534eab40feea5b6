check_PROGRAMS += \
	tests/unit/port/cross \
	tests/unit/port/test_af_xdp \
	tests/unit/port/test_port \
	tests/unit/port/test_traffic
TESTS += tests/unit/port/test_af_xdp tests/unit/port/test_port tests/unit/port/test_traffic
tests_unit_port_test_af_xdp_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_port_test_af_xdp_SOURCES = tests/unit/port/test_af_xdp.c
tests_unit_port_test_af_xdp_LDADD = vswitch/libport.a $(CUNIT_LIBS) $(DPDK_LIBS)
tests_unit_port_test_port_SOURCES = \
	tests/unit/port/gso_suite.c \
	tests/unit/port/suites.h \
	tests/unit/port/test_port.c \
	tests/unit/port/unix_socket_suite.c
tests_unit_port_test_port_LDADD = vswitch/libport.a $(CUNIT_LIBS)
tests_unit_port_cross_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_unit_port_cross_SOURCES = tests/unit/port/cross.c
tests_unit_port_cross_LDADD = vswitch/libport.a $(DPDK_LIBS)
tests_unit_port_test_traffic_SOURCES = tests/unit/port/test_traffic.c
tests_unit_port_test_traffic_LDADD = $(CUNIT_LIBS)
