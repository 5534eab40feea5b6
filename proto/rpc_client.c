#include <config.h>

#include "proto/rpc.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "proto/rpc_credentials.h"
#include "proto/rpc_endpoint.h"

struct rpc_channel {
    grpc_channel *grpc; /* NULL: the endpoint is bad, and 'error' says why */
    char *endpoint;
    char *error;
    bool secure;
};

/* One RPC, unary or a server stream. */
struct rpc_reader {
    struct rpc_channel *channel;
    grpc_completion_queue *queue;
    grpc_call *call;
    const ProtobufCMessageDescriptor *output;
    grpc_byte_buffer *sending;
    grpc_metadata_array headers;
    grpc_metadata_array trailers;
    grpc_status_code status;
    grpc_slice details;
    bool ended;
    int timeout_ms;
};

enum { TAG_REQUEST = 1, TAG_MESSAGE, TAG_STATUS };

static char *__attribute__((format(printf, 1, 2))) sentence(const char *format, ...)
{
    char *s = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&s, format, args) < 0) {
        s = NULL;
    }
    va_end(args);
    return s;
}

/* Failures come to the caller as statuses and sentences; gRPC's log would say them once more. */
static void
no_log(gpr_log_func_args *args)
{
    (void) args;
}

static grpc_channel *
create_grpc_channel(const char *target, grpc_channel_credentials *credentials)
{
    /* Pool: or another channel's failures to connect would delay this one's first try. */
    grpc_arg args[] = {
        { .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1 },
        { .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_HTTP_PROXY, .value.integer = 0 },
        { .type = GRPC_ARG_INTEGER,
          .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
          .value.integer = -1 },
        { .type = GRPC_ARG_INTEGER,
          .key = GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
          .value.integer = 100 },
        { .type = GRPC_ARG_INTEGER,
          .key = GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
          .value.integer = 1000 },
    };
    const grpc_channel_args channel_args = { .num_args = sizeof args / sizeof args[0],
                                             .args = args };
    return grpc_channel_create(target, credentials, &channel_args);
}

static grpc_channel_credentials *
credentials_for(const char *endpoint, enum rpc_endpoint_kind kind, const struct rpc_tls_files *tls,
                char **error)
{
    if (kind == RPC_ENDPOINT_UNIX || (kind == RPC_ENDPOINT_LOOPBACK && !tls)) {
        return grpc_insecure_credentials_create();
    } else if (tls) {
        return rpc_channel_credentials(tls, error);
    }
    *error = sentence("%s: beyond loopback there is only TLS: a CA, a certificate and its key are "
                      "needed",
                      endpoint);
    return NULL;
}

/* Leaves channel->grpc or channel->error. */
static void
connect_to(struct rpc_channel *channel, const char *endpoint, const struct rpc_tls_files *tls)
{
    enum rpc_endpoint_kind kind;
    char *target = rpc_endpoint_target(endpoint, &kind, &channel->error);
    grpc_channel_credentials *credentials =
        target ? credentials_for(endpoint, kind, tls, &channel->error) : NULL;

    if (credentials) {
        channel->secure = tls && kind != RPC_ENDPOINT_UNIX;
        channel->grpc = create_grpc_channel(target, credentials);
        grpc_channel_credentials_release(credentials);
    }
    free(target);
}

struct rpc_channel *
rpc_channel_open(const char *endpoint, const struct rpc_tls_files *tls)
{
    struct rpc_channel *channel = calloc(1, sizeof *channel);
    sigset_t all, old;

    if (!channel) {
        return NULL;
    }
    /* Signals are for the caller's threads; those that gRPC starts inherit this. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (!getenv("GRPC_VERBOSITY")) {
        gpr_set_log_function(no_log);
    }
    grpc_init();
    channel->endpoint = strdup(endpoint);
    connect_to(channel, endpoint, tls);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return channel;
}

void
rpc_channel_close(struct rpc_channel *channel)
{
    if (!channel) {
        return;
    }
    if (channel->grpc) {
        grpc_channel_destroy(channel->grpc);
    }
    grpc_shutdown_blocking();
    free(channel->endpoint);
    free(channel->error);
    free(channel);
}

/* ---- one RPC ---- */

static void
wait_for(struct rpc_reader *reader, intptr_t tag)
{
    grpc_completion_queue_pluck(reader->queue, (void *) tag, gpr_inf_future(GPR_CLOCK_REALTIME),
                                NULL);
}

/* Request and status: the latter's batch is started at once and returns when all is over. */
static void
start_batches(struct rpc_reader *reader, const ProtobufCMessage *request)
{
    grpc_op ops[4] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
                       { .op = GRPC_OP_SEND_MESSAGE },
                       { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
                       { .op = GRPC_OP_RECV_INITIAL_METADATA } };
    grpc_op status = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(request));

    protobuf_c_message_pack(request, GRPC_SLICE_START_PTR(slice));
    reader->sending = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    ops[1].data.send_message.send_message = reader->sending;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &reader->headers;
    status.data.recv_status_on_client.trailing_metadata = &reader->trailers;
    status.data.recv_status_on_client.status = &reader->status;
    status.data.recv_status_on_client.status_details = &reader->details;
    grpc_call_start_batch(reader->call, &status, 1, (void *) TAG_STATUS, NULL);
    grpc_call_start_batch(reader->call, ops, 4, (void *) TAG_REQUEST, NULL);
}

static gpr_timespec
deadline_in(int timeout_ms)
{
    return timeout_ms > 0 ? gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(timeout_ms, GPR_TIMESPAN))
                          : gpr_inf_future(GPR_CLOCK_MONOTONIC);
}

static struct rpc_reader *
open_call(struct rpc_channel *channel, const ProtobufCServiceDescriptor *service,
          const char *method, const ProtobufCMessage *request, int timeout_ms)
{
    const ProtobufCMethodDescriptor *descriptor =
        protobuf_c_service_descriptor_get_method_by_name(service, method);
    struct rpc_reader *reader = calloc(1, sizeof *reader);
    char *path = sentence("/%s/%s", service->name, method);
    grpc_slice slice;

    if (!reader || !path || !descriptor) {
        free(reader);
        free(path);
        return NULL;
    }
    reader->channel = channel;
    reader->output = descriptor->output;
    reader->timeout_ms = timeout_ms;
    reader->details = grpc_empty_slice();
    grpc_metadata_array_init(&reader->headers);
    grpc_metadata_array_init(&reader->trailers);
    if (channel->grpc) {
        slice = grpc_slice_from_copied_string(path);
        reader->queue = grpc_completion_queue_create_for_pluck(NULL);
        reader->call = grpc_channel_create_call(channel->grpc, NULL, 0, reader->queue, slice, NULL,
                                                deadline_in(timeout_ms), NULL);
        grpc_slice_unref(slice);
        start_batches(reader, request);
    }
    free(path);
    return reader;
}

/* gRPC's sentence for a server that is not there ends in the reason: "failed to connect to all
 * addresses; last error: UNKNOWN: unix:/x: No such file or directory". */
static char *
explain_unavailable(struct rpc_reader *reader, const char *details)
{
    const char *endpoint = reader->channel->endpoint;
    grpc_connectivity_state state = grpc_channel_check_connectivity_state(reader->channel->grpc, 0);
    const char *colon = strrchr(details, ':');

    if (!strncmp(details, "failed to connect", strlen("failed to connect"))) {
        return sentence("cannot connect to %s: %s", endpoint, colon ? colon + 2 : details);
    } else if (state != GRPC_CHANNEL_READY && reader->channel->secure) {
        /* With TLS 1.3 a client has connected before the server looks at its certificate. */
        return sentence("lost the connection to %s: %s (does it accept this certificate?)",
                        endpoint, details);
    } else if (state != GRPC_CHANNEL_READY) {
        return sentence("lost the connection to %s: %s", endpoint, details);
    }
    return sentence("%s", details); /* the server's own words */
}

static char *
explain(struct rpc_reader *reader)
{
    char *details = grpc_slice_to_c_string(reader->details);
    char *s;

    if (reader->status == GRPC_STATUS_UNAVAILABLE) {
        s = explain_unavailable(reader, details);
    } else if (reader->status == GRPC_STATUS_DEADLINE_EXCEEDED) {
        s = sentence("no answer from %s within %d ms", reader->channel->endpoint,
                     reader->timeout_ms);
    } else {
        s = sentence("%s", details);
    }
    gpr_free(details);
    return s;
}

/* Waits for the end of the call, once, and says how it ended. */
static enum rpc_status
end_of(struct rpc_reader *reader, char **error)
{
    *error = NULL;
    if (!reader->call) {
        *error = sentence("%s", reader->channel->error ? reader->channel->error : "out of memory");
        return RPC_INVALID_ARGUMENT;
    }
    if (!reader->ended) {
        wait_for(reader, TAG_REQUEST);
        wait_for(reader, TAG_STATUS);
        reader->ended = true;
    }
    if (reader->status != GRPC_STATUS_OK) {
        *error = explain(reader);
    }
    return (enum rpc_status) reader->status;
}

static ProtobufCMessage *
unpack(const struct rpc_reader *reader, grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader r;
    ProtobufCMessage *message;
    grpc_slice bytes;

    if (!grpc_byte_buffer_reader_init(&r, buffer)) {
        return NULL;
    }
    bytes = grpc_byte_buffer_reader_readall(&r);
    message = protobuf_c_message_unpack(reader->output, NULL, GRPC_SLICE_LENGTH(bytes),
                                        GRPC_SLICE_START_PTR(bytes));
    grpc_slice_unref(bytes);
    grpc_byte_buffer_reader_destroy(&r);
    return message;
}

ProtobufCMessage *
rpc_reader_next(struct rpc_reader *reader, enum rpc_status *status, char **error)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };
    ProtobufCMessage *message;

    op.data.recv_message.recv_message = &buffer;
    *error = NULL;
    if (reader->call && !reader->ended &&
        grpc_call_start_batch(reader->call, &op, 1, (void *) TAG_MESSAGE, NULL) == GRPC_CALL_OK) {
        wait_for(reader, TAG_MESSAGE);
    }
    if (!buffer) {
        *status = end_of(reader, error);
        return NULL;
    }
    message = unpack(reader, buffer);
    grpc_byte_buffer_destroy(buffer);
    *status = RPC_OK;
    if (!message) {
        grpc_call_cancel(reader->call, NULL);
        end_of(reader, error);
        free(*error);
        *status = RPC_INTERNAL;
        *error =
            sentence("%s sent what is not a %s", reader->channel->endpoint, reader->output->name);
    }
    return message;
}

struct rpc_reader *
rpc_reader_open(struct rpc_channel *channel, const ProtobufCServiceDescriptor *service,
                const char *method, const ProtobufCMessage *request)
{
    return open_call(channel, service, method, request, 0);
}

void
rpc_reader_cancel(struct rpc_reader *reader)
{
    if (reader->call) {
        grpc_call_cancel(reader->call, NULL);
    }
}

void
rpc_reader_close(struct rpc_reader *reader)
{
    char *error = NULL;

    if (!reader) {
        return;
    }
    if (reader->call) {
        grpc_call_cancel(reader->call, NULL); /* of no effect on a call that has ended */
        end_of(reader, &error);
        free(error);
        grpc_call_unref(reader->call);
        grpc_completion_queue_shutdown(reader->queue);
        while (grpc_completion_queue_pluck(reader->queue, NULL, gpr_inf_future(GPR_CLOCK_REALTIME),
                                           NULL)
                   .type != GRPC_QUEUE_SHUTDOWN) {
            continue;
        }
        grpc_completion_queue_destroy(reader->queue);
    }
    grpc_byte_buffer_destroy(reader->sending);
    grpc_metadata_array_destroy(&reader->headers);
    grpc_metadata_array_destroy(&reader->trailers);
    grpc_slice_unref(reader->details);
    free(reader);
}

/* A unary RPC is a stream of one message and a status. */
enum rpc_status
rpc_unary(struct rpc_channel *channel, const ProtobufCServiceDescriptor *service,
          const char *method, const ProtobufCMessage *request, int timeout_ms,
          ProtobufCMessage **replyp, char **error)
{
    struct rpc_reader *reader = open_call(channel, service, method, request, timeout_ms);
    enum rpc_status status;

    *replyp = NULL;
    *error = NULL;
    if (!reader) {
        *error = sentence("%s.%s: no such method, or out of memory", service->name, method);
        return RPC_INTERNAL;
    }
    *replyp = rpc_reader_next(reader, &status, error);
    if (*replyp) {
        status = end_of(reader, error);
        if (status != RPC_OK) {
            protobuf_c_message_free_unpacked(*replyp, NULL);
            *replyp = NULL;
        }
    } else if (status == RPC_OK) {
        status = RPC_INTERNAL;
        *error = sentence("%s answered without a message", channel->endpoint);
    }
    rpc_reader_close(reader);
    return status;
}
