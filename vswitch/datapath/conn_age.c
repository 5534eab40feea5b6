/* Ageing: each worker sweeps its share of the buckets, a bounded piece at a time. */
#include <config.h>

#include "datapath/conn.h"

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "datapath/conn_private.h"

#define SWEEP_BUCKETS 256    /* at most, in one call */
#define SWEEPS_A_SECOND 1000 /* so a share of 256k buckets passes once a second */
#define WALK_ENTRIES 4096
#define WALK_BUCKETS 4096

/* Seconds without a packet before an entry goes.  TCP established: RFC 5382 REQ-5 asks 2 h 4 min of
 * a NAT; a firewall that drops silently should not be shorter.  UDP: RFC 4787 REQ-5 asks 2 min. */
static const uint32_t timeout_s[CONN_N_STATES] = {
    [CONN_NEW] = 30,           [CONN_REPLIED] = 120, [CONN_SYN_SENT] = 30, [CONN_SYN_RECEIVED] = 30,
    [CONN_ESTABLISHED] = 7440, [CONN_CLOSING] = 120, [CONN_CLOSED] = 10,
};

/* When entries run out: what has ended makes room at once, and who was not answered soon. */
static const uint32_t short_timeout_s[CONN_N_STATES] = {
    [CONN_NEW] = 5,          [CONN_REPLIED] = 30,       [CONN_SYN_SENT] = 5,
    [CONN_SYN_RECEIVED] = 5, [CONN_ESTABLISHED] = 7440, [CONN_CLOSING] = 30,
    [CONN_CLOSED] = 0,
};

uint32_t
conn_timeout_s(enum conn_state state, bool under_pressure)
{
    return under_pressure ? short_timeout_s[state] : timeout_s[state];
}

bool
conn_under_pressure(const struct conn_table *t)
{
    return conn_table_count(t) > t->max - t->max / 8;
}

/* ---- sweeps ---- */

static bool
expired(const struct conn *c, const uint32_t timeouts[CONN_N_STATES], uint64_t now, uint64_t hz)
{
    uint64_t a = atomic_load_explicit(&c->half[0].last_seen, memory_order_relaxed);
    uint64_t b = atomic_load_explicit(&c->half[1].last_seen, memory_order_relaxed);
    uint64_t last = a > b ? a : b;

    return (int64_t) (now - last) > (int64_t) (timeouts[conn_state(c)] * hz);
}

static void
count(_Atomic uint32_t *cell)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* A sweep begins: what the last one has counted can be read. */
static void
take_census(struct conn_worker *w)
{
    _Atomic uint32_t *to = (_Atomic uint32_t *) &w->counted;
    _Atomic uint32_t *from = (_Atomic uint32_t *) &w->counting;

    for (size_t i = 0; i < sizeof w->counted / sizeof *to; i++) {
        atomic_store_explicit(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed),
                              memory_order_relaxed);
        atomic_store_explicit(&from[i], 0, memory_order_relaxed);
    }
}

/* The owner of the bucket's share buries what others (control, by a flush) have declared dead. */
static void
sweep_bucket(struct conn_table *t, uint32_t worker, struct conn_bucket *b,
             const uint32_t timeouts[CONN_N_STATES], uint64_t now, uint64_t hz)
{
    struct conn_worker *w = &t->workers[worker];

    for (int i = 0; i < CONN_BUCKET_SLOTS; i++) {
        uint32_t index = (uint32_t) atomic_load_explicit(&b->slot[i], memory_order_acquire);
        if (!index) {
            continue;
        }
        struct conn *c = &t->entries[index];
        uint8_t life = atomic_load_explicit(&c->life, memory_order_acquire);
        if (life == CONN_LIVE && expired(c, timeouts, now, hz)) {
            conn_remove(t, worker, c);
            cell_add(&w->expired, 1);
        } else if (life == CONN_LIVE) {
            count(&w->counting.states[conn_state(c)]);
        } else if (life == CONN_TENTATIVE) {
            count(&w->counting.tentative);
        } else if (life == CONN_DEAD && atomic_load(&c->flushed)) {
            atomic_store(&c->flushed, 0);
            conn_bury(t, worker, c);
            cell_add(&w->buried, 1);
        }
    }
}

void
conn_sweep(struct conn_table *t, uint32_t worker, uint64_t now)
{
    struct conn_worker *w = &t->workers[worker];
    uint64_t hz = rte_get_tsc_hz(), n_buckets = t->bucket_mask + 1ull;
    uint64_t begin = n_buckets * worker / t->n_workers;
    uint64_t end = n_buckets * (worker + 1) / t->n_workers;
    const uint32_t *timeouts;

    conn_recycle(t, worker);
    if (now < w->sweep_due) {
        return;
    }
    timeouts = conn_under_pressure(t) ? short_timeout_s : timeout_s;
    w->sweep_due = now + hz / SWEEPS_A_SECOND;
    for (int i = 0; i < SWEEP_BUCKETS; i++) {
        if (w->sweep < begin || w->sweep >= end) {
            w->sweep = begin;
            take_census(w);
        }
        sweep_bucket(t, worker, &t->buckets[w->sweep++], timeouts, now, hz);
    }
}

/* ---- control ---- */

void
conn_look_begin(struct conn_table *t)
{
    rte_rcu_qsbr_thread_online(t->qsbr, t->n_workers);
}

void
conn_look_end(struct conn_table *t)
{
    rte_rcu_qsbr_thread_offline(t->qsbr, t->n_workers);
}

/* Who walks is one of those whom retired entries wait for, so an entry that was seen alive does not
 * turn into another one under its hands; it lets go often enough for the free entries to last. */
uint32_t
conn_walk_as(struct conn_table *t, uint32_t reader, uint32_t from, uint32_t n, conn_visit *cb,
             void *aux)
{
    uint64_t end = RTE_MIN((uint64_t) from + n, t->max + 1ull);
    uint64_t i;
    bool more = true;

    rte_rcu_qsbr_thread_online(t->qsbr, reader);
    for (i = RTE_MAX(from, 1u); i < end && more; i++) {
        struct conn *c = &t->entries[i];

        if (i % WALK_ENTRIES == 0) {
            rte_rcu_qsbr_quiescent(t->qsbr, reader);
        }
        if (atomic_load_explicit(&c->life, memory_order_acquire) == CONN_LIVE) {
            more = cb(c, aux);
        }
    }
    rte_rcu_qsbr_thread_offline(t->qsbr, reader);
    return i > t->max ? 0 : i;
}

uint32_t
conn_walk(struct conn_table *t, uint32_t from, uint32_t n, conn_visit *cb, void *aux)
{
    return conn_walk_as(t, t->n_workers, from, n, cb, aux);
}

/* The buckets are a sixteenth of the entries' memory, and lead to those alone that are in use. */
void
conn_walk_all(struct conn_table *t, conn_visit *cb, void *aux)
{
    uint32_t reader = t->n_workers;
    bool more = true;

    rte_rcu_qsbr_thread_online(t->qsbr, reader);
    for (uint64_t i = 0; i <= t->bucket_mask && more; i++) {
        if (i % WALK_BUCKETS == 0) {
            rte_rcu_qsbr_quiescent(t->qsbr, reader);
        }
        for (int j = 0; j < CONN_BUCKET_SLOTS && more; j++) {
            uint32_t index =
                (uint32_t) atomic_load_explicit(&t->buckets[i].slot[j], memory_order_acquire);

            if (index &&
                atomic_load_explicit(&t->entries[index].life, memory_order_acquire) == CONN_LIVE) {
                more = cb(&t->entries[index], aux);
            }
        }
    }
    rte_rcu_qsbr_thread_offline(t->qsbr, reader);
}

uint64_t
conn_id(const struct conn_table *t, const struct conn *c)
{
    return (uint64_t) c->serial << 32 | (uint32_t) (c - t->entries);
}

bool
conn_flush(struct conn_table *t, struct conn *c)
{
    uint8_t life = CONN_LIVE;

    if (!atomic_compare_exchange_strong(&c->life, &life, CONN_DEAD)) {
        return false;
    }
    atomic_fetch_add_explicit(&t->flushed, 1, memory_order_relaxed);
    conn_count_for_port(t, c, -1);
    atomic_store(&c->flushed, 1);
    return true;
}

struct port_flush {
    struct conn_table *table;
    uint16_t port;
    uint32_t n;
};

static bool
flush_if_of_port(struct conn *c, void *flush_)
{
    struct port_flush *flush = flush_;

    if (atomic_load(&c->port[0]) == flush->port || atomic_load(&c->port[1]) == flush->port) {
        flush->n += conn_flush(flush->table, c);
    }
    return true;
}

uint32_t
conn_flush_port(struct conn_table *t, uint16_t port)
{
    struct port_flush flush = { t, port, 0 };

    conn_walk_all(t, flush_if_of_port, &flush);
    return flush.n;
}

void
conn_table_stats(const struct conn_table *t, struct conn_stats *s)
{
    uint64_t buried = 0;

    *s = (struct conn_stats){ .evicted = 0 };
    for (uint32_t i = 0; i < t->n_workers; i++) {
        const struct conn_worker *w = &t->workers[i];

        for (int state = 0; state < CONN_N_STATES; state++) {
            s->states[state] +=
                atomic_load_explicit(&w->counted.states[state], memory_order_relaxed);
        }
        s->tentative += atomic_load_explicit(&w->counted.tentative, memory_order_relaxed);
        buried += atomic_load_explicit(&w->buried, memory_order_relaxed);
        s->evicted += atomic_load_explicit(&w->evicted, memory_order_relaxed);
        s->expired += atomic_load_explicit(&w->expired, memory_order_relaxed);
    }
    s->unburied = atomic_load_explicit(&t->flushed, memory_order_relaxed) - buried;
}
