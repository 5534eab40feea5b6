/* Incidents, quarantine, and what the relay says itself. */
#include <config.h>

#include "ctl/relay/ecs_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "util.h"

/* ---- incidents ---- */

static const char *
incident_kind(Fusuma__V1__IncidentKind kind)
{
    switch (kind) {
    case FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_PROBE:
        return "probe";
    case FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_PORT_SCAN:
        return "port scan";
    case FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_SWEEP:
        return "sweep";
    case FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_WORM:
        return "worm";
    case FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_FLOOD:
        return "flood";
    case FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_UNSPECIFIED:
    default:
        return "incident";
    }
}

/* The switch's four are ours but the lowest. */
static enum relay_severity
incident_severity(Fusuma__V1__IncidentSeverity severity)
{
    int s = (int) severity;

    return s <= 0 ? RELAY_LOW : s > RELAY_CRITICAL ? RELAY_CRITICAL : (enum relay_severity) s;
}

static void
put_suspect(json_t *root, const Fusuma__V1__Incident *i)
{
    for (size_t j = 0; j < i->n_addresses; j++) {
        ecs_add(root, "source.ip", i->addresses[j]);
        ecs_add(root, "related.ip", i->addresses[j]);
    }
    ecs_text(root, "source.address", i->n_addresses ? i->addresses[0] : i->port);
    ecs_text(root, "user.name", i->user);
    ecs_text(root, "source.user.name", i->user);
    ecs_add(root, "related.hosts", i->port);
    ecs_text(root, "host.id", i->vm_id);
    ecs_text(root, "observer.ingress.interface.name", i->port);
    for (size_t j = 0; j < i->n_sessions; j++) {
        ecs_add(root, "related.user", i->sessions[j]->user);
    }
    if (!i->n_sessions) {
        ecs_add(root, "related.user", i->user);
    }
    ecs_number(root, "source.packets", i->packets);
}

static void
put_targets(json_t *root, const Fusuma__V1__Incident *i)
{
    for (size_t j = 0; j < i->n_targets; j++) {
        ecs_add(root, "related.ip", i->targets[j]->address);
        ecs_add(root, "related.hosts", i->targets[j]->port);
        ecs_add(root, "related.user", i->targets[j]->user);
    }
}

static void
put_times(json_t *root, const Fusuma__V1__Incident *i)
{
    char *start = ecs_time(i->first_seen),
         *end = ecs_time(i->closed_at ? i->closed_at : i->last_seen);

    ecs_text(root, "event.start", start);
    ecs_text(root, "event.end", end);
    free(start);
    free(end);
}

struct relay_event *
ecs_incident(const Fusuma__V1__Incident *i, const char *action,
             const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_INCIDENTS);
    json_t *root;

    e->id = xasprintf("incident-%" PRIu64 "-%" PRIu64, i->id, i->revision);
    e->at.incident.id = i->id;
    e->at.incident.revision = e->at.incident.all = i->revision;
    e->at.incident.closed = i->closed;
    e->action = action;
    e->notable = strcmp(action, "incident-changed") != 0;
    e->severity = incident_severity(i->severity);
    e->time_ns = ecs_ns(i->closed ? i->closed_at : i->last_seen);
    root = ecs_begin(e, "alert", "network intrusion_detection",
                     !strcmp(action, "incident-opened") ? "denied start"
                     : i->closed                        ? "denied end"
                                                        : "denied change",
                     observer);
    ecs_number(root, "event.sequence", i->revision);
    ecs_text(root, "event.outcome", "failure");
    ecs_text(root, "event.reason", i->grounds);
    put_times(root, i);
    put_suspect(root, i);
    put_targets(root, i);
    ecs_put(root, "fusuma.incident", proto_to_json(&i->base));
    ecs_end(e, root,
            "incident %" PRIu64 " %s: %s, severity %s, by %s%s%s%s: %" PRIu64 " packets to %" PRIu64
            " targets and %" PRIu64 " services%s%s",
            i->id, action + strlen("incident-"), incident_kind(i->kind),
            relay_severity_names[e->severity], i->port, i->user[0] ? " (" : "", i->user,
            i->user[0] ? ")" : "", i->packets, i->distinct_targets, i->distinct_services,
            i->grounds[0] ? ": " : "", i->grounds);
    return e;
}

/* ---- quarantine ---- */

char *
ecs_since(const Fusuma__V1__QuarantineState *q)
{
    return xasprintf("%" PRId64, ecs_ns(q->since));
}

char *
ecs_quarantine_state(const Fusuma__V1__QuarantineState *q)
{
    return xasprintf("%" PRId64 " %s", ecs_ns(q->since), q->port);
}

const char *
ecs_quarantine_id(const Fusuma__V1__QuarantineState *q)
{
    return q->id[0] ? q->id : q->port;
}

struct relay_event *
ecs_quarantine(const Fusuma__V1__QuarantineState *q, bool set, const char *since, int64_t now_ns,
               const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_QUARANTINE);
    json_t *root;

    e->id = xasprintf("quarantine-%s-%s-%s", q->port, since, set ? "set" : "released");
    e->at.port.name = xstrdup(ecs_quarantine_id(q));
    e->at.port.state = set ? ecs_quarantine_state(q) : NULL;
    e->action = set ? "quarantine-set" : "quarantine-released";
    e->severity = RELAY_MEDIUM;
    e->notable = true;
    e->time_ns = set && q->since ? ecs_ns(q->since) : now_ns;
    root = ecs_begin(e, "event", "configuration network", "change", observer);
    ecs_text(root, "event.outcome", "success");
    ecs_add(root, "related.hosts", q->port);
    ecs_text(root, "observer.ingress.interface.name", q->port);
    ecs_text(root, "fusuma.quarantine.port", q->port);
    if (set) {
        ecs_text(root, "user.name", q->who);
        ecs_add(root, "related.user", q->who);
        ecs_text(root, "event.reason", q->comment);
    }
    ecs_end(e, root, set ? "%s is in quarantine%s%s%s%s" : "%s is out of quarantine%s%s%s%s",
            q->port, set && q->who[0] ? ", by " : "", set ? q->who : "",
            set && q->comment[0] ? ": " : "", set ? q->comment : "");
    return e;
}

/* ---- refresh ---- */

static const char *
refresh_word(const Fusuma__V1__PortRefresh *r)
{
    switch (r->state) {
    case FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY:
        return "begun";
    case FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_DONE:
        return "done";
    default:
        return "held";
    }
}

char *
ecs_refresh_state(const Fusuma__V1__PortRefresh *r)
{
    return xasprintf("%" PRId64 "-%s", ecs_ns(r->since), refresh_word(r));
}

struct relay_event *
ecs_refresh(const Fusuma__V1__Port *port, int64_t now_ns, const struct relay_observer *observer)
{
    static const char *const actions[] = { "refresh-begun", "refresh-done", "refresh-held" };
    struct relay_event *e = relay_event_new(RELAY_REFRESH);
    const Fusuma__V1__PortRefresh *r = port->refresh;
    const char *name = port->spec->name, *word = refresh_word(r);
    json_t *root;

    e->at.port.name = xstrdup(name);
    e->at.port.state = ecs_refresh_state(r);
    e->id = xasprintf("refresh-%s-%s", name, e->at.port.state);
    e->action = actions[*word == 'b' ? 0 : *word == 'd' ? 1 : 2];
    e->severity = RELAY_INFO;
    e->time_ns = *word == 'b' && r->since  ? ecs_ns(r->since)
                 : *word == 'd' && r->done ? ecs_ns(r->done)
                                           : now_ns;
    root = ecs_begin(e, "event", "configuration host", "change", observer);
    ecs_add(root, "related.hosts", name);
    ecs_text(root, "observer.ingress.interface.name", name);
    ecs_text(root, "user.name", r->user);
    ecs_add(root, "related.user", r->user);
    ecs_text(root, "fusuma.refresh.port", name);
    ecs_text(root, "fusuma.refresh.vm_id", r->vm_id);
    ecs_number(root, "fusuma.refresh.session", r->session_id);
    ecs_text(root, "fusuma.refresh.held_by", r->held_by);
    if (*word == 'd') {
        ecs_number(root, "fusuma.refresh.image_lived_ms", r->image_lived_ms);
        ecs_end(e, root,
                "%s has a new machine; the one of %s lived %" PRIu64 " ms after the logoff", name,
                r->user, r->image_lived_ms);
    } else {
        ecs_end(e, root,
                *word == 'b' ? "%s is to be made anew: %s has logged off%s"
                             : "%s is not made anew after the logoff of %s: %s",
                name, r->user, *word == 'b' ? "" : r->held_by);
    }
    return e;
}

/* ---- heartbeat ---- */

static void
put_pulse(json_t *root, const struct relay_pulse *p)
{
    ecs_put(root, "fusuma.heartbeat.up", json_boolean(p->up));
    if (p->known) {
        ecs_number(root, "fusuma.heartbeat.drops.epoch", p->drop_epoch);
        ecs_number(root, "fusuma.heartbeat.drops.newest", p->drops_newest);
        ecs_put(root, "fusuma.heartbeat.drops.storing", json_boolean(p->storing));
        ecs_number(root, "fusuma.heartbeat.workers.all", p->workers);
        ecs_number(root, "fusuma.heartbeat.workers.alive", p->workers_alive);
        ecs_number(root, "fusuma.heartbeat.ports.all", p->ports);
        ecs_number(root, "fusuma.heartbeat.ports.up", p->ports_up);
        ecs_number(root, "fusuma.heartbeat.ports.quarantined", p->quarantined);
        ecs_text(root, "fusuma.heartbeat.alarm", p->alarm);
    }
    if (p->has_lag) {
        ecs_number(root, "fusuma.heartbeat.sink.lag", p->lag);
    }
    ecs_number(root, "fusuma.heartbeat.sink.delivered", p->delivered);
    ecs_number(root, "fusuma.heartbeat.sink.refused", p->refused);
    ecs_number(root, "fusuma.heartbeat.sink.missing", p->missing);
}

struct relay_event *
ecs_heartbeat(const char *sink, const char *action, const struct relay_pulse *p, int64_t now_ns,
              const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_HEARTBEAT);
    bool alert = strcmp(action, "heartbeat") != 0;
    json_t *root;

    e->id = xasprintf("%s-%s-%" PRId64, sink, action, now_ns);
    e->at.heartbeat.silent = !strcmp(action, "sensor-silent");
    e->at.heartbeat.back = !strcmp(action, "sensor-back");
    e->action = action;
    e->severity = alert ? RELAY_HIGH : RELAY_INFO;
    e->notable = alert;
    e->time_ns = now_ns;
    root = ecs_begin(e, alert ? "alert" : "metric", "host",
                     e->at.heartbeat.silent ? "error" : "info", observer);
    put_pulse(root, p);
    if (e->at.heartbeat.silent) {
        ecs_end(e, root, "the switch %s is silent: it cannot be reached", observer->name);
    } else if (alert) {
        ecs_end(e, root, "the switch %s is back", observer->name);
    } else if (!p->up) {
        ecs_end(e, root, "the switch %s does not answer", observer->name);
    } else {
        ecs_end(e, root,
                "the switch %s is up: %" PRIu32 " of %" PRIu32 " ports, %" PRIu32 " of %" PRIu32
                " workers, newest drop %" PRIu64 "%s%s%s",
                observer->name, p->ports_up, p->ports, p->workers_alive, p->workers,
                p->drops_newest, p->storing ? "" : ", NOT STORED",
                p->alarm && p->alarm[0] ? ", ALARM: " : "", p->alarm ? p->alarm : "");
    }
    return e;
}
