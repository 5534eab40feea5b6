/* What the rules of a policy match, so that two of them can be compared: for whom (applied_to),
 * which peers, which services.  Rules that say the same share it.
 *
 * Pure.  Borrows the policy.  One thread. */
#ifndef ACL_MATCH_H
#define ACL_MATCH_H 1

#include "acl/extent.h"

/* Groups, sorted; none: any. */
struct acl_group_list {
    uint32_t *groups;
    size_t n;
    struct acl_spans sure, possible; /* of peers: their addresses */
    bool own_sure, own_possible;
};

struct acl_matcher {
    const struct acl_policy *policy;
    struct acl_extents extents;
    /* Index of each rule's into the lists below. */
    uint32_t *scope, *peers, *services;
    struct acl_group_list *scope_lists, *peer_lists;
    struct acl_spans *service_lists, tunnels;
    size_t n_scopes, n_peers, n_services;
    uint8_t *scope_memo, *peer_memo; /* of each pair, when they are not too many */
};

/* 0 or ENOMEM.  Destroy is due in either case. */
int acl_matcher_build(const struct acl_policy *, struct acl_matcher *);
void acl_matcher_destroy(struct acl_matcher *);

/* Whether rule 'a' is for all desktops that 'b' is for; whether it matches all peers, all services
 * that 'b' matches.  True is certain; services are exact, for the others see acl_group_within(). */
bool acl_covers_scope(struct acl_matcher *, uint32_t a, uint32_t b);
bool acl_covers_peers(struct acl_matcher *, uint32_t a, uint32_t b);
bool acl_covers_services(const struct acl_matcher *, uint32_t a, uint32_t b);
/* Whether the rule's peers are in a list's 'groups' and what it says of addresses in 'sure'. */
bool acl_peers_within(struct acl_matcher *, uint32_t rule, const struct acl_group_list *);
/* Whether something may be matched by both; false is certain. */
bool acl_may_meet(const struct acl_matcher *, uint32_t a, uint32_t b);
/* Whether the two say the same about whom, peers and services; what their actions make of tunnels
 * aside.  0 or ENOMEM. */
int acl_same_match(struct acl_matcher *, uint32_t a, uint32_t b, bool *same);

#endif
