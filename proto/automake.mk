# proto: messages, the gRPC transport, JSON.  See Makefile.am.
noinst_LIBRARIES += proto/libproto.a

PROTO_FILES = \
	proto/fusuma/v1/address_set.proto \
	proto/fusuma/v1/audit_log.proto \
	proto/fusuma/v1/capture.proto \
	proto/fusuma/v1/conn.proto \
	proto/fusuma/v1/counter.proto \
	proto/fusuma/v1/drop.proto \
	proto/fusuma/v1/elapsed.proto \
	proto/fusuma/v1/flow.proto \
	proto/fusuma/v1/incident.proto \
	proto/fusuma/v1/policy.proto \
	proto/fusuma/v1/port.proto \
	proto/fusuma/v1/quarantine.proto \
	proto/fusuma/v1/session.proto \
	proto/fusuma/v1/system.proto \
	proto/fusuma/v1/trace.proto \
	proto/fusuma/v1/watch.proto \
	proto/grpc/health/v1/health.proto \
	proto/grpc/reflection/v1alpha/reflection.proto

# For clients that have no code made from the .proto files.
nodist_pkgdata_DATA = proto/fusuma.protoset

# Debian's libprotobuf-c has no code for the types of google.protobuf: it is made here like ours.
PROTO_GENERATED = \
	proto/fusuma/v1/address_set.pb-c.c proto/fusuma/v1/address_set.pb-c.h \
	proto/fusuma/v1/audit_log.pb-c.c proto/fusuma/v1/audit_log.pb-c.h \
	proto/fusuma/v1/capture.pb-c.c proto/fusuma/v1/capture.pb-c.h \
	proto/fusuma/v1/conn.pb-c.c proto/fusuma/v1/conn.pb-c.h \
	proto/fusuma/v1/counter.pb-c.c proto/fusuma/v1/counter.pb-c.h \
	proto/fusuma/v1/drop.pb-c.c proto/fusuma/v1/drop.pb-c.h \
	proto/fusuma/v1/elapsed.pb-c.c proto/fusuma/v1/elapsed.pb-c.h \
	proto/fusuma/v1/flow.pb-c.c proto/fusuma/v1/flow.pb-c.h \
	proto/fusuma/v1/incident.pb-c.c proto/fusuma/v1/incident.pb-c.h \
	proto/fusuma/v1/policy.pb-c.c proto/fusuma/v1/policy.pb-c.h \
	proto/fusuma/v1/port.pb-c.c proto/fusuma/v1/port.pb-c.h \
	proto/fusuma/v1/quarantine.pb-c.c proto/fusuma/v1/quarantine.pb-c.h \
	proto/fusuma/v1/session.pb-c.c proto/fusuma/v1/session.pb-c.h \
	proto/fusuma/v1/system.pb-c.c proto/fusuma/v1/system.pb-c.h \
	proto/fusuma/v1/trace.pb-c.c proto/fusuma/v1/trace.pb-c.h \
	proto/fusuma/v1/watch.pb-c.c proto/fusuma/v1/watch.pb-c.h \
	proto/google/protobuf/descriptor.pb-c.c proto/google/protobuf/descriptor.pb-c.h \
	proto/google/protobuf/timestamp.pb-c.c proto/google/protobuf/timestamp.pb-c.h \
	proto/grpc/health/v1/health.pb-c.c proto/grpc/health/v1/health.pb-c.h \
	proto/grpc/reflection/v1alpha/reflection.pb-c.c \
	proto/grpc/reflection/v1alpha/reflection.pb-c.h

proto_libproto_a_SOURCES = \
	proto/audit_chain.c \
	proto/audit_chain.h \
	proto/audit_head.c \
	proto/audit_head.h \
	proto/descriptor_set.h \
	proto/health.c \
	proto/health.h \
	proto/http_server.c \
	proto/http_server.h \
	proto/json.c \
	proto/json.h \
	proto/reflection.c \
	proto/reflection.h \
	proto/rpc.h \
	proto/rpc_call.c \
	proto/rpc_client.c \
	proto/rpc_credentials.c \
	proto/rpc_credentials.h \
	proto/rpc_endpoint.c \
	proto/rpc_endpoint.h \
	proto/rpc_listen.c \
	proto/rpc_methods.c \
	proto/rpc_methods.h \
	proto/rpc_peer.c \
	proto/rpc_private.h \
	proto/rpc_send.c \
	proto/rpc_server.c \
	proto/rpc_status.c \
	proto/rpc_thread.c \
	proto/summary.c \
	proto/summary.h \
	proto/symbols.c \
	proto/symbols.h \
	proto/tls_files.c \
	proto/tls_files.h \
	proto/unpack.c \
	proto/unpack.h \
	proto/vlan_list.c \
	proto/vlan_list.h
nodist_proto_libproto_a_SOURCES = $(PROTO_GENERATED) proto/descriptor_set.c
proto_libproto_a_CPPFLAGS = $(AM_CPPFLAGS) $(GRPC_CFLAGS)

BUILT_SOURCES += $(PROTO_GENERATED) proto/descriptor_set.c
CLEANFILES += $(PROTO_GENERATED) proto/descriptor_set.c proto/fusuma.protoset proto/stamp-protoc
EXTRA_DIST += $(PROTO_FILES)

# The stamp is dated before the files that it stands for, so that they are not older than it.
proto/stamp-protoc: $(PROTO_FILES)
	$(AM_V_GEN)$(MKDIR_P) proto && rm -f $@.new && touch $@.new && \
	$(PROTOC_C) -I$(srcdir)/proto -I$(PROTOBUF_INCLUDE) --c_out=proto \
	  --descriptor_set_out=proto/fusuma.protoset --include_imports \
	  `echo ' $(PROTO_FILES)' | sed 's, proto/, ,g'` \
	  google/protobuf/timestamp.proto google/protobuf/descriptor.proto && \
	mv -f $@.new $@

$(PROTO_GENERATED) proto/fusuma.protoset: proto/stamp-protoc
	@test -f $@ || { rm -f proto/stamp-protoc && $(MAKE) proto/stamp-protoc; }

proto/descriptor_set.c: proto/fusuma.protoset
	$(AM_V_GEN){ echo '#include "proto/descriptor_set.h"'; \
	  echo 'const uint8_t proto_descriptor_set[] = {'; \
	  od -An -v -tu1 proto/fusuma.protoset | \
	    awk '{ for (i = 1; i <= NF; i++) printf "%s,", $$i; print "" }'; \
	  echo '};'; \
	  echo 'const size_t proto_descriptor_set_length = sizeof proto_descriptor_set;'; } >$@.new && \
	mv -f $@.new $@
