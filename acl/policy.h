/* The policy model: what an administrator writes, parsed and checked, before it is compiled.
 *
 *     version: 1
 *     groups:
 *       desktops: { labels: { pool: sales } }
 *       servers:  { cidrs: [10.0.0.0/24, "2001:db8::/64"], ports: [srv0] }
 *       inside:   { groups: [desktops, servers], except: { cidrs: [10.0.0.7] } }
 *     address_sets:
 *       remote-desktops: { stale_after: 600 }    # its addresses come from a controller
 *     services:
 *       erp: [tcp/8000-8100, udp/8000]           # beside those that are shipped (acl/services.h)
 *     pools:
 *       - { group: desktops, default: audit }    # or mode: audit
 *     detection: { quarantine: { severity: high } }        # see acl/detection.h
 *     rules:                                     # those of the tier "application"
 *       - id: web
 *         direction: egress            # from the desktop; ingress = to the desktop
 *         applied_to: desktops         # a group of ports, or a list; default: all desktops
 *         peer: servers                # a group, an address set, a CIDR, any, or a list
 *         protocol: tcp                # tcp udp icmp icmpv6 any or 0..255
 *         ports: [80, 443, 8000-8100]  # destination ports; tcp and udp only
 *         action: allow                # allow drop reject, or pass: to the next tier
 *         log: none                    # incident record none; default none, of denials incident
 *         mode: enforce                # or audit: of denials; told, not done
 *       - { id: ping, direction: egress, peer: any, protocol: icmp, icmp: [8], action: allow }
 *       - { id: smb, direction: egress, peer: servers, service: [smb, erp], action: allow }
 *     tiers:
 *       emergency:                     # emergency infrastructure application default, in this
 * order
 *         - { id: cut, direction: egress, peer: 10.6.6.6, action: drop }
 *     quarantine:                        # what a port in quarantine may still do, when asked for
 *       lists:
 *         forensics:                     # rules without a name, which all allow
 *           - { direction: ingress, peer: 10.0.66.0/28, protocol: tcp, ports: [22] }
 *
 * A service in place is a protocol, with a port or type where it has them: tcp/445, icmp/8, 47.
 * An icmp entry is a type ("8") or a type and a code ("3/4").  Names and ids are 1 to 63 letters,
 * digits, "_", "-" and "."; a group is called neither "any" nor like an address.
 *
 * Tunnels (GRE, 6in4, VXLAN, Teredo ...; acl/tunnel.h has the list) pass only by a rule that names
 * them: by protocol number, or udp with the very port.
 *
 * Rules are first match: tier by tier, in each in the order of the sources and in these of their
 * lines.  "pass" leaves what it matches to the tiers that follow.  A rule in audit mode decides
 * nothing; what it would have denied is told.  What no rule matches is denied (log class incident).
 * A pool in mode audit denies nothing by policy, one with "default: audit" nothing by default; what
 * would have been denied is told.  Unknown keys, duplicate ids and unknown names are errors.
 *
 * Ownership: a struct acl_policy owns everything it points to and is immutable once parsed; it may
 * be read by any thread.  Nothing here does I/O. */
#ifndef ACL_POLICY_H
#define ACL_POLICY_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/addr.h"
#include "acl/arena.h"
#include "acl/detection.h"

enum acl_direction { ACL_EGRESS, ACL_INGRESS };
#define ACL_N_DIRECTIONS 2
enum acl_action { ACL_DROP, ACL_REJECT, ACL_ALLOW, ACL_PASS }; /* zero denies */
enum acl_log { ACL_LOG_INCIDENT, ACL_LOG_RECORD, ACL_LOG_NONE };
enum acl_tier { ACL_EMERGENCY, ACL_INFRASTRUCTURE, ACL_APPLICATION, ACL_DEFAULT, ACL_N_TIERS };

#define ACL_PROTO_ANY (-1)

struct acl_label {
    char *key, *value;
};

/* Where something stands: in which source, 0-based, and there, 1-based. */
struct acl_place {
    uint32_t source;
    unsigned line, column;
};

/* One half of a group: who is in, or who is out again. */
struct acl_selector {
    struct acl_label *labels; /* a port must have all of them */
    size_t n_labels;
    char **ports;
    size_t n_ports;
    struct acl_prefix *prefixes;
    size_t n_prefixes;
    uint32_t *groups; /* indices; none of them contains this group */
    size_t n_groups;
};

/* An address is a member when 'in' selects it and 'out' does not: a prefix covers it, it is bound
 * to a port that a name or labels select, or it is in one of the groups.  A group made from a bare
 * CIDR in a rule has the CIDR's text as its name. */
struct acl_group {
    char *name;
    struct acl_selector in, out;
    bool is_set;          /* an address set: its addresses are not in the policy */
    bool is_literal;      /* made from a CIDR in a rule */
    bool has_ports;       /* it selects ports, itself or through other groups */
    uint32_t stale_after; /* of a set, seconds; 0: never */
    struct acl_place place;
};

struct acl_range {
    uint16_t lo, hi; /* inclusive, host byte order */
};

/* What a rule is about: a protocol and, of TCP and UDP, destination ports; of ICMP: type << 8 |
 * code.  No range: any. */
struct acl_service {
    int protocol; /* IP protocol number or ACL_PROTO_ANY */
    struct acl_range *ports;
    size_t n_ports;
};

struct acl_named_service {
    char *name;
    struct acl_service *parts;
    size_t n_parts;
    bool used; /* by a rule, which has copies of the parts */
    struct acl_place place;
};

struct acl_rule {
    char *id;
    enum acl_direction direction;
    enum acl_tier tier;
    uint32_t *peers; /* indices into groups[]; none: any */
    size_t n_peers;
    uint32_t *applied_to; /* likewise; none: every desktop */
    size_t n_applied_to;
    struct acl_service *services; /* at least one */
    size_t n_services;
    enum acl_action action;
    enum acl_log log;
    bool audit;
    bool by_names; /* it has services that the policy names */
    struct acl_place place;
};

/* A rule that is a line of its own, from its brace to the line's end: where it stands in the text
 * of its source, in bytes. */
struct acl_item {
    uint32_t source, offset, size;
    unsigned column; /* of the brace, 1-based */
    uint32_t rule;
};

/* What a port may still do in a quarantine that names it; its rules all allow, have no hits, and
 * are for every port. */
#define ACL_LISTS_MAX 64
struct acl_list {
    char *name;
    struct acl_rule *rules; /* an id is "" where none is given */
    size_t n_rules;
    struct acl_place place;
};

/* How a group of desktops takes what is denied.  The first that a port is in holds. */
struct acl_pool {
    uint32_t group;
    bool audit, audit_default;
    enum acl_log default_log;
    struct acl_place place;
};

struct acl_policy {
    struct acl_group *groups;
    size_t n_groups;
    uint32_t *order;    /* of the groups: each comes after those that it is made of */
    uint32_t *composed; /* those that are made of groups, in that order */
    size_t n_composed;
    uint32_t *selecting; /* those that select ports themselves, by their numbers */
    size_t n_selecting;
    struct acl_named_service *services; /* of the sources, not those shipped */
    size_t n_services;
    struct acl_rule *rules; /* in the order in which they are tried */
    size_t n_rules;
    struct acl_pool *pools;
    size_t n_pools;
    struct acl_detection detection; /* the default where the sources have none */
    bool has_detection;
    struct acl_place detection_place;
    struct acl_list *lists;
    size_t n_lists;
    struct acl_item *items; /* by source and offset */
    size_t n_items;
    struct acl_arena arena; /* what all of these point to, but for the arrays that grow */
};

struct acl_error {
    uint32_t source;       /* 0-based */
    unsigned line, column; /* 1-based; 0 = not tied to a place */
    char text[256];
};

/* Longer texts are refused, all sources together. */
#define ACL_POLICY_MAX_BYTES (16u << 20)

struct acl_source {
    const char *text;
    size_t len;
};

/* Parses YAML sources as one policy: what one defines the others may use.  0 and '*policyp', or a
 * positive errno and 'error'; EINVAL for anything wrong with a text. */
int acl_policy_parse(const struct acl_source *, size_t n, struct acl_policy **policyp,
                     struct acl_error *error);
/* The same, of texts that are like those that 'like' was parsed from ('like_sources', as many):
 * what is said in the same lines is taken from there.  For whoever changes a few rules of many. */
int acl_policy_parse_like(const struct acl_source *, size_t n, const struct acl_policy *like,
                          const struct acl_source *like_sources, struct acl_policy **policyp,
                          struct acl_error *error);
void acl_policy_destroy(struct acl_policy *);

const char *acl_tier_name(enum acl_tier);
/* Of a quarantine. */
bool acl_list_find(const struct acl_policy *, const char *name, uint32_t *list);
const char *acl_action_name(enum acl_action);

/* ---- groups.c: who is in which group ---- */

/* What a group's selectors say by themselves is raw: ACL_RAW_IN(g) when its 'in' selects something
 * other than by a group, ACL_RAW_OUT(g) likewise. */
#define ACL_RAW_IN(GROUP) (2 * (GROUP))
#define ACL_RAW_OUT(GROUP) (2 * (GROUP) + 1)

/* Resolves raw memberships (sorted) into groups, sorted; '*n' of them.  'groups' has room for
 * 'n_raw' and the policy's 'n_composed'.  False only when memory is short. */
bool acl_groups_resolve(const struct acl_policy *, const uint32_t *raw, size_t n_raw,
                        uint32_t *groups, size_t *n);
/* The raw memberships of a port of this name and these labels, sorted; 'raw' has room for two for
 * each group. */
void acl_groups_of_port(const struct acl_policy *, const char *name, const struct acl_label *labels,
                        size_t n_labels, uint32_t *raw, size_t *n);
/* The pool of a port in these groups (sorted), or NULL. */
const struct acl_pool *acl_pool_of(const struct acl_policy *, const uint32_t *groups, size_t n);
bool acl_group_find(const struct acl_policy *, const char *name, uint32_t *group);

#endif
