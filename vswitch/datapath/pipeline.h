/* The packet path:
 *
 *     rx burst -> parse -> guard -> connection lookup -> (new or stale: judge) -> forward -> tx
 * burst
 *
 * Nothing in it allocates, locks, logs or makes a system call of its own.  Every way out that is
 * not a transmit names a drop reason. */
#ifndef DATAPATH_PIPELINE_H
#define DATAPATH_PIPELINE_H 1

#include "datapath/worker_private.h"

/* Takes the 'n' packets of a burst from 'from', of which some wait in transmit buffers afterwards.
 */
void pipeline_run(struct worker *, const struct port_leaf *from, struct rte_mbuf **, uint16_t n);
/* Judges again, and sends on, what was held until control had learned from it (learn.h). */
void pipeline_hand_back(struct worker *);

#endif
