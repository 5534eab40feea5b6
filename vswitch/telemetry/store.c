#include <config.h>

#include "telemetry/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "telemetry/session_lines.h"

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
        struct drop_correction correction;
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

static struct store_users *
users_create(const char *text)
{
    size_t size = strlen(text) + 1;
    struct store_users *u = malloc(sizeof *u + size);

    if (u) {
        u->refs = 1;
        memcpy(u->text, text, size);
    }
    return u;
}

/* Of records with that slot; NULL: it is not known any more. */
static struct store_users *
users_of(const struct store *s, uint16_t id, uint32_t slot)
{
    for (int i = 0; slot && id < DP_MAX_PORTS && i < STORE_SLOTS; i++) {
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

static uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

int
store_open(struct store *s, uint64_t first)
{
    /* Untouched pages of it cost nothing. */
    s->events = calloc(STORE_EVENTS, sizeof *s->events);
    s->first = first;
    s->newest = first - 1;
    s->opened_ns = now_ns();
    memset(s->told_ns, 0, sizeof s->told_ns);
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
    for (unsigned i = 0; i < STORE_CORRECTIONS; i++) {
        users_unref(s->corrections[i].session);
        s->corrections[i].session = NULL;
    }
    s->n_corrections = 0;
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
    if (id >= DP_MAX_PORTS) {
        return;
    }
    users_unref(s->sessions[id][STORE_SLOTS - 1].users);
    memmove(&s->sessions[id][1], &s->sessions[id][0],
            (STORE_SLOTS - 1) * sizeof s->sessions[id][0]);
    s->sessions[id][0].slot = slot;
    s->sessions[id][0].users = slot ? users_create(sessions) : NULL;
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

const char *
store_rule_name(const struct store *s, uint32_t slot)
{
    const struct store_name *n = rule_name(s, slot);

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

/* Whose a record is that was stamped before something was told late. */
static struct store_users *
users_of_late(const struct store *s, const struct drop_record *r)
{
    unsigned n = s->n_corrections;
    struct store_users *users = users_of(s, r->port, r->user_slot);
    char text[DROP_SESSIONS_SIZE];
    bool corrected = false;

    snprintf(text, sizeof text, "%s", users ? users->text : "");
    for (unsigned i = n < STORE_CORRECTIONS ? 0 : n - STORE_CORRECTIONS; i < n; i++) {
        const struct store_correction *c = &s->corrections[i % STORE_CORRECTIONS];

        if (c->port == r->port && r->wall_ns >= c->what.from_ns && r->wall_ns < c->what.to_ns) {
            (c->what.withdrawn ? session_lines_remove : session_lines_add)(text, c->session->text);
            corrected = true;
        }
    }
    return corrected ? users_create(text) : users_ref(users);
}

static void
told(struct store *s, uint16_t port, uint64_t wall_ns)
{
    if (port < DP_MAX_PORTS && s->told_ns[port] < wall_ns) {
        s->told_ns[port] = wall_ns;
    }
}

void
store_add_record(struct store *s, const struct drop_record *r)
{
    struct store_event *e = event_add(s, DROP_EVENT_RECORD, r->port);
    bool late = r->port < DP_MAX_PORTS && r->user_slot != s->sessions[r->port][0].slot;

    e->peer = name_ref(port_name(s, r->peer_port));
    e->rule = name_ref(rule_name(s, r->rule_slot));
    e->sessions = late ? users_of_late(s, r) : users_ref(users_of(s, r->port, r->user_slot));
    if (r->peer_port < DP_MAX_PORTS) { /* of the peer, only who is there now is known */
        e->peer_sessions = users_ref(s->sessions[r->peer_port][0].users);
    }
    e->record = *r;
    told(s, r->port, r->wall_ns);
    told(s, r->peer_port, r->wall_ns);
}

/* Of what was told before this start only the disk knows. */
static bool
may_have_told(const struct store *s, uint16_t port, uint64_t since_ns)
{
    return s->told_ns[port] >= since_ns || (s->first > 1 && since_ns < s->opened_ns);
}

bool
store_add_correction(struct store *s, uint16_t port, const char *session,
                     const struct drop_correction *what)
{
    struct store_correction *c = &s->corrections[s->n_corrections % STORE_CORRECTIONS];
    struct store_users *users = port < DP_MAX_PORTS ? users_create(session) : NULL;

    if (!users) {
        return false;
    }
    users_unref(c->session);
    *c = (struct store_correction){ .port = port, .what = *what, .session = users };
    s->n_corrections++;
    if (may_have_told(s, port, what->from_ns)) {
        struct store_event *e = event_add(s, DROP_EVENT_CORRECTION, port);

        e->sessions = users_ref(users);
        e->correction = *what;
    }
    return true;
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
    } else if (e->type == DROP_EVENT_CORRECTION) {
        event->correction = e->correction;
    } else {
        event->unsaid.reason = e->unsaid.reason;
        event->unsaid.suppressed = e->unsaid.suppressed;
        event->unsaid.lost = e->unsaid.lost;
    }
    return true;
}
