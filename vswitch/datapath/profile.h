/* Where a worker's cycles go: of one burst in PROFILE_EVERY, how long each stage took.
 *
 * A look at the clock costs some 20 cycles: seven of them in a burst of 32, one burst in 16, are a
 * third of a cycle a packet.  Written by the worker, read by any thread. */
#ifndef DATAPATH_PROFILE_H
#define DATAPATH_PROFILE_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "datapath/cell.h"

#define PROFILE_EVERY 16

enum stage {
    STAGE_RECEIVE, /* from the port's ring */
    STAGE_PARSE,   /* and checksums that were left to do */
    STAGE_GUARD,   /* and fragments, and MACs that are learned */
    STAGE_LOOKUP,  /* of connections */
    STAGE_FORWARD, /* verdicts, tracking, what the switch answers, drop records */
    STAGE_TRANSMIT,
    N_STAGES
};

struct profile {
    _Atomic uint64_t cycles[N_STAGES], packets;
    uint64_t last;   /* TSC: the end of the stage before */
    uint32_t bursts; /* since the last one that was timed */
    bool on;         /* this one is */
};

/* Before a poll. */
static inline void
profile_begin(struct profile *p)
{
    p->on = p->bursts >= PROFILE_EVERY - 1;
    if (unlikely(p->on)) {
        p->last = rte_rdtsc();
    }
}

/* The poll had packets; or it had none, and did not count. */
static inline void
profile_received(struct profile *p, uint16_t n)
{
    if (likely(!p->on)) {
        p->bursts += n > 0;
    } else if (n) {
        p->bursts = 0;
        cell_add(&p->packets, n);
    } else {
        p->on = false;
    }
}

/* The stage has ended. */
static inline void
profile_end(struct profile *p, enum stage stage)
{
    if (unlikely(p->on)) {
        uint64_t now = rte_rdtsc();

        cell_add(&p->cycles[stage], now - p->last);
        p->last = now;
    }
}

#endif
