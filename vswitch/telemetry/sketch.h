/* What a port tries, whatever becomes of its records: a sketch of every denied attempt.
 *
 * A flood uses up a port's budget of records, and with it those of the slow scan underneath.  So
 * the worker counts different targets and services here, for every denied packet, and lets a few
 * records of each desktop that is tried pass beyond the budget: a flood can neither hide that a
 * port scans, nor which desktops.
 *
 * Time is cut into slots of SKETCH_SLOT_S; the present one and the one before are held.  The worker
 * that polls the port writes; telemetry reads, and may lose what a slot gets in the moment in which
 * it is taken for a new one. */
#ifndef TELEMETRY_SKETCH_H
#define TELEMETRY_SKETCH_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "datapath/port.h"
#include "telemetry/hll.h"

#define SKETCH_SLOT_S 10
#define SKETCH_PEER_RECORDS 4 /* of each desktop, in a slot */
#define SKETCH_STRANGERS 4

struct sketch_slot {
    _Atomic uint32_t number; /* 0: never used */
    struct hll targets, services;
    _Atomic uint64_t packets;
};

struct sketch {
    struct sketch_slot slots[2];
    uint32_t told_slot;
    uint8_t told[DP_MAX_PORTS]; /* records of each peer beyond the budget, in that slot */
    uint32_t strangers_slot, n_strangers;
    struct acl_addr strangers[SKETCH_STRANGERS];
};

/* Of the slot that holds 'now_s', which any monotonic clock counts. */
static inline uint32_t
sketch_number(uint64_t now_s)
{
    return (uint32_t) (now_s / SKETCH_SLOT_S) + 1;
}

static inline void
sketch_add(struct sketch *s, uint64_t now_s, uint64_t target, uint64_t service, uint32_t packets)
{
    uint32_t number = sketch_number(now_s);
    struct sketch_slot *slot = &s->slots[number % 2];

    if (atomic_load_explicit(&slot->number, memory_order_relaxed) != number) {
        atomic_store_explicit(&slot->number, 0, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        memset(&slot->targets, 0, sizeof slot->targets);
        memset(&slot->services, 0, sizeof slot->services);
        atomic_store_explicit(&slot->packets, 0, memory_order_relaxed);
        atomic_store_explicit(&slot->number, number, memory_order_release);
    }
    hll_add(&slot->targets, target);
    hll_add(&slot->services, service);
    atomic_store_explicit(&slot->packets,
                          atomic_load_explicit(&slot->packets, memory_order_relaxed) + packets,
                          memory_order_relaxed);
}

/* Of the slot with this number, if it is held. */
static inline uint64_t
sketch_packets(const struct sketch *s, uint32_t number)
{
    const struct sketch_slot *slot = &s->slots[number % 2];

    return atomic_load_explicit(&slot->number, memory_order_acquire) == number
               ? atomic_load_explicit(&slot->packets, memory_order_relaxed)
               : 0;
}

/* Whether a record about this desktop may pass beyond the budget. */
static inline bool
sketch_may_tell(struct sketch *s, uint64_t now_s, uint16_t peer)
{
    uint32_t number = sketch_number(now_s);

    if (peer >= DP_MAX_PORTS) {
        return false;
    }
    if (s->told_slot != number) {
        s->told_slot = number;
        memset(s->told, 0, sizeof s->told);
    }
    return s->told[peer] < SKETCH_PEER_RECORDS && s->told[peer]++ < SKETCH_PEER_RECORDS;
}

/* Whether asking for this address is more than a desktop's own business: ARP for the router, say,
 * is no probe, though no rule names the router; for the fifth such address within a slot it is. */
static inline bool
sketch_is_strange(struct sketch *s, uint64_t now_s, const struct acl_addr *target)
{
    uint32_t number = sketch_number(now_s);

    if (s->strangers_slot != number) {
        s->strangers_slot = number;
        s->n_strangers = 0;
    }
    for (uint32_t i = 0; i < s->n_strangers; i++) {
        if (acl_addr_equals(&s->strangers[i], target)) {
            return false;
        }
    }
    if (s->n_strangers == SKETCH_STRANGERS) {
        return true;
    }
    s->strangers[s->n_strangers++] = *target;
    return false;
}

#endif
