#include <config.h>

#include "proto/reflection.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"
#include "proto/symbols.h"

typedef Grpc__Reflection__V1alpha__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1alpha__ServerReflectionResponse Response;
typedef Google__Protobuf__FileDescriptorProto File;

#define ASKED(WHAT) GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##WHAT
#define ANSWER(WHAT) GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##WHAT

const ProtobufCServiceDescriptor *const proto_reflection_service =
    &grpc__reflection__v1alpha__server_reflection__descriptor;

struct proto_reflection {
    Google__Protobuf__FileDescriptorSet *set;
    ProtobufCBinaryData *packed; /* one a file of the set */
    const char **services;
    size_t n_services;
};

/* ---- answers ---- */

static void
send_error(struct rpc_stream *stream, Response *response, enum rpc_status code, char *message)
{
    Grpc__Reflection__V1alpha__ErrorResponse error =
        GRPC__REFLECTION__V1ALPHA__ERROR_RESPONSE__INIT;

    error.error_code = code;
    error.error_message = message;
    response->message_response_case = ANSWER(ERROR_RESPONSE);
    response->error_response = &error;
    rpc_stream_send(stream, &response->base);
}

static void
send_services(struct rpc_stream *stream, Response *response, const struct proto_reflection *r)
{
    Grpc__Reflection__V1alpha__ListServiceResponse list =
        GRPC__REFLECTION__V1ALPHA__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1alpha__ServiceResponse services[r->n_services];
    Grpc__Reflection__V1alpha__ServiceResponse *pointers[r->n_services];

    for (size_t i = 0; i < r->n_services; i++) {
        grpc__reflection__v1alpha__service_response__init(&services[i]);
        services[i].name = (char *) r->services[i];
        pointers[i] = &services[i];
    }
    list.n_service = r->n_services;
    list.service = pointers;
    response->message_response_case = ANSWER(LIST_SERVICES_RESPONSE);
    response->list_services_response = &list;
    rpc_stream_send(stream, &response->base);
}

static size_t
file_index(const struct proto_reflection *r, const char *name)
{
    size_t i = 0;

    while (i < r->set->n_file && strcmp(r->set->file[i]->name, name)) {
        i++;
    }
    return i;
}

/* The file and, behind it, all that it imports, each once. */
static void
send_file(struct rpc_stream *stream, Response *response, const struct proto_reflection *r,
          size_t wanted)
{
    Grpc__Reflection__V1alpha__FileDescriptorResponse files =
        GRPC__REFLECTION__V1ALPHA__FILE_DESCRIPTOR_RESPONSE__INIT;
    size_t n_files = r->set->n_file;
    ProtobufCBinaryData packed[n_files + 1];
    size_t order[n_files + 1], n = 0;
    bool taken[n_files + 1];

    memset(taken, 0, sizeof taken);
    if (wanted >= n_files) {
        send_error(stream, response, RPC_NOT_FOUND, "no such file or symbol");
        return;
    }
    order[n++] = wanted;
    taken[wanted] = true;
    for (size_t i = 0; i < n; i++) {
        const File *file = r->set->file[order[i]];
        packed[i] = r->packed[order[i]];
        for (size_t j = 0; j < file->n_dependency; j++) {
            size_t next = file_index(r, file->dependency[j]);
            if (next < n_files && !taken[next]) {
                taken[next] = true;
                order[n++] = next;
            }
        }
    }
    files.n_file_descriptor_proto = n;
    files.file_descriptor_proto = packed;
    response->message_response_case = ANSWER(FILE_DESCRIPTOR_RESPONSE);
    response->file_descriptor_response = &files;
    rpc_stream_send(stream, &response->base);
}

static size_t
symbol_index(const struct proto_reflection *r, const char *symbol)
{
    size_t i = 0;

    while (i < r->set->n_file && !proto_file_declares(r->set->file[i], symbol)) {
        i++;
    }
    return i;
}

void
proto_reflection_each(struct rpc_stream *stream, const ProtobufCMessage *message, void *reflection)
{
    const struct proto_reflection *r = reflection;
    const Request *request = (const Request *) message;
    Response response = GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__INIT;

    response.valid_host = request->host;
    response.original_request = (Request *) request;
    switch (request->message_request_case) {
    case ASKED(LIST_SERVICES):
        send_services(stream, &response, r);
        break;
    case ASKED(FILE_BY_FILENAME):
        send_file(stream, &response, r, file_index(r, request->file_by_filename));
        break;
    case ASKED(FILE_CONTAINING_SYMBOL):
        send_file(stream, &response, r, symbol_index(r, request->file_containing_symbol));
        break;
    default:
        send_error(stream, &response, RPC_UNIMPLEMENTED, "proto3 has no extensions");
        break;
    }
}

/* ---- life ---- */

static void
add_service(struct proto_reflection *r, const char *name)
{
    for (size_t i = 0; i < r->n_services; i++) {
        if (!strcmp(r->services[i], name)) {
            return;
        }
    }
    r->services[r->n_services++] = name;
}

static bool
pack_files(struct proto_reflection *r)
{
    r->packed = calloc(r->set->n_file + 1, sizeof *r->packed);
    for (size_t i = 0; r->packed && i < r->set->n_file; i++) {
        ProtobufCBinaryData *packed = &r->packed[i];
        packed->len = google__protobuf__file_descriptor_proto__get_packed_size(r->set->file[i]);
        packed->data = malloc(packed->len + 1);
        if (!packed->data) {
            return false;
        }
        google__protobuf__file_descriptor_proto__pack(r->set->file[i], packed->data);
    }
    return r->packed != NULL;
}

struct proto_reflection *
proto_reflection_create(const struct rpc_method *methods, size_t n, const uint8_t *descriptor_set,
                        size_t length)
{
    struct proto_reflection *r = calloc(1, sizeof *r);

    if (!r) {
        return NULL;
    }
    r->set = google__protobuf__file_descriptor_set__unpack(NULL, length, descriptor_set);
    r->services = calloc(n + 2, sizeof *r->services);
    if (!r->set || !r->services || !pack_files(r)) {
        proto_reflection_destroy(r);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        add_service(r, methods[i].service->name);
    }
    add_service(r, grpc__health__v1__health__descriptor.name);
    add_service(r, proto_reflection_service->name);
    return r;
}

void
proto_reflection_destroy(struct proto_reflection *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; r->packed && i < r->set->n_file; i++) {
        free(r->packed[i].data);
    }
    free(r->packed);
    free(r->services);
    if (r->set) {
        google__protobuf__file_descriptor_set__free_unpacked(r->set, NULL);
    }
    free(r);
}
