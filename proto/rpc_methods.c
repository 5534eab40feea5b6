#include <config.h>

#include "proto/rpc_methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/health.h"
#include "proto/reflection.h"

static int
add(struct rpc_methods *methods, const struct rpc_method *method, void *aux)
{
    struct rpc_handler *handler = &methods->handlers[methods->n];
    const ProtobufCMethodDescriptor *descriptor =
        protobuf_c_service_descriptor_get_method_by_name(method->service, method->name);

    if (!descriptor) {
        return EINVAL;
    }
    if (asprintf(&handler->path, "/%s/%s", method->service->name, method->name) < 0) {
        return ENOMEM;
    }
    handler->method = *method;
    handler->input = descriptor->input;
    handler->aux = aux;
    methods->n++;
    return 0;
}

int
rpc_methods_init(struct rpc_methods *methods, const struct rpc_method *given, size_t n, void *aux,
                 const uint8_t *descriptor_set, size_t descriptor_len)
{
    const struct rpc_method reflection = { .service = proto_reflection_service,
                                           .name = "ServerReflectionInfo" };
    int error = 0;

    *methods = (struct rpc_methods){
        .handlers = calloc(n + PROTO_HEALTH_METHODS + 1, sizeof *methods->handlers),
        .health = proto_health_create(given, n),
        .reflection = proto_reflection_create(given, n, descriptor_set, descriptor_len),
    };
    if (!methods->handlers || !methods->health || !methods->reflection) {
        return ENOMEM;
    }
    for (size_t i = 0; i < n && !error; i++) {
        error = add(methods, &given[i], aux);
    }
    for (size_t i = 0; i < PROTO_HEALTH_METHODS && !error; i++) {
        error = add(methods, &proto_health_methods[i], methods->health);
    }
    if (!error) {
        error = add(methods, &reflection, methods->reflection);
    }
    if (!error) {
        methods->handlers[methods->n - 1].each = proto_reflection_each;
    }
    return error;
}

void
rpc_methods_destroy(struct rpc_methods *methods)
{
    for (size_t i = 0; i < methods->n; i++) {
        free(methods->handlers[i].path);
    }
    free(methods->handlers);
    proto_health_destroy(methods->health);
    proto_reflection_destroy(methods->reflection);
}

const struct rpc_handler *
rpc_methods_find(const struct rpc_methods *methods, const char *path, size_t n)
{
    for (size_t i = 0; i < methods->n; i++) {
        const char *known = methods->handlers[i].path;
        if (strlen(known) == n && !memcmp(known, path, n)) {
            return &methods->handlers[i];
        }
    }
    return NULL;
}
