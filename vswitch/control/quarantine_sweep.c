/* Connections end when their port is cut off, and not only when their next packet comes. */
#include <config.h>

#include <stdlib.h>

#include "control/control.h"
#include "datapath/judge.h"
#include "datapath/reset.h"
#include "datapath/worker.h"
#include "util.h"

struct sweep {
    const struct snapshot *snapshot;
    uint16_t port; /* or DP_PORT_NONE */
    struct conn_table *table;
    uint64_t ended;
    struct reset *resets;
    size_t n_resets, allocated;
};

static const struct port_leaf *
leaf_of(const struct snapshot *s, const struct conn *c, unsigned side)
{
    uint16_t id = atomic_load_explicit(&c->port[side], memory_order_relaxed);

    return id < DP_MAX_PORTS ? s->ports[id] : NULL;
}

/* The port in quarantine that 'c' ends for, or NULL. */
static const struct port_leaf *
cut_off_by(const struct sweep *sweep, const struct conn *c)
{
    struct judge_query q;
    struct judgement j;

    for (unsigned side = 0; side < 2; side++) {
        const struct port_leaf *leaf = leaf_of(sweep->snapshot, c, side);

        if (leaf && leaf->quarantined && (sweep->port == DP_PORT_NONE || sweep->port == leaf->id)) {
            if (!judge_query_of(sweep->snapshot, c, NULL, &q)) {
                return leaf;
            }
            judge(sweep->snapshot, &q, &j);
            return judgement_is_quarantine(&j) ? leaf : NULL;
        }
    }
    return NULL;
}

static size_t
add_resets(struct sweep *sweep, const struct conn *c, const struct port_leaf *leaf)
{
    size_t n = 0;

    while (sweep->allocated < sweep->n_resets + 2) {
        sweep->resets = x2nrealloc(sweep->resets, &sweep->allocated, sizeof *sweep->resets);
    }
    for (unsigned to = 0; to < 2; to++) {
        n += reset_of(sweep->snapshot, c, to, leaf->id, &sweep->resets[sweep->n_resets + n]);
    }
    return n;
}

static bool
end_if_cut_off(struct conn *c, void *sweep_)
{
    struct sweep *sweep = sweep_;
    const struct port_leaf *leaf = cut_off_by(sweep, c);
    bool over = leaf && conn_state(c) == CONN_CLOSED;
    size_t n = leaf && leaf->resets && !over ? add_resets(sweep, c, leaf) : 0;

    if (leaf && conn_flush(sweep->table, c)) {
        sweep->n_resets += n;
        sweep->ended += !over;
    }
    return true;
}

struct quarantine_swept
quarantine_sweep(struct control *c, uint16_t port)
{
    struct sweep sweep = { .snapshot = c->publisher.snapshot,
                           .port = port,
                           .table = dp_connections() };
    struct quarantine_swept swept = { .ended = 0 };

    conn_walk_all(sweep.table, end_if_cut_off, &sweep);
    swept.ended = sweep.ended;
    if (sweep.n_resets) {
        uint16_t worker = sweep.snapshot->ports[sweep.resets[0].charged]->worker;

        swept.resets = dp_send_resets(worker, sweep.resets, sweep.n_resets);
    }
    free(sweep.resets);
    return swept;
}

static bool
has_lists(const struct desired *d)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (port->quarantine && !svec_is_empty(&port->quarantine->allow)) {
            return true;
        }
    }
    return false;
}

void
quarantines_refresh(struct control *c)
{
    if (c->swept_generation != c->publisher.generation && has_lists(&c->desired)) {
        quarantine_sweep(c, DP_PORT_NONE);
    }
    c->swept_generation = c->publisher.generation;
}
