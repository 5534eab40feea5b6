/* ARP (RFC 826) and Neighbour Discovery (RFC 4861): answered by the switch.
 *
 * Where the target's binding is known the switch answers by itself, also for peers that policy
 * denies: were the request dropped, a scanner's SYN would never be sent, and the drop record would
 * lack the service it was after.  Requests for unknown targets go to the uplinks only.  A request
 * for a target that no rule lets the port reach is counted and recorded as a probe (an unknown one
 * when the port asks for many: telemetry/sketch.h).  Where the policy puts decoys, the switch has
 * an answer for unknown targets, too: what is then sent there shows its hand. */
#ifndef DATAPATH_NEIGH_H
#define DATAPATH_NEIGH_H 1

#include "datapath/flood.h"

struct neigh_fate {
    enum {
        NEIGH_DROPPED,  /* for 'reason' */
        NEIGH_CONSUMED, /* nobody else's business */
        NEIGH_ANSWERED, /* by the switch, with the MAC of 'owner' */
        NEIGH_SENT,     /* to 'to' */
        NEIGH_FLOODED   /* to all that 'filter' admits; consumed, when there are none */
    } kind;
    enum drop_reason reason;
    bool probe;    /* told, too: no rule lets the port reach 'target', whose owner is known, */
    bool stranger; /* or not */
    struct acl_addr target;
    const struct binding *owner; /* NULL, and answered: a decoy */
    uint64_t mac;                /* that the answer tells */
    const struct port_leaf *to;
    flood_filter *filter;
    enum { NEIGH_TEACHES_NOTHING, NEIGH_CLAIM, NEIGH_ROUTER, NEIGH_DEFENCE } lesson;
};
/* What becomes of an ARP or ND packet; nothing else changes, but p->dst becomes what a neighbour
 * solicitation asks for. */
void neigh_decide(const struct worker *, const struct port_leaf *from, struct pkt *p,
                  struct neigh_fate *);
/* Deals with an ARP or ND packet, wholly: it is gone when this returns. */
void neigh_input(struct worker *, const struct port_leaf *from, struct pkt *);

#endif
