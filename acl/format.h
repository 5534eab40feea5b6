/* Policies as text: rules, and what rules and groups say, as YAML that acl_policy_parse() takes.
 * Pure; texts belong to the caller. */
#ifndef ACL_FORMAT_H
#define ACL_FORMAT_H 1

#include "acl/policy.h"
#include "acl/text.h"

/* One rule as an entry of a tier's list, on one line and without the "- ":
 *
 *     { id: web, direction: egress, applied_to: [desktops], peer: [servers], protocol: tcp,
 *       ports: [80, 443], action: allow }
 *
 * It means the same when it is parsed in its tier, where its groups are; services are given by
 * their protocols and ports.  '*text' is the caller's to free.  0, or ENOMEM and NULL. */
int acl_rule_text(const struct acl_policy *, const struct acl_rule *, char **text);

/* The values of its keys, added to a text: "[servers, 10.0.0.0/24]", "any". */
void acl_text_groups(struct acl_text *, const struct acl_policy *, const uint32_t *groups,
                     size_t n);
/* "[tcp/80, tcp/443, udp]", as of the key 'service'. */
void acl_text_services(struct acl_text *, const struct acl_service *, size_t n);
void acl_text_prefix(struct acl_text *, const struct acl_prefix *); /* "10.0.0.0/24" */

const char *acl_direction_name(enum acl_direction);
const char *acl_log_name(enum acl_log);

#endif
