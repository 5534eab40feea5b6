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
account(struct worker *w, struct conn *c, unsigned side, const struct pkt *p)
{
    struct conn_half *h = &c->half[side];
    uint32_t bytes = rte_pktmbuf_pkt_len(p->m);

    h->packets++;
    h->bytes += bytes;
    hit(w, h->rule_slot[0], bytes);
    hit(w, h->rule_slot[1], bytes);
}

/* An entry from an older snapshot is judged anew in its initiator's orientation; its state stays.
 * False: denied now, and 'j' says why. */
static bool
refresh(struct worker *w, struct conn *c, struct judgement *j)
{
    const struct snapshot *s = w->snapshot;
    struct judge_query q;

    if (atomic_load_explicit(&c->generation, memory_order_acquire) == s->generation ||
        judge_still_stands(s, c)) {
        return true;
    }
    if (!judge_query_of(s, c, &q)) {
        *j = (struct judgement){
            .reason = DROP_NO_DESTINATION,
            .denial = { .rule_slot = UINT32_MAX, .peer_port = DP_PORT_NONE, .log = ACL_LOG_NONE }
        };
        return false;
    }
    judge(s, &q, j);
    if (j->reason != DROP_NONE) {
        return false;
    }
    if (atomic_load_explicit(&c->generation, memory_order_acquire) < s->generation) {
        judge_note(s, j, c);
    }
    return true;
}

/* The first packets of a flow may have gone to all uplinks: the reply tells which one it was. */
static void
resolve_ports(struct worker *w, const struct port_leaf *from, struct pkt *p, struct conn *c)
{
    uint16_t none = DP_PORT_NONE;

    if (atomic_load_explicit(&c->port[p->side], memory_order_relaxed) == DP_PORT_NONE) {
        atomic_compare_exchange_strong(&c->port[p->side], &none, from->id);
        c->epoch[p->side] = from->epoch;
        c->table_id[1] = from->table_id[ACL_INGRESS];
    }
    if (atomic_load_explicit(&c->port[!p->side], memory_order_relaxed) == DP_PORT_NONE) {
        uint16_t id = fdb_lookup(p->dmac, p->vlan);
        const struct port_leaf *to = leaf_by_id(w, id);
        if (to && to->role == PORT_UPLINK && to != from) {
            none = DP_PORT_NONE;
            atomic_compare_exchange_strong(&c->port[!p->side], &none, id);
            c->epoch[!p->side] = to->epoch;
        }
    }
}

static bool
opens_tcp(const struct pkt *p)
{
    return (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

void
forward_tracked(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct conn *c = p->conn;
    struct judgement j;

    if (p->protocol == IPPROTO_TCP && opens_tcp(p) &&
        atomic_load_explicit(&c->state, memory_order_relaxed) == CONN_CLOSED) {
        conn_remove(w->conns, w->index, c); /* the ports are used again */
        p->conn = NULL;
        forward_new(w, from, p);
        return;
    }
    resolve_ports(w, from, p, c);
    if (!refresh(w, c, &j)) {
        conn_remove(w->conns, w->index, c);
        deny(w, from, p, &j);
        return;
    }
    conn_advance(c, p->side, p->tcp_flags, w->now);
    account(w, c, p->side, p);
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
    c->half[0].last_seen = c->half[1].last_seen = w->now;
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
        account(w, c, p->side, p);
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
