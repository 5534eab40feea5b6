/* What can be said of groups without knowing the desktops: which addresses are in one whatever
 * happens, which may be, and whether all that is in one group is in another.
 *
 * Pure.  Borrows the policy.  One thread. */
#ifndef ACL_EXTENT_H
#define ACL_EXTENT_H 1

#include "acl/spans.h"

/* Of a group made of CIDRs alone (groups made of such included) the two are the same, and exact.
 * What labels, port names and address sets bring may be any address, or none. */
struct acl_extent {
    struct acl_spans sure;
    struct acl_spans possible; /* borrows from 'sure' where 'exact' */
    bool exact;
};

struct acl_extents {
    const struct acl_policy *policy;
    struct acl_extent *groups; /* of each */
    uint8_t *memo[2]; /* of acl_group_within(): for each pair of groups that is not exact */
    uint32_t *number; /* of a group among those */
    size_t n_inexact;
    long steps, spans; /* that are left for proofs, and for extents */
};

/* 0 or ENOMEM.  Destroy is due in either case. */
int acl_extents_build(const struct acl_policy *, struct acl_extents *);
void acl_extents_destroy(struct acl_extents *);

/* Whether every address that is in group 'a' is in 'b', whoever has which labels and whatever the
 * address sets hold; with 'ports', every port.  True is certain.  False also means that it could
 * not be shown: exact for groups of CIDRs, otherwise by the parts that groups are made of, and
 * after some ten million steps in all only what is plain to see. */
bool acl_group_within(struct acl_extents *, uint32_t a, uint32_t b, bool ports);
/* ... in one or the other of a list: also what is in none of them as a whole. */
bool acl_group_within_list(struct acl_extents *, uint32_t a, const uint32_t *list, size_t n,
                           bool ports);
/* Whether no port can be in both, for their labels contradict each other. */
bool acl_groups_apart(const struct acl_policy *, uint32_t a, uint32_t b);

#endif
