/* The methods that a server has: those it was given, health and reflection. */
#ifndef PROTO_RPC_METHODS_H
#define PROTO_RPC_METHODS_H 1

#include "proto/rpc.h"

struct rpc_handler {
    /* unary and stream are called in the control thread ... */
    struct rpc_method method;
    /* ... and this, for two-way streams, in the server's: it sends exactly one message for each
     * request. */
    void (*each)(struct rpc_stream *, const ProtobufCMessage *request, void *aux);
    const ProtobufCMessageDescriptor *input;
    void *aux;
    bool gated; /* the server's 'admit' is asked */
    char *path; /* "/fusuma.v1.PortService/AddPort" */
};

struct rpc_methods {
    struct rpc_handler *handlers;
    size_t n;
    struct proto_health *health;
    struct proto_reflection *reflection;
};

/* 0; ENOMEM; or EINVAL, for a method that its service does not have, or, with '*error', that has no
 * role though the server has an 'admit'.  Destroy it in any case. */
int rpc_methods_init(struct rpc_methods *, const struct rpc_server_options *, char **error);
void rpc_methods_destroy(struct rpc_methods *);

/* NULL: no such method. */
const struct rpc_handler *rpc_methods_find(const struct rpc_methods *, const char *path, size_t n);

#endif
