/* The last stage: what happens to a packet of a known or new connection. */
#ifndef DATAPATH_FORWARD_H
#define DATAPATH_FORWARD_H 1

#include "datapath/worker_private.h"

/* p->conn is the entry found, or NULL.  The packet is gone when these return. */
void forward_tracked(struct worker *, const struct port_leaf *from, struct pkt *);
void forward_new(struct worker *, const struct port_leaf *from, struct pkt *);

#endif
