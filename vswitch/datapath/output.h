/* Transmission: packets wait in a buffer per destination to the end of the burst. */
#ifndef DATAPATH_OUTPUT_H
#define DATAPATH_OUTPUT_H 1

#include "datapath/worker_private.h"

/* Takes 'm'.  Should it be lost on the way, that is charged to 'to' and noted against 'from'. */
void output_packet(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                   struct rte_mbuf *m);
/* Counts a packet for 'to' that was lost before there was one. */
void output_lost(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                 enum tx_drop_reason);
/* Sends everything that waits.  Before the worker reports quiescent. */
void output_flush(struct worker *);

#endif
