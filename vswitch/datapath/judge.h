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
    uint8_t protocol;
};

struct judgement {
    enum drop_reason reason; /* DROP_NONE: allowed */
    bool reject;
    struct denial denial;
    uint32_t rule_slot[2]; /* egress, ingress rule that allowed it; UINT32_MAX none asked */
    uint32_t class[2];     /* of the responder (for the egress table), of the initiator */
};

/* Quarantine, the initiator's egress table, the responder's ingress table, in this order. */
void judge(const struct snapshot *, const struct judge_query *, struct judgement *);

/* Whether the verdict an entry rests on still stands under 'snapshot'; if only the generation is
 * older it is brought up to date.  False: judge it again. */
bool judge_still_stands(const struct snapshot *, struct conn *);
/* Notes in a new or re-judged entry what its verdict rests on. */
void judge_note(const struct snapshot *, const struct judgement *, struct conn *);
/* The query that opened 'c'.  False when one of its ports is gone. */
bool judge_query_of(const struct snapshot *, const struct conn *, struct judge_query *);

#endif
