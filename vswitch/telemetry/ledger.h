/* The ledger: what became of every packet.
 *
 * Two equations hold for every port with difference 0 whenever a worker is between bursts:
 *
 *     ingress:  received + originated = forwarded + consumed + held + sum of drops by reason
 *     egress:   offered = accepted + sum of tx drops by reason
 *
 * 'forwarded' counts a packet once however many copies a flood makes; the copies are 'offered' at
 * their destinations and the multiplication is 'copies'.  'originated' counts what the switch makes
 * itself (ARP answers, TCP resets), charged to the port whose packet asked for it; such a packet is
 * then 'forwarded' like any other.
 *
 * Each worker has its own ledger and is its only writer.  Readers in other threads take a port's
 * page with ledger_read(), which retries while the worker is inside a burst, so what it returns is
 * a burst boundary of that worker and the equations hold in it exactly. */
#ifndef TELEMETRY_LEDGER_H
#define TELEMETRY_LEDGER_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "telemetry/reasons.h"

struct ledger_page {
    /* Ingress, written by the worker that polls the port. */
    uint64_t received, received_bytes;
    uint64_t originated;
    uint64_t forwarded;
    uint64_t consumed;
    uint64_t held; /* a level, not a sum */
    uint64_t copies;
    uint64_t probes; /* ARP and ND for peers out of reach; these packets are also 'consumed' */
    /* By rule of either side: packets, and copies of them, that only audit mode has let through. */
    uint64_t would_drop;
    uint64_t drops[N_DROP_REASONS];
    uint64_t groups_refused; /* joins of multicast groups beyond what a port may have */
    uint64_t macs_refused;   /* packets of stations that are not learned, for the port has enough */
    /* Egress, written by whichever worker sends to the port, each in its own ledger. */
    uint64_t offered;
    uint64_t accepted, accepted_bytes;
    uint64_t tx_drops[N_TX_DROP_REASONS];
    uint64_t tx_drops_caused; /* tx drops elsewhere of packets that came from this port */
};

struct ledger_rule_hits {
    uint64_t packets, bytes;
};

struct ledger {
    /* Odd while the worker is inside a burst. */
    _Atomic uint64_t sequence __attribute__((aligned(64)));
    struct ledger_page *pages;      /* [n_ports], by port id */
    struct ledger_rule_hits *rules; /* [n_rules], by rule slot */
    uint32_t n_ports, n_rules;
};

/* 0 or ENOMEM. */
int ledger_init(struct ledger *, uint32_t n_ports, uint32_t n_rules);
void ledger_destroy(struct ledger *);

/* The worker, around each burst that it got packets in.  x86 stores stay in order; the fences keep
 * the compiler honest. */
static inline void
ledger_enter(struct ledger *l)
{
    atomic_store_explicit(&l->sequence,
                          atomic_load_explicit(&l->sequence, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static inline void
ledger_leave(struct ledger *l)
{
    atomic_store_explicit(&l->sequence,
                          atomic_load_explicit(&l->sequence, memory_order_relaxed) + 1,
                          memory_order_release);
}

/* Copies port's page as of a burst boundary.  Any thread but the worker's own. */
void ledger_read(const struct ledger *, uint32_t port, struct ledger_page *);
void ledger_read_rule(const struct ledger *, uint32_t slot, struct ledger_rule_hits *);
/* Adds 'b' to 'a', or takes it from it, field by field. */
void ledger_page_add(struct ledger_page *a, const struct ledger_page *b);
void ledger_page_subtract(struct ledger_page *a, const struct ledger_page *b);
/* Left side less right side of each equation; both 0 when the page adds up. */
int64_t ledger_page_ingress_difference(const struct ledger_page *);
int64_t ledger_page_egress_difference(const struct ledger_page *);
/* Sums over what a page counts as dropped. */
uint64_t ledger_page_drops(const struct ledger_page *);
uint64_t ledger_page_tx_drops(const struct ledger_page *);

#endif
