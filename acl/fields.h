/* The fields of a table beside the addresses: protocol and ports.
 *
 * Each is an axis: values map to classes, and a class has a row.  Axes are multiplied where their
 * product is small: it has a row for each combination of classes, which is one row to read instead
 * of several, and a sparser one.  A part is such a product, or an axis that stayed alone. */
#ifndef ACL_FIELDS_H
#define ACL_FIELDS_H 1

#include "acl/portmap.h"
#include "acl/tunnel.h"

enum acl_axis { ACL_AXIS_PROTOCOL, ACL_AXIS_DPORT, ACL_AXIS_SPORT };
#define ACL_N_AXES 3

struct acl_part {
    uint32_t stride[ACL_N_AXES]; /* 0: it has no part in this */
    uint32_t *at;                /* by the sum of class * stride: where in rows.data the row is */
    uint32_t n;
};

struct acl_fields {
    bool protocol_used;
    uint16_t protocol[ACL_N_PROTOCOLS]; /* class */
    struct acl_portmap dports, sports;
    struct acl_part parts[ACL_N_AXES]; /* none: every rule accepts everything */
    unsigned n_parts;
    struct acl_rows rows; /* without a base, and dense where that can be */
    uint32_t none;        /* row of no rule at all */
};

/* False when memory is short; destroy is due in either case. */
bool acl_fields_build(struct acl_fields *, const struct acl_table_rule *, size_t n);
void acl_fields_destroy(struct acl_fields *);
size_t acl_fields_bytes(const struct acl_fields *);

/* Whether a rule accepts a key's protocol. */
static inline bool
acl_accepts_protocol(const struct acl_table_rule *rule, int protocol)
{
    int number = protocol == ACL_UDP_TUNNEL ? 17 : protocol;

    return (rule->protocol == ACL_PROTO_ANY || rule->protocol == number) &&
           !(rule->no_tunnels && acl_is_tunnel(protocol));
}

#endif
