#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "ctl/broker.h"
#include "ctl/broker_actors.h"
#include "ctl/broker_upstream.h"
#include "util.h"

/* The actor API of UDS Enterprise, version 3; docs/brokers.md says where each field was read.  What
 * the server has accepted is heard, and nothing else: it knows the tokens, we do not. */

/* A call and its answer. */
struct heard {
    json_t *request; /* an object */
    json_t *answer;
    json_t *result; /* of 'answer', which owns it */
};

/* "initialize" of "/uds/rest/actor/v3/initialize"; NULL: it is no call of an actor. */
static const char *
method_of(const struct http_request *r)
{
    static const char prefix[] = "/actor/v3/";
    const char *at = strstr(r->path, prefix);

    return at && !strcmp(r->method, "POST") ? at + strlen(prefix) : NULL;
}

static bool
is(const char *method, const char *name)
{
    size_t length = strlen(name);

    return !strncmp(method, name, length) && !method[length + (method[length] == '/')];
}

/* ---- login, logout, ready ---- */

/* Which desktop it is: the one that the server has recognized when the actor introduced itself,
 * or, of a token that we do not know, what the actor says of its interfaces. */
static void
take_macs(struct actors *a, const struct heard *h, struct actor_event *e)
{
    json_t *id = json_object_get(h->request, "id"), *interface;
    size_t i, n = 0;

    if (actors_mac(a, json_text(h->request, "token"), e->macs[0])) {
        return;
    }
    json_array_foreach(id, i, interface)
    {
        if (n < ACTOR_MACS && mac_canonical(json_text(interface, "mac"), e->macs[n])) {
            n++;
        }
    }
    if (n < ACTOR_MACS) {
        e->macs[n][0] = '\0';
    }
}

/* Our name for a session.  A server that has none for it (before 4.0) gets one that says nothing of
 * the token. */
static char *
session_name(const struct heard *h, const char *session_id)
{
    char *name = xasprintf("uds-%s", session_id);
    unsigned char digest[32];
    char *what;

    if (session_id[0] && strlen(name) <= 63) {
        return name;
    }
    free(name);
    what = xasprintf("%s\n%s\n%s", json_text(h->request, "token"),
                     json_text(h->request, "username"), session_id);
    EVP_Digest(what, strlen(what), digest, NULL, EVP_sha256(), NULL);
    free(what);
    return xasprintf("uds-%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
                     digest[2], digest[3], digest[4], digest[5], digest[6], digest[7], digest[8],
                     digest[9]);
}

static void
hear_login(struct broker *b, const struct heard *h)
{
    struct actor_event e = { .word = ACTOR_LOGIN };
    const char *user = json_text(h->request, "username");

    take_macs(b->actors, h, &e);
    if (!user[0] || !e.macs[0][0]) {
        return;
    }
    e.user = xstrdup(user);
    e.session = session_name(h, json_text(h->result, "session_id"));
    actors_tell(b->actors, &e);
}

/* Without a session's id it is the end of all. */
static void
hear_logout(struct broker *b, const struct heard *h)
{
    struct actor_event e = { .word = ACTOR_LOGOUT };
    const char *id = json_text(h->request, "session_id");

    take_macs(b->actors, h, &e);
    e.session = id[0] ? session_name(h, id) : xstrdup("");
    actors_tell(b->actors, &e);
}

/* The desktop has started: whoever was logged in is not any more. */
static void
hear_ready(struct broker *b, const struct heard *h)
{
    struct actor_event e = { .word = ACTOR_READY };

    take_macs(b->actors, h, &e);
    if (e.macs[0][0]) {
        actors_tell(b->actors, &e);
    }
}

/* The token that the actor uses from now on, and the MAC that the server knows the desktop by.  An
 * address may be in its place: then the actor's interfaces have to do. */
static void
hear_initialize(struct broker *b, const struct heard *h)
{
    const char *token = json_text(h->result, "token");
    char mac[MAC_TEXT];

    token = token[0] ? token : json_text(h->result, "own_token");
    if (token[0] && mac_canonical(json_text(h->result, "unique_id"), mac)) {
        actors_learn(b->actors, token, mac);
    }
}

/* ---- all of it ---- */

static const struct {
    const char *method;
    void (*hear)(struct broker *, const struct heard *);
} words[] = {
    { "initialize", hear_initialize }, { "ready", hear_ready },   { "unmanaged", hear_ready },
    { "login", hear_login },           { "logout", hear_logout },
};

static void
hear(struct broker *b, const char *method, const struct http_request *r,
     const struct http_answer *answer)
{
    struct heard h = { .request = json_loadb(r->body, r->body_len, 0, NULL),
                       .answer = json_loadb(answer->body ? answer->body : "", answer->body_len, 0,
                                            NULL) };

    h.result = json_object_get(h.answer, "result");
    if (json_is_object(h.request) && h.result && !json_text(h.answer, "error")[0]) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
            if (is(method, words[i].method)) {
                words[i].hear(b, &h);
            }
        }
    }
    json_decref(h.request);
    json_decref(h.answer);
}

void
uds_handle(const struct http_request *r, struct http_answer *answer, void *broker)
{
    struct broker *b = broker;
    const char *method = method_of(r);
    char *error = NULL;

    if (r->target[0] != '/') {
        answer_error(answer, 400, xstrdup("a path is expected"));
    } else if (!upstream_pass(b->upstream, r, answer, &error)) {
        broker_say(b, "%s", error);
        answer_error(answer, 502, error);
    } else if (method && answer->status == 200) {
        hear(b, method, r, answer);
    }
}
