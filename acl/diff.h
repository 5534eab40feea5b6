/* How two policies differ in meaning: not in comments, order of keys, notation of addresses, order
 * within lists, or services by name or by number.
 *
 * Things are matched by name: a rule by its id, a pool by its group.  What is the same by another
 * name is removed and added.  Rules are moved when they are tried in another order, seen from rules
 * of the same tier and direction; as few as possible are said to have moved.  A rule whose tier or
 * direction changed has that as a change, and no move.
 *
 * Where there is no entry, the two decide alike, whoever has which labels and addresses.  The other
 * way round does not hold: to move a rule past one that it has nothing to do with is an entry.
 *
 * Pure; any thread. */
#ifndef ACL_DIFF_H
#define ACL_DIFF_H 1

#include "acl/policy.h"

enum acl_diff_kind { ACL_DIFF_ADDED, ACL_DIFF_REMOVED, ACL_DIFF_CHANGED, ACL_DIFF_MOVED };

struct acl_diff_field {
    const char *name; /* the key in YAML, "except.cidrs" for one within; and "tier" */
    char *before, *after;
};

/* Texts are the entry's own. */
struct acl_diff_entry {
    enum acl_diff_kind kind;
    const char *what; /* "rule", "group", "service", "address set", "pool" or
                       * "quarantine list" */
    char *name;
    char *text;                    /* for people, one line: "rule 'web': action allow -> drop" */
    struct acl_place place;        /* in the policy after; of what is removed, before */
    struct acl_diff_field *fields; /* of what changed */
    size_t n_fields;
};

struct acl_diff {
    struct acl_diff_entry
        *entries; /* address sets, groups, services, pools, rules, lists; each in order */
    size_t n, allocated;
    bool same; /* there is none */
};

/* 0 and '*diff', which the caller destroys; or ENOMEM, and it is empty. */
int acl_diff(const struct acl_policy *before, const struct acl_policy *after, struct acl_diff *);
void acl_diff_destroy(struct acl_diff *);

/* "added", "removed", "changed", "moved". */
const char *acl_diff_kind_name(enum acl_diff_kind);

#endif
