/* Flows: records of denied packets put together by who opened what to whom; source ports vanish.
 *
 * Pure; one owner. */
#ifndef ACL_FLOWS_H
#define ACL_FLOWS_H 1

#include "acl/trial.h"

/* More are counted, and left out. */
#define ACL_FLOWS_MAX 65536

#define ACL_PORT_GONE (UINT32_MAX - 1) /* it had a name, and no port of the site has it */

/* A record, as a worker wrote it. */
struct acl_sighting {
    uint32_t port, peer_port; /* of the site, or ACL_NO_PORT, or ACL_PORT_GONE */
    struct acl_addr src, dst;
    uint16_t vlan;
    uint8_t protocol;
    uint16_t sport, service; /* destination port, or ICMP's type << 8 | code */
    enum acl_direction direction;
    uint32_t packets;
    int64_t time_s; /* Unix time */
};

struct acl_flow {
    uint32_t from, to; /* ports of the site; at least one is a desktop */
    struct acl_addr src, dst;
    uint8_t protocol;
    uint16_t service;
    uint64_t packets[ACL_N_DIRECTIONS]; /* by whose table it was that denied them */
    int64_t first_s, last_s;
};

/* Begins as { 0 }. */
struct acl_flows {
    struct acl_flow *v;
    size_t n, allocated;
    uint32_t *buckets; /* index + 1, 0 = empty; a power of two of them */
    size_t n_buckets;
    uint64_t records, packets; /* that were added, those left out included */
    /* What is left out, in records: a port is gone; nobody knows whose it is; too many flows. */
    uint64_t gone, unknown, too_many;
};

/* A connection that was open before and was judged again may have been recorded by an answer in it:
 * that becomes the flow that it answers.  0 or ENOMEM. */
int acl_flows_add(struct acl_flows *, const struct acl_site *, const struct acl_sighting *);
void acl_flows_destroy(struct acl_flows *);

#endif
