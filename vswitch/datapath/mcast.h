/* Who listens to which multicast group: (VLAN, group) to ports.
 *
 * Workers read without locks and report what is new by a ring each (punt.h); the control thread is
 * the only writer.  Why not libopenvswitch's mcast-snooping: it keeps whole tables behind one lock
 * that a worker would have to take for each packet, and puts out the oldest group of whomever when
 * it is full.  Here a port has MCAST_PORT_GROUPS groups at most and nothing is put out for another.
 *
 * The routers of a VLAN, ports that queries came from, are the members of mcast_routers. */
#ifndef DATAPATH_MCAST_H
#define DATAPATH_MCAST_H 1

#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"
#include "datapath/port.h"

#define MCAST_GROUPS 16384   /* in all: what 256 ports may have, if no two have one in common */
#define MCAST_PORT_GROUPS 64 /* of one port */
/* RFC 3376, 8.4: two queries, 125 seconds apart, may be lost, and 10 seconds are for the answer. */
#define MCAST_AGE_SECONDS 260

struct mcast_set {
    uint64_t bits[DP_MAX_PORTS / 64];
};

static inline bool
mcast_set_has(const struct mcast_set *set, uint16_t port)
{
    return set->bits[port / 64] >> port % 64 & 1;
}

extern const struct acl_addr mcast_routers;

/* 0 or ENOMEM.  Before it, nobody listens to anything. */
int mcast_init(uint32_t max_groups, uint32_t n_workers);
void mcast_exit(void);

/* Workers.  The members of a group; false, and an empty set, when there are none. */
bool mcast_members(const struct acl_addr *group, uint16_t vlan, struct mcast_set *);
/* The port listens from now on, or still.  False: it has all the groups that it may have, or asks
 * for too many at once. */
bool mcast_join(uint32_t worker, const struct acl_addr *group, uint16_t vlan, uint16_t port,
                uint32_t now_s);
void mcast_leave(uint32_t worker, const struct acl_addr *group, uint16_t vlan, uint16_t port);

/* Control thread.  'now_s' is of the workers' clock, dp_now_s(). */
void mcast_poll(uint32_t now_s); /* takes in what workers reported */
void mcast_age(uint32_t now_s);
void mcast_flush_port(uint16_t port, uint32_t now_s); /* what it has joined */
struct mcast_entry {
    struct acl_addr group;
    uint16_t vlan, port;
    uint32_t last_seen_s;
};
void mcast_foreach(void (*cb)(const struct mcast_entry *, void *aux), void *aux);

#endif
