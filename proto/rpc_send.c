#include <config.h>

#include "proto/rpc_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

static size_t
add_headers(struct rpc_stream *stream, grpc_op *op)
{
    if (stream->call.headers_sent) {
        return 0;
    }
    stream->call.headers_sent = true;
    op->op = GRPC_OP_SEND_INITIAL_METADATA;
    return 1;
}

static size_t
add_bytes(struct rpc_stream *stream, grpc_slice bytes, grpc_op *op)
{
    grpc_byte_buffer_destroy(stream->call.sending);
    stream->call.sending = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
    op->op = GRPC_OP_SEND_MESSAGE;
    op->data.send_message.send_message = stream->call.sending;
    return 1;
}

/* gRPC only borrows the buffer until the batch returns. */
static size_t
add_message(struct rpc_stream *stream, const ProtobufCMessage *message, grpc_op *op)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));

    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    return add_bytes(stream, slice, op);
}

/* The end, after 'n' operations in 'ops', which has room for one more. */
static void
submit_end(struct rpc_stream *stream, grpc_op *ops, size_t n, enum rpc_status status,
           const char *sentence)
{
    grpc_slice details = grpc_slice_from_copied_string(sentence ? sentence : "");

    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n].data.send_status_from_server.status = (grpc_status_code) status;
    ops[n].data.send_status_from_server.status_details = &details;
    rpc_stream_submit(stream, RPC_EV_ENDED, ops, n + 1);
    grpc_slice_unref(details);
}

void
rpc_finish(struct rpc_stream *stream, const ProtobufCMessage *reply, enum rpc_status status,
           const char *sentence)
{
    grpc_op ops[3] = { 0 };
    size_t n = add_headers(stream, &ops[0]);

    if (reply) {
        n += add_message(stream, reply, &ops[n]);
    }
    submit_end(stream, ops, n, status, sentence);
}

static char *__attribute__((format(printf, 1, 0))) sentence_v(const char *format, va_list args)
{
    char *sentence = NULL;

    return vasprintf(&sentence, format, args) < 0 ? NULL : sentence;
}

/* ---- unary calls ---- */

void
rpc_call_divert(struct rpc_call *call, void (*take)(struct rpc_call *, struct rpc_answer *, void *),
                void *aux)
{
    call->take = take;
    call->take_aux = aux;
}

void
rpc_answer_destroy(struct rpc_answer *answer)
{
    free(answer->error);
    free(answer->reply);
}

void
rpc_call_answer(struct rpc_call *call, const struct rpc_answer *answer)
{
    struct rpc_stream *stream = (struct rpc_stream *) call;
    grpc_op ops[3] = { 0 };
    size_t n = add_headers(stream, &ops[0]);

    if (answer->status == RPC_OK) {
        n += add_bytes(
            stream, grpc_slice_from_copied_buffer((const char *) answer->reply, answer->reply_len),
            &ops[n]);
    }
    submit_end(stream, ops, n, answer->status, answer->error);
}

void
rpc_call_reply(struct rpc_call *call, const ProtobufCMessage *reply)
{
    struct rpc_answer answer = { .status = RPC_OK };

    if (!call->take) {
        rpc_finish((struct rpc_stream *) call, reply, RPC_OK, NULL);
        return;
    }
    answer.reply_len = protobuf_c_message_get_packed_size(reply);
    answer.reply = malloc(answer.reply_len + 1);
    if (answer.reply) {
        protobuf_c_message_pack(reply, answer.reply);
        answer.reply[answer.reply_len] = 0;
    } else {
        answer.status = RPC_RESOURCE_EXHAUSTED; /* done, but there is no memory to say so */
    }
    call->take(call, &answer, call->take_aux);
}

void
rpc_call_fail(struct rpc_call *call, enum rpc_status status, const char *format, ...)
{
    struct rpc_answer answer = { .status = status };
    va_list args;

    va_start(args, format);
    answer.error = sentence_v(format, args);
    va_end(args);
    if (call->take) {
        call->take(call, &answer, call->take_aux);
    } else {
        rpc_call_answer(call, &answer);
        rpc_answer_destroy(&answer);
    }
}

/* ---- streams ---- */

void
rpc_stream_accept(struct rpc_stream *stream, const struct rpc_stream_ops *ops, void *aux)
{
    struct rpc_server *server = stream->call.server;
    grpc_op op = { 0 };

    pthread_mutex_lock(&server->mutex);
    stream->aux = aux;
    stream->ops = ops;
    stream->busy = true;
    pthread_mutex_unlock(&server->mutex);
    rpc_stream_submit(stream, RPC_EV_SENT, &op, add_headers(stream, &op));
}

void
rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message)
{
    struct rpc_server *server = stream->call.server;
    grpc_op ops[2] = { 0 };
    size_t n = add_headers(stream, &ops[0]);

    pthread_mutex_lock(&server->mutex);
    stream->busy = true;
    pthread_mutex_unlock(&server->mutex);
    n += add_message(stream, message, &ops[n]);
    rpc_stream_submit(stream, RPC_EV_SENT, ops, n);
}

void
rpc_stream_end(struct rpc_stream *stream, enum rpc_status status, const char *format, ...)
{
    struct rpc_server *server = stream->call.server;
    char *sentence;
    va_list args;

    pthread_mutex_lock(&server->mutex);
    stream->ended = true;
    pthread_mutex_unlock(&server->mutex);
    va_start(args, format);
    sentence = sentence_v(format, args);
    va_end(args);
    rpc_finish(stream, NULL, status, sentence);
    free(sentence);
}

/* An empty batch comes straight back: gRPC's way to hand a word to the thread on the queue. */
void
rpc_server_kick_streams(struct rpc_server *server)
{
    struct rpc_stream *stream;

    pthread_mutex_lock(&server->mutex);
    LIST_FOREACH(stream, &server->live, call.live)
    {
        if (!stream->ops || stream->busy || stream->kicked || stream->ended ||
            stream->call.closed) {
            continue;
        }
        if (grpc_call_start_batch(stream->call.grpc, NULL, 0, &stream->tags[RPC_EV_KICKED], NULL) ==
            GRPC_CALL_OK) {
            stream->kicked = true;
            stream->call.refs++;
        }
    }
    pthread_mutex_unlock(&server->mutex);
}
