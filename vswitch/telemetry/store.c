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

struct store_event {
    struct store_name *port, *peer, *rule; /* NULL: "" */
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
    e->port = e->peer = e->rule = NULL;
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
    e->record = *r;
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
    if (e->type == DROP_EVENT_RECORD) {
        event->record = e->record;
    } else {
        event->unsaid.reason = e->unsaid.reason;
        event->unsaid.suppressed = e->unsaid.suppressed;
        event->unsaid.lost = e->unsaid.lost;
    }
    return true;
}
