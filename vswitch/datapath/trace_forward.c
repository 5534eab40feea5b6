/* The last stage of a trace: what becomes of a packet of a known or new connection. */
#include <config.h>

#include "datapath/trace_private.h"

#include <netinet/in.h>

#include <rte_mbuf.h>

#include "datapath/csum.h"
#include "datapath/forward.h"
#include "datapath/output.h"

void
trace_dropped(struct trace *t, enum trace_stage stage, enum drop_reason reason)
{
    t->fate = TRACE_DROPPED;
    t->stage = stage;
    t->reason = reason;
}

void
trace_ends(struct trace *t, enum trace_stage stage, enum trace_fate fate)
{
    t->fate = fate;
    t->stage = stage;
}

/* ---- where it goes ---- */

void
trace_copy_to(const struct port_leaf *to, const struct pkt *p, struct trace *t)
{
    t->to[t->n_to++] =
        (struct trace_copy){ .port = to->id,
                             .lost = output_refusal(to, rte_pktmbuf_pkt_len(p->m), p->vlan) };
}

void
trace_to_one(const struct port_leaf *to, const struct pkt *p, struct trace *t)
{
    trace_ends(t, TRACE_OUTPUT, TRACE_FORWARDED);
    trace_copy_to(to, p, t);
}

bool
trace_to_all(struct worker *w, const struct port_leaf *from, const struct pkt *p,
             flood_filter *filter, struct trace *t)
{
    const struct snapshot *s = w->snapshot;

    trace_ends(t, TRACE_OUTPUT, TRACE_FORWARDED);
    t->flooded = true;
    for (uint16_t i = 0; i < s->n_ports; i++) {
        const struct port_leaf *to = s->ports[s->port_ids[i]];
        struct judgement of_the_copy;

        if (to == from || !port_carries(to, p->vlan)) {
            continue;
        } else if (filter(w, from, to, p, &of_the_copy)) {
            trace_copy_to(to, p, t);
        } else {
            t->n_withheld++;
        }
    }
    return t->n_to;
}

void
trace_send(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
           const struct pkt *p, struct trace *t)
{
    if (to) {
        trace_to_one(to, p, t);
    } else if (!trace_to_all(w, from, p, flood_to_uplinks, t)) {
        trace_dropped(t, TRACE_OUTPUT, DROP_NO_DESTINATION);
    }
}

/* ---- what has no connection ---- */

void
trace_question(const struct port_leaf *asker, const struct port_leaf *from, const struct pkt *p,
               struct trace *t)
{
    t->judged = t->judged_now = true;
    t->query = (struct judge_query){ .from = asker,
                                     .to = from,
                                     .src = p->dst,
                                     .dst = p->src,
                                     .sport = p->dport,
                                     .service = p->sport,
                                     .vlan = p->vlan,
                                     .protocol = p->protocol };
}

static void
opens(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
      const struct pkt *p, struct trace *t)
{
    if (!csum_holds(p)) {
        trace_dropped(t, TRACE_CONNECTION, DROP_CSUM);
    } else if (w->conns && !track_has_quota(w, from)) {
        trace_dropped(t, TRACE_CONNECTION, DROP_CONN_QUOTA);
    } else {
        t->tracking = TRACE_OPENS;
        trace_send(w, from, to, p, t);
    }
}

void
trace_new(struct worker *w, const struct port_leaf *from, struct pkt *p, struct trace *t)
{
    struct forward_choice c;

    p->conn = NULL;
    t->tracking = TRACE_UNTRACKED;
    forward_choose(w, from, p, &c);
    t->judged = t->judged_now =
        c.fate != FORWARD_DROPPED || (c.reason != DROP_HAIRPIN && c.reason != DROP_DECOY);
    t->query = c.query;
    t->judgement = c.judgement;
    switch (c.fate) {
    case FORWARD_DROPPED:
        trace_dropped(t, c.reason == DROP_TCP_STATE ? TRACE_CONNECTION : TRACE_OUTPUT, c.reason);
        break;
    case FORWARD_DENIED:
        trace_dropped(t, TRACE_POLICY, c.judgement.reason);
        break;
    case FORWARD_ANSWER:
        trace_question(c.to, from, p, t);
        t->tracking = TRACE_REPLY;
        trace_send(w, from, c.to, p, t);
        break;
    case FORWARD_GROUP:
        if (!trace_to_all(w, from, p, forward_group_filter(w, p), t)) {
            trace_dropped(t, TRACE_OUTPUT, DROP_NO_DESTINATION);
        }
        break;
    case FORWARD_OPENS:
        opens(w, from, c.to, p, t);
        break;
    case FORWARD_ALLOWED:
        trace_send(w, from, c.to, p, t);
        break;
    }
}

/* ---- what has one ---- */

static uint16_t
port_of(const struct conn *c, unsigned side)
{
    return atomic_load_explicit(&c->port[side], memory_order_relaxed);
}

static void
as_new(struct worker *w, const struct port_leaf *from, struct pkt *p, struct trace *t)
{
    if (p->flags & PKT_ICMP_ERROR) {
        trace_dropped(t, TRACE_CONNECTION, DROP_ICMP_UNRELATED);
    } else {
        trace_new(w, from, p, t);
    }
}

/* The verdict as the entry has it, if it stands. */
static bool
still_stands(const struct snapshot *s, const struct conn *c, struct judgement *j)
{
    uint64_t g = atomic_load_explicit(&c->generation, memory_order_acquire);

    *j = (struct judgement){ .reason = DROP_NONE };
    for (int i = 0; i < 2; i++) {
        j->rule_slot[i] = atomic_load_explicit(&c->rule_slot[i], memory_order_acquire);
        j->class[i] = atomic_load_explicit(&c->class[i], memory_order_acquire);
    }
    return !(g & CONN_BUSY) && (g == s->generation || judge_rests_on(s, c)) &&
           atomic_load_explicit(&c->generation, memory_order_relaxed) == g;
}

/* verdict_stands() of track.c, which claims what it judges again.  False: it is decided. */
static bool
stands(struct worker *w, const struct port_leaf *from, struct pkt *p,
       const struct port_leaf *responder, struct trace *t)
{
    const struct conn *c = p->conn;
    uint16_t id = port_of(c, p->side);
    struct judgement turned;

    t->judged = judge_query_of(w->snapshot, c, responder, &t->query);
    if (!responder && still_stands(w->snapshot, c, &t->judgement)) {
        return true;
    }
    if (id != from->id && id != DP_PORT_NONE) { /* another uplink has answered for it */
        as_new(w, from, p, t);
        return false;
    }
    if (!t->judged) {
        trace_dropped(t, TRACE_CONNECTION, DROP_NO_DESTINATION);
        return false;
    }
    t->judged_now = true;
    judge(w->snapshot, &t->query, &t->judgement);
    if (t->judgement.reason != DROP_NONE) {
        turned = t->judgement;
        track_turn(p, &t->query, &turned);
        t->judgement.denial.peer_port = turned.denial.peer_port;
        trace_dropped(t, TRACE_POLICY, turned.reason);
        return false;
    }
    return true;
}

/* False: it is decided. */
static bool
begins_anew(struct worker *w, const struct port_leaf *from, const struct pkt *p, struct trace *t)
{
    if (!track_query_anew(w, from, p, &t->query)) {
        trace_dropped(t, TRACE_CONNECTION, DROP_NO_DESTINATION);
        return false;
    }
    t->judged = t->judged_now = true;
    judge(w->snapshot, &t->query, &t->judgement);
    if (t->judgement.reason != DROP_NONE) {
        trace_dropped(t, TRACE_POLICY, t->judgement.reason);
        return false;
    }
    t->tracking = TRACE_OPENS;
    return true;
}

/* On copies of the two halves.  False: it is decided. */
static bool
in_sequence(struct worker *w, const struct port_leaf *from, const struct pkt *p, struct trace *t)
{
    struct tcp_half me, peer;

    if (track_needs_csum(p->conn, p) && !csum_holds(p)) {
        trace_dropped(t, TRACE_CONNECTION, DROP_CSUM);
        return false;
    }
    tcp_half_read(&p->conn->half[p->side].tcp, &me);
    tcp_half_read(&p->conn->half[!p->side].tcp, &peer);
    switch (tcp_track(&me, &peer, &p->tcp)) {
    case TCP_PASS:
    case TCP_PASS_ASIDE:
        return true;
    case TCP_BEGINS_ANEW:
        return begins_anew(w, from, p, t);
    case TCP_BAD_FLAGS:
        trace_dropped(t, TRACE_CONNECTION, DROP_TCP_FLAGS);
        return false;
    case TCP_BAD_STATE:
        trace_dropped(t, TRACE_CONNECTION, DROP_TCP_STATE);
        return false;
    case TCP_BAD_SEQUENCE:
    default:
        trace_dropped(t, TRACE_CONNECTION, DROP_TCP_SEQUENCE);
        return false;
    }
}

void
trace_tracked(struct worker *w, const struct port_leaf *from, struct pkt *p, struct trace *t)
{
    const struct port_leaf *responder, *to;
    uint16_t id;

    if (track_begins_again(p)) {
        as_new(w, from, p, t);
        return;
    }
    responder = track_responder(w, from, p);
    t->tracking = p->flags & PKT_ICMP_ERROR ? TRACE_RELATED : TRACE_BELONGS;
    t->conn_id = conn_id(w->conns, p->conn);
    t->conn_state = conn_state(p->conn);
    t->from_responder = p->side != p->conn->initiator;
    if (!stands(w, from, p, responder, t) ||
        (p->protocol == IPPROTO_TCP && !in_sequence(w, from, p, t))) {
        return;
    }
    id = port_of(p->conn, !p->side);
    if (id == DP_PORT_NONE && responder && !t->from_responder) {
        id = responder->id;
    }
    to = forward_leaf(w, id);
    if (!to && id != DP_PORT_NONE) {
        trace_dropped(t, TRACE_OUTPUT, DROP_NO_DESTINATION);
    } else {
        trace_send(w, from, to, p, t);
    }
}

void
trace_icmp_error(struct worker *w, const struct port_leaf *from, struct pkt *p, struct trace *t)
{
    p->conn = w->conns ? track_quoted(w, from, p) : NULL;
    if (!p->conn) {
        trace_dropped(t, TRACE_CONNECTION, DROP_ICMP_UNRELATED);
    } else if (!csum_holds(p)) {
        trace_dropped(t, TRACE_CONNECTION, DROP_CSUM);
    } else {
        trace_tracked(w, from, p, t);
    }
}
