check_PROGRAMS += tests/unit/telemetry/test_telemetry
TESTS += tests/unit/telemetry/test_telemetry
tests_unit_telemetry_test_telemetry_SOURCES = tests/unit/telemetry/test_telemetry.c
tests_unit_telemetry_test_telemetry_LDADD = vswitch/libtelemetry.a $(CUNIT_LIBS)
