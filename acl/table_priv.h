/* What a table is made of.  For table.c (lookup) and table_build.c only. */
#ifndef ACL_TABLE_PRIV_H
#define ACL_TABLE_PRIV_H 1

#include <stdatomic.h>

#include "acl/portmap.h"
#include "acl/rows.h"
#include "acl/table.h"
#include "acl/tunnel.h"

/* Which rules name which group, in one address field. */
struct acl_fan {
    struct acl_fan_edge {
        uint32_t group, rule;
    } * edges; /* sorted */
    size_t n_edges;
    uint64_t *any; /* the rules that name no group and so accept every class */
};

struct acl_rule_info {
    uint32_t slot;
    uint32_t resume; /* it decides nothing: where the search goes on; 0: it decides */
    uint8_t action, log;
    bool audit;
    bool accepts_all; /* of a peer that it accepts: any port, protocol and local class */
};

/* What a table shares with those that were extended from it. */
struct acl_bulk {
    atomic_uint refs;
    size_t n_rules;
    struct acl_rule_info *rules;
    uint32_t default_slot;
    struct acl_fan peer;
    bool peer_used, local_used, protocol_used;
    struct acl_rows local_rows, protocol_rows;
    uint32_t *local; /* row of each local class; none when no rule uses them */
    size_t n_local;
    uint32_t protocol[ACL_N_PROTOCOLS];
    struct acl_portmap sports, dports;
    uint64_t digest;
};

/* The rows of a batch of peer classes.  A table holds its newest batch, a batch those before it. */
struct acl_batch {
    atomic_uint refs;
    struct acl_batch *older;
    struct acl_rows rows;
};

struct acl_peer {
    const uint64_t *row; /* in one of the batches */
    bool may_reach;
};

struct acl_table {
    struct acl_bulk *bulk;
    struct acl_batch *batch;
    struct acl_peer *peers; /* by class */
    size_t n_peers;
    uint64_t digest;
};

bool acl_fan_build(struct acl_fan *, const struct acl_table_rule *, size_t n, bool local);
void acl_fan_destroy(struct acl_fan *);
/* The row of a class of these groups: 'bits' becomes the rules that accept it. */
void acl_fan_fill(const struct acl_fan *, size_t n_words, const uint32_t *groups, size_t n_groups,
                  uint64_t *bits);

/* Whether a rule accepts a key's protocol. */
static inline bool
acl_accepts_protocol(const struct acl_table_rule *rule, int protocol)
{
    int number = protocol == ACL_UDP_TUNNEL ? 17 : protocol;

    return (rule->protocol == ACL_PROTO_ANY || rule->protocol == number) &&
           !(rule->no_tunnels && acl_is_tunnel(protocol));
}

struct acl_bulk *acl_bulk_build(const struct acl_table_rule *, size_t n,
                                const struct acl_classes *local, uint32_t default_slot);
void acl_bulk_unref(struct acl_bulk *);

#endif
