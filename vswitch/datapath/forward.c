#include <config.h>

#include "datapath/forward.h"

#include <netinet/in.h>

#include <rte_mbuf.h>

#include "datapath/fdb.h"
#include "datapath/flood.h"
#include "datapath/frag.h"
#include "datapath/guard.h"
#include "datapath/output.h"
#include "datapath/record.h"
#include "datapath/reject.h"
#include "datapath/relation.h"
#include "datapath/snoop.h"
#include "datapath/storm.h"

void
forward_hit(struct worker *w, uint32_t slot, uint32_t packets, uint32_t bytes)
{
    if (slot < w->ledger.n_rules) {
        w->ledger.rules[slot].packets += packets;
        w->ledger.rules[slot].bytes += bytes;
    }
}

uint32_t
forward_packets(const struct pkt *p)
{
    return p->frag ? frag_packets(p->frag) : 1;
}

uint32_t
forward_bytes(const struct pkt *p)
{
    return p->frag ? frag_bytes(p->frag) : rte_pktmbuf_pkt_len(p->m);
}

const struct port_leaf *
forward_leaf(const struct worker *w, uint16_t id)
{
    return id < DP_MAX_PORTS ? w->snapshot->ports[id] : NULL;
}

void
forward_drop(struct worker *w, const struct port_leaf *from, struct pkt *p, enum drop_reason reason)
{
    p->reason = reason;
    record_guard_drop(w, from, p);
}

void
forward_drop_quietly(struct worker *w, const struct port_leaf *from, struct pkt *p,
                     enum drop_reason reason)
{
    const struct denial why = { .rule_slot = UINT32_MAX,
                                .peer_port = DP_PORT_NONE,
                                .log = ACL_LOG_NONE };

    p->reason = reason;
    record_drop(w, from, p, &why);
}

/* What comes from an uplink accuses no desktop, so it is a record, not an incident, and a broadcast
 * is not even that. */
static void
soften(const struct port_leaf *from, const struct pkt *p, struct denial *denial)
{
    if (from->role == PORT_UPLINK && denial->log == ACL_LOG_INCIDENT) {
        denial->log = p->flags & PKT_GROUP ? ACL_LOG_NONE : ACL_LOG_RECORD;
    }
}

void
forward_tell(struct worker *w, const struct port_leaf *from, const struct pkt *p,
             struct judgement *j)
{
    for (unsigned i = 0; i < j->n_passed; i++) {
        forward_hit(w, j->passed_slot[i], forward_packets(p), forward_bytes(p));
    }
    for (unsigned i = 0; i < j->n_audits; i++) {
        if (j->reason == DROP_NONE) {
            soften(from, p, &j->audit[i]);
            record_audit(w, from, p, &j->audit[i]);
        } else { /* what is denied is told once */
            forward_hit(w, j->audit[i].rule_slot, forward_packets(p), forward_bytes(p));
        }
    }
}

void
forward_deny(struct worker *w, const struct port_leaf *from, struct pkt *p, struct judgement *j)
{
    forward_tell(w, from, p, j);
    soften(from, p, &j->denial);
    p->reason = j->reason;
    if (j->reject) {
        reject_answer(w, from, p);
    }
    record_drop(w, from, p, &j->denial);
}

/* A packet that has nowhere to go is no storm. */
static bool
is_storm(struct worker *w, const struct port_leaf *from)
{
    return w->snapshot->n_uplinks > (from->role == PORT_UPLINK) &&
           !storm_admits(w, from, STORM_UNKNOWN_UNICAST);
}

static void
send_one(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct pkt *p)
{
    if (to) {
        output_forward(w, from, to, p);
    } else if (is_storm(w, from)) {
        forward_drop(w, from, p, DROP_STORM);
    } else if (!flood(w, from, p, flood_to_uplinks)) {
        forward_drop_quietly(w, from, p, DROP_NO_DESTINATION);
    }
}

void
forward_send(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
             struct pkt *p)
{
    struct rte_mbuf *m[FRAG_MAX_PIECES];
    uint16_t n;

    if (!p->frag) {
        send_one(w, from, to, p);
        return;
    }
    n = frag_take(w, p, m);
    for (uint16_t i = 0; i < n; i++) {
        p->m = m[i];
        send_one(w, from, to, p);
    }
}

/* ---- answers to what a group was asked ---- */

/* An address of the asker's that its peers' rules know, of the family of 'p'. */
static struct acl_addr
address_of(const struct port_leaf *asker, const struct pkt *p)
{
    if (!(p->flags & PKT_GROUP)) {
        return p->dst;
    }
    for (uint16_t i = 0; i < asker->n_addrs; i++) {
        if (acl_addr_is_v4(&asker->addrs[i]) == !(p->flags & PKT_V6)) {
            return asker->addrs[i];
        }
    }
    return p->dst;
}

bool
forward_could_ask(const struct worker *w, const struct port_leaf *asker,
                  const struct port_leaf *from, const struct pkt *p, struct judgement *j)
{
    struct judge_query q = { .from = asker,
                             .to = from,
                             .src = address_of(asker, p),
                             .dst = p->src,
                             .sport = p->dport,
                             .service = p->sport,
                             .vlan = p->vlan,
                             .protocol = p->protocol };

    judge(w->snapshot, &q, j);
    if (j->reason == DROP_QUARANTINE) { /* the packet goes the other way */
        j->reason = DROP_QUARANTINE_PEER;
        j->denial.peer_port = asker->id;
    }
    return j->reason == DROP_NONE;
}

static uint64_t
relation_of(uint16_t asking, uint16_t asked, const struct pkt *p)
{
    return relation_key(asking, asked, p->flags & PKT_V6 ? 1 : 0);
}

/* Policy denies it, or would without audit mode. */
static bool
is_denied(const struct judgement *j)
{
    /* The analyser of clang 14 takes what judge() writes for unwritten where it lies beside what
     * that only reads. */
    return j->reason != DROP_NONE || j->n_audits; /* NOLINT(clang-analyzer-core.*) */
}

/* Whether 'p' answers what the desktop 'to' has asked a group; 'j' then has the rules. */
static bool
answers(const struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
        const struct pkt *p, struct judgement *j)
{
    return p->protocol == IPPROTO_UDP && to->role == PORT_DESKTOP &&
           relation_holds(w->relations, to->id, relation_of(p->dport, p->sport, p), w->now) &&
           (p->flags & PKT_GROUP || guard_is_bound(to, &p->dst)) &&
           forward_could_ask(w, to, from, p, j);
}

static void
note_question(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    if (from->role == PORT_DESKTOP && p->protocol == IPPROTO_UDP && !(p->flags & PKT_DHCP)) {
        relation_note(w->relations, from->id, relation_of(p->sport, p->dport, p), w->now);
    }
}

static struct judge_query
query_of(const struct port_leaf *from, const struct port_leaf *to, const struct pkt *p)
{
    return (struct judge_query){ .from = from,
                                 .to = to,
                                 .src = p->src,
                                 .dst = p->dst,
                                 .sport = p->sport,
                                 .service = pkt_service(p),
                                 .vlan = p->vlan,
                                 .protocol = p->protocol };
}

/* ---- groups ---- */

/* Of what audit mode did, only what is this copy's: the sender's part is the packet's. */
static void
keep_own_audits(const struct port_leaf *from, const struct pkt *p, struct judgement *j)
{
    unsigned n = 0;

    for (unsigned i = 0; i < j->n_audits; i++) {
        if (j->audit[i].direction == ACL_INGRESS) {
            j->audit[n] = j->audit[i];
            soften(from, p, &j->audit[n++]);
        }
    }
    j->n_audits = n;
}

/* A copy for a desktop must pass that desktop's own firewall; uplinks are behind the sender's. */
static bool
admits(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
       const struct pkt *p, struct judgement *j)
{
    struct judge_query q = query_of(from, to, p);
    struct judgement asked;

    judge(w->snapshot, &q, j);
    if (!is_denied(j)) {
        return true;
    }
    if (answers(w, from, to, p, &asked)) {
        j->n_audits = 0; /* nothing would deny it */
        return true;
    }
    keep_own_audits(from, p, j);
    return j->reason == DROP_NONE;
}

static bool
admits_member(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
              const struct pkt *p, struct judgement *j)
{
    return snoop_wants(w, to) && admits(w, from, to, p, j);
}

static void
flood_one(struct worker *w, const struct port_leaf *from, struct pkt *p, flood_filter *filter)
{
    if (!flood(w, from, p, filter)) {
        forward_drop_quietly(w, from, p, DROP_NO_DESTINATION);
    }
}

flood_filter *
forward_group_filter(struct worker *w, const struct pkt *p)
{
    return snoop_is_for_members(w, p) ? admits_member : admits;
}

static void
forward_group(struct worker *w, const struct port_leaf *from, struct pkt *p, struct judgement *j)
{
    struct rte_mbuf *m[FRAG_MAX_PIECES];
    flood_filter *filter = forward_group_filter(w, p);
    uint16_t n;

    forward_tell(w, from, p, j);
    forward_hit(w, j->rule_slot[ACL_EGRESS], forward_packets(p), forward_bytes(p));
    note_question(w, from, p);
    if (!p->frag) {
        flood_one(w, from, p, filter);
        return;
    }
    n = frag_take(w, p, m);
    for (uint16_t i = 0; i < n; i++) {
        p->m = m[i];
        flood_one(w, from, p, filter);
    }
}

/* ---- new connections ---- */

static enum forward_fate
choose(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
       struct forward_choice *c)
{
    const struct port_leaf *to = c->to;
    struct judgement asked;

    if (from->role == PORT_DESKTOP && !from->quarantined &&
        snapshot_is_decoy(w->snapshot, &p->dst) &&
        !snapshot_binding(w->snapshot, &p->dst, p->vlan)) {
        c->reason = DROP_DECOY;
        return FORWARD_DROPPED;
    }
    judge(w->snapshot, &c->query, &c->judgement);
    if (is_denied(&c->judgement) && to && answers(w, from, to, p, &asked)) {
        c->judgement = asked;
        return FORWARD_ANSWER;
    } else if (c->judgement.reason != DROP_NONE) {
        return FORWARD_DENIED;
    } else if (p->flags & PKT_GROUP) {
        return FORWARD_GROUP;
    } else if (to && to->role == PORT_DESKTOP && !guard_is_bound(to, &p->dst)) {
        c->reason = DROP_MISADDRESSED;
        return FORWARD_DROPPED;
    } else if (p->protocol == IPPROTO_TCP && !track_opens(w, p)) {
        c->reason = DROP_TCP_STATE;
        return FORWARD_DROPPED;
    }
    return p->flags & PKT_TRACKED && track_opens(w, p) ? FORWARD_OPENS : FORWARD_ALLOWED;
}

void
forward_choose(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
               struct forward_choice *c)
{
    c->to = p->flags & PKT_GROUP ? NULL : forward_leaf(w, fdb_lookup(p->dmac, p->vlan));
    c->query = query_of(from, c->to, p);
    c->reason = DROP_HAIRPIN;
    c->fate = c->to == from ? FORWARD_DROPPED : choose(w, from, p, c);
}

void
forward_new(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct forward_choice c;
    struct judgement *j = &c.judgement;

    forward_choose(w, from, p, &c);
    switch (c.fate) {
    case FORWARD_DROPPED:
        forward_drop(w, from, p, c.reason);
        break;
    case FORWARD_DENIED:
        forward_deny(w, from, p, j);
        break;
    case FORWARD_GROUP:
        forward_group(w, from, p, j);
        break;
    case FORWARD_OPENS:
        forward_tell(w, from, p, j);
        if (track_open(w, from, c.to, p, j)) {
            forward_send(w, from, c.to, p);
        }
        break;
    case FORWARD_ANSWER: /* by the rules for what it answers */
    case FORWARD_ALLOWED:
        if (c.fate == FORWARD_ALLOWED) {
            forward_tell(w, from, p, j);
            forward_hit(w, j->rule_slot[ACL_INGRESS], forward_packets(p), forward_bytes(p));
        }
        forward_hit(w, j->rule_slot[ACL_EGRESS], forward_packets(p), forward_bytes(p));
        forward_send(w, from, c.to, p);
        break;
    }
}
