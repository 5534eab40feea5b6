#include <config.h>

#include "proto/rpc_private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

#include "proto/unpack.h"

static void
receive(struct rpc_stream *stream)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

    op.data.recv_message.recv_message = &stream->call.received;
    rpc_stream_submit(stream, RPC_EV_REQUEST, &op, 1);
}

int
rpc_await_call(struct rpc_server *server)
{
    struct rpc_stream *stream = rpc_stream_create(server);

    if (!stream) {
        return ENOMEM;
    }
    server->incoming = stream;
    if (grpc_server_request_call(server->grpc, &stream->call.grpc, &stream->call.details,
                                 &stream->call.metadata, server->queue, server->queue,
                                 &stream->tags[RPC_EV_NEW]) != GRPC_CALL_OK) {
        server->incoming = NULL;
        rpc_stream_destroy(stream);
        return EIO;
    }
    return 0;
}

static void
on_new(struct rpc_stream *stream)
{
    struct rpc_server *server = stream->call.server;
    grpc_slice path = stream->call.details.method;
    grpc_op op = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

    op.data.recv_close_on_server.cancelled = &stream->call.cancelled;
    pthread_mutex_lock(&server->mutex);
    stream->call.refs = 1; /* this event's */
    LIST_INSERT_HEAD(&server->live, stream, call.live);
    pthread_mutex_unlock(&server->mutex);
    rpc_stream_submit(stream, RPC_EV_CLOSED, &op, 1);
    rpc_call_meet(&stream->call);
    rpc_call_take_headers(&stream->call);

    stream->call.handler = rpc_methods_find(
        &server->methods, (const char *) GRPC_SLICE_START_PTR(path), GRPC_SLICE_LENGTH(path));
    if (stream->call.handler) {
        receive(stream);
    } else {
        rpc_finish(stream, NULL, RPC_UNIMPLEMENTED, "no such method");
    }
}

static ProtobufCMessage *
unpack_received(struct rpc_stream *stream, char **error)
{
    grpc_byte_buffer_reader reader;
    ProtobufCMessage *message;
    grpc_slice bytes;

    *error = NULL;
    if (!grpc_byte_buffer_reader_init(&reader, stream->call.received)) {
        return NULL;
    }
    bytes = grpc_byte_buffer_reader_readall(&reader);
    message = proto_unpack(stream->call.handler->input, GRPC_SLICE_START_PTR(bytes),
                           GRPC_SLICE_LENGTH(bytes), error);
    grpc_slice_unref(bytes);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(stream->call.received);
    stream->call.received = NULL;
    return message;
}

static void
pass_to_control(struct rpc_stream *stream)
{
    struct rpc_server *server = stream->call.server;
    bool first = false, stopping;

    pthread_mutex_lock(&server->mutex);
    stopping = server->stopping;
    if (!stopping) {
        first = STAILQ_EMPTY(&server->arrived);
        stream->call.held = true;
        stream->call.refs++;
        STAILQ_INSERT_TAIL(&server->arrived, stream, call.arrived);
    }
    pthread_mutex_unlock(&server->mutex);
    if (stopping) {
        rpc_finish(stream, NULL, RPC_UNAVAILABLE, RPC_STOPPING);
    } else if (first) {
        server->wake(server->aux);
    }
}

static int64_t
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void
on_request(struct rpc_stream *stream)
{
    const struct rpc_handler *handler = stream->call.handler;
    char *error = NULL;

    if (!stream->call.received) {
        rpc_finish(stream, NULL, handler->each ? RPC_OK : RPC_INVALID_ARGUMENT,
                   handler->each ? NULL : "no request message");
        return;
    }
    stream->call.asked_us = now_us();
    stream->call.request = unpack_received(stream, &error);
    if (!stream->call.request) {
        rpc_finish(stream, NULL, RPC_INVALID_ARGUMENT, error);
        free(error);
    } else if (handler->each) {
        handler->each(stream, stream->call.request, handler->aux);
        protobuf_c_message_free_unpacked(stream->call.request, NULL);
        stream->call.request = NULL;
    } else {
        pass_to_control(stream);
    }
}

static void
call_ready(struct rpc_stream *stream)
{
    struct rpc_server *server = stream->call.server;
    bool can, stopping;

    pthread_mutex_lock(&server->mutex);
    can = stream->ops && !stream->busy && !stream->ended && !stream->call.closed;
    stopping = server->stopping;
    pthread_mutex_unlock(&server->mutex);
    if (can && stopping) {
        rpc_stream_end(stream, RPC_UNAVAILABLE, RPC_STOPPING);
    } else if (can) {
        stream->ops->ready(stream, stream->aux);
    }
}

static void
on_sent(struct rpc_stream *stream, bool ok)
{
    struct rpc_server *server = stream->call.server;

    grpc_byte_buffer_destroy(stream->call.sending);
    stream->call.sending = NULL;
    pthread_mutex_lock(&server->mutex);
    stream->busy = false;
    pthread_mutex_unlock(&server->mutex);
    if (!ok) {
        grpc_call_cancel(stream->call.grpc, NULL);
    } else if (stream->call.handler->each) {
        receive(stream);
    } else {
        call_ready(stream);
    }
}

static void
on_event(struct rpc_stream *stream, enum rpc_event event, bool ok)
{
    struct rpc_server *server = stream->call.server;

    switch (event) {
    case RPC_EV_NEW:
        on_new(stream);
        break;
    case RPC_EV_REQUEST:
        /* Otherwise it was cancelled, or over the size limit, and gRPC has answered by itself. */
        if (ok) {
            on_request(stream);
        }
        break;
    case RPC_EV_SENT:
        on_sent(stream, ok);
        break;
    case RPC_EV_KICKED:
        pthread_mutex_lock(&server->mutex);
        stream->kicked = false;
        pthread_mutex_unlock(&server->mutex);
        call_ready(stream);
        break;
    case RPC_EV_CLOSED:
        pthread_mutex_lock(&server->mutex);
        stream->call.closed = true;
        pthread_mutex_unlock(&server->mutex);
        break;
    case RPC_EV_ENDED:
    case RPC_N_EVENTS:
        break;
    }
    rpc_stream_release(stream);
}

static void
on_new_or_none(struct rpc_server *server, struct rpc_stream *stream, bool ok)
{
    server->incoming = NULL;
    if (!ok) { /* the server shuts down */
        rpc_stream_destroy(stream);
        return;
    }
    rpc_await_call(server);
    on_event(stream, RPC_EV_NEW, true);
}

/* The queue may be shut down only when nothing will be started on it any more: no call lives, and
 * gRPC has reported (by the tag of the server itself) that none will come. */
void *
rpc_server_thread(void *server_)
{
    struct rpc_server *server = server_;
    bool down = false, draining = false;

    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        struct rpc_tag *tag = event.tag;

        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        } else if (event.tag == server) {
            down = true;
        } else if (tag->event == RPC_EV_NEW) {
            on_new_or_none(server, tag->stream, event.success);
        } else {
            on_event(tag->stream, tag->event, event.success);
        }
        if (down && !draining) {
            pthread_mutex_lock(&server->mutex);
            draining = LIST_EMPTY(&server->live);
            pthread_mutex_unlock(&server->mutex);
            if (draining) {
                grpc_completion_queue_shutdown(server->queue);
            }
        }
    }
}
