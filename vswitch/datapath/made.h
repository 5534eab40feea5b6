/* Packets that the switch makes itself, with an L4 of their own. */
#ifndef DATAPATH_MADE_H
#define DATAPATH_MADE_H 1

#include "datapath/parse.h"

struct rte_mempool;

/* Who says it to whom; IPv4 or IPv6, as the addresses are. */
struct made {
    const struct acl_addr *src, *dst;
    uint64_t smac, dmac;
};

/* A MAC as it is on the wire. */
static inline void
mac_store(uint8_t b[6], uint64_t mac)
{
    for (int i = 0; i < 6; i++) {
        b[i] = mac >> (40 - 8 * i);
    }
}

/* Headers for 'l4_len' bytes of 'protocol', all zero, and returns where these are; '*out' describes
 * it for csum_fill() and has the buffer.  NULL when there is none.  Worker. */
uint8_t *made_build(struct rte_mempool *, const struct made *, uint8_t protocol, uint16_t l4_len,
                    struct pkt *out);

#endif
