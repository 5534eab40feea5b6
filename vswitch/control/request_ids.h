/* Requests that may be asked again: what they were, and their answers (gate.h has the limits).
 * Control thread. */
#ifndef CONTROL_REQUEST_IDS_H
#define CONTROL_REQUEST_IDS_H 1

#include "proto/rpc.h"

struct request_ids;
struct request;

struct request_ids *request_ids_create(void);
/* Forgets the calls that wait: they must be gone.  Accepts NULL. */
void request_ids_destroy(struct request_ids *);

enum request_asked {
    REQUEST_NEW,      /* '*requestp' is to be answered with request_ids_answer() */
    REQUEST_REPEATED, /* 'call' is answered, or will be with the first one */
    REQUEST_OTHER,    /* the key is another request's: the RPC or its digest differs */
    REQUEST_TOO_MANY, /* all that are remembered are still under way */
};
/* 'key' holds the identity and its id, 'digest' is the packed request's. */
enum request_asked request_ids_ask(struct request_ids *, const char *key, const struct rpc_method *,
                                   const char *digest, struct rpc_call *call, long long now_ms,
                                   struct request **requestp);
/* Remembers, at the start, one that was answered at 'answered_ms' (of time_msec()), a copy of it.
 * One that is remembered already stays. */
void request_ids_restore(struct request_ids *, const char *key, const struct rpc_method *,
                         const char *digest, const struct rpc_answer *, long long answered_ms);
/* Of a request that is not answered yet; any thread. */
const char *request_key(const struct request *);
const char *request_digest(const struct request *);
char *request_rpc(const struct request *); /* "Service.Method"; the caller frees it */
/* Remembers a copy of 'answer', and sends it to whoever has asked again meanwhile. */
void request_ids_answer(struct request_ids *, struct request *, const struct rpc_answer *,
                        long long now_ms);

#endif
