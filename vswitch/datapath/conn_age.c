/* Ageing: each worker sweeps its share of the buckets, a bounded piece at a time. */
#include <config.h>

#include "datapath/conn.h"

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "datapath/conn_private.h"

#define SWEEP_BUCKETS 256    /* at most, in one call */
#define SWEEPS_A_SECOND 1000 /* so a share of 256k buckets passes once a second */
#define WALK_ENTRIES 4096

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

static bool
expired(const struct conn *c, const uint32_t timeouts[CONN_N_STATES], uint64_t now, uint64_t hz)
{
    uint64_t a = atomic_load_explicit(&c->half[0].last_seen, memory_order_relaxed);
    uint64_t b = atomic_load_explicit(&c->half[1].last_seen, memory_order_relaxed);
    uint64_t last = a > b ? a : b;

    return (int64_t) (now - last) > (int64_t) (timeouts[conn_state(c)] * hz);
}

/* The owner of the bucket's share buries what others (control, by a flush) have declared dead. */
static void
sweep_bucket(struct conn_table *t, uint32_t worker, struct conn_bucket *b,
             const uint32_t timeouts[CONN_N_STATES], uint64_t now, uint64_t hz)
{
    for (int i = 0; i < CONN_BUCKET_SLOTS; i++) {
        uint32_t index = (uint32_t) atomic_load_explicit(&b->slot[i], memory_order_acquire);
        if (!index) {
            continue;
        }
        struct conn *c = &t->entries[index];
        uint8_t life = atomic_load_explicit(&c->life, memory_order_acquire);
        if (life == CONN_LIVE && expired(c, timeouts, now, hz)) {
            conn_remove(t, worker, c);
        } else if (life == CONN_DEAD && atomic_load(&c->flushed)) {
            atomic_store(&c->flushed, 0);
            conn_bury(t, worker, c);
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
        }
        sweep_bucket(t, worker, &t->buckets[w->sweep++], timeouts, now, hz);
    }
}

/* While control walks, it is one of those whom retired entries wait for, so an entry that was seen
 * alive does not turn into another one under its hands; it lets go often enough for the free
 * entries to last. */
static void
walk_begin(struct conn_table *t)
{
    rte_rcu_qsbr_thread_online(t->qsbr, t->n_workers);
}

static void
walk_on(struct conn_table *t, uint32_t i)
{
    if (i % WALK_ENTRIES == 0) {
        rte_rcu_qsbr_quiescent(t->qsbr, t->n_workers);
    }
}

static void
walk_end(struct conn_table *t)
{
    rte_rcu_qsbr_thread_offline(t->qsbr, t->n_workers);
}

void
conn_foreach(struct conn_table *t, bool (*cb)(const struct conn *, void *aux), void *aux)
{
    bool more = true;

    walk_begin(t);
    for (uint32_t i = 1; i <= t->max && more; i++) {
        const struct conn *c = &t->entries[i];
        walk_on(t, i);
        if (atomic_load_explicit(&c->life, memory_order_acquire) == CONN_LIVE) {
            more = cb(c, aux);
        }
    }
    walk_end(t);
}

uint32_t
conn_flush_port(struct conn_table *t, uint16_t port)
{
    uint32_t n = 0;

    walk_begin(t);
    for (uint32_t i = 1; i <= t->max; i++) {
        struct conn *c = &t->entries[i];
        walk_on(t, i);
        uint8_t life = atomic_load_explicit(&c->life, memory_order_acquire);
        /* Alive first, and only then whose it is: the ports of what is dead may be another's. */
        if (life == CONN_LIVE &&
            (atomic_load(&c->port[0]) == port || atomic_load(&c->port[1]) == port) &&
            atomic_compare_exchange_strong(&c->life, &life, CONN_DEAD)) {
            atomic_store(&c->flushed, 1);
            n++;
        }
    }
    walk_end(t);
    return n;
}
