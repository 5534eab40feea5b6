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

#define RPC_MAX_REQUEST (16u << 20) /* bytes; larger requests get RESOURCE_EXHAUSTED */

/* ---- server ---- */

struct rpc_server;
struct rpc_call;   /* a unary call waiting for its answer */
struct rpc_stream; /* a server stream */

/* Who may call an RPC: whoever has this role. */
enum rpc_role {
    RPC_ROLE_NONE, /* nobody has said; a server with an 'admit' does not start */
    RPC_VIEWER,    /* sees everything; every other role is a viewer, too */
    RPC_OPERATOR,  /* ports, connections */
    RPC_RESPONDER, /* quarantine and release */
    RPC_POLICY,    /* the policy */
    RPC_ADMIN,     /* everything */
    RPC_N_ROLES
};
extern const char *const rpc_role_names[RPC_N_ROLES]; /* "viewer" */
enum rpc_role rpc_role_from_name(const char *);       /* RPC_ROLE_NONE: it is none */

/* One row per RPC.  protobuf-c's descriptors do not say which methods stream; this table does. */
struct rpc_method {
    const ProtobufCServiceDescriptor *service;
    const char *name; /* "AddPort" */
    void (*unary)(struct rpc_call *, const ProtobufCMessage *request, void *aux);
    void (*stream)(struct rpc_stream *, const ProtobufCMessage *request, void *aux);
    enum rpc_role role; /* that it takes */
    bool writes;        /* it changes something; unary */
};

/* Who is at the other end of a call's connection. */
enum rpc_peer_kind {
    RPC_PEER_UNKNOWN, /* 'why' says what is wrong with it */
    RPC_PEER_UNIX,    /* the kernel has said who connected to the unix socket */
    RPC_PEER_TLS,     /* it has a certificate of our CA, valid now */
    RPC_PEER_ANYONE,  /* loopback without TLS: any process of this host */
};
struct rpc_peer {
    enum rpc_peer_kind kind;
    char *address; /* as gRPC has it: "ipv4:10.0.0.7:51234", "unix:" */
    char *why;
    /* RPC_PEER_UNIX: when it connected. */
    uint32_t uid, gid;
    int pid;
    uint32_t *groups; /* supplementary */
    size_t n_groups;
    /* RPC_PEER_TLS: of the certificate's subject and subjectAltName; NULL or none. */
    char *cn;
    char **uris, **dns;
    size_t n_uris, n_dns;
};

/* Files in PEM: the CA that the other side's certificate must be of, and our own certificate (with
 * what is between it and the CA) and key. */
struct rpc_tls_files {
    const char *ca, *cert, *key;
};
/* Whether they can be used now: 0, or a positive errno and '*error', a sentence that names the file
 * (the caller frees it): it cannot be read, is no PEM, the key is of another certificate, the
 * certificate has expired. */
int rpc_tls_check(const struct rpc_tls_files *, char **error);

struct rpc_server_options {
    /* "unix:/path" or "host:port".  A unix socket has mode 0660 and is the group's of 'socket_gid';
     * one that somebody listens on is not taken over.  A TCP endpoint speaks TLS 1.3 and wants the
     * client's certificate; without 'tls' it is refused, but for loopback when that may be
     * insecure. */
    const char *const *endpoints;
    size_t n_endpoints;
    const struct rpc_tls_files *tls; /* or NULL.  Read again when they have changed. */
    bool insecure_loopback;          /* loopback endpoints have no TLS, and anyone may connect */
    uint32_t socket_gid;             /* UINT32_MAX: the process's own */
    const struct rpc_method
        *methods; /* the caller's; they outlive the server, like the names above */
    size_t n_methods;
    const uint8_t *descriptor_set; /* proto/descriptor_set.h, for reflection */
    size_t descriptor_len;
    void *aux; /* of the methods and of what follows */
    /* The server's thread: rpc_server_run() has work. */
    void (*wake)(void *aux);
    /* Any thread: something is wrong that is the administrator's to know, as a sentence. */
    void (*warn)(void *aux, const char *sentence);
    /* Or NULL: everybody may do everything.  Asked in the control thread before the handler of each
     * of 'methods'.  False: it has answered the call, or will, with rpc_call_fail() or
     * rpc_call_answer(), and the handler is not called. */
    bool (*admit)(struct rpc_call *, const struct rpc_method *, const ProtobufCMessage *request,
                  void *aux);
};
/* Health (grpc.health.v1) and reflection (grpc.reflection.v1alpha) are served beside 'methods', to
 * everybody who can connect; they say nothing of the switch's state.  0, or a positive errno and
 * '*error', a sentence (the caller frees it). */
int rpc_server_start(const struct rpc_server_options *, struct rpc_server **, char **error);
/* Calls the handlers of what has arrived.  Control thread. */
void rpc_server_run(struct rpc_server *);
/* Ends what is under way with UNAVAILABLE (ops->closed is called for every stream) and waits until
 * the server's thread is gone; a peer that does not read delays it by 0.3 s at most.  Control
 * thread. Calls that it has not answered yet are gone too: it must not touch them any more. Accepts
 * NULL. */
void rpc_server_stop(struct rpc_server *);

/* What is known of a call, as long as it is there.  The server's or the control thread. */
const struct rpc_peer *rpc_call_peer(const struct rpc_call *);
/* The value of a piece of request metadata (its name in lower case), or NULL.  '*repeated', unless
 * NULL, says that there were several, of which this is the first. */
const char *rpc_call_header(const struct rpc_call *, const char *name, bool *repeated);

/* When its request had been read: CLOCK_MONOTONIC, in microseconds. */
int64_t rpc_call_asked_us(const struct rpc_call *);

/* Packs 'reply' (still the caller's) and ends the call. */
void rpc_call_reply(struct rpc_call *, const ProtobufCMessage *reply);
void rpc_call_fail(struct rpc_call *, enum rpc_status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An answer, apart from the call that it is for. */
struct rpc_answer {
    enum rpc_status status;
    char *error; /* unless RPC_OK: the sentence */
    uint8_t *reply;
    size_t reply_len; /* RPC_OK: the message, packed */
};
/* From admit(), for a unary call: what its handler answers goes to 'take', which owns it, and not
 * to the peer. */
void rpc_call_divert(struct rpc_call *,
                     void (*take)(struct rpc_call *, struct rpc_answer *, void *), void *aux);
/* Ends a call, diverted or not.  'answer' stays the caller's. */
void rpc_call_answer(struct rpc_call *, const struct rpc_answer *);
void rpc_answer_destroy(struct rpc_answer *);

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

/* Does not block; errors show with the first call.  'tls' (or NULL) is read here; HOST:PORT without
 * it is for loopback only.  With it, the server's certificate must be of that CA and for HOST. */
struct rpc_channel *rpc_channel_open(const char *endpoint, const struct rpc_tls_files *tls);
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
