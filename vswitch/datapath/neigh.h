/* ARP (RFC 826) and Neighbour Discovery (RFC 4861): answered by the switch.
 *
 * Where the target's binding is known the switch answers by itself, also for peers that policy
 * denies: were the request dropped, a scanner's SYN would never be sent, and the drop record would
 * lack the service it was after.  A request for a peer that no rule lets the port reach is counted
 * and recorded as a probe.  Requests for unknown targets go to the uplinks only. */
#ifndef DATAPATH_NEIGH_H
#define DATAPATH_NEIGH_H 1

#include "datapath/worker_private.h"

/* Deals with an ARP or ND packet, wholly: it is gone when this returns. */
void neigh_input(struct worker *, const struct port_leaf *from, struct pkt *);

#endif
