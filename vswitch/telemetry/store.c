#include <config.h>

#include "telemetry/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_name {
    unsigned refs;
    char name[64], user[64]; /* as in struct drop_event; a rule has no user */
};

struct store_users {
    unsigned refs;
    char text[]; /* as in struct drop_event */
};

struct store_event {
    struct store_name *port, *peer, *rule;        /* NULL: "" */
    struct store_users *sessions, *peer_sessions; /* likewise */
    enum drop_event_type type;
    union {
        struct drop_record record;
        struct {
            uint64_t suppressed, lost;
            uint8_t reason;
        } unsaid;
    };
};

static struct store_name *
name_ref(struct store_name *n)
{
    if (n) {
        n->refs++;
    }
    return n;
}

static void
name_unref(struct store_name *n)
{
    if (n && !--n->refs) {
        free(n);
    }
}

static void
name_set(struct store_name **slot, const char *name, const char *user)
{
    struct store_name *n = NULL;

    if (*name || *user) {
        n = calloc(1, sizeof *n);
        if (n) {
            n->refs = 1;
            snprintf(n->name, sizeof n->name, "%s", name);
            snprintf(n->user, sizeof n->user, "%s", user);
        }
    }
    name_unref(*slot);
    *slot = n;
}

static struct store_users *
users_ref(struct store_users *u)
{
    if (u) {
        u->refs++;
    }
    return u;
}

static void
users_unref(struct store_users *u)
{
    if (u && !--u->refs) {
        free(u);
    }
}

/* Of records with that slot; NULL: it is not known any more. */
static struct store_users *
users_of(const struct store *s, uint16_t id, uint32_t slot)
{
    for (int i = 0; slot && id < DP_MAX_PORTS && i < 2; i++) {
        if (s->sessions[id][i].slot == slot) {
            return s->sessions[id][i].users;
        }
    }
    return NULL;
}

static struct store_name *
port_name(const struct store *s, uint16_t id)
{
    return id < DP_MAX_PORTS ? s->ports[id] : NULL;
}

static struct store_name *
rule_name(const struct store *s, uint32_t slot)
{
    return slot < s->n_rules ? s->rules[slot] : NULL;
}

int
store_open(struct store *s, uint64_t first)
{
    /* Untouched pages of it cost nothing. */
    s->events = calloc(STORE_EVENTS, sizeof *s->events);
    s->first = first;
    s->newest = first - 1;
    return s->events ? 0 : ENOMEM;
}

static void
event_clear(struct store_event *e)
{
    name_unref(e->port);
    name_unref(e->peer);
    name_unref(e->rule);
    users_unref(e->sessions);
    users_unref(e->peer_sessions);
    e->port = e->peer = e->rule = NULL;
    e->sessions = e->peer_sessions = NULL;
}

void
store_close(struct store *s)
{
    uint64_t oldest = store_oldest(s);

    for (uint64_t n = oldest; oldest && n <= s->newest; n++) {
        event_clear(&s->events[(n - 1) % STORE_EVENTS]);
    }
    free(s->events);
    s->events = NULL;
    s->newest = s->first - 1;
}

void
store_name_port(struct store *s, uint16_t id, const char *name, const char *user)
{
    if (id < DP_MAX_PORTS) {
        name_set(&s->ports[id], name, user);
    }
}

void
store_set_sessions(struct store *s, uint16_t id, uint32_t slot, const char *sessions)
{
    size_t size = strlen(sessions) + 1;
    struct store_users *users = NULL;

    if (id >= DP_MAX_PORTS) {
        return;
    }
    if (slot) {
        users = malloc(sizeof *users + size);
    }
    if (users) {
        users->refs = 1;
        memcpy(users->text, sessions, size);
    }
    users_unref(s->sessions[id][1].users);
    s->sessions[id][1] = s->sessions[id][0];
    s->sessions[id][0].slot = slot;
    s->sessions[id][0].users = users;
}

static bool
grow_rules(struct store *s, uint32_t slot)
{
    uint32_t n = slot < 64 ? 64 : slot + slot / 2;
    struct store_name **rules = realloc(s->rules, n * sizeof *rules);

    if (!rules) {
        return false;
    }
    memset(rules + s->n_rules, 0, (n - s->n_rules) * sizeof *rules);
    s->rules = rules;
    s->n_rules = n;
    return true;
}

void
store_name_rule(struct store *s, uint32_t slot, const char *rule_id)
{
    if (slot < s->n_rules || (*rule_id && grow_rules(s, slot))) {
        name_set(&s->rules[slot], rule_id, "");
    }
}

const char *
store_port_name(const struct store *s, uint16_t id)
{
    const struct store_name *n = port_name(s, id);

    return n ? n->name : "";
}

/* The place of the next event, emptied of the one that it pushes out. */
static struct store_event *
event_add(struct store *s, enum drop_event_type type, uint16_t port)
{
    struct store_event *e = &s->events[s->newest++ % STORE_EVENTS]; /* (n - 1) % ... */

    event_clear(e);
    e->type = type;
    e->port = name_ref(port_name(s, port));
    return e;
}

void
store_add_record(struct store *s, const struct drop_record *r)
{
    struct store_event *e = event_add(s, DROP_EVENT_RECORD, r->port);

    e->peer = name_ref(port_name(s, r->peer_port));
    e->rule = name_ref(rule_name(s, r->rule_slot));
    e->sessions = users_ref(users_of(s, r->port, r->user_slot));
    if (r->peer_port < DP_MAX_PORTS) { /* of the peer, only who is there now is known */
        e->peer_sessions = users_ref(s->sessions[r->peer_port][0].users);
    }
    e->record = *r;
}

void
store_newest_names(const struct store *s, struct drop_names *names)
{
    const struct store_event *e = &s->events[(s->newest - 1) % STORE_EVENTS];

    *names = (struct drop_names){
        .port = e->port ? e->port->name : "",
        .user = e->port ? e->port->user : "",
        .peer_port = e->peer ? e->peer->name : "",
        .peer_user = e->peer ? e->peer->user : "",
        .rule = e->rule ? e->rule->name : "",
        .sessions = e->sessions ? e->sessions->text : "",
        .peer_sessions = e->peer_sessions ? e->peer_sessions->text : "",
    };
}

void
store_add_unsaid(struct store *s, uint16_t port, uint8_t reason, uint64_t suppressed, uint64_t lost)
{
    struct store_event *e = event_add(s, DROP_EVENT_UNSAID, port);

    e->unsaid.reason = reason;
    e->unsaid.suppressed = suppressed;
    e->unsaid.lost = lost;
}

uint64_t
store_oldest(const struct store *s)
{
    if (s->newest < s->first) {
        return 0;
    }
    return s->newest - s->first < STORE_EVENTS ? s->first : s->newest - STORE_EVENTS + 1;
}

static void
copy_name(const struct store_name *n, char *name, char *user)
{
    /* Both sides are 64 bytes with a NUL. */
    memcpy(name, n ? n->name : "", n ? sizeof n->name : 1);
    if (user) {
        memcpy(user, n ? n->user : "", n ? sizeof n->user : 1);
    }
}

static void
copy_users(const struct store_users *u, char text[DROP_SESSIONS_SIZE])
{
    snprintf(text, DROP_SESSIONS_SIZE, "%s", u ? u->text : "");
}

bool
store_next(const struct store *s, uint64_t after, struct drop_event *event)
{
    if (after >= s->newest || s->newest < s->first) {
        return false;
    }
    uint64_t oldest = store_oldest(s);
    uint64_t n = after + 1 > oldest ? after + 1 : oldest;
    const struct store_event *e = &s->events[(n - 1) % STORE_EVENTS];

    event->n = n;
    event->type = e->type;
    copy_name(e->port, event->port, event->user);
    copy_name(e->peer, event->peer_port, event->peer_user);
    copy_name(e->rule, event->rule, NULL);
    copy_users(e->sessions, event->sessions);
    copy_users(e->peer_sessions, event->peer_sessions);
    if (e->type == DROP_EVENT_RECORD) {
        event->record = e->record;
    } else {
        event->unsaid.reason = e->unsaid.reason;
        event->unsaid.suppressed = e->unsaid.suppressed;
        event->unsaid.lost = e->unsaid.lost;
    }
    return true;
}
