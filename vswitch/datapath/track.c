/* Packets that belong to a connection, or open one. */
#include <config.h>

#include <netinet/in.h>

#include <rte_mbuf.h>

#include "datapath/cell.h"
#include "datapath/csum.h"
#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "datapath/guard.h"
#include "datapath/reject.h"

static void
account(struct worker *w, struct conn *c, unsigned side, const struct pkt *p,
        const uint32_t rule_slot[2])
{
    uint32_t packets = forward_packets(p), bytes = forward_bytes(p);

    cell_add(&c->half[side].packets, packets);
    cell_add(&c->half[side].bytes, bytes);
    forward_hit(w, rule_slot[0], packets, bytes);
    forward_hit(w, rule_slot[1], packets, bytes);
}

static void
touch(struct conn *c, unsigned side, uint64_t now)
{
    atomic_store_explicit(&c->half[side].last_seen, now, memory_order_relaxed);
}

static uint16_t
port_of(const struct conn *c, unsigned side)
{
    return atomic_load_explicit(&c->port[side], memory_order_relaxed);
}

/* ---- the verdict ---- */

/* The first packets of a flow may have gone to all uplinks: the reply, or the FDB, tells which one
 * the responder is behind. */
const struct port_leaf *
track_responder(const struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    unsigned side = !p->conn->initiator;

    if (port_of(p->conn, side) != DP_PORT_NONE) {
        return NULL;
    }
    if (side == p->side) {
        return from;
    }
    const struct port_leaf *to = forward_leaf(w, fdb_lookup(p->dmac, p->vlan));
    return to && to->role == PORT_UPLINK && to != from ? to : NULL;
}

void
track_turn(const struct pkt *p, const struct judge_query *q, struct judgement *j)
{
    const struct conn *c = p->conn;
    const struct port_leaf *peer = p->side == c->initiator ? q->to : q->from;
    unsigned cut_off = j->reason == DROP_QUARANTINE ? c->initiator : !c->initiator;

    if (judgement_is_quarantine(j)) {
        j->reason = cut_off == p->side ? DROP_QUARANTINE : DROP_QUARANTINE_PEER;
        j->denial.peer_port = peer ? peer->id : DP_PORT_NONE;
    }
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
    id = port_of(c, p->side);
    if (id != from->id && id != DP_PORT_NONE) {
        if (claimed) {
            conn_unclaim(c);
        }
        return NOT_OURS;
    }
    if (judge_query_of(s, c, responder, &q)) {
        judge(s, &q, j);
        track_turn(p, &q, j);
    } else {
        *j = (struct judgement){
            .reason = DROP_NO_DESTINATION,
            .denial = { .rule_slot = UINT32_MAX, .peer_port = DP_PORT_NONE, .log = ACL_LOG_NONE }
        };
    }
    if (claimed && j->reason == DROP_NONE) {
        judge_note(s, j, c);
    } else if (claimed && judgement_is_quarantine(j)) {
        conn_unclaim(c); /* control ends it, and counts it */
    } else if (claimed) {
        conn_remove(w->conns, w->index, c);
    }
    return j->reason == DROP_NONE ? ALLOWED : DENIED;
}

/* ---- opening ---- */

static bool
opens_tcp(const struct pkt *p)
{
    return (p->tcp.flags & (TCPF_SYN | TCPF_ACK | TCPF_RST | TCPF_FIN)) == TCPF_SYN;
}

static bool
picks_up(const struct worker *w, const struct pkt *p)
{
    return w->pick_up && (p->tcp.flags & (TCPF_SYN | TCPF_ACK | TCPF_RST | TCPF_FIN)) == TCPF_ACK;
}

bool
track_opens(const struct worker *w, const struct pkt *p)
{
    uint8_t type = p->icmp >> 8;

    switch (p->protocol) {
    case IPPROTO_TCP:
        return opens_tcp(p) || picks_up(w, p);
    case IPPROTO_ICMP:
        return type == 8;
    case IPPROTO_ICMPV6:
        return type == 128;
    default:
        return true;
    }
}

/* An entry as it is before its first packet is noted. */
static struct conn *
new_entry(struct worker *w, const struct conn_key *key, unsigned initiator, uint16_t from,
          uint16_t to, uint64_t hop)
{
    struct conn *c = conn_alloc(w->conns, w->index);

    if (c) {
        c->key = *key;
        c->initiator = initiator;
        c->opened = w->now;
        c->hop = hop;
        atomic_store_explicit(&c->port[initiator], from, memory_order_relaxed);
        atomic_store_explicit(&c->port[!initiator], to, memory_order_relaxed);
        touch(c, 0, w->now);
        touch(c, 1, w->now);
    }
    return c;
}

bool
track_has_quota(const struct worker *w, const struct port_leaf *from)
{
    return from->role == PORT_UPLINK || conn_table_of_port(w->conns, from->id) < w->conn_quota;
}

struct conn *
track_open(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
           struct pkt *p, const struct judgement *j)
{
    struct conn_key key;
    struct conn *c;

    if (!csum_holds(p)) {
        forward_drop(w, from, p, DROP_CSUM);
        return NULL;
    }
    if (!track_has_quota(w, from)) {
        forward_drop(w, from, p, DROP_CONN_QUOTA);
        return NULL;
    }
    conn_key_make(&key, &p->src, &p->dst, p->sport, p->dport, p->protocol, p->vlan);
    c = new_entry(w, &key, p->side, from->id, to ? to->id : DP_PORT_NONE,
                  from->role == PORT_DESKTOP ? p->dmac : p->smac);
    if (c) {
        if (p->protocol == IPPROTO_TCP && !opens_tcp(p)) {
            tcp_pick_up(&c->half[p->side].tcp, &p->tcp);
        } else if (p->protocol == IPPROTO_TCP) {
            tcp_track(&c->half[p->side].tcp, &c->half[!p->side].tcp, &p->tcp);
        }
        judge_note(w->snapshot, j, c);
        c = conn_insert(w->conns, w->index, c, p->hash);
    }
    if (!c) {
        forward_drop(w, from, p, DROP_CONN_FULL);
        return NULL;
    }
    account(w, c, p->side, p, j->rule_slot);
    return c;
}

/* ---- TCP ---- */

bool
track_query_anew(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
                 struct judge_query *q)
{
    *q = (struct judge_query){ .from = forward_leaf(w, port_of(p->conn, !p->side)),
                               .to = from,
                               .src = p->dst,
                               .dst = p->src,
                               .sport = p->dport,
                               .service = p->sport,
                               .vlan = p->vlan,
                               .protocol = p->protocol };
    return q->from;
}

/* The answer to a SYN that came while the table knew an older connection of these two: what it
 * opens is judged in that SYN's direction, and takes the place of the old one. */
static bool
begin_anew(struct worker *w, const struct port_leaf *from, struct pkt *p, struct judgement *j)
{
    struct conn *old = p->conn, *c;
    unsigned asked = !p->side;
    struct judge_query q;

    if (!track_query_anew(w, from, p, &q)) {
        forward_drop_quietly(w, from, p, DROP_NO_DESTINATION);
        return false;
    }
    judge(w->snapshot, &q, j);
    if (j->reason != DROP_NONE) {
        forward_deny(w, from, p, j);
        return false;
    }
    forward_tell(w, from, p, j);
    c = new_entry(w, &old->key, asked, q.from->id, from->id, old->hop);
    if (c) {
        tcp_begin_anew(&c->half[p->side].tcp, &c->half[asked].tcp, &old->half[asked].tcp, &p->tcp);
        judge_note(w->snapshot, j, c);
        conn_remove(w->conns, w->index, old);
        c = conn_insert(w->conns, w->index, c, p->hash);
    }
    if (!c) {
        forward_drop(w, from, p, DROP_CONN_FULL);
        return false;
    }
    p->conn = c;
    return true;
}

/* What moves the connection on must be what its receiver will take. */
bool
track_needs_csum(const struct conn *c, const struct pkt *p)
{
    return p->tcp.flags & (TCPF_SYN | TCPF_FIN | TCPF_RST) || conn_state(c) < CONN_ESTABLISHED;
}

/* False: dropped. */
static bool
track_tcp(struct worker *w, const struct port_leaf *from, struct pkt *p, struct judgement *j)
{
    struct conn *c = p->conn;

    if (track_needs_csum(c, p) && !csum_holds(p)) {
        forward_drop(w, from, p, DROP_CSUM);
        return false;
    }
    switch (tcp_track(&c->half[p->side].tcp, &c->half[!p->side].tcp, &p->tcp)) {
    case TCP_PASS:
    case TCP_PASS_ASIDE:
        return true;
    case TCP_BEGINS_ANEW:
        return begin_anew(w, from, p, j);
    case TCP_BAD_FLAGS:
        forward_drop(w, from, p, DROP_TCP_FLAGS);
        return false;
    case TCP_BAD_STATE:
        forward_drop(w, from, p, DROP_TCP_STATE);
        return false;
    case TCP_BAD_SEQUENCE:
    default:
        forward_drop(w, from, p, DROP_TCP_SEQUENCE);
        return false;
    }
}

/* ---- what a connection has ---- */

static void
forward_as_new(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    p->conn = NULL;
    if (p->flags & PKT_ICMP_ERROR) {
        forward_drop(w, from, p, DROP_ICMP_UNRELATED);
    } else {
        forward_new(w, from, p);
    }
}

/* Its rule has become one that rejects: neither end is left to time out. */
static void
reset_peer(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    const struct port_leaf *to = forward_leaf(w, port_of(p->conn, !p->side));

    if (p->protocol == IPPROTO_TCP && to) {
        reject_peer(w, from, to, p,
                    atomic_load_explicit(&p->conn->half[p->side].tcp.end, memory_order_relaxed));
    }
}

/* False: the packet is gone. */
static bool
verdict_stands(struct worker *w, const struct port_leaf *from, struct pkt *p, struct judgement *j)
{
    const struct port_leaf *responder = track_responder(w, from, p);

    if (!responder && judge_stands(w->snapshot, p->conn, j->rule_slot)) {
        return true;
    }
    switch (judge_again(w, from, p, responder, j)) {
    case ALLOWED:
        forward_tell(w, from, p, j);
        return true;
    case DENIED:
        if (j->reject && !judgement_is_quarantine(j)) {
            reset_peer(w, from, p);
        }
        forward_deny(w, from, p, j);
        return false;
    case NOT_OURS:
    default:
        forward_as_new(w, from, p);
        return false;
    }
}

static void
send_to_peer(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    uint16_t to = port_of(p->conn, !p->side);
    const struct port_leaf *leaf = forward_leaf(w, to);

    if (!leaf && to != DP_PORT_NONE) {
        forward_drop_quietly(w, from, p, DROP_NO_DESTINATION);
    } else {
        forward_send(w, from, leaf, p);
    }
}

bool
track_begins_again(const struct pkt *p)
{
    return p->protocol == IPPROTO_TCP && opens_tcp(p) && conn_state(p->conn) == CONN_CLOSED;
}

void
forward_tracked(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct judgement j;

    if (track_begins_again(p)) {
        conn_remove(w->conns, w->index, p->conn); /* the ports are used again */
        forward_as_new(w, from, p);
        return;
    }
    if (!verdict_stands(w, from, p, &j) ||
        (p->protocol == IPPROTO_TCP && !track_tcp(w, from, p, &j))) {
        return;
    }
    touch(p->conn, p->side, w->now);
    account(w, p->conn, p->side, p, j.rule_slot);
    send_to_peer(w, from, p);
}

/* ---- ICMP errors ---- */

struct conn *
track_quoted(const struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct pkt_quoted q;
    struct conn_key key;
    struct conn *c;
    unsigned side;

    if (!pkt_parse_quoted(p, &q) || !acl_addr_equals(&q.src, &p->dst)) {
        return NULL;
    }
    side = conn_key_make(&key, &q.src, &q.dst, q.sport, q.dport, q.protocol, p->vlan);
    p->side = !side;
    c = conn_lookup(w->conns, &key, conn_key_hash(w->conns, &key), p->side, from->id,
                    from->role == PORT_UPLINK);
    if (c && q.protocol == IPPROTO_TCP &&
        !tcp_may_have_sent(&c->half[side].tcp, &c->half[!side].tcp, q.seq)) {
        return NULL;
    }
    return c;
}

void
forward_icmp_error(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct judgement j;

    p->conn = track_quoted(w, from, p);
    if (!p->conn) {
        forward_drop(w, from, p, DROP_ICMP_UNRELATED);
    } else if (!csum_holds(p)) {
        forward_drop(w, from, p, DROP_CSUM);
    } else if (verdict_stands(w, from, p, &j)) {
        account(w, p->conn, p->side, p, j.rule_slot);
        send_to_peer(w, from, p);
    }
}
