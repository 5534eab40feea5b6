#include <config.h>

#include "proto/health.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct proto_health {
    const struct rpc_method *methods;
    size_t n;
};

static bool
is_known(const struct proto_health *health, const char *service)
{
    if (!*service) {
        return true; /* the server as a whole */
    }
    for (size_t i = 0; i < health->n; i++) {
        if (!strcmp(health->methods[i].service->name, service)) {
            return true;
        }
    }
    return false;
}

static void
check(struct rpc_call *call, const ProtobufCMessage *request, void *health)
{
    const char *service = ((const Request *) request)->service;
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    if (!is_known(health, service)) {
        rpc_call_fail(call, RPC_NOT_FOUND, "no service '%s'", service);
        return;
    }
    response.status = SERVING;
    rpc_call_reply(call, &response.base);
}

struct watch {
    bool known;
    bool said;
};

/* Says the status once: it does not change while there is somebody to say it. */
static void
watch_ready(struct rpc_stream *stream, void *watch_)
{
    struct watch *watch = watch_;
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    if (!watch->said) {
        watch->said = true;
        response.status = watch->known ? SERVING : SERVICE_UNKNOWN;
        rpc_stream_send(stream, &response.base);
    }
}

static void
watch_closed(struct rpc_stream *stream, void *watch)
{
    (void) stream;
    free(watch);
}

static void
watch(struct rpc_stream *stream, const ProtobufCMessage *request, void *health)
{
    static const struct rpc_stream_ops ops = { .ready = watch_ready, .closed = watch_closed };
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch) {
        rpc_stream_end(stream, RPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    watch->known = is_known(health, ((const Request *) request)->service);
    rpc_stream_accept(stream, &ops, watch);
}

const struct rpc_method proto_health_methods[PROTO_HEALTH_METHODS] = {
    { .service = &grpc__health__v1__health__descriptor, .name = "Check", .unary = check },
    { .service = &grpc__health__v1__health__descriptor, .name = "Watch", .stream = watch },
};

struct proto_health *
proto_health_create(const struct rpc_method *methods, size_t n)
{
    struct proto_health *health = calloc(1, sizeof *health);

    if (health) {
        health->methods = methods;
        health->n = n;
    }
    return health;
}

void
proto_health_destroy(struct proto_health *health)
{
    free(health);
}
