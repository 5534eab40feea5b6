/* The policy model: what an administrator writes, parsed and checked, before it is compiled.
 *
 *     version: 1
 *     groups:
 *       desktops: { labels: { pool: sales } }
 *       servers:  { cidrs: [10.0.0.0/24, "2001:db8::/64"], ports: [srv0] }
 *     rules:
 *       - id: web
 *         direction: egress            # from the desktop; ingress = to the desktop
 *         peer: servers                # a group, a CIDR, or any
 *         protocol: tcp                # tcp udp icmp icmpv6 any or 0..255
 *         ports: [80, 443, 8000-8100]  # destination ports; tcp and udp only
 *         action: allow                # allow drop reject
 *         log: none                    # incident record none; default none, of denials incident
 *       - { id: ping, direction: egress, peer: any, protocol: icmp, icmp: [8], action: allow }
 *
 * An icmp entry is a type ("8") or a type and a code ("3/4").  Names and ids are 1 to 63 letters,
 * digits, "_", "-" and "."; a group is called neither "any" nor like an address.
 *
 * Tunnels (GRE, 6in4, VXLAN, Teredo ...; acl/tunnel.h has the list) pass only by a rule that names
 * them: by protocol number, or udp with the very port.
 *
 * What no rule matches is denied (log class incident).  Rules are first match, in file order, and
 * apply to every port of role desktop.  Unknown keys, duplicate ids and unknown groups are errors.
 *
 * Ownership: a struct acl_policy owns everything it points to and is immutable once parsed; it may
 * be read by any thread.  Nothing here does I/O. */
#ifndef ACL_POLICY_H
#define ACL_POLICY_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/addr.h"

enum acl_direction { ACL_EGRESS, ACL_INGRESS };
#define ACL_N_DIRECTIONS 2
enum acl_action { ACL_DROP, ACL_REJECT, ACL_ALLOW }; /* zero denies */
enum acl_log { ACL_LOG_INCIDENT, ACL_LOG_RECORD, ACL_LOG_NONE };

#define ACL_PROTO_ANY (-1)
#define ACL_PEER_ANY UINT32_MAX

struct acl_label {
    char *key, *value;
};

/* An address is a member when a prefix covers it, or when it is bound to a port that a name or a
 * label selects (every listed label must match).  A group made from a bare CIDR in a rule has the
 * CIDR's text as its name. */
struct acl_group {
    char *name;
    struct acl_label *labels;
    size_t n_labels;
    char **ports;
    size_t n_ports;
    struct acl_prefix *prefixes;
    size_t n_prefixes;
};

struct acl_range {
    uint16_t lo, hi; /* inclusive, host byte order */
};

struct acl_rule {
    char *id;
    enum acl_direction direction;
    uint32_t peer;           /* index into groups[], or ACL_PEER_ANY */
    int protocol;            /* IP protocol number or ACL_PROTO_ANY */
    struct acl_range *ports; /* destination ports; for ICMP: type << 8 | code; none = any */
    size_t n_ports;
    enum acl_action action;
    enum acl_log log;
    unsigned line; /* in the source text, 1-based */
};

struct acl_policy {
    struct acl_group *groups;
    size_t n_groups;
    struct acl_rule *rules;
    size_t n_rules;
};

struct acl_error {
    unsigned line, column; /* 1-based; 0 = not tied to a place */
    char text[256];
};

/* Longer texts are refused. */
#define ACL_POLICY_MAX_BYTES (16u << 20)

/* Parses YAML text ('name' appears in messages only through the caller).  0 and '*policyp', or a
 * positive errno and 'error'; EINVAL for anything wrong with the text. */
int acl_policy_parse(const char *text, size_t len, struct acl_policy **policyp,
                     struct acl_error *error);
void acl_policy_destroy(struct acl_policy *);

/* Whether a port of this name and these labels is selected by 'group' (its prefixes aside). */
bool acl_group_selects_port(const struct acl_group *, const char *name,
                            const struct acl_label *labels, size_t n_labels);

#endif
