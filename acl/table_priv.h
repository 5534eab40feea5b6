/* What a table is made of.  For table.c, bulk.c, fan.c and the lookups only. */
#ifndef ACL_TABLE_PRIV_H
#define ACL_TABLE_PRIV_H 1

#include <stdatomic.h>

#include "acl/fields.h"
#include "acl/order.h"
#include "acl/rows.h"
#include "acl/table.h"

/* Which rules name which group, in one address field.  Groups are small numbers (indices into a
 * policy's): its size goes by the largest. */
struct acl_fan {
    uint32_t *first; /* rules[first[g]..first[g + 1]) name group g */
    uint32_t *rules;
    size_t n_groups, n_edges;
    struct acl_bits any; /* the rules that name no group and so accept every class */
    bool *in_base;       /* of groups: most classes are in it */
    uint32_t *bases;     /* those groups, ascending */
    size_t n_bases;
    bool bases_alone;     /* a rule that names one of them names no other group */
    struct acl_bits base; /* 'any', and the rules of those groups */
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
    struct acl_rule_info *rules; /* and behind them, what is said when none matches */
    struct acl_order order;      /* of the rules in all rows, and fans */
    uint32_t default_slot;
    struct acl_fan peer;
    bool local_used;
    struct acl_fan local_fan;
    struct acl_rows local_rows;
    const uint64_t **local; /* row of each local class; none when no rule uses them */
    size_t n_local;
    struct acl_fields fields;
    uint64_t digest;
};

/* The rows of a batch of peer classes.  A table holds its newest batch, a batch those before it. */
struct acl_batch {
    atomic_uint refs;
    struct acl_batch *older;
    struct acl_rows rows;
};

/* What a lookup goes by, of all that a table is made of.  The rows of a lookup are first those of
 * addresses, which have bases, then those of other fields. */
struct acl_view {
    const uint64_t *const *peers, *const *local, *data, *none;
    size_t n_peers, n_local;
    const uint16_t *protocol;
    const struct acl_portmap *dports, *sports;
    struct acl_part parts[ACL_N_AXES];
    const struct acl_rows *shape; /* of the other fields */
    const struct acl_order *order;
    const uint64_t *words[2], *summary[2], *top[2]; /* of the bases */
    unsigned n_based, n;
};

struct acl_table {
    struct acl_view view;
    struct acl_bulk *bulk;
    struct acl_batch *batch;
    const uint64_t **peers; /* row of each class, in one of the batches */
    bool *may_reach;        /* of each class */
    size_t n_peers;
    uint64_t digest;
};

static inline const uint32_t *
acl_groups_of(const struct acl_table_rule *rule, bool local, size_t *n)
{
    *n = local ? rule->n_local_groups : rule->n_peer_groups;
    return local ? rule->local_groups : rule->peer_groups;
}

/* 'classes' are those that most rows will be for; there may come others. */
bool acl_fan_build(struct acl_fan *, const struct acl_table_rule *, size_t n, bool local,
                   const struct acl_classes *classes);
void acl_fan_destroy(struct acl_fan *);
size_t acl_fan_bytes(const struct acl_fan *);
/* 'difference', which is empty, becomes that of the row of a class of these groups from the base.
 */
void acl_fan_fill(const struct acl_fan *, const uint32_t *groups, size_t n_groups,
                  struct acl_bits *difference, struct acl_bits *scratch);

/* 'digest', and what there is of a class of these groups in the rules. */
uint64_t acl_fan_digest(const struct acl_fan *, const uint32_t *groups, size_t n, uint64_t digest);

struct acl_bulk *acl_bulk_build(const struct acl_table_rule *, size_t n,
                                const struct acl_classes *peer, const struct acl_classes *local,
                                uint32_t default_slot);
void acl_bulk_unref(struct acl_bulk *);

#endif
