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

static bool
matches(const struct acl_table_rule *rule, const struct acl_classes *peer,
        const struct acl_classes *local, const struct acl_key *key)
{
    return protocol_accepted(rule, key->protocol) &&
           port_accepted(key->dport, rule->dports, rule->n_dports) &&
           port_accepted(key->sport, rule->sports, rule->n_sports) &&
           class_accepted(peer, key->peer_class, rule->peer_groups, rule->n_peer_groups) &&
           class_accepted(local, key->local_class, rule->local_groups, rule->n_local_groups);
}

void
acl_oracle_lookup(const struct acl_table_rule *rules, size_t n, const struct acl_classes *peer,
                  const struct acl_classes *local, uint32_t default_slot, const struct acl_key *key,
                  struct acl_verdict *verdict)
{
    *verdict = (struct acl_verdict){
        .rule = ACL_RULE_DEFAULT, .slot = default_slot, .action = ACL_DROP, .log = ACL_LOG_INCIDENT
    };
    for (size_t i = 0; i < n; i++) {
        const struct acl_table_rule *rule = &rules[i];

        if (!matches(rule, peer, local, key)) {
            continue;
        }
        if (rule->audit) {
            if (!verdict->audited) {
                verdict->audited = true;
                verdict->audit_rule = (uint32_t) i;
                verdict->audit_slot = rule->slot;
                verdict->audit_log = (uint8_t) rule->log;
            }
        } else if (rule->action == ACL_PASS) {
            verdict->passed_slot[verdict->n_passed++] = rule->slot;
            i = rule->pass_to - 1;
        } else {
            verdict->rule = (uint32_t) i;
            verdict->slot = rule->slot;
            verdict->action = (uint8_t) rule->action;
            verdict->log = (uint8_t) rule->log;
            return;
        }
    }
}
