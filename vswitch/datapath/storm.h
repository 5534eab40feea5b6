/* Storm limits: what a port may send that the switch would copy, flood or answer by itself, in
 * packets a second.
 *
 * A token bucket a class, and a burst is what a second allows. */
#ifndef DATAPATH_STORM_H
#define DATAPATH_STORM_H 1

#include "datapath/worker_private.h"

/* Whether the port may send another one of this class.  An ARP or ND packet is a broadcast or a
 * multicast also when it is sent to a single station: it costs an answer. */
bool storm_admits(struct worker *, const struct port_leaf *from, enum storm_class);
/* For a packet that the guard has passed: DROP_NONE or DROP_STORM.  Unknown unicast is no matter of
 * it: only who is about to flood knows. */
enum drop_reason storm_check(struct worker *, const struct port_leaf *from, const struct pkt *);

#endif
