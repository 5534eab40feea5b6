#include <config.h>

#include "datapath/neigh.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/capture.h"
#include "datapath/csum.h"
#include "datapath/fdb.h"
#include "datapath/flood.h"
#include "datapath/guard.h"
#include "datapath/learn.h"
#include "datapath/made.h"
#include "datapath/output.h"
#include "datapath/record.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOUR_SOLICIT 135
#define ND_NEIGHBOUR_ADVERT 136
#define ND_REDIRECT 137
#define ND_MESSAGE 24 /* header and target address of NS and NA */
#define ND_LLADDR_OPTION 8
#define ND_SOURCE_LLADDR 1
#define ND_TARGET_LLADDR 2

struct arp {
    uint16_t hardware, protocol;
    uint8_t hlen, plen;
    uint16_t op;
    uint8_t sha[6], spa[4], tha[6], tpa[4];
} __attribute__((packed));

static void
refuse(struct worker *w, const struct port_leaf *from, struct pkt *p, enum drop_reason reason)
{
    p->reason = reason;
    record_guard_drop(w, from, p);
}

static void
consume(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    page_of(w, from)->consumed++;
    if (unlikely(from->capture)) {
        capture_taken(w, from, p, CAPTURED_CONSUMED);
    }
    rte_pktmbuf_free(p->m);
    p->m = NULL;
}

static void
tell_answered(struct worker *w, const struct port_leaf *to, const struct pkt *p)
{
    if (unlikely(to->capture)) {
        capture_taken(w, to, p, CAPTURED_ANSWERED);
    }
}

/* The request's buffer becomes the answer: the request is consumed, the answer originated. */
static void
send_back(struct worker *w, const struct port_leaf *to, struct pkt *p)
{
    page_of(w, to)->consumed++;
    output_made(w, to, to, p->m, p->vlan);
    p->m = NULL;
}

static void
answer_arp(struct worker *w, const struct port_leaf *to, struct pkt *p, uint64_t mac)
{
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
    struct arp *arp = (void *) (eth + 1);
    uint8_t target[4];

    tell_answered(w, to, p);
    memcpy(target, arp->tpa, 4);
    arp->op = RTE_BE16(ARP_REPLY);
    memcpy(arp->tha, arp->sha, 6);
    memcpy(arp->tpa, arp->spa, 4);
    mac_store(arp->sha, mac);
    memcpy(arp->spa, target, 4);
    mac_store(eth->dst_addr.addr_bytes, p->smac);
    mac_store(eth->src_addr.addr_bytes, mac);
    send_back(w, to, p);
}

/* A copy: in the packet it has no alignment. */
static struct acl_addr
nd_target(const struct pkt *p)
{
    struct acl_addr a;

    memcpy(&a, rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off + 8), sizeof a);
    return a;
}

/* A neighbour advertisement, built afresh: solicited unless it answers a DAD probe, which has no
 * source to answer to (RFC 4861, 7.2.4). */
static void
answer_nd(struct worker *w, const struct port_leaf *to, struct pkt *p, uint64_t mac)
{
    static const struct acl_addr all_nodes = { .b = { 0xff, 0x02, [15] = 1 } };
    struct acl_addr target = nd_target(p);
    bool dad = !p->src.q[0] && !p->src.q[1];
    uint16_t want = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) + ND_MESSAGE + ND_LLADDR_OPTION;
    uint16_t have = rte_pktmbuf_pkt_len(p->m);

    if (have < want && rte_pktmbuf_tailroom(p->m) < want - have) {
        refuse(w, to, p, DROP_NO_BUFFER);
        return;
    }
    tell_answered(w, to, p);
    if (have > want) {
        rte_pktmbuf_trim(p->m, have - want);
    } else {
        rte_pktmbuf_append(p->m, want - have);
    }
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
    struct rte_ipv6_hdr *ip = (void *) (eth + 1);
    uint8_t *icmp = (uint8_t *) (ip + 1);

    mac_store(eth->dst_addr.addr_bytes, p->smac);
    mac_store(eth->src_addr.addr_bytes, mac);
    ip->vtc_flow = RTE_BE32(6u << 28);
    ip->payload_len = rte_cpu_to_be_16(ND_MESSAGE + ND_LLADDR_OPTION);
    ip->proto = IPPROTO_ICMPV6;
    ip->hop_limits = 255;
    p->dst = dad ? all_nodes : p->src;
    p->src = target;
    memcpy(ip->src_addr, &p->src, 16);
    memcpy(ip->dst_addr, &p->dst, 16);
    memset(icmp, 0, ND_MESSAGE + ND_LLADDR_OPTION);
    icmp[0] = ND_NEIGHBOUR_ADVERT;
    icmp[4] = dad ? 0x20 : 0x60; /* override, solicited */
    memcpy(icmp + 8, &target, 16);
    icmp[24] = ND_TARGET_LLADDR;
    icmp[25] = 1; /* unit of 8 bytes */
    mac_store(icmp + 26, mac);
    p->l4_off = (uint8_t *) icmp - (uint8_t *) eth;
    p->l4_len = ND_MESSAGE + ND_LLADDR_OPTION;
    csum_fill(p);
    send_back(w, to, p);
}

/* Whether some rule of the asker, and of the asked, lets anything pass between them. */
static bool
may_reach(const struct snapshot *s, const struct port_leaf *from, const struct pkt *p,
          const struct binding *b)
{
    const struct port_leaf *to = s->ports[b->port];
    uint32_t cs = snapshot_class(s, &p->src, p->vlan);
    uint32_t cd = snapshot_class(s, &p->dst, p->vlan);

    if (from->role == PORT_DESKTOP &&
        !(from->table[ACL_EGRESS] && acl_table_may_reach(from->table[ACL_EGRESS], cd))) {
        return false;
    }
    return !to || to->role != PORT_DESKTOP ||
           (to->table[ACL_INGRESS] && acl_table_may_reach(to->table[ACL_INGRESS], cs));
}

/* ---- what becomes of it ---- */

static void
refused(struct neigh_fate *fate, enum drop_reason reason)
{
    fate->kind = NEIGH_DROPPED;
    fate->reason = reason;
}

/* A request for p->dst whose owner is known.  One's own address is asked for to find duplicates:
 * silence says there is none. */
static void
decide_bound(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
             const struct binding *b, struct neigh_fate *fate)
{
    fate->owner = b;
    fate->mac = b->mac;
    fate->kind = b->port == from->id ? NEIGH_CONSUMED : NEIGH_ANSWERED;
    fate->target = p->dst;
    fate->probe = fate->kind == NEIGH_ANSWERED && from->role == PORT_DESKTOP &&
                  !may_reach(w->snapshot, from, p, b);
}

/* "I have this address": RFC 5227, 3. */
static bool
is_announcement(const struct pkt *p)
{
    return p->flags & PKT_ARP && acl_addr_equals(&p->src, &p->dst);
}

/* Whether a desktop can have asked for what an uplink tells it: ARP speaks of both ends, and no
 * other end's business is a desktop's. */
static bool
is_for(const struct port_leaf *to, const struct pkt *p)
{
    return !(p->flags & PKT_ARP) || guard_is_bound(to, &p->dst) || is_announcement(p);
}

/* What is not for a bound address goes where it is addressed, among the uplinks. */
static void
pass_on(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
        flood_filter *filter, struct neigh_fate *fate)
{
    uint16_t port;

    if (port_is_cut(from)) {
        refused(fate, DROP_QUARANTINE);
        return;
    }
    fate->kind = NEIGH_FLOODED;
    fate->filter = filter;
    if (p->flags & PKT_GROUP) {
        return;
    }
    port = fdb_lookup(p->dmac, p->vlan);
    fate->to = port == DP_PORT_NONE ? NULL : w->snapshot->ports[port];
    if (!fate->to) {
        fate->filter = flood_to_uplinks;
    } else if (fate->to == from || (from->role == PORT_DESKTOP && fate->to->role == PORT_DESKTOP)) {
        fate->kind = NEIGH_CONSUMED; /* desktops' requests were answered by the switch */
    } else if (port_is_cut(fate->to)) {
        refused(fate, DROP_QUARANTINE_PEER);
    } else if (fate->to->role == PORT_DESKTOP && !is_for(fate->to, p)) {
        refused(fate, DROP_MISADDRESSED);
    } else {
        fate->kind = NEIGH_SENT;
    }
}

/* One each, locally administered. */
static uint64_t
decoy_mac(const struct acl_addr *a)
{
    return 0x02fdull << 32 | (a->w[3] ^ a->w[2]);
}

/* A request of a desktop's for an address that nobody here has. */
static void
decide_unbound(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
               const struct acl_addr *target, struct neigh_fate *fate)
{
    const struct acl_table *egress = from->table[ACL_EGRESS];

    if (from->role == PORT_DESKTOP && !from->quarantined &&
        snapshot_is_decoy(w->snapshot, target)) {
        fate->kind = NEIGH_ANSWERED;
        fate->mac = decoy_mac(target);
        fate->target = *target;
        fate->probe = true;
        return;
    }
    pass_on(w, from, p, flood_to_uplinks, fate);
    fate->target = *target;
    fate->stranger =
        from->role == PORT_DESKTOP && fate->kind != NEIGH_DROPPED &&
        !(egress && acl_table_may_reach(egress, snapshot_class(w->snapshot, target, p->vlan)));
}

static bool
is_zero_v4(const struct acl_addr *a)
{
    return !a->w[3];
}

static void
decide_arp(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
           struct neigh_fate *fate)
{
    const struct arp *arp = rte_pktmbuf_mtod_offset(p->m, const struct arp *, p->l3_off);
    const struct binding *sender = snapshot_binding(w->snapshot, &p->src, p->vlan);
    const struct binding *target = snapshot_binding(w->snapshot, &p->dst, p->vlan);
    const uint8_t *smac = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, 6);
    bool probe = is_zero_v4(&p->src); /* RFC 5227, 2.1.1 */

    if (memcmp(arp->sha, smac, 6) ||
        (from->role == PORT_DESKTOP && !probe && !guard_is_bound(from, &p->src)) ||
        (from->role == PORT_UPLINK && sender && sender->port != from->id)) {
        refused(fate, DROP_SPOOF_ARP);
    } else if (is_announcement(p)) {
        /* A gateway that moved tells everyone; a desktop's concerns switches farther on. */
        pass_on(w, from, p, from->role == PORT_UPLINK ? flood_to_all : flood_to_uplinks, fate);
    } else if (p->arp_op == ARP_REQUEST && target) {
        decide_bound(w, from, p, target, fate);
    } else if (p->arp_op == ARP_REQUEST && !probe) {
        decide_unbound(w, from, p, &p->dst, fate);
    } else {
        pass_on(w, from, p, flood_to_uplinks, fate);
    }
}

/* Where the options of an ND message begin (RFC 4861, 4.1 to 4.5). */
static uint16_t
nd_options(uint8_t type)
{
    static const uint8_t begin[] = { 8, 16, ND_MESSAGE, ND_MESSAGE, 40 };

    return begin[type - ND_ROUTER_SOLICIT];
}

/* The link-layer addresses that it tells are its sender's, or at least no desktop's. */
static enum drop_reason
nd_check_options(const struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    const uint8_t *nd = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
    uint32_t at = nd_options(nd[0]), size;

    for (; at < p->l4_len; at += size) {
        uint64_t mac = 0;

        if (p->l4_len - at < 8 || !(size = nd[at + 1] * 8) || size > p->l4_len - at) {
            return DROP_MALFORMED; /* RFC 4861, 4.6 */
        }
        if (nd[at] != ND_SOURCE_LLADDR && nd[at] != ND_TARGET_LLADDR) {
            continue;
        }
        for (int i = 0; i < 6; i++) {
            mac = mac << 8 | nd[at + 2 + i];
        }
        if (from->role == PORT_DESKTOP ? mac != from->mac : guard_is_desktop_mac(w, mac, p->vlan)) {
            return DROP_SPOOF_ND;
        }
    }
    return DROP_NONE;
}

static bool
is_bound_elsewhere(const struct worker *w, const struct port_leaf *from, const struct acl_addr *a,
                   uint16_t vlan)
{
    const struct binding *b = snapshot_binding(w->snapshot, a, vlan);

    return b && b->port != from->id;
}

static enum drop_reason
nd_check(const struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    const struct rte_ipv6_hdr *ip =
        rte_pktmbuf_mtod_offset(p->m, const struct rte_ipv6_hdr *, p->l3_off);
    uint8_t type = p->icmp >> 8;
    struct acl_addr target;

    if (ip->hop_limits != 255 || p->icmp & 0xff) { /* RFC 4861: it never crossed a router */
        return DROP_SPOOF_ND;
    }
    if (p->l4_len < nd_options(type)) {
        return DROP_MALFORMED;
    }
    /* So what comes from an uplink is sent on the link, and by no desktop: it has none's address.
     */
    if (from->role == PORT_UPLINK && is_bound_elsewhere(w, from, &p->src, p->vlan)) {
        return DROP_SPOOF_ND;
    }
    /* A redirect from one desktop to another, too: how they reach each other is not a router's to
     * say. */
    if (type == ND_NEIGHBOUR_ADVERT || type == ND_REDIRECT) {
        target = nd_target(p);
        if (from->role == PORT_DESKTOP ? !guard_is_bound(from, &target)
                                       : is_bound_elsewhere(w, from, &target, p->vlan)) {
            return DROP_SPOOF_ND;
        }
    }
    return nd_check_options(w, from, p);
}

static bool
is_unspecified(const struct acl_addr *a)
{
    return !a->q[0] && !a->q[1];
}

/* Who has an address that somebody else wants says so to all nodes (RFC 4862, 5.4.4). */
static int
lesson_of(const struct pkt *p, uint8_t type)
{
    return type == ND_ROUTER_ADVERT                              ? NEIGH_ROUTER
           : type == ND_NEIGHBOUR_ADVERT && p->flags & PKT_GROUP ? NEIGH_DEFENCE
                                                                 : NEIGH_TEACHES_NOTHING;
}

static void
decide_solicit(const struct worker *w, const struct port_leaf *from, struct pkt *p,
               struct neigh_fate *fate)
{
    struct acl_addr target = nd_target(p);
    const struct binding *b = snapshot_binding(w->snapshot, &target, p->vlan);

    if (b) {
        p->dst = target;
        decide_bound(w, from, p, b, fate);
        return;
    }
    if (from->role == PORT_DESKTOP && is_unspecified(&p->src)) {
        fate->lesson = NEIGH_CLAIM;
        pass_on(w, from, p, flood_to_uplinks, fate);
    } else {
        decide_unbound(w, from, p, &target, fate);
    }
}

static void
decide_nd(const struct worker *w, const struct port_leaf *from, struct pkt *p,
          struct neigh_fate *fate)
{
    enum drop_reason reason = nd_check(w, from, p);
    uint8_t type = p->icmp >> 8;

    if (reason != DROP_NONE) {
        refused(fate, reason);
        return;
    } else if (type == ND_NEIGHBOUR_SOLICIT) {
        decide_solicit(w, from, p, fate);
        return;
    }
    if (from->role == PORT_UPLINK) {
        fate->lesson = lesson_of(p, type);
    }
    /* Routers speak to everyone; what desktops say is for routers. */
    pass_on(w, from, p,
            from->role == PORT_UPLINK && type != ND_ROUTER_SOLICIT ? flood_to_all
                                                                   : flood_to_uplinks,
            fate);
}

void
neigh_decide(const struct worker *w, const struct port_leaf *from, struct pkt *p,
             struct neigh_fate *fate)
{
    *fate = (struct neigh_fate){ .reason = DROP_NONE };
    if (p->flags & PKT_ARP) {
        decide_arp(w, from, p, fate);
    } else {
        decide_nd(w, from, p, fate);
    }
}

/* ---- doing it ---- */

static void
teach(struct worker *w, const struct port_leaf *from, const struct pkt *p,
      const struct neigh_fate *fate)
{
    struct acl_addr target;

    if (fate->lesson == NEIGH_ROUTER) {
        learn_router(w, from, p);
    } else if (fate->lesson != NEIGH_TEACHES_NOTHING) {
        target = nd_target(p);
        (fate->lesson == NEIGH_CLAIM ? learn_claim : learn_defence)(w, from, p, &target);
    }
}

static void
answer(struct worker *w, const struct port_leaf *from, struct pkt *p, const struct neigh_fate *fate)
{
    if (p->flags & PKT_ARP) {
        answer_arp(w, from, p, fate->mac);
    } else {
        answer_nd(w, from, p, fate->mac);
    }
}

void
neigh_input(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct neigh_fate fate;

    neigh_decide(w, from, p, &fate);
    teach(w, from, p, &fate);
    if (fate.probe) {
        record_probe(w, from, p, &fate.target);
    } else if (fate.stranger) {
        record_stranger(w, from, p, &fate.target);
    }
    switch (fate.kind) {
    case NEIGH_DROPPED:
        refuse(w, from, p, fate.reason);
        break;
    case NEIGH_CONSUMED:
        consume(w, from, p);
        break;
    case NEIGH_ANSWERED:
        answer(w, from, p, &fate);
        break;
    case NEIGH_SENT:
        output_forward(w, from, fate.to, p);
        break;
    case NEIGH_FLOODED:
        if (!flood(w, from, p, fate.filter)) {
            consume(w, from, p);
        }
        break;
    }
}
