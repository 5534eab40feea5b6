#include <config.h>

#include "control/sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/desired.h"
#include "util.h"

#define SKEW_US 5000000 /* between the clock of a broker and ours */

void
sessions_init(struct sessions *s)
{
    memset(s, 0, sizeof *s);
    ovs_list_init(&s->open);
    ovs_list_init(&s->ended);
}

void
session_destroy(struct session *session)
{
    if (session) {
        free(session->port);
        free(session->vm_id);
        free(session->user);
        free(session->broker);
        free(session->who);
        free(session);
    }
}

static void
destroy_list(struct ovs_list *list)
{
    struct session *session, *next;

    LIST_FOR_EACH_SAFE (session, next, node, list) {
        ovs_list_remove(&session->node);
        session_destroy(session);
    }
}

void
sessions_destroy(struct sessions *s)
{
    destroy_list(&s->open);
    destroy_list(&s->ended);
}

static void
add_ended(struct sessions *s, struct session *session)
{
    ovs_list_push_back(&s->ended, &session->node);
    if (++s->n_ended > SESSIONS_MAX) {
        session_destroy(CONTAINER_OF(ovs_list_pop_front(&s->ended), struct session, node));
        s->n_ended--;
    }
}

void
sessions_add(struct sessions *s, struct session *session)
{
    s->last_id = MAX(s->last_id, session->id);
    if (session->to_us) {
        add_ended(s, session);
    } else {
        ovs_list_push_back(&s->open, &session->node);
        s->n_open++;
    }
}

void
sessions_remove(struct sessions *s, struct session *session)
{
    ovs_list_remove(&session->node);
    s->n_open--;
}

void
sessions_end(struct sessions *s, struct session *session, int64_t to_us)
{
    sessions_remove(s, session);
    session->to_us = to_us;
    add_ended(s, session);
}

struct session *
sessions_find(const struct sessions *s, uint64_t id)
{
    struct session *session;

    LIST_FOR_EACH (session, node, &s->open) {
        if (session->id == id) {
            return session;
        }
    }
    return NULL;
}

struct session *
sessions_find_broker(const struct sessions *s, const char *broker)
{
    struct session *session;

    LIST_FOR_EACH (session, node, &s->open) {
        if (broker[0] && !strcmp(session->broker, broker)) {
            return session;
        }
    }
    return NULL;
}

struct session *
sessions_next(const struct sessions *s, const char *port, const struct session *after)
{
    const struct ovs_list *at = after ? &after->node : &s->open;

    while ((at = at->next) != &s->open) {
        struct session *session = CONTAINER_OF(at, struct session, node);

        if (!strcmp(session->port, port)) {
            return session;
        }
    }
    return NULL;
}

size_t
sessions_count(const struct sessions *s, const char *port)
{
    const struct session *session = NULL;
    size_t n = 0;

    while ((session = sessions_next(s, port, session))) {
        n++;
    }
    return n;
}

void
session_line(const struct session *session, char line[SESSION_LINE_SIZE])
{
    snprintf(line, SESSION_LINE_SIZE, "%" PRIu64 " %s\n", session->id, session->user);
}

void
sessions_text(const struct sessions *s, const char *port, char *text, size_t size)
{
    const struct session *session = NULL;
    size_t used = 0;

    text[0] = '\0';
    while ((session = sessions_next(s, port, session))) {
        char line[SESSION_LINE_SIZE];
        size_t n;

        session_line(session, line);
        n = strlen(line);
        if (n >= size - used) {
            return;
        }
        memcpy(text + used, line, n + 1);
        used += n;
    }
}

/* ---- told late ---- */

/* "at: WHAT TIME", with a time that it is compared with. */
static enum rpc_status
refuse(char **error, const char *what, int64_t us)
{
    time_t seconds = us / 1000000;
    char text[64];
    struct tm tm;

    strftime(text, sizeof text, "%FT%T", gmtime_r(&seconds, &tm));
    return control_fail(error, RPC_INVALID_ARGUMENT, "at: %s %s.%06" PRId64 "Z", what, text,
                        us % 1000000);
}

static enum rpc_status
check_future(int64_t now_us, int64_t *at_us, char **error)
{
    if (*at_us > now_us + SKEW_US) {
        return refuse(error, "it is in the future: here it is", now_us);
    }
    *at_us = MIN(*at_us, now_us);
    return RPC_OK;
}

/* By the broker's name for it, or without one by port and user. */
static bool
is_same(const struct session *a, const struct session *b)
{
    return a->broker[0] || b->broker[0] ? !strcmp(a->broker, b->broker)
                                        : !strcmp(a->port, b->port) && !strcmp(a->user, b->user);
}

enum rpc_status
session_may_begin(const struct sessions *s, const struct session *session, int64_t added_us,
                  int64_t now_us, int64_t *at_us, char **error)
{
    enum rpc_status status = check_future(now_us, at_us, error);
    const struct session *old;

    if (status) {
        return status;
    }
    if (*at_us < added_us) {
        return refuse(error, "the port was not there yet: it is since", added_us);
    }
    LIST_FOR_EACH (old, node, &s->ended) {
        if (is_same(old, session) && old->to_us > *at_us) {
            char *what =
                xasprintf("session %" PRIu64 " is the same, and had not ended: it did", old->id);

            status = refuse(error, what, old->to_us);
            free(what);
            return status;
        }
    }
    return RPC_OK;
}

enum rpc_status
session_may_end(const struct session *session, int64_t now_us, int64_t *at_us, char **error)
{
    enum rpc_status status = check_future(now_us, at_us, error);

    if (!status && *at_us < session->from_us) {
        char *what = xasprintf("session %" PRIu64 " had not begun: it did", session->id);

        status = refuse(error, what, session->from_us);
        free(what);
    }
    return status;
}
