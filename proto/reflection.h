/* Standard server reflection (grpc.reflection.v1alpha), for grpcurl and the like.  Its only method
 * is a two-way stream, which rpc_server knows of: each request gets exactly one response. */
#ifndef PROTO_REFLECTION_H
#define PROTO_REFLECTION_H 1

#include "proto/rpc.h"

struct proto_reflection;

extern const ProtobufCServiceDescriptor *const proto_reflection_service;

/* 'methods' (the caller's, outliving it) say which services are listed; their .proto files and
 * those of the built-in services come from 'descriptor_set', of which nothing is kept.  NULL: no
 * memory, or not a descriptor set. */
struct proto_reflection *proto_reflection_create(const struct rpc_method *methods, size_t n,
                                                 const uint8_t *descriptor_set, size_t length);
void proto_reflection_destroy(struct proto_reflection *);

/* Sends the one response.  'reflection' is a proto_reflection. */
void proto_reflection_each(struct rpc_stream *, const ProtobufCMessage *request, void *reflection);

#endif
