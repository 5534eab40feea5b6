#include <config.h>

#include "datapath/trace_private.h"

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "datapath/csum.h"
#include "datapath/guard.h"
#include "datapath/learn.h"
#include "datapath/neigh.h"
#include "datapath/snoop.h"
#include "datapath/vlan.h"

static void
look_up(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct conn_key key;

    p->conn = NULL;
    if (w->conns && p->flags & PKT_TRACKED) {
        p->side = conn_key_make(&key, &p->src, &p->dst, p->sport, p->dport, p->protocol, p->vlan);
        p->hash = conn_key_hash(w->conns, &key);
        p->conn =
            conn_lookup(w->conns, &key, p->hash, p->side, from->id, from->role == PORT_UPLINK);
    }
}

/* ---- what the switch deals with itself ---- */

static void
neighbour(struct worker *w, const struct port_leaf *from, struct pkt *p, struct trace *t)
{
    struct neigh_fate fate;

    neigh_decide(w, from, p, &fate);
    t->stage = TRACE_NEIGHBOUR;
    t->owner = fate.owner;
    t->probe = fate.probe;
    switch (fate.kind) {
    case NEIGH_DROPPED:
        trace_dropped(t, TRACE_NEIGHBOUR, fate.reason);
        break;
    case NEIGH_CONSUMED:
        trace_ends(t, TRACE_NEIGHBOUR, TRACE_CONSUMED);
        break;
    case NEIGH_ANSWERED:
        trace_ends(t, TRACE_NEIGHBOUR, TRACE_ANSWERED);
        break;
    case NEIGH_SENT:
        trace_to_one(fate.to, p, t);
        break;
    case NEIGH_FLOODED:
        if (!trace_to_all(w, from, p, fate.filter, t)) {
            trace_ends(t, TRACE_NEIGHBOUR, TRACE_CONSUMED);
        }
        break;
    }
}

static void
membership(struct worker *w, const struct port_leaf *from, const struct pkt *p, struct trace *t)
{
    struct snoop_message s;
    flood_filter *filter;
    enum drop_reason reason = snoop_decide(w, from, p, &s, &filter);

    if (reason != DROP_NONE) {
        trace_dropped(t, TRACE_MEMBERSHIP, reason);
    } else if (!trace_to_all(w, from, p, filter, t)) {
        trace_ends(t, TRACE_MEMBERSHIP, TRACE_CONSUMED);
    }
}

/* False: it goes the way of any other. */
static bool
dhcp(struct worker *w, const struct port_leaf *from, const struct pkt *p, struct trace *t)
{
    struct dhcp_message d;
    struct dhcp_fate fate;

    learn_dhcp_decide(w, from, p, &d, &fate);
    if (fate.kind == DHCP_GOES_ON || fate.kind == DHCP_ASKED) {
        return false;
    } else if (fate.kind == DHCP_DROPPED) {
        trace_dropped(t, TRACE_DHCP, fate.reason);
        return true;
    }
    trace_question(fate.to, from, p, t);
    t->judgement = fate.judgement;
    t->tracking = TRACE_REPLY;
    if (fate.kind == DHCP_DENIED) {
        trace_dropped(t, TRACE_POLICY, fate.judgement.reason);
    } else if (fate.kind == DHCP_HELD) {
        trace_ends(t, TRACE_DHCP, TRACE_HELD);
        trace_copy_to(fate.to, p, t);
    } else {
        trace_to_one(fate.to, p, t);
    }
    return true;
}

/* ---- the stages ---- */

/* forward_stage(). */
static void
forward(struct worker *w, const struct port_leaf *from, struct pkt *p, struct trace *t)
{
    if (p->flags & (PKT_ARP | PKT_ND)) {
        neighbour(w, from, p, t);
    } else if (snoop_is_membership(p)) {
        membership(w, from, p, t);
    } else if (p->flags & PKT_ICMP_ERROR) {
        trace_icmp_error(w, from, p, t);
    } else if (p->flags & PKT_DHCP && dhcp(w, from, p, t)) {
        return;
    } else if (p->conn) {
        trace_tracked(w, from, p, t);
    } else {
        trace_new(w, from, p, t);
    }
}

static void
fill_sums(struct pkt *p)
{
    bool has_sum = p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP ||
                   p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6;

    if (has_sum && (p->flags & (PKT_IP | PKT_FRAGMENT)) == PKT_IP) {
        csum_fill(p);
    }
}

/* A fragment is held.  What its datagram will get is asked with the first one as if it were all of
 * it: the headers are there.  False: there is nothing to ask with. */
static bool
make_whole(struct pkt *p)
{
    uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(p->m, struct rte_ipv4_hdr *, p->l3_off);

    if (p->frag_off || p->l4_len < sizeof(struct rte_udp_hdr)) {
        return false;
    }
    if (p->flags & PKT_V6) {
        memset(l4 - 6, 0, 2); /* offset and "more" of the fragment header before it */
    } else {
        ip->fragment_offset = 0;
        ip->hdr_checksum = 0;
        ip->hdr_checksum = rte_raw_cksum(ip, (ip->version_ihl & 0xf) * 4) ^ 0xffff;
    }
    if (p->protocol == IPPROTO_UDP) {
        ((struct rte_udp_hdr *) l4)->dgram_len = rte_cpu_to_be_16(p->l4_len);
    }
    return true;
}

static enum drop_reason
parse(struct pkt *p, const struct port_leaf *from, uint16_t vlan, struct trace *t)
{
    enum drop_reason reason = pkt_parse(p);

    p->vlan = vlan;
    t->stage = TRACE_PARSE;
    if (reason == DROP_VLAN) {
        uint16_t before = rte_pktmbuf_data_len(p->m);

        reason = vlan_untag(from, p);
        t->tagged = rte_pktmbuf_data_len(p->m) != before;
        t->stage = t->tagged ? TRACE_PARSE : TRACE_VLAN;
    }
    return reason;
}

/* As parse_stage() and fragment_stage(); DROP_NONE, or why not. */
static enum drop_reason
read_frame(struct pkt *p, const struct port_leaf *from, uint16_t vlan, bool fill, struct trace *t)
{
    enum drop_reason reason = parse(p, from, vlan, t);

    if (reason == DROP_NONE && p->flags & PKT_FRAGMENT && make_whole(p)) {
        uint16_t in = p->vlan;

        t->fragment = fill = true;
        reason = pkt_parse(p);
        p->vlan = in;
        if (reason == DROP_NONE && (p->flags & PKT_ICMP_ERROR || snoop_is_membership(p))) {
            reason = DROP_FRAGMENT;
        }
    }
    if (reason == DROP_NONE && fill) {
        fill_sums(p);
    } else if (reason == DROP_NONE && (p->flags & (PKT_IP | PKT_FRAGMENT)) == PKT_IP) {
        csum_complete(p, from->port->guess_partial_csum);
    }
    return reason;
}

void
trace_run(struct worker *w, const struct port_leaf *from, uint16_t vlan, bool fill,
          struct rte_mbuf *m, struct trace *t)
{
    struct pkt p;
    enum drop_reason reason;

    memset(t, 0, sizeof *t);
    memset(&p, 0, sizeof p);
    p.m = m;
    reason = read_frame(&p, from, vlan, fill, t);
    t->parsed = reason == DROP_NONE;
    if (reason == DROP_NONE) {
        t->stage = TRACE_GUARD;
        reason = guard_check(w, from, &p);
    }
    if (reason != DROP_NONE) {
        trace_dropped(t, t->stage, reason);
    } else if (p.flags & PKT_FRAGMENT) {
        trace_ends(t, TRACE_FRAGMENT, TRACE_HELD);
    } else {
        look_up(w, from, &p);
        forward(w, from, &p, t);
    }
    t->pkt = p;
    t->pkt.m = NULL;
    t->pkt.conn = NULL;
}

void
trace_packet(const struct snapshot *s, const struct port_leaf *from, uint16_t vlan, bool fill,
             bool live, struct rte_mbuf *m, struct trace *t)
{
    struct worker w;
    struct conn_table *conns;

    worker_observe(&w, s);
    conns = w.conns;
    if (!live) {
        w.conns = NULL;
        w.pick_up = true;
    }
    conn_look_begin(conns);
    trace_run(&w, from, vlan, fill, m, t);
    conn_look_end(conns);
}
