/* L4 checksums (RFC 1071): completing the partial ones that kernel stacks leave to hardware. */
#ifndef DATAPATH_CSUM_H
#define DATAPATH_CSUM_H 1

#include "datapath/parse.h"

/* Completes the checksum in place when the packet's L4 checksum field holds only the
 * pseudo-header's sum: when the driver says so, or, with 'guess', when the field has exactly that
 * value (a full checksum with that value is unchanged by completing it).  The packet has been
 * parsed. */
void csum_complete(struct pkt *, bool guess);
/* Whether the IPv4 header's checksum and the L4 checksum hold, over all fragments of a datagram;
 * the partial ones were completed. */
bool csum_holds(const struct pkt *);
/* Computes the TCP, UDP, ICMP or ICMPv6 checksum of a packet that the switch makes. */
void csum_fill(struct pkt *);

#endif
