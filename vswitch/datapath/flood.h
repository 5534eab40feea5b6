/* Copies to several ports: the slow path. */
#ifndef DATAPATH_FLOOD_H
#define DATAPATH_FLOOD_H 1

#include "datapath/judge.h"
#include "datapath/worker_private.h"

/* Whether a copy may go to 'to'.  What audit mode has kept from denying just this copy is in
 * j->audit then, of which there is none before; if not, j->reason says why, or is left alone where
 * the packet is not the port's matter. */
typedef bool flood_filter(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                          const struct pkt *, struct judgement *j);
/* Sends 'p' to every port of its VLAN but 'from' that 'filter' admits, counts it as forwarded, and
 * tells of every copy that only audit mode lets through.  False, and the packet is still the
 * caller's, when there is none. */
bool flood(struct worker *, const struct port_leaf *from, struct pkt *, flood_filter *);
/* The usual filters. */
bool flood_to_uplinks(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                      const struct pkt *, struct judgement *);
bool flood_to_all(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                  const struct pkt *, struct judgement *);

#endif
