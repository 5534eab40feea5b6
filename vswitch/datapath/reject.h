/* Answering a packet that a reject rule denies: a TCP reset (RFC 9293, 3.10.7.1) or an ICMP
 * "administratively prohibited" (RFC 1812, 5.2.7.1; RFC 4443, 3.1), so many a second for a port. */
#ifndef DATAPATH_REJECT_H
#define DATAPATH_REJECT_H 1

#include "datapath/worker_private.h"

/* Sends the answer back to 'from'; 'p' stays the caller's. */
void reject_answer(struct worker *, const struct port_leaf *from, const struct pkt *p);
/* A connection ends that has been open: resets the other end, 'to', too, on behalf of the sender of
 * 'p', whose next number 'seq' the other end takes for exact (RFC 5961, 3.2). */
void reject_peer(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                 const struct pkt *p, uint32_t seq);

#endif
