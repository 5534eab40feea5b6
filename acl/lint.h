/* What is strange about a policy, said before it is in force.
 *
 * Nothing here makes a policy wrong: acl_policy_parse() has taken it.  What is said is certain: a
 * rule that is reported as shadowed, redundant, duplicate or contradictory can be taken away, and
 * all that are can be taken away together, and no packet gets another verdict (action, log class,
 * and what audit mode tells first).  Only hits are counted elsewhere then.
 *
 * A rule is covered by another in front of it that matches every packet that it matches, for every
 * desktop that it is for.  What this takes into account:
 *   - The other must decide (or, when both are in audit mode, tell): a rule in audit mode covers
 *     only rules in audit mode, one that passes only those of its own tier.
 *   - A rule of an earlier tier covers only when no rule that passes in front of it may take a
 *     packet past it.
 *   - applied_to: the other is for all desktops, or for groups that the rule's groups are in,
 *     whoever has which labels.
 *   - Tunnels: an allow rule does not match those that it does not name (tunnel.h).
 *   - Peers: address sets and the addresses of desktops may be any, so a CIDR covers them only when
 *     it is all there is.
 * By the rule in front:
 *   contradictory  the same match, and the opposite action (allow against drop or reject)
 *   duplicate      the same match, action and mode; the log class may differ
 *   redundant      it covers more, with the same action, log class and mode
 *   shadowed       it decides differently
 * Redundant is also what makes no difference to the packets that get to it: an allow, drop or
 * reject rule when each of them goes to a rule behind it with the same action and log class, or
 * comes to the default deny and that is the same (drop, log incident, in all pools) ; and a pass
 * rule when no later rule of its tier meets it.
 *
 * Limits.  One rule covering another is exact for services and CIDRs, groups of CIDRs and their
 * exceptions included; groups of labels, port names and sets are compared by what they are made of
 * (acl_group_within()), so a cover may be missed there.  Several rules that cover one together are
 * seen when they differ in one thing: all cover its desktops and peers and together its services,
 * or its desktops and services and together its peers; the first 256 of them count.
 * In a policy of more than 2,048 different lists of peers the former is seen only where the lists
 * are the same or the covered one is of CIDRs.
 *
 * 10,000 rules take less than a second.  Pure; any thread. */
#ifndef ACL_LINT_H
#define ACL_LINT_H 1

#include "acl/explain.h"

enum acl_severity { ACL_NOTE, ACL_WARNING, ACL_ERROR };

enum acl_finding_kind {
    ACL_LINT_CUTS_CONTROLLER, /* error: it denies a connection that the policy before allows */
    ACL_LINT_CUTS_DHCP,       /* warning: no rule allows a desktop DHCP (udp/67, udp/547) */
    ACL_LINT_CUTS_DNS,        /* warning: no rule allows a desktop DNS (port 53) */
    ACL_LINT_CONTRADICTORY,   /* error */
    ACL_LINT_SHADOWED,        /* warning */
    ACL_LINT_DUPLICATE,       /* warning */
    ACL_LINT_REDUNDANT,       /* note */
    ACL_LINT_EMPTY_GROUP,     /* warning: a group in use has no member */
    ACL_LINT_NO_RULES_FOR,    /* warning: no rule is for the desktops of a pool */
    ACL_LINT_UNUSED_GROUP,    /* note: no rule, pool or used group names it; address sets too */
    ACL_LINT_UNUSED_SERVICE,  /* note */
    ACL_LINT_QUARANTINE_LIST, /* warning: a quarantine keeps a list open that is not there */
    ACL_N_FINDINGS
};

/* Texts are the finding's own. */
struct acl_finding {
    enum acl_severity severity;
    enum acl_finding_kind kind;
    struct acl_place place; /* line 0: of the policy as a whole */
    char *name;             /* of the rule, group or service; of who is cut off: the caller's */
    struct acl_place other_place;
    char *other; /* id of the rule that it is about as well, or NULL */
    char *text;  /* a sentence for people, ASCII, names in it */
};

/* A connection that somebody works by, as each of the two policies is asked about it: the groups
 * are its own.  It goes by one desktop's port, in that direction. */
struct acl_lint_connection {
    struct acl_question before, after;
    const char *name; /* of whoever would be cut off, "10.0.0.7" */
    const char *what; /* for people: "the API client 10.0.0.7 on port 'd1'" */
};

/* A quarantine in force keeps a list of the policy open. */
struct acl_lint_open {
    const char *list;
    const char *who; /* for people: "port 'd1'" */
};

/* What the caller knows; all may be zero.  Borrowed for the call. */
struct acl_lint_facts {
    /* Whether each group of the policy has a member now; NULL: only groups that say so themselves
     * are called empty.  A group with addresses for sure has members whatever this says. */
    const bool *has_members;
    const struct acl_lint_connection *connections;
    size_t n_connections;
    const struct acl_lint_open *open;
    size_t n_open;
    const struct acl_policy *before; /* in force now, or NULL: nothing is cut then */
};

/* '*findings', '*n' of them, ordered by place; those about the whole come first.  The caller gives
 * them to acl_findings_destroy().  0, or ENOMEM and none. */
int acl_lint(const struct acl_policy *, const struct acl_lint_facts *,
             struct acl_finding **findings, size_t *n);
void acl_findings_destroy(struct acl_finding *, size_t n);

/* "shadowed", "cuts-dhcp"; "error", "warning", "note".  They do not change. */
const char *acl_finding_name(enum acl_finding_kind);
const char *acl_severity_name(enum acl_severity);

#endif
