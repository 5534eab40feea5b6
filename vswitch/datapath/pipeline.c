#include <config.h>

#include "datapath/pipeline.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "datapath/csum.h"
#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "datapath/frag.h"
#include "datapath/guard.h"
#include "datapath/learn.h"
#include "datapath/neigh.h"
#include "datapath/output.h"
#include "datapath/record.h"
#include "datapath/vlan.h"
#include "datapath/snoop.h"
#include "datapath/storm.h"

/* What any of them is: PKT_*. */
static uint16_t
parse_stage(const struct port_leaf *from, uint16_t vlan, struct rte_mbuf **m, uint16_t n,
            struct pkt *pkts)
{
    uint16_t any = 0;

    for (uint16_t i = 0; i < n && i < 4; i++) {
        rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
    }
    for (uint16_t i = 0; i < n; i++) {
        if (i + 4 < n) {
            rte_prefetch0(rte_pktmbuf_mtod(m[i + 4], void *));
        }
        pkts[i].m = m[i];
        pkts[i].reason = pkt_parse(&pkts[i]);
        pkts[i].vlan = vlan;
        if (unlikely(pkts[i].reason == DROP_VLAN)) {
            pkts[i].reason = vlan_untag(from, &pkts[i]);
        }
        if (pkts[i].reason == DROP_NONE && (pkts[i].flags & (PKT_IP | PKT_FRAGMENT)) == PKT_IP) {
            csum_complete(&pkts[i], from->port->guess_partial_csum);
        }
        any |= pkts[i].flags;
    }
    return any;
}

static void
guard_stage(struct worker *w, const struct port_leaf *from, struct pkt *pkts, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        struct pkt *p = &pkts[i];
        if (p->reason == DROP_NONE) {
            p->reason = guard_check(w, from, p);
        }
        if (p->reason == DROP_NONE && p->flags & (PKT_GROUP | PKT_ARP | PKT_ND)) {
            p->reason = storm_check(w, from, p);
        }
        if (p->reason == DROP_NONE && from->role == PORT_UPLINK) {
            page_of(w, from)->macs_refused +=
                !fdb_seen(w->index, p->smac, p->vlan, from->id, w->now_s);
        }
    }
}

/* What is far too short to need it, beside neighbour discovery, which the parser has dropped. */
static bool
never_in_fragments(const struct pkt *p)
{
    return p->flags & PKT_ICMP_ERROR || snoop_is_membership(p);
}

/* Fragments wait until their datagram is whole; that goes on in the place of the last of them, and
 * the guard gets to see what it is. */
static void
fragment_stage(struct worker *w, const struct port_leaf *from, struct pkt *pkts, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        struct pkt *p = &pkts[i];
        if (p->reason != DROP_NONE || !(p->flags & PKT_FRAGMENT)) {
            continue;
        }
        if (!frag_input(w, from, p)) {
            p->flags = PKT_GONE;
            p->reason = DROP_NONE;
        } else if (p->reason == DROP_NONE) {
            p->reason = never_in_fragments(p) ? DROP_FRAGMENT : guard_check(w, from, p);
        }
    }
}

static void
lookup_stage(struct worker *w, const struct port_leaf *from, struct pkt *pkts, uint16_t n)
{
    struct conn_probe probes[DP_BURST];
    uint16_t of[DP_BURST]; /* whose probe it is */
    unsigned n_probes = 0;

    for (uint16_t i = 0; i < n; i++) {
        struct pkt *p = &pkts[i];
        if (p->reason == DROP_NONE && p->flags & PKT_TRACKED) {
            p->side = conn_key_make(&probes[n_probes].key, &p->src, &p->dst, p->sport, p->dport,
                                    p->protocol, p->vlan);
            probes[n_probes].side = p->side;
            of[n_probes++] = i;
        }
    }
    conn_lookup_bulk(w->conns, probes, n_probes, from->id, from->role == PORT_UPLINK);
    for (unsigned i = 0; i < n_probes; i++) {
        pkts[of[i]].hash = probes[i].hash;
        pkts[of[i]].conn = probes[i].conn;
    }
}

static void
forward_stage(struct worker *w, const struct port_leaf *from, struct pkt *pkts, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        struct pkt *p = &pkts[i];
        if (p->flags & PKT_GONE) {
            continue;
        }
        if (p->reason != DROP_NONE) {
            record_guard_drop(w, from, p);
        } else if (p->flags & (PKT_ARP | PKT_ND)) {
            neigh_input(w, from, p);
        } else if (snoop_is_membership(p)) {
            snoop_input(w, from, p);
        } else if (p->flags & PKT_ICMP_ERROR) {
            forward_icmp_error(w, from, p);
        } else if (p->flags & PKT_DHCP && learn_dhcp(w, from, p)) {
            continue;
        } else if (p->conn) {
            forward_tracked(w, from, p);
        } else {
            forward_new(w, from, p);
        }
    }
}

/* 'vlan' is that of those without a tag. */
static void
run_stages(struct worker *w, const struct port_leaf *from, uint16_t vlan, struct rte_mbuf **m,
           uint16_t n)
{
    struct pkt pkts[DP_BURST];
    uint16_t any = parse_stage(from, vlan, m, n, pkts);

    profile_end(&w->profile, STAGE_PARSE);
    guard_stage(w, from, pkts, n);
    if (any & PKT_FRAGMENT) {
        fragment_stage(w, from, pkts, n);
    }
    profile_end(&w->profile, STAGE_GUARD);
    lookup_stage(w, from, pkts, n);
    profile_end(&w->profile, STAGE_LOOKUP);
    forward_stage(w, from, pkts, n);
    profile_end(&w->profile, STAGE_FORWARD);
    output_flush(w);
    profile_end(&w->profile, STAGE_TRANSMIT);
}

void
pipeline_run(struct worker *w, const struct port_leaf *from, struct rte_mbuf **m, uint16_t n)
{
    struct ledger_page *page = page_of(w, from);

    page->received += n;
    for (uint16_t i = 0; i < n; i++) {
        page->received_bytes += rte_pktmbuf_pkt_len(m[i]);
    }
    run_stages(w, from, from->vlan, m, n);
}

void
pipeline_hand_back(struct worker *w)
{
    struct rte_mbuf *m;
    uint16_t id;

    w->handing_back = true;
    while (learn_handed_back(w->learner, &m, &id)) {
        const struct port_leaf *from = w->snapshot ? w->snapshot->ports[id] : NULL;

        w->ledger.pages[id].held--;
        if (from) {
            run_stages(w, from, m->vlan_tci, &m, 1); /* its tag was taken off */
        } else {
            w->ledger.pages[id].drops[DROP_NO_DESTINATION]++;
            rte_pktmbuf_free(m);
        }
    }
    w->handing_back = false;
}
