#include <config.h>

#include "proto/rpc_private.h"

#include <stdlib.h>

struct rpc_stream *
rpc_stream_create(struct rpc_server *server)
{
    struct rpc_stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        return NULL;
    }
    stream->call.server = server;
    grpc_call_details_init(&stream->call.details);
    grpc_metadata_array_init(&stream->call.metadata);
    for (int i = 0; i < RPC_N_EVENTS; i++) {
        stream->tags[i] = (struct rpc_tag){ .stream = stream, .event = i };
    }
    return stream;
}

void
rpc_stream_destroy(struct rpc_stream *stream)
{
    struct rpc_call *call = &stream->call;

    if (call->grpc) {
        grpc_call_unref(call->grpc);
    }
    grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    grpc_byte_buffer_destroy(call->received);
    grpc_byte_buffer_destroy(call->sending);
    if (call->request) {
        protobuf_c_message_free_unpacked(call->request, NULL);
    }
    rpc_call_forget(call);
    free(stream);
}

void
rpc_stream_release(struct rpc_stream *stream)
{
    struct rpc_server *server = stream->call.server;
    bool last;

    pthread_mutex_lock(&server->mutex);
    last = !--stream->call.refs;
    if (last) {
        LIST_REMOVE(stream, call.live);
        if (LIST_EMPTY(&server->live)) {
            pthread_cond_signal(&server->idle);
        }
    }
    pthread_mutex_unlock(&server->mutex);
    if (last) {
        if (stream->ops && stream->ops->closed) {
            stream->ops->closed(stream, stream->aux);
        }
        rpc_stream_destroy(stream);
    }
}

void
rpc_stream_submit(struct rpc_stream *stream, enum rpc_event event, const grpc_op *ops, size_t n)
{
    struct rpc_server *server = stream->call.server;

    pthread_mutex_lock(&server->mutex);
    if (stream->call.held) {
        stream->call.held = false;
    } else {
        stream->call.refs++;
    }
    pthread_mutex_unlock(&server->mutex);
    if (grpc_call_start_batch(stream->call.grpc, ops, n, &stream->tags[event], NULL) !=
        GRPC_CALL_OK) {
        grpc_call_cancel(stream->call.grpc, NULL);
        rpc_stream_release(stream);
    }
}

int64_t
rpc_call_asked_us(const struct rpc_call *call)
{
    return call->asked_us;
}
