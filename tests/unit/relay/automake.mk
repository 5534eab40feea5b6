# tests/unit/relay: see Makefile.am.
check_PROGRAMS += tests/unit/relay/test_relay
TESTS += tests/unit/relay/test_relay
tests_unit_relay_test_relay_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
tests_unit_relay_test_relay_SOURCES = \
	ctl/client.c \
	ctl/output.c \
	ctl/yaml.c \
	tests/unit/relay/community_id_suite.c \
	tests/unit/relay/config_suite.c \
	tests/unit/relay/cursor_suite.c \
	tests/unit/relay/ecs_suite.c \
	tests/unit/relay/gather_suite.c \
	tests/unit/relay/mail_suite.c \
	tests/unit/relay/samples.c \
	tests/unit/relay/spawn_suite.c \
	tests/unit/relay/suites.h \
	tests/unit/relay/syslog_suite.c \
	tests/unit/relay/test_relay.c
tests_unit_relay_test_relay_LDADD = $(RELAY_LIBS) proto/libproto.a $(GRPC_LIBS) \
	$(PROTOBUF_C_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(OVS_LIBS) $(CUNIT_LIBS)
$(tests_unit_relay_test_relay_OBJECTS): $(BUILT_SOURCES)
