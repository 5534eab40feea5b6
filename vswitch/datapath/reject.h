/* Answering a packet that a reject rule denies: a TCP reset (RFC 9293, 3.10.7.1) or an ICMP
 * "administratively prohibited" (RFC 1812, 5.2.7.1; RFC 4443, 3.1), rate limited. */
#ifndef DATAPATH_REJECT_H
#define DATAPATH_REJECT_H 1

#include "datapath/worker_private.h"

/* Sends the answer back to 'from'; 'p' stays the caller's. */
void reject_answer(struct worker *, const struct port_leaf *from, const struct pkt *p);

#endif
