#include <config.h>

#include "datapath/forward.h"

#include <netinet/in.h>

#include <rte_mbuf.h>

#include "datapath/fdb.h"
#include "datapath/flood.h"
#include "datapath/guard.h"
#include "datapath/judge.h"
#include "datapath/output.h"
#include "datapath/record.h"
#include "datapath/reject.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10

static void
hit(struct worker *w, uint32_t slot, uint32_t bytes)
{
    if (slot < w->ledger.n_rules) {
        w->ledger.rules[slot].packets++;
        w->ledger.rules[slot].bytes += bytes;
    }
}

static void
drop(struct worker *w, const struct port_leaf *from, struct pkt *p, enum drop_reason reason)
{
    p->reason = reason;
    record_guard_drop(w, from, p);
}

static void
drop_quietly(struct worker *w, const struct port_leaf *from, struct pkt *p, enum drop_reason reason)
{
    const struct denial why = { .rule_slot = UINT32_MAX,
                                .peer_port = DP_PORT_NONE,
                                .log = ACL_LOG_NONE };

    p->reason = reason;
    record_drop(w, from, p, &why);
}

/* Denied by 'j'.  What comes from an uplink accuses no desktop, so it is a record, not an incident,
 * and a broadcast is not even that. */
static void
deny(struct worker *w, const struct port_leaf *from, struct pkt *p, struct judgement *j)
{
    if (from->role == PORT_UPLINK && j->denial.log == ACL_LOG_INCIDENT) {
        j->denial.log = p->flags & PKT_GROUP ? ACL_LOG_NONE : ACL_LOG_RECORD;
    }
    p->reason = j->reason;
    if (j->reject) {
        reject_answer(w, from, p);
    }
    record_drop(w, from, p, &j->denial);
}

static void
send_to(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct pkt *p)
{
    if (to) {
        page_of(w, from)->forwarded++;
        output_packet(w, from, to, p->m);
        p->m = NULL;
    } else if (!flood(w, from, p, flood_to_uplinks)) {
        drop_quietly(w, from, p, DROP_NO_DESTINATION);
    }
}

static const struct port_leaf *
leaf_by_id(const struct worker *w, uint16_t id)
{
    return id < DP_MAX_PORTS ? w->snapshot->ports[id] : NULL;
}

static void
add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void
account(struct worker *w, struct conn *c, unsigned side, const struct pkt *p,
        const uint32_t rule_slot[2])
{
    uint32_t bytes = rte_pktmbuf_pkt_len(p->m);

    add(&c->half[side].packets, 1);
    add(&c->half[side].bytes, bytes);
    hit(w, rule_slot[0], bytes);
    hit(w, rule_slot[1], bytes);
}

/* The first packets of a flow may have gone to all uplinks: the reply, or the FDB, tells which one
 * the responder is behind.  NULL: nothing new. */
static const struct port_leaf *
responder_of(const struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    unsigned side = !p->conn->initiator;

    if (atomic_load_explicit(&p->conn->port[side], memory_order_relaxed) != DP_PORT_NONE) {
        return NULL;
    }
    if (side == p->side) {
        return from;
    }
    const struct port_leaf *to = leaf_by_id(w, fdb_lookup(p->dmac, p->vlan));
    return to && to->role == PORT_UPLINK && to != from ? to : NULL;
}

enum standing { ALLOWED, DENIED, NOT_OURS };

/* An entry from an older snapshot, or whose responder has become known, is judged anew in its
 * initiator's orientation; its state stays.  DENIED: 'j' says why.  NOT_OURS: another uplink has
 * answered for it. */
static enum standing
judge_again(struct worker *w, const struct port_leaf *from, const struct pkt *p,
            const struct port_leaf *responder, struct judgement *j)
{
    struct conn *c = p->conn;
    const struct snapshot *s = w->snapshot;
    bool claimed = conn_claim(c, s->generation);
    uint16_t id = DP_PORT_NONE;
    struct judge_query q;

    if (claimed && responder) {
        atomic_compare_exchange_strong(&c->port[!c->initiator], &id, responder->id);
    }
    id = atomic_load_explicit(&c->port[p->side], memory_order_relaxed);
    if (id != from->id && id != DP_PORT_NONE) {
        if (claimed) {
            conn_unclaim(c);
        }
        return NOT_OURS;
    }
    if (judge_query_of(s, c, responder, &q)) {
        judge(s, &q, j);
    } else {
        *j = (struct judgement){
            .reason = DROP_NO_DESTINATION,
            .denial = { .rule_slot = UINT32_MAX, .peer_port = DP_PORT_NONE, .log = ACL_LOG_NONE }
        };
    }
    if (claimed && j->reason == DROP_NONE) {
        judge_note(s, j, c);
    } else if (claimed) {
        conn_remove(w->conns, w->index, c);
    }
    return j->reason == DROP_NONE ? ALLOWED : DENIED;
}

static bool
opens_tcp(const struct pkt *p)
{
    return (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static void
forward_as_new(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    p->conn = NULL;
    forward_new(w, from, p);
}

void
forward_tracked(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct conn *c = p->conn;
    const struct port_leaf *responder = responder_of(w, from, p);
    struct judgement j;

    if (p->protocol == IPPROTO_TCP && opens_tcp(p) &&
        atomic_load_explicit(&c->state, memory_order_relaxed) == CONN_CLOSED) {
        conn_remove(w->conns, w->index, c); /* the ports are used again */
        forward_as_new(w, from, p);
        return;
    }
    if (responder || !judge_stands(w->snapshot, c, j.rule_slot)) {
        enum standing standing = judge_again(w, from, p, responder, &j);
        if (standing == NOT_OURS) {
            forward_as_new(w, from, p);
            return;
        }
        if (standing == DENIED) {
            deny(w, from, p, &j);
            return;
        }
    }
    conn_advance(c, p->side, p->tcp_flags, w->now);
    account(w, c, p->side, p, j.rule_slot);
    uint16_t to = atomic_load_explicit(&c->port[!p->side], memory_order_relaxed);
    const struct port_leaf *leaf = leaf_by_id(w, to);
    if (!leaf && to != DP_PORT_NONE) {
        drop_quietly(w, from, p, DROP_NO_DESTINATION);
        return;
    }
    send_to(w, from, leaf, p);
}

/* Only what asks a question opens a connection: a TCP SYN, any UDP, an ICMP echo request. */
static bool
opens(const struct pkt *p)
{
    uint8_t type = p->icmp >> 8;

    switch (p->protocol) {
    case IPPROTO_TCP:
        return opens_tcp(p);
    case IPPROTO_UDP:
        return true;
    default:
        return type == 8 || type == 128;
    }
}

static struct conn *
open_connection(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
                const struct pkt *p, const struct judgement *j)
{
    struct conn *c = conn_alloc(w->conns, w->index);

    if (!c) {
        return NULL;
    }
    conn_key_make(&c->key, &p->src, &p->dst, p->sport, p->dport, p->protocol, p->vlan);
    atomic_store_explicit(&c->port[p->side], from->id, memory_order_relaxed);
    atomic_store_explicit(&c->port[!p->side], to ? to->id : DP_PORT_NONE, memory_order_relaxed);
    c->initiator = p->side;
    for (int side = 0; side < 2; side++) {
        atomic_store_explicit(&c->half[side].last_seen, w->now, memory_order_relaxed);
    }
    atomic_store_explicit(&c->state, p->protocol == IPPROTO_TCP ? CONN_SYN_SENT : CONN_NEW,
                          memory_order_relaxed);
    judge_note(w->snapshot, j, c);
    return conn_insert(w->conns, w->index, c, p->hash);
}

/* A copy for a desktop must pass that desktop's own firewall; uplinks are behind the sender's. */
static bool
admits(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
       const struct pkt *p)
{
    struct judge_query q = { .from = from,
                             .to = to,
                             .src = p->src,
                             .dst = p->dst,
                             .sport = p->sport,
                             .service = pkt_service(p),
                             .protocol = p->protocol };
    struct judgement j;

    judge(w->snapshot, &q, &j);
    return j.reason == DROP_NONE;
}

static void
forward_group(struct worker *w, const struct port_leaf *from, struct pkt *p,
              const struct judgement *j)
{
    uint32_t bytes = rte_pktmbuf_pkt_len(p->m);

    hit(w, j->rule_slot[ACL_EGRESS], bytes);
    if (!flood(w, from, p, admits)) {
        drop_quietly(w, from, p, DROP_NO_DESTINATION);
    }
}

static void
forward_judged(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
               struct pkt *p, const struct judgement *j)
{
    if (p->flags & PKT_TRACKED && opens(p)) {
        struct conn *c = open_connection(w, from, to, p, j);
        if (!c) {
            drop(w, from, p, DROP_CONN_FULL);
            return;
        }
        conn_advance(c, p->side, p->tcp_flags, w->now);
        account(w, c, p->side, p, j->rule_slot);
    } else if (p->protocol == IPPROTO_TCP) {
        drop(w, from, p, DROP_TCP_STATE);
        return;
    } else {
        hit(w, j->rule_slot[0], rte_pktmbuf_pkt_len(p->m));
        hit(w, j->rule_slot[1], rte_pktmbuf_pkt_len(p->m));
    }
    send_to(w, from, to, p);
}

void
forward_new(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    const struct port_leaf *to =
        p->flags & PKT_GROUP ? NULL : leaf_by_id(w, fdb_lookup(p->dmac, p->vlan));
    struct judge_query q = { .from = from,
                             .to = to,
                             .src = p->src,
                             .dst = p->dst,
                             .sport = p->sport,
                             .service = pkt_service(p),
                             .protocol = p->protocol };
    struct judgement j;

    if (to == from) {
        drop(w, from, p, DROP_HAIRPIN);
        return;
    }
    judge(w->snapshot, &q, &j);
    if (j.reason != DROP_NONE) {
        deny(w, from, p, &j);
    } else if (p->flags & PKT_GROUP) {
        forward_group(w, from, p, &j);
    } else if (to && to->role == PORT_DESKTOP && !guard_is_bound(to, &p->dst)) {
        drop(w, from, p, DROP_MISADDRESSED);
    } else {
        forward_judged(w, from, to, p, &j);
    }
}
