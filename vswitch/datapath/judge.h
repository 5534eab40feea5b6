/* Judging: may this initiator open this connection to this responder? */
#ifndef DATAPATH_JUDGE_H
#define DATAPATH_JUDGE_H 1

#include "datapath/record.h"
#include "datapath/worker_private.h"

/* A connection as its initiator sees it. */
struct judge_query {
    const struct port_leaf *from, *to; /* 'to' NULL: no port yet (unknown unicast to the uplinks) */
    struct acl_addr src, dst;
    uint16_t sport, service; /* pkt_service() */
    uint16_t vlan;
    uint8_t protocol;
};

struct judgement {
    enum drop_reason reason; /* DROP_NONE: allowed */
    bool reject;
    struct denial denial;
    uint32_t rule_slot[2]; /* egress, ingress rule that allowed it; UINT32_MAX none asked */
    uint32_t class[2];     /* of the responder (for the egress table), of the initiator */
    struct denial audit[ACL_N_DIRECTIONS]; /* that audit mode has kept from being one */
    uint8_t n_audits, n_passed;
    uint32_t
        passed_slot[ACL_N_DIRECTIONS * ACL_MAX_PASSES]; /* rules that left it to a later tier */
};

/* Quarantine of the one and of the other, the initiator's egress table, the responder's ingress
 * table, in this order.  Of a port in quarantine its lists are asked in the place of its tables. */
void judge(const struct snapshot *, const struct judge_query *, struct judgement *);

static inline bool
judgement_is_quarantine(const struct judgement *j)
{
    return j->reason == DROP_QUARANTINE || j->reason == DROP_QUARANTINE_PEER;
}

/* Whether what the verdict of 'c' rests on is the same under 'snapshot'. */
bool judge_rests_on(const struct snapshot *, const struct conn *c);

/* Whether the verdict of 'c', which allowed it, still stands under 'snapshot', and then the rules
 * it counts for; if only the generation is older it is brought up to date.  False: judge it again.
 */
static inline bool
judge_stands(const struct snapshot *s, struct conn *c, uint32_t rule_slot[2])
{
    uint64_t g = atomic_load_explicit(&c->generation, memory_order_acquire);

    if (g & CONN_BUSY || (g != s->generation && !judge_rests_on(s, c))) {
        return false;
    }
    rule_slot[0] = atomic_load_explicit(&c->rule_slot[0], memory_order_acquire);
    rule_slot[1] = atomic_load_explicit(&c->rule_slot[1], memory_order_acquire);
    if (atomic_load_explicit(&c->generation, memory_order_relaxed) != g) {
        return false; /* written in between */
    }
    if (g < s->generation) { /* a worker on an older snapshot writes nothing */
        atomic_compare_exchange_strong_explicit(&c->generation, &g, s->generation,
                                                memory_order_release, memory_order_relaxed);
    }
    return true;
}

/* Notes what the verdict rests on in an entry that is new, or that was claimed and judged again,
 * and ends the claim. */
void judge_note(const struct snapshot *, const struct judgement *, struct conn *);
/* The query that opened 'c', whose responder's port is 'known' when the entry has none yet (NULL:
 * any uplink).  False when one of its ports is gone. */
bool judge_query_of(const struct snapshot *, const struct conn *, const struct port_leaf *known,
                    struct judge_query *);

#endif
