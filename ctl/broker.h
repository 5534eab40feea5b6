/* swctl broker: a broker's calls by HTTP become logins and logouts of sessions.
 *
 * Handlers run in threads of the HTTP server, any number at once. */
#ifndef CTL_BROKER_H
#define CTL_BROKER_H 1

#include <stdatomic.h>
#include <stdint.h>

#include <pthread.h>

#include <jansson.h>

#include "ctl/ctl.h"
#include "fusuma/v1/session.pb-c.h"
#include "proto/http_server.h"

struct actors;
struct upstream;

struct broker {
    struct ctl *ctl;
    pthread_mutex_t printing;
    unsigned char token[32];   /* webhook: SHA-256 of the token */
    _Atomic int64_t refusal_s; /* ... when a wrong one was last told of, on the monotonic clock */
    struct upstream *upstream; /* uds */
    struct actors *actors;     /* uds */
};

/* broker_webhook.c: POST /v1/event, in JSON. */
void webhook_handle(const struct http_request *, struct http_answer *, void *broker);
/* What of the token is compared. */
void webhook_digest(const char *token, size_t length, unsigned char digest[32]);

/* broker_uds.c: what goes through is passed on unchanged, and heard. */
void uds_handle(const struct http_request *, struct http_answer *, void *broker);

/* broker_json.c */
/* Appends an answer that is this object, which it takes. */
void answer_json(struct http_answer *, unsigned status, json_t *);
/* ... that is {"error": ...}, and takes the sentence. */
void answer_error(struct http_answer *, unsigned status, char *error);
/* The text of a member that is a string; "" for any other. */
const char *json_text(const json_t *object, const char *name);

/* broker_switch.c: the switch is told, and what it has done is printed.  On any other status than
 * RPC_OK '*error' is the caller's to free, and the replies are not there. */
enum rpc_status switch_login(struct broker *, const Fusuma__V1__LoginRequest *,
                             Fusuma__V1__Session **, char **error);
enum rpc_status switch_logout(struct broker *, const Fusuma__V1__LogoutRequest *,
                              Fusuma__V1__LogoutResponse **, char **error);
/* The name of the desktop's port, by one of the two; the other is "".  The caller's to free. */
enum rpc_status switch_find_port(struct broker *, const char *mac, const char *vm_id, char **port,
                                 char **error);
/* Open sessions of a user on a port. */
enum rpc_status switch_sessions_of(struct broker *, const char *port, const char *user,
                                   Fusuma__V1__ListSessionsResponse **, char **error);
/* Whether it is worth while to ask again later: the switch is not there, or does not answer. */
bool switch_is_away(enum rpc_status);
/* "swctl: what" on standard error, of one thread at a time. */
void broker_say(struct broker *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
