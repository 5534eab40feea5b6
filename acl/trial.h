/* A policy tried out on a site: what the ports of a switch would be judged by if it were in force,
 * without putting it there.  Compiled by the compiler and asked by the tables that workers use.
 *
 * Audit mode is looked through: a rule in audit mode denies here, and pools are left aside.
 *
 * Pure; a trial may be asked by any thread.  It borrows the policy and the site. */
#ifndef ACL_TRIAL_H
#define ACL_TRIAL_H 1

#include "acl/compile.h"
#include "acl/spans.h"

#define ACL_NO_PORT UINT32_MAX

/* What a policy sees of a switch. */
struct acl_site_port {
    const char *name;
    const struct acl_label *labels;
    size_t n_labels;
    const struct acl_addr *addrs; /* bound to it */
    size_t n_addrs;
    uint16_t vlan; /* of its untagged packets: the only one of a desktop */
    bool is_desktop;
};

struct acl_site_set {
    const char *name;
    const struct acl_prefix *prefixes;
    size_t n;
};

struct acl_site {
    const struct acl_site_port *ports;
    size_t n_ports;
    const struct acl_site_set *sets;
    size_t n_sets;
};

/* The desktop in 'vlan' that an address is bound to; ACL_NO_PORT: none. */
uint32_t acl_site_desktop(const struct acl_site *, const struct acl_addr *, uint16_t vlan);
/* Which addresses are in each of the policy's groups as those in 'vlan' see it: '*spansp' has one
 * set for each group, for acl_site_spans_destroy().  0, or ENOMEM and none. */
int acl_site_spans(const struct acl_site *, const struct acl_policy *, uint16_t vlan,
                   struct acl_spans **spansp);
void acl_site_spans_destroy(struct acl_spans *, size_t n_groups);

struct acl_trial {
    const struct acl_policy *policy;
    const struct acl_site *site;
    struct acl_compiled compiled;
    struct acl_trial_port {
        struct acl_classmap *map; /* of its VLAN; shared, the first port of a VLAN has it */
        bool owns_map;
        size_t scope;
        uint32_t *groups; /* that it is in, sorted */
        size_t n_groups;
    } * ports; /* of the site; empty for those that are no desktops */
};

/* 0 or ENOMEM.  Close is due in either case. */
int acl_trial_open(struct acl_trial *, const struct acl_policy *, const struct acl_site *);
void acl_trial_close(struct acl_trial *);

/* A connection as one desktop's table is asked for it. */
struct acl_trial_query {
    uint32_t port; /* a desktop of the site */
    enum acl_direction direction;
    struct acl_addr peer;
    uint8_t protocol;
    uint16_t service; /* destination port, or ICMP's type << 8 | code */
};

/* True: allowed, and no rule in audit mode would deny it.  '*rule' is the one that decides, an
 * index of the policy's or, of the default deny, ACL_RULE_DEFAULT. */
bool acl_trial_allows(const struct acl_trial *, const struct acl_trial_query *, uint32_t *rule);
/* The same, were the rule 'without' not there.  0 or ENOMEM. */
int acl_trial_allows_without(const struct acl_trial *, const struct acl_trial_query *,
                             uint32_t without, bool *allows);

/* The groups that the class of an address has for a desktop, sorted. */
const uint32_t *acl_trial_groups(const struct acl_trial *, uint32_t port, const struct acl_addr *,
                                 size_t *n);

#endif
