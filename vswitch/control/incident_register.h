/* The register behind incidents.h: the newest INCIDENTS_MAX, each as it is and as it is stored, and
 * the storing of them by the writer, a batch at a time.  incidents.c says what an incident is told;
 * for nobody else.
 *
 * Control thread only, but for the batch that is under way. */
#ifndef CONTROL_INCIDENT_REGISTER_H
#define CONTROL_INCIDENT_REGISTER_H 1

#include <stdatomic.h>
#include <stdbool.h>

#include "control/incidents.h"
#include "openvswitch/list.h"
#include "telemetry/writer.h"

struct incident {
    Fusuma__V1__Incident *now;   /* as it is */
    Fusuma__V1__Incident *shown; /* as it is stored; NULL: not yet */
    bool changed;                /* since it was handed over to be stored */
    bool rate_considered;        /* whether it is fast enough to be cut off */
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

/* NULL: it is not kept, or never was. */
struct incident *register_find(struct incidents *, uint64_t id);
/* A new one with this number, in the place of the one that is as old as the register is long. */
struct incident *register_open(struct incidents *, uint64_t id);
/* It has changed: it gets a revision, and is due to be stored. */
void register_touch(struct incidents *, struct incident *);
/* Calls 'done' once its change is stored or cannot be. */
void register_wait(struct incidents *, uint64_t id, incident_done *, void *aux);
/* Stores and shows what is due, unless the writer is at work; takes in what it has stored. */
void register_store(struct control *);

#endif
