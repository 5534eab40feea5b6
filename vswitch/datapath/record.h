/* Reporting drops: the exact count always, a record when there is budget for one. */
#ifndef DATAPATH_RECORD_H
#define DATAPATH_RECORD_H 1

#include "datapath/worker_private.h"

/* What a denial rests on; rule_slot is UINT32_MAX for reasons that are not a rule's. */
struct denial {
    uint32_t rule_slot;
    uint16_t peer_port;
    uint8_t log;       /* enum acl_log */
    uint8_t direction; /* enum acl_direction */
};

int recorder_init(struct recorder *); /* 0 or ENOMEM */
void recorder_destroy(struct recorder *);

/* Counts p->reason against 'from' and frees the packet, all its fragments included. */
void record_drop(struct worker *, const struct port_leaf *from, struct pkt *,
                 const struct denial *);
/* The guard's reasons: log class incident, no rule; DROP_STORM is a record, whatever the port. */
void record_guard_drop(struct worker *, const struct port_leaf *from, struct pkt *);
/* An ARP or ND request for a target out of reach; the packet lives on. */
void record_probe(struct worker *, const struct port_leaf *from, const struct pkt *,
                  const struct acl_addr *target);
/* The same for a target that nobody here has: told when the port asks for many of them. */
void record_stranger(struct worker *, const struct port_leaf *from, const struct pkt *,
                     const struct acl_addr *target);
/* What policy would deny, were it not in audit mode; the packet lives on. */
void record_audit(struct worker *, const struct port_leaf *from, const struct pkt *,
                  const struct denial *);
/* Sends merged repeats whose second has passed: a bounded piece a call, or all of them. */
void record_tick(struct worker *);
void record_tick_all(struct worker *);

#endif
