/* Learning which addresses a desktop has: what workers see, control binds.
 *
 * A worker reports lessons by a ring, rate limited by port: leases that a DHCP server gave in
 * answer to an outstanding request, leases that a desktop lets go of, addresses that a desktop is
 * about to use (duplicate address detection, RFC 4862, 5.4; as in RFC 6620), their defence by
 * somebody else, and routers with their prefixes (RFC 4861, 4.2).  control/bindings.c decides.
 *
 * A packet that gives a lease is held until what it teaches is in force, so that a desktop never
 * has an address before the switch knows of it; control then hands it back, and it is judged again
 * and sent on.  In the ledger it is 'held' in between. */
#ifndef DATAPATH_LEARN_H
#define DATAPATH_LEARN_H 1

#include "datapath/dhcp.h"
#include "datapath/judge.h"

enum lesson_kind {
    LESSON_LEASE,   /* 'lease' is given to 'port'; 'held' waits for it */
    LESSON_RELEASE, /* 'port' lets go of 'lease' */
    LESSON_CLAIM,   /* 'port' is about to use 'addr', unless it is defended */
    LESSON_DEFENCE, /* 'addr' is used by a station behind the uplink 'port' */
    LESSON_ROUTER,  /* 'addr', behind 'port', is a router for 'seconds'; 'lease' are the prefixes of
                     * 'prefix_len' that addresses may be formed from */
};

struct lesson {
    uint8_t kind; /* enum lesson_kind */
    uint8_t n_leases;
    uint8_t prefix_len[DHCP_MAX_LEASES];
    uint16_t port;
    uint16_t vlan;
    uint16_t from; /* held: the port that it came from */
    struct rte_mbuf *held;
    struct acl_addr addr;
    uint32_t seconds;
    struct dhcp_lease lease[DHCP_MAX_LEASES];
};

/* NULL: no memory. */
struct learner *learner_create(uint32_t worker);
/* Frees what is held. */
void learner_destroy(struct learner *);

/* ---- the worker ---- */

/* What becomes of a DHCP packet (PKT_DHCP) that passed the guard. */
struct dhcp_fate {
    enum {
        DHCP_GOES_ON,   /* the way of any other, */
        DHCP_ASKED,     /* ... and a reply to it may pass */
        DHCP_DROPPED,   /* for 'reason' */
        DHCP_DENIED,    /* a reply that policy would not have let 'to' ask for: 'judgement' */
        DHCP_HELD,      /* for 'to', until what it gives is bound */
        DHCP_DELIVERED, /* to 'to', by the rules of 'judgement' */
    } kind;
    enum drop_reason reason;
    const struct port_leaf *to;
    struct judgement judgement;
};
/* Nothing changes; 'message' is what it says, where 'kind' is none of the first and third. */
void learn_dhcp_decide(const struct worker *, const struct port_leaf *from, const struct pkt *,
                       struct dhcp_message *message, struct dhcp_fate *);
/* A DHCP packet (PKT_DHCP) that passed the guard.  True: it is gone, held, delivered or dropped;
 * false: it goes the way of any other. */
bool learn_dhcp(struct worker *, const struct port_leaf *from, struct pkt *);
/* A desktop asks whether anybody has 'target', which it wants. */
void learn_claim(struct worker *, const struct port_leaf *from, const struct pkt *,
                 const struct acl_addr *target);
/* A station behind an uplink says that it has 'target'. */
void learn_defence(struct worker *, const struct port_leaf *from, const struct pkt *,
                   const struct acl_addr *target);
/* A router advertisement from an uplink. */
void learn_router(struct worker *, const struct port_leaf *from, const struct pkt *);
/* Whether control has handed something back. */
bool learn_is_handed_back(const struct learner *);
/* The next packet that control hands back, its VLAN in m->vlan_tci, and the port it came from.
 * False: none. */
bool learn_handed_back(struct learner *, struct rte_mbuf **, uint16_t *from);

/* ---- control ---- */

/* The next lesson.  False: none. */
bool learner_take(struct learner *, struct lesson *);
/* What 'lesson' holds goes back to its worker. */
void learner_hand_back(struct learner *, const struct lesson *);

#endif
