#include <config.h>

#include "proto/rpc.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "proto/rpc_endpoint.h"
#include "proto/rpc_methods.h"
#include "proto/unpack.h"

/* Every call, unary or stream, is a struct rpc_stream that begins with a struct rpc_call.
 *
 * A call lives as long as somebody will come back to it: each batch given to gRPC returns as one
 * event, each kick likewise, and the control thread holds a call from its arrival until it answers.
 * 'refs' counts these; whoever drops the last one destroys the call.  An answer hands the control
 * thread's reference on to its batch, so that a stream with ops always ends in the server's thread.
 */

#define RUN_BUDGET 64 /* calls in one rpc_server_run(): the poll loop has other work */
#define MAX_CALLS_PER_CONNECTION 256
#define STOPPING "the server is stopping"
#define STOP_GRACE_MS 300 /* for peers to be told so; whoever does not read is cut off */

enum event { EV_NEW, EV_REQUEST, EV_SENT, EV_KICKED, EV_ENDED, EV_CLOSED, N_EVENTS };

struct tag {
    struct rpc_stream *stream;
    enum event event;
};

struct rpc_call {
    struct rpc_server *server;
    const struct rpc_handler *handler;
    grpc_call *grpc;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *received;
    grpc_byte_buffer *sending;
    ProtobufCMessage *request;
    int cancelled;
    bool headers_sent;

    /* Under the server's mutex. */
    unsigned refs;
    bool held; /* by the control thread */
    bool closed;
    LIST_ENTRY(rpc_stream) live;
    STAILQ_ENTRY(rpc_stream) arrived;
};

struct rpc_stream {
    struct rpc_call call;
    struct tag tags[N_EVENTS];
    void *aux;

    /* Under the server's mutex. */
    const struct rpc_stream_ops *ops;
    bool busy; /* a message, or the headers, are on their way */
    bool kicked;
    bool ended;
};

STAILQ_HEAD(arrivals, rpc_stream);

struct rpc_server {
    grpc_server *grpc;
    grpc_completion_queue *queue;
    pthread_t thread;
    bool thread_started;
    struct rpc_methods methods;
    void (*wake)(void *aux);
    void *aux;
    struct rpc_stream *incoming; /* what gRPC fills in when the next call comes */

    pthread_mutex_t mutex;
    pthread_cond_t idle; /* no call lives */
    bool stopping;
    LIST_HEAD(, rpc_stream) live;
    struct arrivals arrived;
};

/* ---- a call's life ---- */

static void
stream_destroy(struct rpc_stream *stream)
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
    free(stream);
}

static void
release(struct rpc_stream *stream)
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
        stream_destroy(stream);
    }
}

/* Gives gRPC a batch; it returns as 'event'.  Answers of the control thread come by here too. */
static void
submit(struct rpc_stream *stream, enum event event, const grpc_op *ops, size_t n)
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
        release(stream);
    }
}

/* ---- what is sent ---- */

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

/* gRPC only borrows the buffer until the batch returns. */
static size_t
add_message(struct rpc_stream *stream, const ProtobufCMessage *message, grpc_op *op)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));

    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer_destroy(stream->call.sending);
    stream->call.sending = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    op->op = GRPC_OP_SEND_MESSAGE;
    op->data.send_message.send_message = stream->call.sending;
    return 1;
}

/* Ends the call, with a last message if there is one. */
static void
finish(struct rpc_stream *stream, const ProtobufCMessage *reply, enum rpc_status status,
       const char *sentence)
{
    grpc_op ops[3] = { 0 };
    grpc_slice details = grpc_slice_from_copied_string(sentence ? sentence : "");
    size_t n = add_headers(stream, &ops[0]);

    if (reply) {
        n += add_message(stream, reply, &ops[n]);
    }
    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n].data.send_status_from_server.status = (grpc_status_code) status;
    ops[n].data.send_status_from_server.status_details = &details;
    submit(stream, EV_ENDED, ops, n + 1);
    grpc_slice_unref(details);
}

static void
finish_v(struct rpc_stream *stream, enum rpc_status status, const char *format, va_list args)
{
    char *sentence = NULL;

    if (vasprintf(&sentence, format, args) < 0) {
        sentence = NULL;
    }
    finish(stream, NULL, status, sentence);
    free(sentence);
}

void
rpc_call_reply(struct rpc_call *call, const ProtobufCMessage *reply)
{
    finish((struct rpc_stream *) call, reply, RPC_OK, NULL);
}

void
rpc_call_fail(struct rpc_call *call, enum rpc_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    finish_v((struct rpc_stream *) call, status, format, args);
    va_end(args);
}

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
    submit(stream, EV_SENT, &op, add_headers(stream, &op));
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
    submit(stream, EV_SENT, ops, n);
}

void
rpc_stream_end(struct rpc_stream *stream, enum rpc_status status, const char *format, ...)
{
    struct rpc_server *server = stream->call.server;
    va_list args;

    pthread_mutex_lock(&server->mutex);
    stream->ended = true;
    pthread_mutex_unlock(&server->mutex);
    va_start(args, format);
    finish_v(stream, status, format, args);
    va_end(args);
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
        if (grpc_call_start_batch(stream->call.grpc, NULL, 0, &stream->tags[EV_KICKED], NULL) ==
            GRPC_CALL_OK) {
            stream->kicked = true;
            stream->call.refs++;
        }
    }
    pthread_mutex_unlock(&server->mutex);
}

/* ---- the server's thread ---- */

static void
receive(struct rpc_stream *stream)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

    op.data.recv_message.recv_message = &stream->call.received;
    submit(stream, EV_REQUEST, &op, 1);
}

static struct rpc_stream *
stream_create(struct rpc_server *server)
{
    struct rpc_stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        return NULL;
    }
    stream->call.server = server;
    grpc_call_details_init(&stream->call.details);
    grpc_metadata_array_init(&stream->call.metadata);
    for (int i = 0; i < N_EVENTS; i++) {
        stream->tags[i] = (struct tag){ .stream = stream, .event = i };
    }
    return stream;
}

static int
await_call(struct rpc_server *server)
{
    struct rpc_stream *stream = stream_create(server);

    if (!stream) {
        return ENOMEM;
    }
    server->incoming = stream;
    if (grpc_server_request_call(server->grpc, &stream->call.grpc, &stream->call.details,
                                 &stream->call.metadata, server->queue, server->queue,
                                 &stream->tags[EV_NEW]) != GRPC_CALL_OK) {
        server->incoming = NULL;
        stream_destroy(stream);
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
    submit(stream, EV_CLOSED, &op, 1);

    stream->call.handler = rpc_methods_find(
        &server->methods, (const char *) GRPC_SLICE_START_PTR(path), GRPC_SLICE_LENGTH(path));
    if (stream->call.handler) {
        receive(stream);
    } else {
        finish(stream, NULL, RPC_UNIMPLEMENTED, "no such method");
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
        finish(stream, NULL, RPC_UNAVAILABLE, STOPPING);
    } else if (first) {
        server->wake(server->aux);
    }
}

static void
on_request(struct rpc_stream *stream)
{
    const struct rpc_handler *handler = stream->call.handler;
    char *error = NULL;

    if (!stream->call.received) {
        finish(stream, NULL, handler->each ? RPC_OK : RPC_INVALID_ARGUMENT,
               handler->each ? NULL : "no request message");
        return;
    }
    stream->call.request = unpack_received(stream, &error);
    if (!stream->call.request) {
        finish(stream, NULL, RPC_INVALID_ARGUMENT, error);
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
        rpc_stream_end(stream, RPC_UNAVAILABLE, STOPPING);
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
on_event(struct rpc_stream *stream, enum event event, bool ok)
{
    struct rpc_server *server = stream->call.server;

    switch (event) {
    case EV_NEW:
        on_new(stream);
        break;
    case EV_REQUEST:
        /* Otherwise it was cancelled, or over the size limit, and gRPC has answered by itself. */
        if (ok) {
            on_request(stream);
        }
        break;
    case EV_SENT:
        on_sent(stream, ok);
        break;
    case EV_KICKED:
        pthread_mutex_lock(&server->mutex);
        stream->kicked = false;
        pthread_mutex_unlock(&server->mutex);
        call_ready(stream);
        break;
    case EV_CLOSED:
        pthread_mutex_lock(&server->mutex);
        stream->call.closed = true;
        pthread_mutex_unlock(&server->mutex);
        break;
    case EV_ENDED:
    case N_EVENTS:
        break;
    }
    release(stream);
}

static void
on_new_or_none(struct rpc_server *server, struct rpc_stream *stream, bool ok)
{
    server->incoming = NULL;
    if (!ok) { /* the server shuts down */
        stream_destroy(stream);
        return;
    }
    await_call(server);
    on_event(stream, EV_NEW, true);
}

/* The queue may be shut down only when nothing will be started on it any more: no call lives, and
 * gRPC has reported (by the tag of the server itself) that none will come. */
static void *
server_thread(void *server_)
{
    struct rpc_server *server = server_;
    bool down = false, draining = false;

    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        struct tag *tag = event.tag;

        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        } else if (event.tag == server) {
            down = true;
        } else if (tag->event == EV_NEW) {
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

/* ---- the control thread ---- */

static void
dispatch(struct rpc_stream *stream)
{
    const struct rpc_handler *handler = stream->call.handler;

    if (handler->method.unary) {
        handler->method.unary(&stream->call, stream->call.request, handler->aux);
    } else {
        handler->method.stream(stream, stream->call.request, handler->aux);
    }
}

/* Lets go of a call without an answer. */
static void
drop(struct rpc_stream *stream)
{
    struct rpc_server *server = stream->call.server;

    pthread_mutex_lock(&server->mutex);
    stream->call.held = false;
    pthread_mutex_unlock(&server->mutex);
    release(stream);
}

/* The next call that has arrived.  Whether its client has given up on it goes to '*gone'. */
static struct rpc_stream *
next_arrival(struct rpc_server *server, bool *gone)
{
    struct rpc_stream *stream;

    pthread_mutex_lock(&server->mutex);
    stream = STAILQ_FIRST(&server->arrived);
    if (stream) {
        STAILQ_REMOVE_HEAD(&server->arrived, call.arrived);
        *gone = stream->call.closed;
    }
    pthread_mutex_unlock(&server->mutex);
    return stream;
}

void
rpc_server_run(struct rpc_server *server)
{
    struct rpc_stream *stream;
    bool gone;

    for (int i = 0; i < RUN_BUDGET; i++) {
        stream = next_arrival(server, &gone);
        if (!stream) {
            return;
        } else if (gone) {
            /* Its deadline has passed, say: the client takes it for not done. */
            drop(stream);
        } else {
            dispatch(stream);
        }
    }
    server->wake(server->aux);
}

/* ---- start and stop ---- */

static int
cannot_listen(const char *endpoint, const char *why, int code, char **error)
{
    if (asprintf(error, "cannot listen on %s: %s", endpoint, why) < 0) {
        *error = NULL;
    }
    return code;
}

static int
listen_on(struct rpc_server *server, const char *endpoint, char **error)
{
    grpc_server_credentials *credentials;
    char *target = rpc_endpoint_target(endpoint, error);
    mode_t mask;
    int port;

    if (!target) {
        return EINVAL;
    }
    if (rpc_endpoint_in_use(endpoint)) {
        free(target);
        return cannot_listen(endpoint, strerror(EADDRINUSE), EADDRINUSE, error);
    }
    credentials = grpc_insecure_server_credentials_create();
    mask = umask(0117); /* who may connect is who may write the socket: owner and group */
    port = grpc_server_add_http2_port(server->grpc, target, credentials);
    umask(mask);
    grpc_server_credentials_release(credentials);
    free(target);
    return port ? 0 : cannot_listen(endpoint, rpc_endpoint_why(endpoint), EADDRNOTAVAIL, error);
}

static grpc_server *
create_grpc_server(void)
{
    grpc_arg args[] = {
        { .type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ALLOW_REUSEPORT, .value.integer = 0 },
        { .type = GRPC_ARG_INTEGER,
          .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
          .value.integer = RPC_MAX_REQUEST },
        { .type = GRPC_ARG_INTEGER,
          .key = GRPC_ARG_MAX_CONCURRENT_STREAMS,
          .value.integer = MAX_CALLS_PER_CONNECTION },
    };
    const grpc_channel_args channel_args = { .num_args = sizeof args / sizeof args[0],
                                             .args = args };

    return grpc_server_create(&channel_args, NULL);
}

/* All failures come to callers as statuses and sentences; gRPC's log would say them once more. */
static void
no_log(gpr_log_func_args *args)
{
    (void) args;
}

static void
server_destroy(struct rpc_server *server)
{
    if (server->grpc) {
        grpc_server_destroy(server->grpc);
    }
    if (server->queue) {
        grpc_completion_queue_destroy(server->queue);
    }
    grpc_shutdown_blocking();
    rpc_methods_destroy(&server->methods);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

static void
wait_until_idle(struct rpc_server *server)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += STOP_GRACE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&server->mutex);
    while (!LIST_EMPTY(&server->live) &&
           !pthread_cond_timedwait(&server->idle, &server->mutex, &until)) {
        continue;
    }
    pthread_mutex_unlock(&server->mutex);
}

/* Ends everything on the queue; the thread, if there is none yet, is the caller. */
static void
shut_down(struct rpc_server *server)
{
    grpc_server_shutdown_and_notify(server->grpc, server->queue, server);
    if (server->thread_started) {
        wait_until_idle(server);
        grpc_server_cancel_all_calls(server->grpc);
        pthread_join(server->thread, NULL);
    } else {
        server_thread(server);
    }
}

static int
start(struct rpc_server *server, const char *const *endpoints, size_t n, char **error)
{
    server->queue = grpc_completion_queue_create_for_next(NULL);
    server->grpc = create_grpc_server();
    grpc_server_register_completion_queue(server->grpc, server->queue, NULL);
    for (size_t i = 0; i < n; i++) {
        int retval = listen_on(server, endpoints[i], error);
        if (retval) {
            return retval;
        }
    }
    grpc_server_start(server->grpc);
    if (await_call(server)) {
        return ENOMEM;
    }
    if (pthread_create(&server->thread, NULL, server_thread, server)) {
        return EAGAIN;
    }
    server->thread_started = true;
    pthread_setname_np(server->thread, "rpc");
    return 0;
}

int
rpc_server_start(const char *const *endpoints, size_t n, const struct rpc_method *methods,
                 size_t n_methods, const uint8_t *descriptor_set, size_t descriptor_len, void *aux,
                 void (*wake)(void *aux), struct rpc_server **serverp, char **error)
{
    struct rpc_server *server = calloc(1, sizeof *server);
    sigset_t all, old;
    int retval;

    *serverp = NULL;
    *error = NULL;
    if (!server) {
        return ENOMEM;
    }
    server->wake = wake;
    server->aux = aux;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->idle, NULL);
    LIST_INIT(&server->live);
    STAILQ_INIT(&server->arrived);

    /* Signals are for the threads that ask for them: ours, and those that gRPC starts, inherit
     * this. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (!getenv("GRPC_VERBOSITY")) {
        gpr_set_log_function(no_log);
    }
    grpc_init();
    retval =
        rpc_methods_init(&server->methods, methods, n_methods, aux, descriptor_set, descriptor_len);
    if (!retval) {
        retval = start(server, endpoints, n, error);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!retval) {
        *serverp = server;
        return 0;
    }
    if (server->grpc) {
        shut_down(server);
    }
    server_destroy(server);
    if (!*error && asprintf(error, "the RPC server does not start: %s", strerror(retval)) < 0) {
        *error = NULL;
    }
    return retval;
}

static struct rpc_stream *
any_held(struct rpc_server *server)
{
    struct rpc_stream *stream;

    pthread_mutex_lock(&server->mutex);
    LIST_FOREACH(stream, &server->live, call.live)
    {
        if (stream->call.held) {
            break;
        }
    }
    pthread_mutex_unlock(&server->mutex);
    return stream;
}

void
rpc_server_stop(struct rpc_server *server)
{
    struct rpc_stream *stream;

    if (!server) {
        return;
    }
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    STAILQ_INIT(&server->arrived);
    pthread_mutex_unlock(&server->mutex);
    while ((stream = any_held(server)) != NULL) {
        finish(stream, NULL, RPC_UNAVAILABLE, STOPPING);
    }
    rpc_server_kick_streams(server);
    shut_down(server);
    server_destroy(server);
}
