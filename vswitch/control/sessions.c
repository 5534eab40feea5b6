#include <config.h>

#include "control/sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

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
    struct session *session;

    LIST_FOR_EACH_POP (session, node, list) {
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

void
sessions_text(const struct sessions *s, const char *port, char *text, size_t size)
{
    const struct session *session = NULL;
    size_t used = 0;

    text[0] = '\0';
    while ((session = sessions_next(s, port, session))) {
        char line[SESSION_TEXT_MAX + 32];
        size_t n =
            (size_t) snprintf(line, sizeof line, "%" PRIu64 " %s\n", session->id, session->user);

        if (n >= size - used) {
            return;
        }
        memcpy(text + used, line, n + 1);
        used += n;
    }
}
