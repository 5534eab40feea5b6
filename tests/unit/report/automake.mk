# tests/unit/report: see Makefile.am.
check_PROGRAMS += tests/unit/report/test_report tests/unit/report/render
TESTS += tests/unit/report/test_report tests/unit/report/test_report.py
EXTRA_DIST += tests/unit/report/test_report.py

REPORT_TEST_LIBS = vswitch/libreport.a proto/libproto.a $(OVS_LIBS) $(GRPC_LIBS) \
	$(PROTOBUF_C_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)

tests_unit_report_test_report_SOURCES = tests/unit/report/test_report.c
tests_unit_report_test_report_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_report_test_report_LDADD = vswitch/libtelemetry.a $(REPORT_TEST_LIBS) $(CUNIT_LIBS)

# For test_report.py.
tests_unit_report_render_SOURCES = tests/unit/report/render.c
tests_unit_report_render_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_report_render_LDADD = $(REPORT_TEST_LIBS)
