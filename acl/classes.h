/* Address classes: rules match classes, not addresses.
 *
 * A class is the set of groups that an address is a member of; all addresses with the same set
 * share it.  Membership lives in the class map alone, so a lease, a moved port or a patched address
 * set rebuilds a map of a few kilobytes and never a table.
 *
 * struct acl_classes interns group sets to small, stable ids; it only grows.  One thread (the
 * compiler, then control, under the caller's order) writes it.  struct acl_classmap is immutable
 * after it is built and read by every worker without synchronisation. */
#ifndef ACL_CLASSES_H
#define ACL_CLASSES_H 1

#include "acl/addr.h"

#define ACL_CLASS_NONE 0u            /* member of no group */
#define ACL_CLASS_INVALID UINT32_MAX /* no class: memory was short */

struct acl_classes;
struct acl_classes *acl_classes_create(void);
void acl_classes_destroy(struct acl_classes *);
/* Id of the sorted, duplicate-free set 'groups'; ACL_CLASS_INVALID only when memory is short. */
uint32_t acl_classes_intern(struct acl_classes *, const uint32_t *groups, size_t n);
size_t acl_classes_count(const struct acl_classes *);
/* The groups of 'class', sorted; '*n' of them. */
const uint32_t *acl_classes_groups(const struct acl_classes *, uint32_t class, size_t *n);

struct acl_member {
    struct acl_prefix prefix;
    uint32_t group; /* or, to a map that resolves, raw (policy.h) */
};

/* Builds the map for 'members' (any order, overlaps welcome: an address belongs to every group one
 * of whose prefixes covers it), interning the classes it needs.  With 'policy' what members name is
 * raw, and its groups say what comes of it.  O(n log n).  NULL only when memory is short. */
struct acl_policy;
struct acl_classmap;
struct acl_classmap *acl_classmap_build(struct acl_classes *, const struct acl_policy *policy,
                                        const struct acl_member *members, size_t n);
void acl_classmap_destroy(struct acl_classmap *);
/* Class of an address.  Wait-free; a bounded search. */
uint32_t acl_classmap_lookup(const struct acl_classmap *, const struct acl_addr *);
/* The same for n addresses at a time, which is faster where there are many: they lie 'stride' bytes
 * apart, as within packets' keys, and their classes become 'class_stride' bytes apart. */
void acl_classmap_lookup_bulk(const struct acl_classmap *, const struct acl_addr *addrs,
                              size_t stride, size_t n, uint32_t *classes, size_t class_stride);

#endif
