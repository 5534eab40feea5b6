/* From a policy to tables: two for each scope, shared by every desktop port that is in it.
 *
 * A port's scope is the set of its groups that rules are applied to; where no rule says applied_to
 * there is one scope and all desktops share its tables.  Pure; the compile thread builds, and
 * afterwards whoever owns the result adds scopes for ports that come. */
#ifndef ACL_COMPILE_H
#define ACL_COMPILE_H 1

#include "acl/table.h"

struct acl_scope {
    uint32_t *groups; /* sorted */
    size_t n_groups;
    uint32_t *lists; /* sorted; a quarantine's scope has no groups, but some of these */
    size_t n_lists;
    struct acl_table *table[ACL_N_DIRECTIONS];
    uint32_t id[ACL_N_DIRECTIONS]; /* the owner's, 0 at first */
};

struct acl_compiled {
    struct acl_classes *classes; /* group ids = indices into policy->groups */
    struct acl_classmap *map;    /* of the members given; NULL: somebody has taken it */
    struct acl_scope *scopes;
    size_t n_scopes;
    uint32_t *scope_groups; /* that rules are applied to, sorted */
    size_t n_scope_groups;
    uint32_t *slots; /* as given */
    uint32_t default_slots[ACL_N_DIRECTIONS];
};

/* 'slots[i]' is the hit slot of policy->rules[i], 'default_slots' those of the default deny of each
 * direction.  Classes interned: those of 'members' (raw; the caller lists the policy's prefixes and
 * the addresses of ports).  There are no scopes yet.  0 or ENOMEM. */
int acl_compile(const struct acl_policy *, const uint32_t *slots,
                const uint32_t default_slots[ACL_N_DIRECTIONS], const struct acl_member *members,
                size_t n_members, struct acl_compiled *);
/* Index of the scope of a port in 'groups' (sorted), which is built when it is new.  0 or ENOMEM.
 */
int acl_compile_scope(const struct acl_policy *, struct acl_compiled *, const uint32_t *groups,
                      size_t n_groups, size_t *index);
/* ... of the ports whose quarantine keeps these lists of the policy open (sorted, at least one). */
int acl_compile_lists(const struct acl_policy *, struct acl_compiled *, const uint32_t *lists,
                      size_t n_lists, size_t *index);
void acl_compiled_destroy(struct acl_compiled *);

/* A table of a compiled policy. */
struct acl_compiled_table {
    const struct acl_policy *policy;
    const struct acl_compiled *compiled;
    const struct acl_scope *scope; /* one of it */
};
/* Whether two tables say the same of every key, classes being numbered alike: what was judged by
 * one need not be judged by the other.  False in doubt. */
bool acl_compiled_same(const struct acl_compiled_table *, const struct acl_compiled_table *,
                       enum acl_direction);

/* The rules of one direction of a scope as a table has them; they borrow from 'policy'.  'rule[i]'
 * is the index of the policy's rule that the i-th comes from.  The caller frees both arrays.  0 or
 * ENOMEM. */
struct acl_flat {
    struct acl_table_rule *rules;
    uint32_t *rule;
    size_t n;
};
int acl_flatten(const struct acl_policy *, const uint32_t *slots, const uint32_t *scope,
                size_t n_scope, enum acl_direction, struct acl_flat *);
void acl_flat_destroy(struct acl_flat *);

/* The slow and obvious first-match walk that the tables are held against in tests. */
void acl_oracle_lookup(const struct acl_table_rule *, size_t n, const struct acl_classes *peer,
                       const struct acl_classes *local, uint32_t default_slot,
                       const struct acl_key *, struct acl_verdict *);

#endif
