/* Collecting: what has ended is seen once more before its entry is used again.
 *
 * A worker hands over the index of the entry and nothing else, so that a connection's end costs it
 * no more than before: the counts are read by who collects.  Neither waits for the other. */
#include <config.h>

#include "datapath/conn.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include "datapath/conn_private.h"

#define BITE 64         /* entries that are handed back at once */
#define WAITING_SHARE 8 /* of the entries, at most so many of them wait: 1/8 */

int
conn_collect_begin(struct conn_table *t)
{
    uint32_t n = rte_align32prevpow2(RTE_MAX(t->max / WAITING_SHARE / t->n_workers, 1u));

    for (uint32_t w = 0; w < t->n_workers; w++) {
        struct conn_ended *ended = &t->workers[w].ended;

        ended->mask = n - 1;
        ended->index = rte_zmalloc("conn_ended", n * sizeof *ended->index, 64);
        if (!ended->index) {
            conn_collect_end(t);
            return ENOMEM;
        }
    }
    return 0;
}

void
conn_collect_end(struct conn_table *t)
{
    for (uint32_t w = 0; w < t->n_workers; w++) {
        rte_free(t->workers[w].ended.index);
        t->workers[w].ended.index = NULL;
    }
}

/* ---- the worker ---- */

bool
conn_leave(struct conn_table *t, uint32_t worker, uint32_t index)
{
    struct conn_ended *ended = &t->workers[worker].ended;
    uint32_t head = atomic_load_explicit(&ended->head, memory_order_relaxed);

    if (!ended->index) {
        return false;
    }
    if (head - atomic_load_explicit(&ended->tail, memory_order_acquire) > ended->mask) {
        cell_add(&t->workers[worker].uncollected, 1);
        return false;
    }
    ended->index[head & ended->mask] = index;
    atomic_store_explicit(&ended->head, head + 1, memory_order_release);
    return true;
}

/* ---- who collects ---- */

/* Up to BITE entries of one worker. */
static uint32_t
collect_bite(struct conn_table *t, struct conn_ended *ended, uint32_t n, conn_visit *cb, void *aux,
             bool *more)
{
    uint32_t tail = atomic_load_explicit(&ended->tail, memory_order_relaxed);
    uint32_t waiting = atomic_load_explicit(&ended->head, memory_order_acquire) - tail;
    uintptr_t back[BITE];
    uint32_t i = 0;

    n = RTE_MIN(RTE_MIN(n, waiting), (uint32_t) BITE);
    while (i < n && *more) {
        back[i] = ended->index[(tail + i) & ended->mask];
        *more = cb(&t->entries[back[i++]], aux);
    }
    atomic_store_explicit(&ended->tail, tail + i, memory_order_release);
    /* There is a place for each entry in the ring of the free. */
    rte_ring_enqueue_bulk(t->free, (void **) back, i, NULL);
    return i;
}

uint32_t
conn_collect(struct conn_table *t, uint32_t n, conn_visit *cb, void *aux)
{
    uint32_t total = 0, taken;
    bool more = true;

    for (uint32_t w = 0; w < t->n_workers; w++) {
        do {
            taken = collect_bite(t, &t->workers[w].ended, n - total, cb, aux, &more);
            total += taken;
        } while (taken && more);
    }
    return total;
}

void
conn_collect_rest(struct conn_table *t, conn_visit *cb, void *aux)
{
    for (uint32_t w = 0; w < t->n_workers; w++) {
        for (uint32_t i = t->workers[w].retired_first; i; i = t->entries[i].retired_next) {
            cb(&t->entries[i], aux);
        }
    }
    for (uint64_t i = 1; i <= t->max; i++) {
        struct conn *c = &t->entries[i];

        /* Flushed, and not yet found by a sweep. */
        if (atomic_load(&c->life) == CONN_DEAD && atomic_load(&c->flushed)) {
            cb(c, aux);
        }
    }
}

uint32_t
conn_collect_walk(struct conn_table *t, uint32_t from, uint32_t n, conn_visit *cb, void *aux)
{
    return conn_walk_as(t, t->n_workers + 1, from, n, cb, aux);
}

uint64_t
conn_uncollected(const struct conn_table *t)
{
    uint64_t n = 0;

    for (uint32_t w = 0; w < t->n_workers; w++) {
        n += atomic_load_explicit(&t->workers[w].uncollected, memory_order_relaxed);
    }
    return n;
}

uint64_t
conn_clock(void)
{
    return rte_rdtsc();
}

uint64_t
conn_clock_hz(void)
{
    return rte_get_tsc_hz();
}
