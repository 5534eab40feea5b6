/* Relations: replies that a group was asked for.
 *
 * A request to a broadcast or multicast address is answered by whom it reached, from an address
 * that no connection knows.  So a desktop's request that policy let pass is noted here, and a reply
 * to it passes for RELATION_SECONDS, if the desktop's policy, and the replier's own when it is a
 * desktop, would have let that very replier be asked by its own address: SSDP to a server works
 * where SSDP to a neighbour does not.  DHCP is the same, with its transaction for a number, also
 * where the request was unicast.
 *
 * Each port has a few slots, the oldest of which is used again, so a desktop crowds out only its
 * own.  One writer a port, the worker that polls it; any worker reads. */
#ifndef DATAPATH_RELATION_H
#define DATAPATH_RELATION_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/port.h"

#define RELATION_SECONDS 10 /* SSDP answers within 5 s (UPnP 2.0, 1.3.2), the others within 1 */
#define RELATIONS_PER_PORT 16

struct relation {
    _Atomic uint64_t key;
    _Atomic uint64_t until; /* TSC */
};

struct relations {
    struct relation slot[DP_MAX_PORTS][RELATIONS_PER_PORT];
};

struct relations *relations_create(void); /* NULL: no memory */
void relations_destroy(struct relations *);

/* What a reply has to show: it comes from the port that was asked, to the one that asks.  'id' is
 * DHCP's transaction; for others whether it is IPv6. */
static inline uint64_t
relation_key(uint16_t asking, uint16_t asked, uint32_t id)
{
    return (uint64_t) asked << 48 | (uint64_t) asking << 32 | id;
}

/* The worker that polls 'port'. */
void relation_note(struct relations *, uint16_t port, uint64_t key, uint64_t now);
bool relation_holds(const struct relations *, uint16_t port, uint64_t key, uint64_t now);
/* The port is gone, or somebody else's from now on, who asked for nothing.  Control; of what is
 * noted meanwhile, some stays. */
void relations_forget(struct relations *, uint16_t port);

#endif
