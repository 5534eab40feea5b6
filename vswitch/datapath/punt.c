#include <config.h>

#include "datapath/punt.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

struct punt {
    uint32_t share, size, n_rings;
    struct rte_ring *ring[DP_MAX_WORKERS];
    _Atomic uint32_t sent[DP_MAX_PORTS];  /* by the port's worker */
    _Atomic uint32_t dealt[DP_MAX_PORTS]; /* by control */
};

struct punt *
punt_create(const char *name, uint32_t n_workers, uint32_t size, uint32_t share)
{
    struct punt *punt = calloc(1, sizeof *punt);

    if (!punt) {
        return NULL;
    }
    punt->share = share;
    punt->size = size;
    for (uint32_t i = 0; i < n_workers; i++) {
        char ring[RTE_RING_NAMESIZE];

        snprintf(ring, sizeof ring, "%s_%u", name, i);
        punt->ring[i] = rte_ring_create_elem(ring, sizeof(struct punt_event), size, rte_socket_id(),
                                             RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (!punt->ring[i]) {
            punt_destroy(punt);
            return NULL;
        }
        punt->n_rings++;
    }
    return punt;
}

void
punt_destroy(struct punt *punt)
{
    for (uint32_t i = 0; punt && i < punt->n_rings; i++) {
        rte_ring_free(punt->ring[i]);
    }
    free(punt);
}

static uint32_t
n_waiting(const struct punt *punt, uint16_t port)
{
    uint32_t dealt = atomic_load_explicit(&punt->dealt[port], memory_order_acquire);

    return atomic_load_explicit(&punt->sent[port], memory_order_relaxed) - dealt;
}

bool
punt_is_waiting(const struct punt *punt, uint16_t port)
{
    return n_waiting(punt, port);
}

bool
punt_send(struct punt *punt, uint32_t worker, const struct punt_event *e)
{
    _Atomic uint32_t *sent = &punt->sent[e->port];
    struct punt_event copy = *e; /* the ring takes no const */

    if (n_waiting(punt, e->port) >= punt->share ||
        rte_ring_sp_enqueue_elem(punt->ring[worker], &copy, sizeof copy)) {
        return false;
    }
    atomic_store_explicit(sent, atomic_load_explicit(sent, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return true;
}

/* No more than a ring holds: a worker that is faster than we are does not keep us here. */
void
punt_drain(struct punt *punt, void (*deal)(const struct punt_event *, void *aux), void *aux)
{
    for (uint32_t i = 0; i < punt->n_rings; i++) {
        struct punt_event e;

        for (uint32_t n = 0;
             n < punt->size && !rte_ring_sc_dequeue_elem(punt->ring[i], &e, sizeof e); n++) {
            _Atomic uint32_t *dealt = &punt->dealt[e.port];

            deal(&e, aux);
            atomic_store_explicit(dealt, atomic_load_explicit(dealt, memory_order_relaxed) + 1,
                                  memory_order_release);
        }
    }
}
