#include <config.h>

#include "datapath/flood.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "datapath/capture.h"
#include "datapath/output.h"

bool
flood_to_uplinks(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
                 const struct pkt *p, struct judgement *j)
{
    (void) w;
    (void) from;
    (void) p;
    (void) j;
    return to->role == PORT_UPLINK && !port_is_cut(to);
}

bool
flood_to_all(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
             const struct pkt *p, struct judgement *j)
{
    (void) w;
    (void) from;
    (void) p;
    if (port_is_cut(to)) {
        j->reason = DROP_QUARANTINE_PEER;
        return false;
    }
    return true;
}

static bool
admits(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
       const struct pkt *p, flood_filter *filter)
{
    struct judgement j;

    j.n_audits = 0;
    j.reason = DROP_NONE;
    j.denial.rule_slot = UINT32_MAX;
    if (!filter(w, from, to, p, &j)) {
        if (unlikely(to->capture) && j.reason != DROP_NONE) {
            capture_withheld(w, from, to, p, &j);
        }
        return false;
    }
    for (unsigned i = 0; i < j.n_audits; i++) {
        record_audit(w, from, p, &j.audit[i]);
    }
    return true;
}

bool
flood(struct worker *w, const struct port_leaf *from, struct pkt *p, flood_filter *filter)
{
    const struct snapshot *s = w->snapshot;
    struct ledger_page *page = page_of(w, from);
    const struct port_leaf *last = NULL; /* gets the packet itself */
    uint16_t n = 0;

    for (uint16_t i = 0; i < s->n_ports; i++) {
        const struct port_leaf *to = s->ports[s->port_ids[i]];
        if (to == from || !port_carries(to, p->vlan) || !admits(w, from, to, p, filter)) {
            continue;
        }
        if (last) {
            /* A copy, not a reference: a destination may rewrite what it sends. */
            struct rte_mbuf *m = rte_pktmbuf_copy(p->m, w->pool, 0, UINT32_MAX);
            page->copies++;
            if (m) {
                output_packet(w, from, last, m, p->vlan, OUTPUT_COPY);
            } else {
                output_no_copy(w, from, last, p->m);
            }
        }
        last = to;
        n++;
    }
    if (!last) {
        return false;
    }
    page->forwarded++;
    if (unlikely(from->capture)) {
        capture_forwarded(w, from, last, p, n);
    }
    output_packet(w, from, last, p->m, p->vlan, n > 1 ? OUTPUT_COPY : OUTPUT_PACKET);
    p->m = NULL;
    return true;
}
