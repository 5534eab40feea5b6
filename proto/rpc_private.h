/* What the files of the server share: a call, and the server that it is of.
 *
 * Every call, unary or stream, is a struct rpc_stream that begins with a struct rpc_call.
 *
 * A call lives as long as somebody will come back to it: each batch given to gRPC returns as one
 * event, each kick likewise, and the control thread holds a call from its arrival until it answers.
 * 'refs' counts these; whoever drops the last one destroys the call.  An answer hands the control
 * thread's reference on to its batch, so that a stream with ops always ends in the server's thread.
 *
 *     rpc_call.c    a call's life
 *     rpc_peer.c    whose it is
 *     rpc_send.c    what is sent
 *     rpc_listen.c  endpoints
 *     rpc_thread.c  the server's thread: what gRPC reports
 *     rpc_server.c  the control thread: dispatching, start, stop */
#ifndef PROTO_RPC_PRIVATE_H
#define PROTO_RPC_PRIVATE_H 1

#include <pthread.h>
#include <sys/queue.h>

#include <grpc/grpc.h>

#include "proto/rpc.h"
#include "proto/rpc_credentials.h"
#include "proto/rpc_methods.h"

#define RPC_STOPPING "the server is stopping"

enum rpc_event {
    RPC_EV_NEW,
    RPC_EV_REQUEST,
    RPC_EV_SENT,
    RPC_EV_KICKED,
    RPC_EV_ENDED,
    RPC_EV_CLOSED,
    RPC_N_EVENTS
};

struct rpc_tag {
    struct rpc_stream *stream;
    enum rpc_event event;
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
    int64_t asked_us;
    int cancelled;
    bool headers_sent;
    struct rpc_peer peer;
    char **headers; /* [n_headers]: name, value, name, value, ... */
    size_t n_headers;
    void (*take)(struct rpc_call *, struct rpc_answer *, void *aux); /* or NULL: not diverted */
    void *take_aux;

    /* Under the server's mutex. */
    unsigned refs;
    bool held; /* by the control thread */
    bool closed;
    LIST_ENTRY(rpc_stream) live;
    STAILQ_ENTRY(rpc_stream) arrived;
};

struct rpc_stream {
    struct rpc_call call;
    struct rpc_tag tags[RPC_N_EVENTS];
    void *aux;

    /* Under the server's mutex. */
    const struct rpc_stream_ops *ops;
    bool busy; /* a message, or the headers, are on their way */
    bool kicked;
    bool ended;
};

STAILQ_HEAD(rpc_arrivals, rpc_stream);

struct rpc_server {
    grpc_server *grpc;
    grpc_completion_queue *queue;
    pthread_t thread;
    bool thread_started;
    struct rpc_methods methods;
    void (*wake)(void *aux);
    bool (*admit)(struct rpc_call *, const struct rpc_method *, const ProtobufCMessage *request,
                  void *aux);
    void *aux;
    struct rpc_tls_source *tls; /* or NULL */
    bool insecure_loopback;
    struct rpc_listener *listeners; /* of unix sockets */
    size_t n_listeners;
    pthread_t accept_thread;
    bool accepting;
    int accept_stop;             /* an eventfd, or -1 */
    struct rpc_stream *incoming; /* what gRPC fills in when the next call comes */

    pthread_mutex_t mutex;
    pthread_cond_t idle; /* no call lives */
    bool stopping;
    LIST_HEAD(, rpc_stream) live;
    struct rpc_arrivals arrived;
};

/* ---- rpc_call.c ---- */

/* NULL: no memory. */
struct rpc_stream *rpc_stream_create(struct rpc_server *);
/* Of a call that gRPC has never handed out; what lives is released. */
void rpc_stream_destroy(struct rpc_stream *);
void rpc_stream_release(struct rpc_stream *);
/* Gives gRPC a batch; it returns as 'event'.  Answers of the control thread come by here too. */
void rpc_stream_submit(struct rpc_stream *, enum rpc_event, const grpc_op *ops, size_t n);

/* ---- rpc_peer.c ---- */

/* When a call has arrived, and when it goes. */
void rpc_call_meet(struct rpc_call *);
void rpc_call_take_headers(struct rpc_call *);
void rpc_call_forget(struct rpc_call *);

/* ---- rpc_listen.c ---- */

/* Binds the endpoints; once gRPC's server has started, starts to accept.  0, or a positive errno
 * and (rpc_listen) '*error'.  Stop it before that server is shut down, however far it came. */
int rpc_listen(struct rpc_server *, const struct rpc_server_options *, char **error);
int rpc_listen_start(struct rpc_server *);
void rpc_listen_stop(struct rpc_server *);

/* ---- rpc_send.c ---- */

/* Ends the call, with a last message if there is one. */
void rpc_finish(struct rpc_stream *, const ProtobufCMessage *reply, enum rpc_status,
                const char *sentence);

/* ---- rpc_thread.c ---- */

/* Asks gRPC for the next call.  0 or a positive errno. */
int rpc_await_call(struct rpc_server *);
/* Takes what gRPC reports until the server is shut down. */
void *rpc_server_thread(void *server);

#endif
