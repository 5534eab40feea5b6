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

/* Default deny begins here: what nobody has given a role is not served. */
static int
check_gated(const struct rpc_method *method, char **error)
{
    const char *what = NULL;

    if (method->role <= RPC_ROLE_NONE || method->role >= RPC_N_ROLES) {
        what = "no role";
    } else if (method->writes && !method->unary) {
        what = "a stream, and writes";
    }
    if (what && asprintf(error, "%s.%s has %s in the table of RPCs", method->service->name,
                         method->name, what) < 0) {
        *error = NULL;
    }
    return what ? EINVAL : 0;
}

static int
add_given(struct rpc_methods *methods, const struct rpc_server_options *options, char **error)
{
    int code = 0;

    for (size_t i = 0; i < options->n_methods && !code; i++) {
        code = options->admit ? check_gated(&options->methods[i], error) : 0;
        code = code ? code : add(methods, &options->methods[i], options->aux);
        if (!code) {
            methods->handlers[methods->n - 1].gated = true;
        }
    }
    return code;
}

int
rpc_methods_init(struct rpc_methods *methods, const struct rpc_server_options *options,
                 char **error)
{
    const struct rpc_method reflection = { .service = proto_reflection_service,
                                           .name = "ServerReflectionInfo" };
    size_t n = options->n_methods;
    int code;

    *methods = (struct rpc_methods){
        .handlers = calloc(n + PROTO_HEALTH_METHODS + 1, sizeof *methods->handlers),
        .health = proto_health_create(options->methods, n),
        .reflection = proto_reflection_create(options->methods, n, options->descriptor_set,
                                              options->descriptor_len),
    };
    if (!methods->handlers || !methods->health || !methods->reflection) {
        return ENOMEM;
    }
    code = add_given(methods, options, error);
    for (size_t i = 0; i < PROTO_HEALTH_METHODS && !code; i++) {
        code = add(methods, &proto_health_methods[i], methods->health);
    }
    if (!code) {
        code = add(methods, &reflection, methods->reflection);
    }
    if (!code) {
        methods->handlers[methods->n - 1].each = proto_reflection_each;
    }
    return code;
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
