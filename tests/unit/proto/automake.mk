# tests/unit/proto: see Makefile.am.
check_PROGRAMS += \
	tests/interop/toy_server \
	tests/unit/proto/test_json \
	tests/unit/proto/test_rpc \
	tests/unit/proto/to_json
TESTS += \
	tests/unit/proto/test_json \
	tests/unit/proto/test_json.py \
	tests/unit/proto/test_rpc
EXTRA_DIST += tests/unit/proto/test_json.py tests/unit/proto/types.proto

PROTO_TEST_LIBS = proto/libproto.a $(GRPC_LIBS) $(PROTOBUF_C_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)

tests_unit_proto_test_rpc_SOURCES = tests/unit/proto/test_rpc.c \
	tests/unit/proto/toy_server.c tests/unit/proto/toy_server.h
tests_unit_proto_test_rpc_LDADD = $(PROTO_TEST_LIBS) $(CUNIT_LIBS)

tests_unit_proto_test_json_SOURCES = tests/unit/proto/test_json.c
tests_unit_proto_test_json_LDADD = $(PROTO_TEST_LIBS) $(CUNIT_LIBS) -lm

# For test_json.py.
tests_unit_proto_to_json_SOURCES = tests/unit/proto/to_json.c
nodist_tests_unit_proto_to_json_SOURCES = \
	tests/unit/proto/types.pb-c.c tests/unit/proto/types.pb-c.h
tests_unit_proto_to_json_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/tests/unit/proto
tests_unit_proto_to_json_LDADD = $(PROTO_TEST_LIBS) -lm

# For tests/interop/test_rpc.py.
tests_interop_toy_server_SOURCES = tests/interop/toy_server_main.c \
	tests/unit/proto/toy_server.c tests/unit/proto/toy_server.h
tests_interop_toy_server_LDADD = $(PROTO_TEST_LIBS)

BUILT_SOURCES += tests/unit/proto/types.pb-c.c tests/unit/proto/types.pb-c.h
CLEANFILES += tests/unit/proto/types.pb-c.c tests/unit/proto/types.pb-c.h \
	tests/unit/proto/types.protoset

tests/unit/proto/types.pb-c.c: tests/unit/proto/types.proto
	$(AM_V_GEN)$(MKDIR_P) tests/unit/proto && \
	$(PROTOC_C) -I$(srcdir)/tests/unit/proto -I$(PROTOBUF_INCLUDE) --c_out=tests/unit/proto \
	  --descriptor_set_out=tests/unit/proto/types.protoset --include_imports types.proto
tests/unit/proto/types.pb-c.h: tests/unit/proto/types.pb-c.c
	@test -f $@ || { rm -f tests/unit/proto/types.pb-c.c && \
	  $(MAKE) tests/unit/proto/types.pb-c.c; }
