/* From a policy to tables: one table per direction, shared by every desktop port. */
#ifndef ACL_COMPILE_H
#define ACL_COMPILE_H 1

#include "acl/table.h"

struct acl_compiled {
    struct acl_classes *classes; /* group ids = indices into policy->groups */
    struct acl_table *table[ACL_N_DIRECTIONS];
};

/* 'slots[i]' is the hit slot of policy->rules[i], 'default_slots' those of the default deny of each
 * direction.  Classes interned: those of 'members' (the caller lists the policy's prefixes and the
 * addresses of ports).  0 or ENOMEM.  Pure; runs in the compile thread. */
int acl_compile(const struct acl_policy *, const uint32_t *slots,
                const uint32_t default_slots[ACL_N_DIRECTIONS], const struct acl_member *members,
                size_t n_members, struct acl_compiled *);
void acl_compiled_destroy(struct acl_compiled *);

/* The slow and obvious first-match walk that the tables are held against in tests. */
void acl_oracle_lookup(const struct acl_table_rule *, size_t n, const struct acl_classes *peer,
                       const struct acl_classes *local, uint32_t default_slot,
                       const struct acl_key *, struct acl_verdict *);

#endif
