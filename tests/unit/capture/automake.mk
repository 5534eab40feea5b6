check_PROGRAMS += tests/unit/capture/test_capture
TESTS += tests/unit/capture/test_capture
tests_unit_capture_test_capture_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_capture_test_capture_SOURCES = \
	tests/unit/capture/captures_suite.c \
	tests/unit/capture/pcapng_suite.c \
	tests/unit/capture/ring_suite.c \
	tests/unit/capture/suites.h \
	tests/unit/capture/test_capture.c
tests_unit_capture_test_capture_LDADD = vswitch/libcapture.a vswitch/libtelemetry.a \
	$(OVS_LIBS) $(JANSSON_LIBS) $(CUNIT_LIBS)
