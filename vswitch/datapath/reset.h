/* Resets of TCP connections that control ends, for both of their ends: made from what the
 * connection's entry knows, and sent by a worker, for only workers send. */
#ifndef DATAPATH_RESET_H
#define DATAPATH_RESET_H 1

#include <stdatomic.h>

#include "datapath/worker_private.h"

/* One segment, from one end's name to the other.  'seq' is the number that the receiver expects, as
 * far as the switch has seen: it then takes it for exact (RFC 5961, 3.2), and acknowledges its own
 * SYN where it waits for that (RFC 9293, 3.10.7.3). */
struct reset {
    struct acl_addr src, dst;
    uint64_t smac, dmac;
    uint32_t seq, ack;
    uint16_t sport, dport;
    uint16_t vlan;
    uint16_t charged, to; /* port in whose ledger it is originated; port that gets it */
};

struct reset_job {
    const struct reset *resets;
    uint32_t n, next;
    uint32_t sent;
    _Atomic bool done;
};

/* The reset of 'c' for its end 'to'.  False: it is not known where that is.  Control, in a walk of
 * the connections; 'charged' is the port that is cut off. */
bool reset_of(const struct snapshot *, const struct conn *c, unsigned to, uint16_t charged,
              struct reset *);
/* The worker: some of its job, which is not NULL, and lets go of it at its end.  How many packets
 * it was at. */
uint32_t reset_send(struct worker *);

#endif
