#include <config.h>

#include "control/hits.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "control/control.h"
#include "control/state_hits.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(hits);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);

struct hits {
    struct state *state;
    atomic_bool busy;   /* a batch is on its way */
    atomic_bool failed; /* a batch was; it is made up for by the next */
};

struct batch {
    struct writer_job job;
    struct hits *hits;
    struct slots_changes changes;
};

static void
load_one(const struct state_hits *row, void *slots)
{
    slots_keep(slots, row);
}

struct hits *
hits_create(struct control *c)
{
    struct hits *h = xzalloc(sizeof *h);
    char *error = NULL;

    h->state = c->state;
    if (state_load_hits(c->state, load_one, &c->slots, &error)) {
        VLOG_ERR("hits of rules cannot be read and count from 0: %s", error);
        free(error);
    }
    return h;
}

void
hits_destroy(struct hits *h)
{
    free(h);
}

/* The writer thread. */
static void
store(struct writer_job *job)
{
    struct batch *b = CONTAINER_OF(job, struct batch, job);
    struct hits *h = b->hits;
    char *error = NULL;

    if (state_put_hits(h->state, b->changes.rows, b->changes.n_rows, b->changes.gone,
                       b->changes.n_gone, &error)) {
        VLOG_WARN_RL(&rl, "hits of rules are not stored, a restart would forget them: %s", error);
        free(error);
        atomic_store(&h->failed, true);
    } else {
        state_settle(h->state);
    }
    slots_changes_destroy(&b->changes);
    free(b);
    atomic_store(&h->busy, false);
}

static void
submit(struct control *c)
{
    struct hits *h = c->hits;
    struct batch *b = xzalloc(sizeof *b);

    b->hits = h;
    b->job.run = store;
    slots_take_changes(&c->slots, time_wall(), atomic_exchange(&h->failed, false), &b->changes);
    if (b->changes.n_rows || b->changes.n_gone) {
        atomic_store(&h->busy, true);
        writer_submit(&b->job, WRITER_DROPS);
    } else {
        slots_changes_destroy(&b->changes);
        free(b);
    }
}

/* While a batch is on its way the counts are still looked at, for the time of the last hit. */
void
hits_run(struct control *c)
{
    if (atomic_load(&c->hits->busy)) {
        slots_look(&c->slots, time_wall());
    } else {
        submit(c);
    }
}

void
hits_stop(struct control *c)
{
    if (c->hits) {
        submit(c);
    }
}
