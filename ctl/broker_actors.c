#include <config.h>

#include "ctl/broker_actors.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/broker.h"
#include "openvswitch/shash.h"
#include "timeval.h"
#include "util.h"

#define LATE_US 2000000
#define EVENTS_MAX 10000 /* hours of a switch that is away */
#define TOKENS_MAX 65536
#define AGAIN_S 1

struct queued {
    struct queued *next;
    struct actor_event event;
};

/* The last login of a port. */
struct last {
    char *user, *session;
};

struct actors {
    struct broker *broker;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct queued *first, **end; /* the oldest first; where the next one goes */
    size_t n_events;
    bool stop;
    struct shash macs; /* token to text */
    /* The thread's own. */
    struct shash last; /* port to struct last */
    bool away;         /* ... which has been said */
};

bool
mac_canonical(const char *text, char mac[MAC_TEXT])
{
    for (int i = 0; i < MAC_TEXT - 1; i++) {
        char c = text[i];

        if (i % 3 == 2 ? c != ':' && c != '-' : !isxdigit((unsigned char) c)) {
            return false;
        }
        mac[i] = i % 3 == 2 ? ':' : tolower((unsigned char) c);
    }
    mac[MAC_TEXT - 1] = '\0';
    return !text[MAC_TEXT - 1];
}

/* ---- tokens ---- */

/* They are as good as passwords: no message and no line that is printed has one. */
void
actors_learn(struct actors *a, const char *token, const char *mac)
{
    pthread_mutex_lock(&a->mutex);
    if (shash_count(&a->macs) < TOKENS_MAX || shash_find(&a->macs, token)) {
        free(shash_replace(&a->macs, token, xstrdup(mac)));
    }
    pthread_mutex_unlock(&a->mutex);
}

bool
actors_mac(struct actors *a, const char *token, char mac[MAC_TEXT])
{
    const char *known;

    pthread_mutex_lock(&a->mutex);
    known = shash_find_data(&a->macs, token);
    if (known) {
        ovs_strlcpy(mac, known, MAC_TEXT);
    }
    pthread_mutex_unlock(&a->mutex);
    return known;
}

/* ---- what the switch is told ---- */

static void
last_destroy(struct last *last)
{
    if (last) {
        free(last->user);
        free(last->session);
        free(last);
    }
}

/* When that was, if the switch could not be told at once: otherwise it knows best. */
static Google__Protobuf__Timestamp *
heard_at(const struct actor_event *e, Google__Protobuf__Timestamp *t)
{
    google__protobuf__timestamp__init(t);
    t->seconds = e->heard_us / 1000000;
    t->nanos = (int32_t) (e->heard_us % 1000000) * 1000;
    return time_wall_usec() - e->heard_us > LATE_US ? t : NULL;
}

static enum rpc_status
end_session(struct actors *a, const char *session, Google__Protobuf__Timestamp *at)
{
    Fusuma__V1__LogoutRequest request = FUSUMA__V1__LOGOUT_REQUEST__INIT;
    Fusuma__V1__LogoutResponse *reply;
    enum rpc_status status;
    char *error = NULL;

    request.broker_session = CONST_CAST(char *, session);
    request.at = at;
    status = switch_logout(a->broker, &request, &reply, &error);
    if (status == RPC_OK) {
        client_free(reply);
    }
    free(error);
    return status;
}

/* The server gives each login a session of its own, also when it is told of one twice: the new one
 * takes the place of the one before. */
static void
replace_last(struct actors *a, const Fusuma__V1__Session *now)
{
    struct last *before = shash_find_data(&a->last, now->port), *last;

    if (before && !strcmp(before->user, now->user) &&
        strcmp(before->session, now->broker_session)) {
        end_session(a, before->session, NULL);
    }
    last = xmalloc(sizeof *last);
    *last = (struct last){ xstrdup(now->user), xstrdup(now->broker_session) };
    last_destroy(shash_replace(&a->last, now->port, last));
}

/* The first MAC that is a desktop of this switch. */
static enum rpc_status
log_in(struct actors *a, const struct actor_event *e, char **error)
{
    Fusuma__V1__LoginRequest request = FUSUMA__V1__LOGIN_REQUEST__INIT;
    enum rpc_status status = RPC_NOT_FOUND;
    Google__Protobuf__Timestamp at;
    Fusuma__V1__Session *session;

    request.user = e->user;
    request.broker_session = e->session;
    request.at = heard_at(e, &at);
    for (int i = 0; i < ACTOR_MACS && e->macs[i][0] && status == RPC_NOT_FOUND; i++) {
        free(*error);
        *error = NULL;
        request.mac = CONST_CAST(char *, e->macs[i]);
        status = switch_login(a->broker, &request, &session, error);
    }
    if (status == RPC_OK) {
        replace_last(a, session);
        client_free(session);
    }
    return status;
}

static enum rpc_status
log_all_out(struct actors *a, const struct actor_event *e, char **error)
{
    Fusuma__V1__LogoutRequest request = FUSUMA__V1__LOGOUT_REQUEST__INIT;
    Fusuma__V1__LogoutResponse *reply;
    enum rpc_status status = RPC_NOT_FOUND;
    Google__Protobuf__Timestamp at;
    char *port = NULL;

    request.at = heard_at(e, &at);
    for (int i = 0; i < ACTOR_MACS && e->macs[i][0] && status == RPC_NOT_FOUND; i++) {
        free(*error);
        *error = NULL;
        status = switch_find_port(a->broker, e->macs[i], "", &port, error);
    }
    if (status == RPC_OK) {
        request.port = port;
        status = switch_logout(a->broker, &request, &reply, error);
        if (status == RPC_OK) {
            client_free(reply);
        }
        free(port);
    }
    return status;
}

static enum rpc_status
log_out(struct actors *a, const struct actor_event *e, char **error)
{
    Google__Protobuf__Timestamp at;

    return e->session && e->session[0] ? end_session(a, e->session, heard_at(e, &at))
                                       : log_all_out(a, e, error);
}

/* False: the switch is away, and it is to be told again. */
static bool
tell(struct actors *a, const struct actor_event *e)
{
    char *error = NULL;
    enum rpc_status status = e->word == ACTOR_LOGIN    ? log_in(a, e, &error)
                             : e->word == ACTOR_LOGOUT ? log_out(a, e, &error)
                                                       : log_all_out(a, e, &error);
    bool away = switch_is_away(status);

    if (away && !a->away) {
        broker_say(a->broker, "the switch is away, and told when it is there again: %s",
                   error ? error : rpc_status_name(status));
    } else if (!away && status != RPC_OK && status != RPC_NOT_FOUND) {
        /* A desktop that is not there is another switch's, and a session that is not, over. */
        broker_say(a->broker, "%s %s: %s", e->word == ACTOR_LOGIN ? "login of" : "logout of",
                   e->user ? e->user : "all", error ? error : rpc_status_name(status));
    }
    a->away = away;
    free(error);
    return !away;
}

/* ---- the thread ---- */

static void
queued_destroy(struct queued *q)
{
    free(q->event.user);
    free(q->event.session);
    free(q);
}

/* With the mutex, as what follows.  NULL: there is none. */
static struct queued *
pop(struct actors *a)
{
    struct queued *q = a->first;

    if (q) {
        a->first = q->next;
        a->end = a->first ? a->end : &a->first;
        a->n_events--;
    }
    return q;
}

static void
put_back(struct actors *a, struct queued *q)
{
    q->next = a->first;
    a->end = a->first ? a->end : &q->next;
    a->first = q;
    a->n_events++;
}

static void
wait_a_while(struct actors *a)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += AGAIN_S;
    while (!a->stop && !pthread_cond_timedwait(&a->changed, &a->mutex, &until)) {
        /* Another event. */
    }
}

static void *
actors_main(void *actors)
{
    struct actors *a = actors;

    pthread_mutex_lock(&a->mutex);
    while (!a->stop) {
        struct queued *q = pop(a);
        bool told;

        if (!q) {
            pthread_cond_wait(&a->changed, &a->mutex);
            continue;
        }
        pthread_mutex_unlock(&a->mutex);
        told = tell(a, &q->event);
        pthread_mutex_lock(&a->mutex);
        if (told) {
            queued_destroy(q);
        } else {
            put_back(a, q);
            wait_a_while(a);
        }
    }
    pthread_mutex_unlock(&a->mutex);
    return NULL;
}

void
actors_tell(struct actors *a, struct actor_event *event)
{
    struct queued *q = xmalloc(sizeof *q), *gone = NULL;

    *q = (struct queued){ .event = *event };
    q->event.heard_us = time_wall_usec();
    pthread_mutex_lock(&a->mutex);
    if (a->n_events >= EVENTS_MAX) {
        gone = pop(a);
    }
    *a->end = q;
    a->end = &q->next;
    a->n_events++;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->mutex);
    if (gone) {
        broker_say(a->broker, "too much to tell the switch: the oldest login or logout is left "
                              "out");
        queued_destroy(gone);
    }
}

struct actors *
actors_create(struct broker *b)
{
    struct actors *a = xzalloc(sizeof *a);
    int error;

    a->broker = b;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->end = &a->first;
    shash_init(&a->macs);
    shash_init(&a->last);
    error = pthread_create(&a->thread, NULL, actors_main, a);
    if (error) {
        ovs_abort(error, "pthread_create");
    }
    return a;
}

void
actors_destroy(struct actors *a)
{
    struct shash_node *node;
    struct queued *q;

    if (!a) {
        return;
    }
    pthread_mutex_lock(&a->mutex);
    a->stop = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->mutex);
    pthread_join(a->thread, NULL);
    if (a->n_events) {
        broker_say(a->broker, "%zu logins and logouts have not been told", a->n_events);
    }
    while ((q = pop(a))) {
        queued_destroy(q);
    }
    SHASH_FOR_EACH (node, &a->last) {
        last_destroy(node->data);
    }
    shash_destroy(&a->last);
    shash_destroy_free_data(&a->macs);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}
