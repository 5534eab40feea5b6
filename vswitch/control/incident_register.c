#include <config.h>

#include "control/incident_register.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/incident_store.h"
#include "control/message.h"
#include "control/objects.h"
#include "openvswitch/vlog.h"
#include "telemetry/detect.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(incident_register);

/* At a start: beyond any number that was given to what was shown, but not stored, for the disk
 * failed.  Of a register that is lost, or cannot be read, the clock knows as much. */
#define REVISION_JUMP 1000000
#define RETRY_MS 10000

/* Somebody waits for a change to be stored. */
struct waiter {
    struct ovs_list node;
    uint64_t id;
    bool in_batch; /* the batch under way has it */
    incident_done *done;
    void *aux;
};

static struct incident *
slot_of(struct incidents *in, uint64_t id)
{
    return &in->slots[id % INCIDENTS_MAX];
}

struct incident *
register_find(struct incidents *in, uint64_t id)
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

struct incident *
register_open(struct incidents *in, uint64_t id)
{
    struct incident *i = slot_of(in, id);

    incident_clear(i);
    i->now = message_new(&fusuma__v1__incident__descriptor);
    i->now->id = id;
    in->newest = MAX(in->newest, id);
    return i;
}

void
register_touch(struct incidents *in, struct incident *i)
{
    i->now->revision = ++in->revision;
    i->changed = true;
    in->due = true;
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

void
incidents_show(const struct incidents *in, struct objects *objects)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        if (in->slots[i].shown) {
            objects_set_incident(objects, in->slots[i].shown);
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
        struct incident *incident = register_find(in, in->batch[i]->id);

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

void
register_store(struct control *c)
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

void
register_wait(struct incidents *in, uint64_t id, incident_done *done, void *aux)
{
    struct waiter *w = xzalloc(sizeof *w);

    w->id = id;
    w->done = done;
    w->aux = aux;
    ovs_list_push_back(&in->waiters, &w->node);
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
    in->revision = MAX(in->revision + REVISION_JUMP, (uint64_t) time_wall_usec());
    detect_set_next_id(in->newest + 1);
    return in;
}

void
incidents_destroy(struct incidents *in)
{
    struct waiter *w, *next;

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
    LIST_FOR_EACH_SAFE (w, next, node, &in->waiters) {
        free(w); /* its call went with the server */
    }
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        incident_clear(&in->slots[i]);
    }
    incident_store_close(in->store);
    free(in);
}
