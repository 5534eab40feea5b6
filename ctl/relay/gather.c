/* What there is for a sink.
 *
 * Drops come from its reader, in a queue.  Incidents and quarantine are states: what is told is the
 * difference between what the switch has and what the sink was told last, so nothing queues up for
 * a sink that is slow, and a restart of either side loses nothing. */
#include <config.h>

#include <stdlib.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/sink.h"
#include "hash.h"
#include "util.h"

/* An incident that merely grows is told once in so long; what matters, at once. */
#define HOLD_MS 10000

/* An incident that was taken, and when.  There are as many as the switch has. */
struct seen {
    struct hmap_node node;
    uint64_t id;
    size_t n_actions;
    int64_t at_ms;
};

static struct relay_observer
observer_of(const struct relay *relay)
{
    return (struct relay_observer){ .name = relay->name, .version = relay->version };
}

static void
add(struct relay_sink *sink, struct relay_event *e)
{
    e->skip = !relay_sink_wants(sink, e);
    relay_cursor_advance(&sink->taken, e);
    ovs_list_push_back(&sink->pending, &e->node);
    sink->n_pending++;
}

/* ---- heartbeat ---- */

void
relay_gather_pulse(const struct relay_sink *sink, struct relay_pulse *p)
{
    *p = sink->relay->pulse;
    p->has_lag = p->known && sink->cursor.has_drops;
    p->lag = p->drops_newest > sink->cursor.n ? p->drops_newest - sink->cursor.n : 0;
    p->delivered = sink->cursor.delivered;
    p->refused = sink->cursor.refused;
    p->missing = sink->cursor.missing;
}

static void
add_beat(struct relay_sink *sink, const char *action)
{
    struct relay_observer observer = observer_of(sink->relay);
    struct relay_pulse pulse;

    relay_gather_pulse(sink, &pulse);
    sink->n_beats++;
    add(sink, ecs_heartbeat(sink->config->name, action, &pulse, relay_wall_ns(), &observer));
}

static void
gather_beats(struct relay_sink *sink)
{
    const struct relay *relay = sink->relay;
    int64_t now = relay_now_ms(), every = relay->config->heartbeat_ms;
    bool silent = !relay->pulse.up && now - relay->answered_ms > 2 * every;

    if (silent && !sink->taken.silent) {
        add_beat(sink, "sensor-silent");
    } else if (relay->pulse.up && sink->taken.silent) {
        add_beat(sink, "sensor-back");
    }
    /* One that a sink has not taken yet is enough. */
    if (relay->asked && now >= sink->beat_ms && !sink->n_beats) {
        sink->beat_ms = now + every;
        add_beat(sink, "heartbeat");
    }
}

/* ---- quarantine ---- */

static void
add_quarantine(struct relay_sink *sink, const Fusuma__V1__QuarantineState *q, bool set,
               const char *since)
{
    struct relay_observer observer = observer_of(sink->relay);

    add(sink, ecs_quarantine(q, set, since, relay_wall_ns(), &observer));
}

static void
gather_set(struct relay_sink *sink)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &sink->relay->quarantines) {
        const struct relay_object *q = node->data;
        const char *told = smap_get(&sink->taken.quarantined, node->name);
        char *since = ecs_since(q->event->quarantine);
        char *state = ecs_quarantine_state(q->event->quarantine);

        if (!told || strcmp(told, state) != 0) {
            add_quarantine(sink, q->event->quarantine, true, since);
        }
        free(state);
        free(since);
    }
}

static void
gather_released(struct relay_sink *sink)
{
    struct smap_node *told, *next;

    SMAP_FOR_EACH_SAFE(told, next, &sink->taken.quarantined)
    {
        if (!shash_find(&sink->relay->quarantines, told->key)) {
            Fusuma__V1__QuarantineState q = FUSUMA__V1__QUARANTINE_STATE__INIT;
            char *id = xstrdup(told->key), *since = xstrdup(told->value);
            char *space = strchr(since, ' ');

            q.id = id;
            q.port = space ? space + 1 : id;
            if (space) {
                *space = '\0';
            }
            add_quarantine(sink, &q, false, since); /* 'told' goes with it */
            free(id);
            free(since);
        }
    }
}

/* ---- refresh ---- */

/* What was told of ports that are long gone. */
static void
forget_refreshes(struct relay_sink *sink, struct smap *told)
{
    struct smap_node *node, *next;

    if (smap_count(told) <= RELAY_REFRESHES) {
        return;
    }
    SMAP_FOR_EACH_SAFE(node, next, told)
    {
        if (!shash_find(&sink->relay->refreshes, node->key)) {
            smap_remove_node(told, node);
        }
    }
}

static void
gather_refreshes(struct relay_sink *sink)
{
    struct relay_observer observer = observer_of(sink->relay);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &sink->relay->refreshes) {
        const Fusuma__V1__Port *port = ((const struct relay_object *) node->data)->event->port;
        const char *told = smap_get(&sink->taken.refreshed, node->name);
        char *state = ecs_refresh_state(port->refresh);

        if (!told || strcmp(told, state) != 0) {
            add(sink, ecs_refresh(port, relay_wall_ns(), &observer));
        }
        free(state);
    }
    forget_refreshes(sink, &sink->taken.refreshed);
    forget_refreshes(sink, &sink->cursor.refreshed);
}

/* ---- incidents ---- */

static struct seen *
find_seen(const struct relay_sink *sink, uint64_t id)
{
    struct seen *s;

    HMAP_FOR_EACH_WITH_HASH (s, node, hash_uint64(id), &sink->seen) {
        if (s->id == id) {
            return s;
        }
    }
    return NULL;
}

static void
note_seen(struct relay_sink *sink, const Fusuma__V1__Incident *i)
{
    struct seen *s = find_seen(sink, i->id);

    if (!s) {
        s = xzalloc(sizeof *s);
        s->id = i->id;
        hmap_insert(&sink->seen, &s->node, hash_uint64(i->id));
    }
    s->n_actions = i->n_actions;
    s->at_ms = relay_now_ms();
}

static bool
is_gone(const void *relay, uint64_t id)
{
    return !relay_watch_incident(relay, id);
}

/* What was known of incidents that the switch no longer keeps. */
static void
forget_incidents(struct relay_sink *sink)
{
    struct seen *s;

    HMAP_FOR_EACH_SAFE (s, node, &sink->seen) {
        if (is_gone(sink->relay, s->id)) {
            hmap_remove(&sink->seen, &s->node);
            free(s);
        }
    }
    relay_cursor_forget(&sink->taken, is_gone, sink->relay);
    relay_cursor_forget(&sink->cursor, is_gone, sink->relay);
}

void
relay_gather_clear(struct relay_sink *sink)
{
    struct seen *s;

    HMAP_FOR_EACH_SAFE (s, node, &sink->seen) {
        hmap_remove(&sink->seen, &s->node);
        free(s);
    }
}

static bool
is_new(const struct relay_sink *sink, const Fusuma__V1__Incident *i)
{
    return !relay_cursor_has(&sink->taken, i->id, i->revision);
}

/* Its last action was its end: it is told as that also to a sink that never knew it open. */
static bool
has_just_closed(const Fusuma__V1__Incident *i)
{
    Fusuma__V1__IncidentActionKind last =
        i->n_actions ? i->actions[i->n_actions - 1]->kind
                     : FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CLOSED;

    return last == FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CLOSED ||
           last == FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_PORT_GONE;
}

static const char *
action_of(const struct relay_sink *sink, const Fusuma__V1__Incident *i)
{
    const struct relay_open *o = relay_cursor_open(&sink->taken, i->id);

    if (i->closed) {
        return o || has_just_closed(i) ? "incident-closed" : "incident-changed";
    }
    return !o                                      ? "incident-opened"
           : (int) i->severity > (int) o->severity ? "incident-raised"
                                                   : "incident-changed";
}

/* When it is to be told: 0, now. */
static int64_t
due(const struct relay_sink *sink, const Fusuma__V1__Incident *i)
{
    const struct seen *s = find_seen(sink, i->id);
    bool grew =
        s && s->n_actions == i->n_actions && !strcmp(action_of(sink, i), "incident-changed");

    return grew && relay_now_ms() < s->at_ms + HOLD_MS ? s->at_ms + HOLD_MS : 0;
}

static int
compare_revisions(const void *a_, const void *b_)
{
    const Fusuma__V1__Incident *const *a = a_, *const *b = b_;

    return (*a)->revision < (*b)->revision ? -1 : (*a)->revision > (*b)->revision;
}

/* Those to be told now, by revision; '*floor' is the highest revision up to which nothing is held
 * back. */
static size_t
select_incidents(struct relay_sink *sink, const Fusuma__V1__Incident **out, uint64_t *floor)
{
    const struct relay_incident *r;
    size_t n = 0;

    sink->held_ms = 0;
    *floor = UINT64_MAX;
    HMAP_FOR_EACH (r, node, &sink->relay->incidents) {
        const Fusuma__V1__Incident *i = r->event->incident;
        int64_t at = is_new(sink, i) ? due(sink, i) : 0;

        if (at) {
            sink->held_ms = sink->held_ms ? MIN(sink->held_ms, at) : at;
            *floor = MIN(*floor, i->revision - 1);
        } else if (is_new(sink, i)) {
            out[n++] = i;
        }
    }
    qsort(out, n, sizeof *out, compare_revisions);
    return n;
}

static void
gather_incidents(struct relay_sink *sink)
{
    const Fusuma__V1__Incident **found =
        xcalloc(hmap_count(&sink->relay->incidents) + 1, sizeof *found);
    struct relay_observer observer = observer_of(sink->relay);
    uint64_t floor;
    size_t n = select_incidents(sink, found, &floor);

    for (size_t i = 0; i < n; i++) {
        struct relay_event *e = ecs_incident(found[i], action_of(sink, found[i]), &observer);

        e->at.incident.all = MIN(found[i]->revision, floor);
        note_seen(sink, found[i]);
        add(sink, e);
    }
    free(found);
    forget_incidents(sink);
}

/* ---- all of it ---- */

/* A sink that is to begin with what is to come knows all that is there. */
static void
begin_now(struct relay_sink *sink)
{
    struct relay_incident *r;
    struct shash_node *node;

    HMAP_FOR_EACH (r, node, &sink->relay->incidents) {
        sink->taken.revision = MAX(sink->taken.revision, r->event->incident->revision);
    }
    sink->taken.has_incidents = true;
    SHASH_FOR_EACH (node, &sink->relay->quarantines) {
        const struct relay_object *q = node->data;
        char *state = ecs_quarantine_state(q->event->quarantine);

        smap_replace(&sink->taken.quarantined, node->name, state);
        free(state);
    }
    SHASH_FOR_EACH (node, &sink->relay->refreshes) {
        const Fusuma__V1__Port *port = ((const struct relay_object *) node->data)->event->port;
        char *state = ecs_refresh_state(port->refresh);

        smap_replace(&sink->taken.refreshed, node->name, state);
        free(state);
    }
    sink->cursor.has_incidents = true;
    sink->cursor.revision = sink->taken.revision;
    smap_destroy(&sink->cursor.quarantined);
    smap_clone(&sink->cursor.quarantined, &sink->taken.quarantined);
    smap_destroy(&sink->cursor.refreshed);
    smap_clone(&sink->cursor.refreshed, &sink->taken.refreshed);
    sink->fresh = false;
    sink->dirty = true;
}

static void
gather_watched(struct relay_sink *sink)
{
    const struct relay *relay = sink->relay;

    if (!relay->synced) {
        return;
    }
    if (sink->fresh) {
        begin_now(sink);
    }
    if (sink->watched == relay->watched && (!sink->held_ms || relay_now_ms() < sink->held_ms)) {
        return;
    }
    sink->watched = relay->watched;
    if (relay_sink_takes(sink->config, RELAY_INCIDENTS)) {
        gather_incidents(sink);
    }
    if (relay_sink_takes(sink->config, RELAY_QUARANTINE)) {
        gather_set(sink);
        gather_released(sink);
    }
    if (relay_sink_takes(sink->config, RELAY_REFRESH)) {
        gather_refreshes(sink);
    }
}

static void
gather_drops(struct relay_sink *sink)
{
    struct relay_event *e;

    while (sink->n_incoming && sink->n_pending < RELAY_MAX_PENDING) {
        e = CONTAINER_OF(ovs_list_pop_front(&sink->incoming), struct relay_event, node);
        sink->n_incoming--;
        ovs_list_push_back(&sink->pending, &e->node);
        sink->n_pending++;
    }
    pthread_cond_signal(&sink->room);
}

void
relay_gather(struct relay_sink *sink)
{
    if (sink->n_pending >= RELAY_MAX_PENDING) {
        return;
    }
    if (relay_sink_takes(sink->config, RELAY_HEARTBEAT)) {
        gather_beats(sink);
    }
    gather_watched(sink);
    gather_drops(sink);
}
