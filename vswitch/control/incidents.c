#include <config.h>

#include "control/incidents.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/incident_message.h"
#include "control/incident_store.h"
#include "control/message.h"
#include "control/objects.h"
#include "control/response.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "openvswitch/vlog.h"
#include "telemetry/drop_log.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(incidents);

/* At a start: beyond any number that was given to what was shown, but not stored, for the disk
 * failed. */
#define REVISION_JUMP 1000000
#define RETRY_MS 10000
#define QUIET_US (7 * 86400 * INT64_C(1000000)) /* an open incident closes by itself */
#define QUIET_CHECK_MS 60000

struct incident {
    Fusuma__V1__Incident *now;   /* as it is */
    Fusuma__V1__Incident *shown; /* as it is stored; NULL: not yet */
    bool changed;                /* since it was handed over to be stored */
    bool rate_considered;        /* whether it is fast enough to be cut off */
};

/* Somebody waits for a change to be stored. */
struct waiter {
    struct ovs_list node;
    uint64_t id;
    bool in_batch; /* the batch under way has it */
    incident_done *done;
    void *aux;
};

struct incidents {
    struct incident slots[INCIDENTS_MAX]; /* by id % INCIDENTS_MAX */
    uint64_t newest, revision;            /* the last ones given */
    struct ovs_list waiters;

    /* The batch under way is the writer's until 'batch_done'. */
    struct incident_store *store; /* NULL: memory only */
    struct writer_job job;
    struct latch *wake;
    Fusuma__V1__Incident **batch;
    size_t n_batch;
    bool writing, failing;
    char *batch_error;
    atomic_bool batch_done;
    long long retry_ms, quiet_ms;
    bool due; /* something is to be stored */
};

static struct incident *
slot_of(struct incidents *in, uint64_t id)
{
    return &in->slots[id % INCIDENTS_MAX];
}

static struct incident *
find(struct incidents *in, uint64_t id)
{
    struct incident *i = slot_of(in, id);

    return i->now && i->now->id == id ? i : NULL;
}

static void
incident_clear(struct incident *i)
{
    message_free(i->now);
    message_free(i->shown);
    *i = (struct incident){ .now = NULL };
}

static void
touch(struct incidents *in, struct incident *i)
{
    i->now->revision = ++in->revision;
    i->changed = true;
    in->due = true;
}

/* ---- the start and the end ---- */

static void
load_one(Fusuma__V1__Incident *m, void *in_)
{
    struct incidents *in = in_;
    struct incident *i = slot_of(in, m->id);

    incident_clear(i);
    m->actions = message_make_room(m->actions, m->n_actions);
    i->now = m;
    i->shown = message_copy(&m->base);
    in->newest = MAX(in->newest, m->id);
    in->revision = MAX(in->revision, m->revision);
}

static void
open_store(struct incidents *in, const char *state_dir)
{
    char *path = xasprintf("%s/incidents.db", state_dir), *warning = NULL, *error = NULL;

    if (incident_store_open(path, &in->store, &warning, &error) ||
        incident_store_load(in->store, load_one, in, &error)) {
        VLOG_ERR("incidents are kept in memory only: %s", error);
        incident_store_close(in->store);
        in->store = NULL;
    } else if (warning) {
        VLOG_ERR("a new register of incidents is begun: %s", warning);
    }
    free(warning);
    free(error);
    free(path);
}

struct incidents *
incidents_create(struct control *c, const char *state_dir)
{
    struct incidents *in = xzalloc(sizeof *in);

    ovs_list_init(&in->waiters);
    in->wake = &c->wake;
    atomic_init(&in->batch_done, false);
    open_store(in, state_dir);
    in->revision += REVISION_JUMP;
    detect_set_next_id(in->newest + 1);
    return in;
}

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

static void take_batch(struct incidents *);
static void write_batch(struct writer_job *);

void
incidents_destroy(struct incidents *in)
{
    struct waiter *w;

    if (!in) {
        return;
    }
    if (in->store && in->due && !in->writing) {
        take_batch(in);
        write_batch(&in->job);
        if (in->batch_error) {
            VLOG_ERR("the last changes of incidents are lost: %s", in->batch_error);
        }
    }
    for (size_t i = 0; i < in->n_batch; i++) {
        message_free(in->batch[i]);
    }
    free(in->batch);
    free(in->batch_error);
    LIST_FOR_EACH_POP (w, node, &in->waiters) {
        free(w); /* its call went with the server */
    }
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        incident_clear(&in->slots[i]);
    }
    incident_store_close(in->store);
    free(in);
}

/* ---- reading ---- */

const Fusuma__V1__Incident *
incidents_find(const struct incidents *in, uint64_t id)
{
    const struct incident *i = &in->slots[id % INCIDENTS_MAX];

    return i->shown && i->shown->id == id ? i->shown : NULL;
}

const Fusuma__V1__Incident *
incidents_next(const struct incidents *in, uint64_t after)
{
    uint64_t id = MAX(after + 1, in->newest > INCIDENTS_MAX ? in->newest - INCIDENTS_MAX + 1 : 1);

    for (; id <= in->newest; id++) {
        if (incidents_find(in, id)) {
            return incidents_find(in, id);
        }
    }
    return NULL;
}

const Fusuma__V1__Incident *
incidents_previous(const struct incidents *in, uint64_t before)
{
    uint64_t oldest = in->newest > INCIDENTS_MAX ? in->newest - INCIDENTS_MAX + 1 : 1;

    for (uint64_t id = before ? before - 1 : in->newest; id >= oldest; id--) {
        if (incidents_find(in, id)) {
            return incidents_find(in, id);
        }
    }
    return NULL;
}

void
incidents_count(const struct incidents *in, struct incident_counts *counts)
{
    *counts = (struct incident_counts){ .total = in->newest };
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const Fusuma__V1__Incident *m = in->slots[i].shown;

        if (m && !m->closed && (unsigned) m->kind < INCIDENT_KINDS &&
            (unsigned) m->severity < INCIDENT_SEVERITIES) {
            counts->open[m->kind][m->severity]++;
        }
    }
}

/* ---- storing ---- */

/* The writer. */
static void
write_batch(struct writer_job *job)
{
    struct incidents *in = CONTAINER_OF(job, struct incidents, job);

    incident_store_put(in->store, in->batch, in->n_batch, INCIDENTS_MAX, &in->batch_error);
    atomic_store(&in->batch_done, true);
    latch_set(in->wake);
}

static void
take_batch(struct incidents *in)
{
    struct waiter *w;

    in->batch = xmalloc(INCIDENTS_MAX * sizeof *in->batch);
    in->n_batch = 0;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        if (in->slots[i].changed) {
            in->batch[in->n_batch++] = message_copy(&in->slots[i].now->base);
            in->slots[i].changed = false;
        }
    }
    LIST_FOR_EACH (w, node, &in->waiters) {
        w->in_batch = true;
    }
    in->due = false;
}

/* The batch is stored, or the disk fails: shows it. */
static void
show_batch(struct control *c, const char *error)
{
    struct incidents *in = c->incidents;
    struct waiter *w, *next;
    bool news = false;

    for (size_t i = 0; i < in->n_batch; i++) {
        struct incident *incident = find(in, in->batch[i]->id);

        if (incident) {
            message_free(incident->shown);
            incident->shown = in->batch[i];
            incident->changed |= error != NULL; /* to be tried again */
            news |= objects_set_incident(c->objects, incident->shown);
        } else {
            message_free(in->batch[i]);
        }
    }
    free(in->batch);
    in->batch = NULL;
    in->n_batch = 0;
    if (news) {
        rpc_server_kick_streams(c->rpc);
    }
    LIST_FOR_EACH_SAFE (w, next, node, &in->waiters) {
        if (w->in_batch) {
            const Fusuma__V1__Incident *m = incidents_find(in, w->id);

            ovs_list_remove(&w->node);
            w->done(c, error || !m ? RPC_INTERNAL : RPC_OK,
                    error ? error : "the incident is no longer kept", error ? NULL : m, w->aux);
            free(w);
        }
    }
}

static void
end_batch(struct control *c)
{
    struct incidents *in = c->incidents;
    char *error = in->batch_error;

    in->writing = false;
    in->batch_error = NULL;
    atomic_store(&in->batch_done, false);
    if (error && !in->failing) {
        VLOG_ERR("incidents are not stored, only kept in memory: %s", error);
    } else if (!error && in->failing) {
        VLOG_INFO("incidents are stored again");
    }
    in->failing = error != NULL;
    in->due |= in->failing;
    in->retry_ms = in->failing ? time_msec() + RETRY_MS : 0;
    show_batch(c, error);
    free(error);
}

static void
store(struct control *c)
{
    struct incidents *in = c->incidents;

    if (in->writing && atomic_load(&in->batch_done)) {
        end_batch(c);
    }
    if (!in->due || in->writing) {
        return;
    }
    if (!in->store || (in->failing && time_msec() < in->retry_ms)) {
        bool due = in->store != NULL;

        take_batch(in);
        show_batch(c, NULL);
        in->due = due; /* what is shown from memory is stored when the disk works again */
        for (size_t i = 0; due && i < INCIDENTS_MAX; i++) {
            in->slots[i].changed |= in->slots[i].now != NULL;
        }
        return;
    }
    take_batch(in);
    in->writing = true;
    in->job.run = write_batch;
    writer_submit(&in->job, WRITER_DROPS);
}

/* ---- what is found ---- */

static void
describe_suspect(const struct control *c, const struct detected *d, Fusuma__V1__Incident *m)
{
    const struct desired_port *port = desired_find(&c->desired, d->port);

    m->id = d->id;
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

static void
act(Fusuma__V1__Incident *m, Fusuma__V1__IncidentActionKind kind, const char *text)
{
    incident_message_act(m, kind, time_wall_usec(), "switch", text);
}

static struct incident *
open_incident(struct control *c, const struct detected *d)
{
    struct incident *i = slot_of(c->incidents, d->id);

    incident_clear(i);
    i->now = message_new(&fusuma__v1__incident__descriptor);
    describe_suspect(c, d, i->now);
    c->incidents->newest = MAX(c->incidents->newest, d->id);
    return i;
}

/* Those that are new or worse, or fast: to be considered when detection is not locked. */
struct taking {
    struct control *control;
    struct considered {
        uint64_t id;
        bool by_rate;
    } * graded;
    size_t n_graded, allocated;
};

static void
consider_later(struct taking *t, uint64_t id, bool by_rate)
{
    t->graded = t->n_graded < t->allocated
                    ? t->graded
                    : x2nrealloc(t->graded, &t->allocated, sizeof *t->graded);
    t->graded[t->n_graded++] = (struct considered){ id, by_rate };
}

static void
take_one(const struct detected *d, void *taking)
{
    struct taking *t = taking;
    struct control *c = t->control;
    struct incident *i = find(c->incidents, d->id);
    bool opened = !i, graded = opened || (int) i->now->severity != (int) d->grade.severity, fast;

    i = i ? i : open_incident(c, d);
    if (i->now->closed) {
        return;
    }
    incident_message_update(i->now, d, drop_log_epoch());
    if (graded) {
        act(i->now,
            opened ? FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_OPENED
                   : FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_GRADED,
            d->grade.grounds);
        VLOG_WARN("incident %" PRIu64 ": port %s%s%s: %s", d->id, d->port,
                  i->now->user[0] ? ", user " : "", i->now->user, d->grade.grounds);
    }
    if (d->detached) {
        act(i->now, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_PORT_GONE,
            "the desktop is gone, or somebody else's");
    }
    fast = !i->rate_considered && response_wants_rate(c, d->recent);
    if (graded || fast) {
        i->rate_considered |= fast;
        consider_later(t, d->id, fast);
    }
    touch(c->incidents, i);
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
            touch(c->incidents, incident);
        }
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
    incident_message_act(i->now,
                         on ? FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_QUARANTINED
                            : FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_RELEASED,
                         on && q->since_us ? q->since_us : time_wall_usec(), on ? q->who : "",
                         on ? q->comment : "");
    touch(c->incidents, i);
}

static void
close_now(struct control *c, struct incident *i, const char *who, const char *text)
{
    int64_t now_us = time_wall_usec();

    detect_close(i->now->id);
    i->now->closed = true;
    i->now->closed_at = time_message(now_us);
    i->now->closed_by = xstrdup(who); /* it was the default, for this happens once */
    incident_message_act(i->now, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CLOSED,
                         now_us, who, text);
    touch(c->incidents, i);
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
            close_now(c, incident, "switch", "nothing was seen for seven days");
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
        struct incident *incident = find(c->incidents, t.graded[i].id);

        if (incident) {
            response_consider(c, incident->now, t.graded[i].by_rate);
        }
    }
    free(t.graded);
    look_at_open(c);
    store(c);
}

void
incidents_show(const struct incidents *in, struct objects *objects)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        if (in->slots[i].shown) {
            objects_set_incident(objects, in->slots[i].shown);
        }
    }
}

/* ---- what people do ---- */

static void
wait_for_store(struct incidents *in, uint64_t id, incident_done *done, void *aux)
{
    struct waiter *w = xzalloc(sizeof *w);

    w->id = id;
    w->done = done;
    w->aux = aux;
    ovs_list_push_back(&in->waiters, &w->node);
}

static struct incident *
find_or_refuse(struct control *c, uint64_t id, incident_done *done, void *aux)
{
    struct incident *i = find(c->incidents, id);
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
        touch(c->incidents, i);
        wait_for_store(c->incidents, id, done, aux);
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
    close_now(c, i, who, text);
    wait_for_store(c->incidents, id, done, aux);
}
