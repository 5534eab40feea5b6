#include <config.h>

#include "control/objects.h"

#include <stdlib.h>

#include "control/incidents.h"
#include "control/message.h"
#include "control/port_message.h"
#include "control/publish.h"
#include "control/refresh.h"
#include "fusuma/v1/watch.pb-c.h"
#include "util.h"

/* Removed objects that are remembered, of each kind: more than a host's ports have bindings. */
#define MAX_REMOVED 8192
/* Ports that each round looks at without being asked: all of 1,000 in a second or two. */
#define SWEEP 16

/* Owners: ports by their number, the policy, quarantines, and incidents by theirs, as long as they
 * are kept. */
#define POLICY_OWNER DP_MAX_PORTS
#define QUARANTINE_OWNER (POLICY_OWNER + 1)
#define INCIDENT_OWNER (QUARANTINE_OWNER + 1)
#define N_OWNERS (INCIDENT_OWNER + INCIDENTS_MAX)

/* What a port was when it was last looked at. */
struct seen {
    char *name; /* NULL: there was none of this number */
    uint64_t generation;
    bool up;
    const struct refresh *refresh; /* only to be compared */
    unsigned refresh_changes;
};

struct objects {
    struct object_log *log;
    struct seen seen[DP_MAX_PORTS];
    uint64_t policy_generation; /* 0: there was none */
    int64_t confirm_by_s;
    uint64_t quarantines_version;
    uint16_t sweep; /* the next number */
};

struct objects *
objects_create(uint64_t epoch)
{
    struct objects *o = xzalloc(sizeof *o);

    o->log = object_log_create(epoch, N_OWNERS, MAX_REMOVED);
    return o;
}

void
objects_destroy(struct objects *o)
{
    if (o) {
        for (int id = 0; id < DP_MAX_PORTS; id++) {
            free(o->seen[id].name);
        }
        object_log_destroy(o->log);
        free(o);
    }
}

struct object_log *
objects_log(struct objects *o)
{
    return o->log;
}

/* ---- ports ---- */

/* What a port has: itself, its bindings. */
struct bundle {
    struct object *objects;
    size_t n, allocated;
};

static void
add(struct bundle *b, enum object_kind kind, char *name, void *message)
{
    b->objects = b->n < b->allocated ? b->objects
                                     : x2nrealloc(b->objects, &b->allocated, sizeof *b->objects);
    b->objects[b->n++] = (struct object){ kind, name, message };
}

static void
add_binding(Fusuma__V1__Binding *binding, void *bundle)
{
    binding->expires_s = 0; /* it is renewed again and again */
    add(bundle, OBJECT_BINDING, xasprintf("%s %s", binding->port, binding->ip), binding);
}

static bool
look_at_port(struct objects *o, const struct desired_port *port)
{
    const char *name = port->spec->name;
    struct bundle b = { .n = 0 };
    struct seen *seen = &o->seen[port->id];
    bool changed;

    add(&b, OBJECT_PORT, xstrdup(name), port_message(port));
    port_bindings(port, add_binding, &b);
    changed = object_log_set(o->log, port->id, b.objects, b.n);
    free(b.objects);
    if (!seen->name) {
        seen->name = xstrdup(name);
    }
    seen->generation = port->generation;
    seen->up = port_is_up(port);
    seen->refresh = port->refresh;
    seen->refresh_changes = port->refresh ? port->refresh->changes : 0;
    return changed;
}

static bool
looks_changed(const struct seen *seen, const struct desired_port *port)
{
    return !seen->name || seen->generation != port->generation || seen->up != port_is_up(port) ||
           seen->refresh != port->refresh ||
           (port->refresh && seen->refresh_changes != port->refresh->changes);
}

/* Those that are gone go first: a port of the same name may have come with another number. */
static bool
remove_ports(struct objects *o, const struct desired *d)
{
    bool changed = false;

    for (int id = 0; id < DP_MAX_PORTS; id++) {
        struct seen *seen = &o->seen[id];
        const struct desired_port *port = d->by_id[id];

        if (seen->name && (!port || strcmp(seen->name, port->spec->name))) {
            changed |= object_log_set(o->log, id, NULL, 0);
            free(seen->name);
            *seen = (struct seen){ .name = NULL };
        }
    }
    return changed;
}

static bool
look_at_ports(struct objects *o, const struct desired *d)
{
    bool changed = false;

    for (int id = 0; id < DP_MAX_PORTS; id++) {
        const struct desired_port *port = d->by_id[id];
        bool due = (uint16_t) (id - o->sweep) % DP_MAX_PORTS < SWEEP;

        if (port && (due || looks_changed(&o->seen[id], port))) {
            changed |= look_at_port(o, port);
        }
    }
    o->sweep = (o->sweep + SWEEP) % DP_MAX_PORTS;
    return changed;
}

bool
objects_set_incident(struct objects *o, const Fusuma__V1__Incident *incident)
{
    struct object object = { .kind = OBJECT_INCIDENT,
                             .name = xasprintf("%" PRIu64, incident->id),
                             .message = message_copy(&incident->base) };

    return object_log_set(o->log, INCIDENT_OWNER + incident->id % INCIDENTS_MAX, &object, 1);
}

/* ---- quarantines ---- */

static bool
look_at_quarantines(struct objects *o, const struct desired *d)
{
    struct bundle b = { .n = 0 };
    struct shash_node *node;
    bool changed;

    if (o->quarantines_version == d->quarantines.version) {
        return false;
    }
    o->quarantines_version = d->quarantines.version;
    SHASH_FOR_EACH (node, &d->quarantines.by_id) {
        add(&b, OBJECT_QUARANTINE, xstrdup(node->name),
            quarantine_message(node->data, quarantine_port(d, node->data)));
    }
    changed = object_log_set(o->log, QUARANTINE_OWNER, b.objects, b.n);
    free(b.objects);
    return changed;
}

/* ---- the policy ---- */

static bool
look_at_policy(struct objects *o, const struct policy *policy, int64_t confirm_by_s)
{
    uint64_t generation = policy ? policy->generation : 0;
    struct object object = { .kind = OBJECT_POLICY };
    Fusuma__V1__PolicyInForce *m;

    if (generation == o->policy_generation && confirm_by_s == o->confirm_by_s) {
        return false;
    }
    o->policy_generation = generation;
    o->confirm_by_s = confirm_by_s;
    if (!policy) {
        return object_log_set(o->log, POLICY_OWNER, NULL, 0);
    }
    m = message_new(&fusuma__v1__policy_in_force__descriptor);
    m->generation = generation;
    m->digest = xstrdup(policy->digest);
    m->rules = policy->parsed->n_rules;
    m->version = policy->text->version;
    if (confirm_by_s) {
        m->confirm_by = message_new(&google__protobuf__timestamp__descriptor);
        m->confirm_by->seconds = confirm_by_s;
    }
    object.name = xstrdup("");
    object.message = &m->base;
    return object_log_set(o->log, POLICY_OWNER, &object, 1);
}

bool
objects_update(struct objects *o, const struct desired *d, const struct publisher *p,
               int64_t confirm_by_s)
{
    bool changed = remove_ports(o, d);

    changed |= look_at_policy(o, p->policy, confirm_by_s);
    changed |= look_at_ports(o, d);
    changed |= look_at_quarantines(o, d);
    return changed;
}
