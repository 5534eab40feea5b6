/* The standard health service (grpc.health.v1), as two rows for a method table.  The switch serves
 * from the moment that it answers. */
#ifndef PROTO_HEALTH_H
#define PROTO_HEALTH_H 1

#include "proto/rpc.h"

struct proto_health;

#define PROTO_HEALTH_METHODS 2
extern const struct rpc_method proto_health_methods[PROTO_HEALTH_METHODS]; /* aux: a proto_health */

/* 'methods' say which services exist; they stay the caller's and outlive it.  NULL: no memory. */
struct proto_health *proto_health_create(const struct rpc_method *methods, size_t n);
void proto_health_destroy(struct proto_health *);

#endif
