/* The parts of acl_lint().  Each returns 0 or ENOMEM. */
#ifndef ACL_LINT_PRIV_H
#define ACL_LINT_PRIV_H 1

#include "acl/lint.h"
#include "acl/match.h"

struct acl_lint {
    const struct acl_policy *policy;
    const struct acl_lint_facts *facts;
    struct acl_matcher matcher;
    struct acl_finding *findings;
    size_t n, allocated;
};

/* Adds a finding; its text is made as by printf.  'other' is a rule or NULL. */
int acl_lint_add(struct acl_lint *, enum acl_finding_kind, const char *name,
                 const struct acl_place *, const struct acl_rule *other, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* lint_rules.c: rules by which nothing is decided. */
int acl_lint_rules(struct acl_lint *);
/* lint_groups.c: names. */
int acl_lint_names(struct acl_lint *);
/* lint_reach.c: what nobody may do. */
int acl_lint_reach(struct acl_lint *);

#endif
