#include <config.h>

#include "control/incidents.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/incident_message.h"
#include "control/incident_register.h"
#include "control/message.h"
#include "control/response.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "openvswitch/vlog.h"
#include "telemetry/drop_log.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(incidents);

#define QUIET_US (7 * 86400 * INT64_C(1000000)) /* an open incident closes by itself */
#define QUIET_CHECK_MS 60000

void
incidents_resume(struct control *c)
{
    struct incidents *in = c->incidents;
    uint32_t now_s = (uint32_t) (time_msec() / 1000);
    int64_t now_us = time_wall_usec();

    for (const Fusuma__V1__Incident *m = incidents_next(in, 0); m; m = incidents_next(in, m->id)) {
        struct detected *d = m->closed ? NULL : detect_restore(m->id, m->port);

        if (d) {
            incident_message_restore(m, d, now_s, now_us);
            detect_restored();
        }
    }
}

/* ---- what is found ---- */

static void
describe_suspect(const struct control *c, const struct detected *d, Fusuma__V1__Incident *m)
{
    const struct desired_port *port = desired_find(&c->desired, d->port);

    m->port = xstrdup(d->port);
    if (port) {
        m->vm_id = xstrdup(port->spec->vm_id);
        m->mac = mac_text(port->mac);
        for (size_t i = 0; i < port->n_addrs; i++) {
            m->addresses = message_grow(m->addresses, m->n_addresses);
            m->addresses[m->n_addresses++] = addr_text(&port->addrs[i]);
        }
    }
}

/* Those that are new or worse, or fast: to be considered when detection is not locked. */
struct taking {
    struct control *control;
    struct considered {
        uint64_t id;
        uint32_t recent;
    } * graded;
    size_t n_graded, allocated;
};

static void
consider_later(struct taking *t, uint64_t id, uint32_t recent)
{
    t->graded = t->n_graded < t->allocated
                    ? t->graded
                    : x2nrealloc(t->graded, &t->allocated, sizeof *t->graded);
    t->graded[t->n_graded++] = (struct considered){ id, recent };
}

static void
take_one(const struct detected *d, void *taking)
{
    struct taking *t = taking;
    struct control *c = t->control;
    struct incident *i = register_find(c->incidents, d->id);
    bool opened = !i, graded = opened || (int) i->now->severity != (int) d->grade.severity, fast;

    if (opened) {
        i = register_open(c->incidents, d->id);
        describe_suspect(c, d, i->now);
    }
    if (i->now->closed) {
        return;
    }
    incident_message_update(i->now, d, drop_log_epoch());
    if (graded) {
        incident_message_act_by_itself(
            i->now,
            opened ? FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_OPENED
                   : FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_GRADED,
            time_wall_usec(), FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_UNSPECIFIED);
        VLOG_WARN("incident %" PRIu64 ": port %s%s%s: %s", d->id, d->port,
                  i->now->user[0] ? ", user " : "", i->now->user, i->now->grounds);
    }
    if (d->detached) {
        incident_message_act_by_itself(
            i->now, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_PORT_GONE,
            time_wall_usec(), FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_PORT_GONE);
    }
    fast = !i->rate_considered && response_wants_rate(c, d->recent);
    if (graded || fast) {
        i->rate_considered |= fast;
        consider_later(t, d->id, d->recent);
    }
    register_touch(c->incidents, i);
}

/* ---- quarantine and time, as they show in open incidents ---- */

void
incidents_released(struct control *c, const char *port, const char *who, const char *reason)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct incident *incident = &c->incidents->slots[i];
        Fusuma__V1__Incident *m = incident->now;

        if (m && !m->closed && m->quarantined && !strcmp(m->port, port)) {
            m->quarantined = false;
            incident_message_act(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_RELEASED,
                                 time_wall_usec(), who, reason);
            register_touch(c->incidents, incident);
        }
    }
}

void
incidents_captured(struct control *c, const char *port, const char *who, const char *text)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct incident *incident = &c->incidents->slots[i];
        Fusuma__V1__Incident *m = incident->now;

        if (m && !m->closed && !strcmp(m->port, port)) {
            incident_message_act(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CAPTURE,
                                 time_wall_usec(), who, text);
            register_touch(c->incidents, incident);
        }
    }
}

void
incidents_correct(struct control *c, const char *port, const char *session,
                  const struct drop_correction *what)
{
    const struct desired_port *now = desired_find(&c->desired, port);

    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct incident *incident = &c->incidents->slots[i];
        Fusuma__V1__Incident *m = incident->now;
        int id = (int) strcspn(session, " "), end = (int) strcspn(session, "\n");
        char *text;

        if (!m || strcmp(m->port, port) ||
            !incident_message_correct(m, session, what, now ? now->spec->user : "")) {
            continue;
        }
        text = xasprintf("told late: session %.*s (%.*s) %s", id, session, end - id - 1,
                         session + id + 1, what->withdrawn ? "had ended" : "was open");
        incident_message_act(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_NOTE,
                             time_wall_usec(), "switch", text);
        free(text);
        register_touch(c->incidents, incident);
    }
}

static void
follow_quarantine(struct control *c, struct incident *i)
{
    const struct desired_port *port = desired_find(&c->desired, i->now->port);
    const struct quarantine *q = port ? port->quarantine : NULL;
    bool on = q != NULL;

    if (on == i->now->quarantined || i->now->closed) {
        return;
    }
    i->now->quarantined = on;
    if (on) {
        incident_message_quarantined(i->now, q->since_us ? q->since_us : time_wall_usec(), q->who,
                                     q->comment);
    } else {
        incident_message_act(i->now,
                             FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_RELEASED,
                             time_wall_usec(), "", "");
    }
    register_touch(c->incidents, i);
}

static void
close_now(struct control *c, struct incident *i, const char *who)
{
    detect_close(i->now->id);
    i->now->closed = true;
    i->now->closed_at = time_message(time_wall_usec());
    i->now->closed_by = xstrdup(who); /* it was the default, for this happens once */
    register_touch(c->incidents, i);
}

static void
look_at_open(struct control *c)
{
    struct incidents *in = c->incidents;
    bool check_quiet = time_msec() >= in->quiet_ms;

    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct incident *incident = &in->slots[i];

        if (!incident->now || incident->now->closed) {
            continue;
        }
        follow_quarantine(c, incident);
        if (check_quiet && !incident->now->quarantined &&
            time_wall_usec() - time_us(incident->now->last_seen) > QUIET_US) {
            close_now(c, incident, "switch");
            incident_message_act_by_itself(
                incident->now, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CLOSED,
                time_wall_usec(), FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_QUIET);
        }
    }
    if (check_quiet) {
        in->quiet_ms = time_msec() + QUIET_CHECK_MS;
    }
}

void
incidents_run(struct control *c)
{
    struct taking t = { .control = c };

    response_configure(c);
    detect_take(take_one, &t);
    for (size_t i = 0; i < t.n_graded; i++) {
        struct incident *incident = register_find(c->incidents, t.graded[i].id);

        if (incident) {
            response_consider(c, incident->now, t.graded[i].recent);
        }
    }
    free(t.graded);
    look_at_open(c);
    register_store(c);
}

/* ---- what people do ---- */

static struct incident *
find_or_refuse(struct control *c, uint64_t id, incident_done *done, void *aux)
{
    struct incident *i = register_find(c->incidents, id);
    char *error;

    if (!i) {
        error = xasprintf("there is no incident %" PRIu64, id);
        done(c, RPC_NOT_FOUND, error, NULL, aux);
        free(error);
    }
    return i;
}

void
incidents_note(struct control *c, uint64_t id, const char *who, const char *text,
               incident_done *done, void *aux)
{
    struct incident *i = find_or_refuse(c, id, done, aux);

    if (i) {
        incident_message_act(i->now, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_NOTE,
                             time_wall_usec(), who, text);
        register_touch(c->incidents, i);
        register_wait(c->incidents, id, done, aux);
    }
}

void
incidents_close(struct control *c, uint64_t id, const char *who, const char *text,
                incident_done *done, void *aux)
{
    struct incident *i = find_or_refuse(c, id, done, aux);

    if (!i) {
        return;
    }
    if (i->now->closed) {
        done(c, RPC_OK, NULL, i->now, aux);
        return;
    }
    close_now(c, i, who);
    incident_message_act(i->now, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CLOSED,
                         time_wall_usec(), who, text);
    register_wait(c->incidents, id, done, aux);
}
