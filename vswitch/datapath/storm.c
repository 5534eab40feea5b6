#include <config.h>

#include "datapath/storm.h"

#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>

struct storm_bucket *
storm_create(void)
{
    return calloc(DP_MAX_PORTS * N_STORM_CLASSES, sizeof(struct storm_bucket));
}

void
storm_destroy(struct storm_bucket *buckets)
{
    free(buckets);
}

/* Whole tokens only; the time of a part of one stays in 'refilled'.  STORM_PPS_MAX keeps the
 * products in 64 bits. */
static void
refill(struct storm_bucket *b, uint32_t pps, uint64_t now)
{
    uint64_t hz = rte_get_tsc_hz();
    uint64_t passed = now - b->refilled;
    uint64_t add = passed < hz ? passed * pps / hz : pps;

    if (b->tokens + add >= pps) {
        b->tokens = pps;
        b->refilled = now;
    } else if (add) {
        b->tokens += add;
        b->refilled += add * hz / pps;
    }
}

bool
storm_admits(struct worker *w, const struct port_leaf *from, enum storm_class class)
{
    uint32_t pps = from->storm_pps[class];
    struct storm_bucket *b;

    if (!pps) {
        return true;
    }
    b = &w->storm[from->id * N_STORM_CLASSES + class];
    refill(b, pps, w->now);
    if (!b->tokens) {
        return false;
    }
    b->tokens--;
    return true;
}

enum drop_reason
storm_check(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    enum storm_class class = STORM_BROADCAST;

    if (p->flags & PKT_ND || (p->flags & PKT_GROUP && p->dmac != MAC_MASK)) {
        class = STORM_MULTICAST;
    }
    if (p->flags & PKT_ARP) {
        class = STORM_BROADCAST;
    }
    return storm_admits(w, from, class) ? DROP_NONE : DROP_STORM;
}
