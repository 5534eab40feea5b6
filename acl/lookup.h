/* The bodies of lookups: one text (lookup_body.h), compiled for the instruction sets that it gains
 * by.  All give the same results, bit for bit.  The widest that the CPU has is chosen at the first
 * lookup, once. */
#ifndef ACL_LOOKUP_H
#define ACL_LOOKUP_H 1

#include "acl/table_priv.h"
#include "acl/tree.h"

struct acl_body {
    const char *name; /* "scalar", "avx2", "avx512" */
    bool (*runs)(void);
    void (*table)(const struct acl_table *, const struct acl_key *, size_t n, struct acl_verdict *);
    /* Classes of IPv4 addresses, as by acl_classmap_lookup_bulk(); what it writes for others means
     * nothing.  True: there were no others. */
    bool (*tree)(const struct acl_tree *, const struct acl_addr *, size_t stride, size_t n,
                 uint32_t *classes, size_t class_stride);
};

extern const struct acl_body acl_body_scalar, acl_body_avx2, acl_body_avx512;

const struct acl_body *acl_body(void);

/* For tests and measurements, while nothing looks anything up: the names of the bodies, NULL behind
 * the last; and which one is used from now on, NULL for the widest.  False: there is none of that
 * name, or this CPU does not run it. */
extern const char *const acl_body_names[];
bool acl_body_use(const char *name);

/* What lies 'stride' * 'i' bytes behind 'first'. */
static inline void *
acl_at(const void *first, size_t stride, size_t i)
{
    return (char *) (uintptr_t) first + i * stride;
}

/* Goes on behind 'rule', which decides nothing, to the one that does; notes both. */
uint32_t acl_lookup_go_on(const struct acl_table *, const uint64_t *const *rows, uint32_t rule,
                          struct acl_verdict *);

#endif
