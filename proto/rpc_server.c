#include <config.h>

#include "proto/rpc_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grpc/support/log.h>

#define RUN_BUDGET 64 /* calls in one rpc_server_run(): the poll loop has other work */
#define MAX_CALLS_PER_CONNECTION 256
#define STOP_GRACE_MS 300 /* for peers to be told so; whoever does not read is cut off */

/* ---- the control thread ---- */

static void
dispatch(struct rpc_stream *stream)
{
    const struct rpc_handler *handler = stream->call.handler;
    struct rpc_server *server = stream->call.server;

    if (handler->gated && server->admit &&
        !server->admit(&stream->call, &handler->method, stream->call.request, server->aux)) {
        return;
    }
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
    rpc_stream_release(stream);
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
    rpc_tls_source_destroy(server->tls);
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
    rpc_listen_stop(server);
    grpc_server_shutdown_and_notify(server->grpc, server->queue, server);
    if (server->thread_started) {
        wait_until_idle(server);
        grpc_server_cancel_all_calls(server->grpc);
        pthread_join(server->thread, NULL);
    } else {
        rpc_server_thread(server);
    }
}

static int
start(struct rpc_server *server, const struct rpc_server_options *options, char **error)
{
    int retval;

    server->queue = grpc_completion_queue_create_for_next(NULL);
    server->grpc = create_grpc_server();
    grpc_server_register_completion_queue(server->grpc, server->queue, NULL);
    retval = rpc_listen(server, options, error);
    if (retval) {
        return retval;
    }
    grpc_server_start(server->grpc);
    if (rpc_await_call(server)) {
        return ENOMEM;
    }
    if (pthread_create(&server->thread, NULL, rpc_server_thread, server)) {
        return EAGAIN;
    }
    server->thread_started = true;
    pthread_setname_np(server->thread, "rpc");
    return rpc_listen_start(server);
}

static struct rpc_server *
server_create(const struct rpc_server_options *options)
{
    struct rpc_server *server = calloc(1, sizeof *server);

    if (server) {
        server->wake = options->wake;
        server->admit = options->admit;
        server->aux = options->aux;
        server->insecure_loopback = options->insecure_loopback;
        server->accept_stop = -1;
        pthread_mutex_init(&server->mutex, NULL);
        pthread_cond_init(&server->idle, NULL);
        LIST_INIT(&server->live);
        STAILQ_INIT(&server->arrived);
    }
    return server;
}

/* What goes before gRPC may be used. */
static int
prepare(struct rpc_server *server, const struct rpc_server_options *options, char **error)
{
    int retval = rpc_methods_init(&server->methods, options, error);

    if (!retval && options->tls) {
        retval = rpc_tls_check(options->tls, error);
    }
    if (!retval && options->tls) {
        server->tls = rpc_tls_source_create(options->tls, options->warn, options->aux);
        retval = server->tls ? 0 : ENOMEM;
    }
    return retval;
}

int
rpc_server_start(const struct rpc_server_options *options, struct rpc_server **serverp,
                 char **error)
{
    struct rpc_server *server = server_create(options);
    sigset_t all, old;
    int retval;

    *serverp = NULL;
    *error = NULL;
    if (!server) {
        return ENOMEM;
    }
    /* Signals are for the threads that ask for them: ours, and those that gRPC starts, inherit
     * this. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    retval = prepare(server, options, error);
    if (!getenv("GRPC_VERBOSITY")) {
        gpr_set_log_function(no_log);
    }
    grpc_init();
    retval = retval ? retval : start(server, options, error);
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
        rpc_finish(stream, NULL, RPC_UNAVAILABLE, RPC_STOPPING);
    }
    rpc_server_kick_streams(server);
    shut_down(server);
    server_destroy(server);
}
