/* gRPC for protobuf-c services: what the rest of Fusuma sees of it.
 *
 * The C-core API carries no promise of stability, so it stays inside the files that
 * build-aux/check-includes.py names: those of the server (rpc_private.h says which does what) and
 * rpc_client.c.  Nothing else includes a gRPC header.
 *
 * Server threads.  rpc_server runs one thread of its own on a completion queue.  Handlers are
 * called in the thread that calls rpc_server_run() (the control thread, from its poll loop), with a
 * request that is unpacked and whose strings are valid UTF-8 without NULs; malformed bytes, unknown
 * methods and oversized messages never get that far.  The request stays valid until the call is
 * answered, or the stream closed.
 *
 * A unary handler answers now or later with rpc_call_reply() or rpc_call_fail(), exactly once; the
 * call is gone then.  A stream handler accepts or refuses, now or later; from then on everything
 * happens in the server's thread, one message outstanding at a time: that is the back-pressure. */
#ifndef PROTO_RPC_H
#define PROTO_RPC_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/* gRPC status codes (grpc/status.h), those in use. */
enum rpc_status {
    RPC_OK = 0,
    RPC_CANCELLED = 1,
    RPC_UNKNOWN = 2,
    RPC_INVALID_ARGUMENT = 3,
    RPC_DEADLINE_EXCEEDED = 4,
    RPC_NOT_FOUND = 5,
    RPC_ALREADY_EXISTS = 6,
    RPC_PERMISSION_DENIED = 7,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_FAILED_PRECONDITION = 9,
    RPC_ABORTED = 10,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14,
};
const char *rpc_status_name(enum rpc_status); /* "NOT_FOUND" */

#define RPC_MAX_REQUEST (4u << 20) /* bytes; larger requests get RESOURCE_EXHAUSTED */

/* ---- server ---- */

struct rpc_server;
struct rpc_call;   /* a unary call waiting for its answer */
struct rpc_stream; /* a server stream */

/* One row per RPC.  protobuf-c's descriptors do not say which methods stream; this table does. */
struct rpc_method {
    const ProtobufCServiceDescriptor *service;
    const char *name; /* "AddPort" */
    void (*unary)(struct rpc_call *, const ProtobufCMessage *request, void *aux);
    void (*stream)(struct rpc_stream *, const ProtobufCMessage *request, void *aux);
};

/* Listens on each endpoint: "unix:/path" (made with mode 0660, less the umask) or "host:port"
 * (loopback only: there is no TLS yet).  A socket that is there already is taken over without a
 * question: hold a lock (the pid file) first.  'wake' is called from the server's thread when
 * rpc_server_run() has work.  'methods' stay the caller's and outlive the server.  Health
 * (grpc.health.v1) and reflection (grpc.reflection.v1alpha, from 'descriptor_set', see
 * proto/descriptor_set.h) are served by themselves.  0, or a positive errno and '*error', a
 * sentence (the caller frees it). */
int rpc_server_start(const char *const *endpoints, size_t n, const struct rpc_method *methods,
                     size_t n_methods, const uint8_t *descriptor_set, size_t descriptor_len,
                     void *aux, void (*wake)(void *aux), struct rpc_server **, char **error);
/* Calls the handlers of what has arrived.  Control thread. */
void rpc_server_run(struct rpc_server *);
/* Ends what is under way with UNAVAILABLE (ops->closed is called for every stream) and waits until
 * the server's thread is gone; a peer that does not read delays it by 0.3 s at most.  Control
 * thread. Calls that it has not answered yet are gone too: it must not touch them any more. Accepts
 * NULL. */
void rpc_server_stop(struct rpc_server *);

/* Packs 'reply' (still the caller's) and ends the call. */
void rpc_call_reply(struct rpc_call *, const ProtobufCMessage *reply);
void rpc_call_fail(struct rpc_call *, enum rpc_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A stream's life: the handler attaches 'ops' with rpc_stream_accept() (or refuses with
 * rpc_stream_end()).  ops->ready is called from the server's thread whenever another message can be
 * sent, first right after accept; it sends at most one message, or none, and then whoever gets the
 * next message calls rpc_server_kick_streams().  ops->closed is called exactly once, last, from the
 * server's thread, when the peer or the server ended it; after it 'stream' is gone. */
struct rpc_stream_ops {
    void (*ready)(struct rpc_stream *, void *aux);
    void (*closed)(struct rpc_stream *, void *aux);
};
void rpc_stream_accept(struct rpc_stream *, const struct rpc_stream_ops *, void *aux);
/* From within ops->ready only: one message, or the end of the stream. */
void rpc_stream_send(struct rpc_stream *, const ProtobufCMessage *);
void rpc_stream_end(struct rpc_stream *, enum rpc_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Any thread, between accept and closed: asks the server's thread to call ops->ready for every open
 * stream that can send.  Cheap when asked repeatedly. */
void rpc_server_kick_streams(struct rpc_server *);

/* ---- client ---- */

struct rpc_channel;
struct rpc_reader; /* client end of a server stream */

/* Does not block; errors show with the first call. */
struct rpc_channel *rpc_channel_open(const char *endpoint);
void rpc_channel_close(struct rpc_channel *);

/* '*replyp' is freed by the caller with protobuf_c_message_free_unpacked(); on any other status
 * than RPC_OK it is NULL and '*error' is a sentence (the caller frees it): the server's, or, with
 * UNAVAILABLE, "cannot connect to unix:/run/x: No such file or directory".  'timeout_ms' 0 waits
 * for ever.  Threads may share a channel. */
enum rpc_status rpc_unary(struct rpc_channel *, const ProtobufCServiceDescriptor *,
                          const char *method, const ProtobufCMessage *request, int timeout_ms,
                          ProtobufCMessage **replyp, char **error);

struct rpc_reader *rpc_reader_open(struct rpc_channel *, const ProtobufCServiceDescriptor *,
                                   const char *method, const ProtobufCMessage *request);
/* Waits for the next message.  NULL when the stream has ended; '*status' and '*error' say how. */
ProtobufCMessage *rpc_reader_next(struct rpc_reader *, enum rpc_status *status, char **error);
/* Async-signal-unsafe; may be called from another thread to end a blocked rpc_reader_next(). */
void rpc_reader_cancel(struct rpc_reader *);
void rpc_reader_close(struct rpc_reader *);

#endif
