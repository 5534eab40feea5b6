#include <config.h>

#include "acl/compile.h"
#include "acl/tunnel.h"

static bool
class_accepted(const struct acl_classes *classes, uint32_t class, const uint32_t *wanted,
               size_t n_wanted)
{
    const uint32_t *groups;
    size_t n_groups;

    if (!n_wanted) {
        return true;
    }
    groups = acl_classes_groups(classes, class, &n_groups);
    for (size_t i = 0; i < n_wanted; i++) {
        for (size_t j = 0; j < n_groups; j++) {
            if (groups[j] == wanted[i]) {
                return true;
            }
        }
    }
    return false;
}

static bool
port_accepted(uint16_t port, const struct acl_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].lo <= port && port <= ranges[i].hi) {
            return true;
        }
    }
    return !n;
}

static bool
protocol_accepted(const struct acl_table_rule *rule, uint16_t protocol)
{
    if (rule->no_tunnels && acl_is_tunnel(protocol)) {
        return false;
    }
    return rule->protocol == ACL_PROTO_ANY || rule->protocol == protocol ||
           (rule->protocol == 17 && protocol == ACL_UDP_TUNNEL);
}

void
acl_oracle_lookup(const struct acl_table_rule *rules, size_t n, const struct acl_classes *peer,
                  const struct acl_classes *local, uint32_t default_slot, const struct acl_key *key,
                  struct acl_verdict *verdict)
{
    for (size_t i = 0; i < n; i++) {
        const struct acl_table_rule *rule = &rules[i];

        if (protocol_accepted(rule, key->protocol) &&
            port_accepted(key->dport, rule->dports, rule->n_dports) &&
            port_accepted(key->sport, rule->sports, rule->n_sports) &&
            class_accepted(peer, key->peer_class, rule->peer_groups, rule->n_peer_groups) &&
            class_accepted(local, key->local_class, rule->local_groups, rule->n_local_groups)) {
            *verdict = (struct acl_verdict){ .rule = (uint32_t) i,
                                             .slot = rule->slot,
                                             .action = (uint8_t) rule->action,
                                             .log = (uint8_t) rule->log };
            return;
        }
    }
    *verdict = (struct acl_verdict){
        .rule = ACL_RULE_DEFAULT, .slot = default_slot, .action = ACL_DROP, .log = ACL_LOG_INCIDENT
    };
}
