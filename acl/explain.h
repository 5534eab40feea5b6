/* Why a rule did not match, for people who ask; the tables decide, this only says what was near.
 * Pure; any thread. */
#ifndef ACL_EXPLAIN_H
#define ACL_EXPLAIN_H 1

#include "acl/policy.h"

/* A field of a rule, as a bit. */
enum acl_miss {
    ACL_MISS_DIRECTION = 1 << 0,
    ACL_MISS_APPLIED_TO = 1 << 1,
    ACL_MISS_PEER = 1 << 2,
    ACL_MISS_PROTOCOL = 1 << 3,
    ACL_MISS_PORT = 1 << 4,   /* or ICMP's type */
    ACL_MISS_TUNNEL = 1 << 5, /* it allows this, but for tunnels that it does not name (tunnel.h) */
    ACL_MISS_MODE = 1 << 6,   /* it is in audit mode, and so allows nothing */
};
#define ACL_N_MISSES 7

/* What a table was asked; the groups are sorted. */
struct acl_question {
    enum acl_direction direction;
    const uint32_t *port_groups, *peer_groups; /* of the port, of the address of its peer */
    size_t n_port_groups, n_peer_groups;
    uint16_t service; /* destination port, or ICMP's type << 8 | code */
    uint8_t protocol;
};

/* The fields in which the rule does not accept it; of its services, the nearest one's. */
unsigned acl_explain_misses(const struct acl_rule *, const struct acl_question *);
/* The rule that would allow it but for the fewest fields (protocol and port count as one), the
 * first of those.  False: no rule of the policy allows anything. */
bool acl_explain_nearest(const struct acl_policy *, const struct acl_question *, uint32_t *rule,
                         unsigned *misses);
/* "peer": as the field is called in a policy.  'bit' is one of them. */
const char *acl_miss_name(unsigned bit);

#endif
