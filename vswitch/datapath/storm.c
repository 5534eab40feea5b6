#include <config.h>

#include "datapath/storm.h"

#include <rte_common.h>
#include <rte_cycles.h>

bool
storm_admits(struct worker *w, const struct port_leaf *from, enum storm_class class)
{
    uint32_t pps = from->storm_pps[class];

    return !pps || rate_take(&w->rates[from->id].storm[class], pps, 1, w->now, rte_get_tsc_hz());
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
