/* Port maps: from a 16-bit value to its class, which is the row of the rules that accept it, by two
 * levels of 256 entries.  Leaves that are equal are mostly kept once: a policy's few services leave
 * nearly all of them the same. */
#ifndef ACL_PORTMAP_H
#define ACL_PORTMAP_H 1

#include "acl/rows.h"
#include "acl/table.h"

struct acl_portmap {
    bool used; /* false: every rule accepts every port; there is one class */
    uint8_t leaf[256];
    uint16_t (*leaves)[256]; /* class of each value */
    uint32_t n_leaves;
};

/* Builds the map of the rules' source or destination ports.  Class c is row c of 'rows', which the
 * call fills.  False when memory is short; destroy is due in either case. */
bool acl_portmap_build(struct acl_portmap *, const struct acl_table_rule *, size_t n, bool source,
                       struct acl_rows *rows);
void acl_portmap_destroy(struct acl_portmap *);
size_t acl_portmap_bytes(const struct acl_portmap *);

/* Sorts ranges[0..n) and joins those that overlap or touch, dropping empty ones; returns how many
 * are left. */
size_t acl_ranges_normalise(struct acl_range *ranges, size_t n);
/* Whether the ranges of a rule accept every port. */
bool acl_ranges_are_any(const struct acl_range *ranges, size_t n);

static inline uint32_t
acl_portmap_lookup(const struct acl_portmap *map, uint16_t port)
{
    return map->leaves[map->leaf[port >> 8]][port & 0xff];
}

#endif
