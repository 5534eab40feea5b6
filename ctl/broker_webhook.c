#include <config.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ctl/broker.h"
#include "ctl/when.h"
#include "proto/json.h"
#include "timeval.h"
#include "util.h"

/* What docs/brokers.md describes. */
struct event {
    const char *event, *user, *port, *mac, *vm_id, *session, *at;
    Google__Protobuf__Timestamp when;
    Google__Protobuf__Timestamp *whenp; /* NULL: it is now */
};

static const struct key {
    const char *name;
    size_t offset;
} keys[] = {
    { "event", offsetof(struct event, event) }, { "user", offsetof(struct event, user) },
    { "port", offsetof(struct event, port) },   { "mac", offsetof(struct event, mac) },
    { "vm_id", offsetof(struct event, vm_id) }, { "session", offsetof(struct event, session) },
    { "at", offsetof(struct event, at) },
};

/* ---- who may ---- */

void
webhook_digest(const char *token, size_t length, unsigned char digest[32])
{
    EVP_Digest(token, length, digest, NULL, EVP_sha256(), NULL);
}

/* Of digests, the time that a comparison takes says nothing of the token, not even its length. */
static bool
may(const struct broker *b, const struct http_request *r)
{
    const char *header = http_header(r, "Authorization");
    unsigned char digest[32];

    if (!header || strncasecmp(header, "Bearer ", 7)) {
        return false;
    }
    header += 7 + strspn(header + 7, " ");
    webhook_digest(header, strlen(header), digest);
    return !CRYPTO_memcmp(digest, b->token, sizeof digest);
}

/* A second has one line, however many there are. */
static void
tell_of_refusal(struct broker *b, const struct http_request *r)
{
    int64_t now_s = time_msec() / 1000;

    if (atomic_exchange(&b->refusal_s, now_s) != now_s) {
        broker_say(b, "a call from %s without the right token", r->peer);
    }
}

/* ---- what it says ---- */

static const struct key *
find_key(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!strcmp(keys[i].name, name)) {
            return &keys[i];
        }
    }
    return NULL;
}

/* Takes the members of 'object', which lives as long as 'e'.  NULL, or what is wrong. */
static char *
take_members(json_t *object, struct event *e)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        const struct key *key = find_key(name);

        if (!key) {
            return xasprintf(
                "%s: unknown key (there are: event, user, port, mac, vm_id, session, at)", name);
        }
        if (!json_is_string(value)) {
            return xasprintf("%s: a string is expected", name);
        }
        *(const char **) ((char *) e + key->offset) = json_string_value(value);
    }
    return NULL;
}

static char *
check(struct event *e)
{
    int desktops = !!e->port[0] + !!e->mac[0] + !!e->vm_id[0];

    if (e->at[0] && !when_parse(e->at, &e->when)) {
        return xstrdup("at: a time such as 2026-11-25T14:00:00+09:00 is expected");
    }
    e->whenp = e->at[0] ? &e->when : NULL;
    if (!strcmp(e->event, "login")) {
        return !e->user[0] ? xstrdup("user: a login needs one")
               : desktops != 1
                   ? xstrdup("a login needs one of port, mac and vm_id, and no more of them")
                   : NULL;
    } else if (!strcmp(e->event, "logout")) {
        return e->session[0] || desktops == 1
                   ? NULL
                   : xstrdup("a logout needs session, or one of port, mac and vm_id");
    }
    return xstrdup("event: \"login\" or \"logout\" is expected");
}

/* The object that 'e' points into, or NULL and '*error'. */
static json_t *
parse(const struct http_request *r, struct event *e, char **error)
{
    json_error_t where;
    json_t *object = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &where);

    *e = (struct event){ "", "", "", "", "", "", .at = "" };
    if (!object) {
        *error = xasprintf("JSON:%d:%d: %s", where.line, where.column, where.text);
    } else if (!json_is_object(object)) {
        *error = xstrdup("JSON: an object is expected");
    } else {
        *error = take_members(object, e);
        *error = *error ? *error : check(e);
    }
    if (*error) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* ---- what is done ---- */

static unsigned
http_status(enum rpc_status status)
{
    switch (status) {
    case RPC_INVALID_ARGUMENT:
        return 400;
    case RPC_NOT_FOUND:
        return 404;
    case RPC_ALREADY_EXISTS:
    case RPC_FAILED_PRECONDITION:
    case RPC_ABORTED:
        return 409;
    case RPC_UNAVAILABLE:
    case RPC_RESOURCE_EXHAUSTED:
        return 503;
    case RPC_DEADLINE_EXCEEDED:
        return 504;
    default:
        return 502; /* also PERMISSION_DENIED: it is not the broker's to mend */
    }
}

static void
answer_status(struct broker *b, struct http_answer *answer, enum rpc_status status, char *error)
{
    unsigned code = http_status(status);

    if (code >= 500) {
        broker_say(b, "%s", error ? error : rpc_status_name(status));
        http_answer_field(answer, "Retry-After", "1");
    }
    answer_json(
        answer, code,
        json_pack("{s:s, s:s}", "error", error ? error : "", "status", rpc_status_name(status)));
    free(error);
}

static void
login(struct broker *b, const struct event *e, struct http_answer *answer)
{
    Fusuma__V1__LoginRequest request = FUSUMA__V1__LOGIN_REQUEST__INIT;
    Fusuma__V1__Session *session;
    enum rpc_status status;
    char *error = NULL;

    request.port = CONST_CAST(char *, e->port);
    request.mac = CONST_CAST(char *, e->mac);
    request.vm_id = CONST_CAST(char *, e->vm_id);
    request.user = CONST_CAST(char *, e->user);
    request.broker_session = CONST_CAST(char *, e->session);
    request.at = CONST_CAST(Google__Protobuf__Timestamp *, e->whenp);
    status = switch_login(b, &request, &session, &error);
    if (status == RPC_OK) {
        answer_json(answer, 200, json_pack("{s:o}", "session", proto_to_json(&session->base)));
        client_free(session);
    } else {
        answer_status(b, answer, status, error);
    }
}

/* Appends what has ended.  What is not open (any more) is as it should be: brokers ask again. */
static enum rpc_status
end_sessions(struct broker *b, const Fusuma__V1__LogoutRequest *request, json_t *ended,
             char **error)
{
    Fusuma__V1__LogoutResponse *reply;
    enum rpc_status status = switch_logout(b, request, &reply, error);

    if (status == RPC_OK) {
        for (size_t i = 0; i < reply->n_ended; i++) {
            json_array_append_new(ended, proto_to_json(&reply->ended[i]->base));
        }
        client_free(reply);
    } else if (status == RPC_NOT_FOUND) {
        free(*error);
        *error = NULL;
        status = RPC_OK;
    }
    return status;
}

static enum rpc_status
end_those_of(struct broker *b, const char *port, const struct event *e, json_t *ended, char **error)
{
    Fusuma__V1__LogoutRequest request = FUSUMA__V1__LOGOUT_REQUEST__INIT;
    Fusuma__V1__ListSessionsResponse *list;
    enum rpc_status status;

    request.at = e->whenp;
    if (!e->user[0]) {
        request.port = CONST_CAST(char *, port);
        return end_sessions(b, &request, ended, error);
    }
    status = switch_sessions_of(b, port, e->user, &list, error);
    if (status == RPC_OK) {
        for (size_t i = 0; i < list->n_sessions && status == RPC_OK; i++) {
            request.id = list->sessions[i]->id;
            status = end_sessions(b, &request, ended, error);
        }
        client_free(list);
    }
    return status;
}

static void
logout(struct broker *b, const struct event *e, struct http_answer *answer)
{
    Fusuma__V1__LogoutRequest request = FUSUMA__V1__LOGOUT_REQUEST__INIT;
    json_t *ended = json_array();
    enum rpc_status status = RPC_OK;
    char *error = NULL, *port = NULL;

    if (e->session[0]) {
        request.broker_session = CONST_CAST(char *, e->session);
        request.at = e->whenp;
        status = end_sessions(b, &request, ended, &error);
    } else {
        if (e->port[0]) {
            port = xstrdup(e->port);
        } else {
            status = switch_find_port(b, e->mac, e->vm_id, &port, &error);
        }
        if (status == RPC_OK) {
            status = end_those_of(b, port, e, ended, &error);
        }
        free(port);
    }
    if (status == RPC_OK) {
        answer_json(answer, 200, json_pack("{s:O}", "ended", ended));
    } else {
        answer_status(b, answer, status, error);
    }
    json_decref(ended);
}

void
webhook_handle(const struct http_request *r, struct http_answer *answer, void *broker)
{
    struct broker *b = broker;
    char *error = NULL;
    struct event e;
    json_t *object;

    if (!may(b, r)) {
        answer_error(answer, 401,
                     xstrdup("the token is not the one that is wanted: "
                             "Authorization: Bearer TOKEN"));
        http_answer_field(answer, "WWW-Authenticate", "Bearer");
        tell_of_refusal(b, r);
        return;
    }
    if (strcmp(r->path, "/v1/event")) {
        answer_error(answer, 404, xstrdup("there is POST /v1/event, and nothing else"));
        return;
    }
    if (strcmp(r->method, "POST")) {
        answer_error(answer, 405, xstrdup("only POST"));
        http_answer_field(answer, "Allow", "POST");
        return;
    }
    object = parse(r, &e, &error);
    if (!object) {
        answer_error(answer, 400, error);
        return;
    }
    if (!strcmp(e.event, "login")) {
        login(b, &e, answer);
    } else {
        logout(b, &e, answer);
    }
    json_decref(object);
}
