#include <config.h>

#include "acl/compile.h"

#include <errno.h>
#include <stdlib.h>

#include "acl/tunnel.h"

/* How many rules of the table a rule of the policy becomes: one for its tunnels each, beside the
 * one for everything else.  An exact port names that tunnel alone, not those that a range beside it
 * happens to cover. */
static size_t
count_table_rules(const struct acl_rule *rule)
{
    size_t n = 1;

    for (size_t i = 0; rule->action == ACL_ALLOW && rule->n_ports > 1 && i < rule->n_ports; i++) {
        n += acl_names_tunnel(rule->protocol, &rule->ports[i], 1);
    }
    return n;
}

static void
add_table_rules(const struct acl_rule *rule, uint32_t slot, struct acl_table_rule *rules, size_t *n)
{
    struct acl_table_rule whole = {
        .peer_groups = rule->peer == ACL_PEER_ANY ? NULL : &rule->peer,
        .n_peer_groups = rule->peer != ACL_PEER_ANY,
        .dports = rule->ports,
        .n_dports = rule->n_ports,
        .protocol = rule->protocol,
        .no_tunnels = rule->action == ACL_ALLOW &&
                      (count_table_rules(rule) > 1 ||
                       !acl_names_tunnel(rule->protocol, rule->ports, rule->n_ports)),
        .action = rule->action,
        .log = rule->log,
        .slot = slot,
    };

    rules[(*n)++] = whole;
    whole.no_tunnels = false;
    whole.n_dports = 1;
    for (size_t i = 0; count_table_rules(rule) > 1 && i < rule->n_ports; i++) {
        whole.dports = &rule->ports[i];
        if (acl_names_tunnel(rule->protocol, whole.dports, 1)) {
            rules[(*n)++] = whole;
        }
    }
}

/* The rules of one direction, in order; '*n' of them.  They borrow from 'policy'. */
static struct acl_table_rule *
select_rules(const struct acl_policy *policy, const uint32_t *slots, enum acl_direction direction,
             size_t *n)
{
    struct acl_table_rule *rules;
    size_t n_most = 1;

    for (size_t i = 0; i < policy->n_rules; i++) {
        n_most += count_table_rules(&policy->rules[i]);
    }
    rules = malloc(n_most * sizeof *rules);
    *n = 0;
    for (size_t i = 0; rules && i < policy->n_rules; i++) {
        if (policy->rules[i].direction == direction) {
            add_table_rules(&policy->rules[i], slots[i], rules, n);
        }
    }
    return rules;
}

static bool
intern_members(struct acl_classes *classes, const struct acl_member *members, size_t n)
{
    struct acl_classmap *map = acl_classmap_build(classes, members, n);
    bool ok = map != NULL;

    acl_classmap_destroy(map);
    return ok;
}

int
acl_compile(const struct acl_policy *policy, const uint32_t *slots,
            const uint32_t default_slots[ACL_N_DIRECTIONS], const struct acl_member *members,
            size_t n_members, struct acl_compiled *compiled)
{
    *compiled = (struct acl_compiled){ .classes = acl_classes_create() };
    if (!compiled->classes || !intern_members(compiled->classes, members, n_members)) {
        goto fail;
    }
    for (int direction = 0; direction < ACL_N_DIRECTIONS; direction++) {
        size_t n;
        struct acl_table_rule *rules =
            select_rules(policy, slots, (enum acl_direction) direction, &n);

        if (!rules) {
            goto fail;
        }
        compiled->table[direction] =
            acl_table_build(rules, n, compiled->classes, NULL, default_slots[direction]);
        free(rules);
        if (!compiled->table[direction]) {
            goto fail;
        }
    }
    return 0;

fail:
    acl_compiled_destroy(compiled);
    return ENOMEM;
}

void
acl_compiled_destroy(struct acl_compiled *compiled)
{
    if (compiled) {
        for (int direction = 0; direction < ACL_N_DIRECTIONS; direction++) {
            acl_table_destroy(compiled->table[direction]);
        }
        acl_classes_destroy(compiled->classes);
        *compiled = (struct acl_compiled){ .classes = NULL };
    }
}
