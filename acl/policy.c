#include <config.h>

#include "acl/policy_priv.h"

#include <stdlib.h>

static void
selector_destroy(struct acl_selector *s)
{
    for (size_t i = 0; i < s->n_labels; i++) {
        free(s->labels[i].key);
        free(s->labels[i].value);
    }
    free(s->labels);
    for (size_t i = 0; i < s->n_ports; i++) {
        free(s->ports[i]);
    }
    free(s->ports);
    free(s->prefixes);
    free(s->groups);
}

static void
services_destroy(struct acl_service *services, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        acl_service_destroy(&services[i]);
    }
    free(services);
}

void
acl_policy_destroy(struct acl_policy *policy)
{
    if (!policy) {
        return;
    }
    for (size_t i = 0; i < policy->n_groups; i++) {
        free(policy->groups[i].name);
        selector_destroy(&policy->groups[i].in);
        selector_destroy(&policy->groups[i].out);
    }
    free(policy->groups);
    free(policy->order);
    free(policy->composed);
    free(policy->selecting);
    for (size_t i = 0; i < policy->n_services; i++) {
        free(policy->services[i].name);
        services_destroy(policy->services[i].parts, policy->services[i].n_parts);
    }
    free(policy->services);
    for (size_t i = 0; i < policy->n_rules; i++) {
        struct acl_rule *rule = &policy->rules[i];

        free(rule->id);
        free(rule->peers);
        free(rule->applied_to);
        services_destroy(rule->services, rule->n_services);
    }
    free(policy->rules);
    free(policy->pools);
    free(policy);
}

const char *
acl_tier_name(enum acl_tier tier)
{
    static const char *const names[ACL_N_TIERS] = { "emergency", "infrastructure", "application",
                                                    "default" };

    return names[tier];
}

const char *
acl_action_name(enum acl_action action)
{
    static const char *const names[] = {
        [ACL_DROP] = "drop", [ACL_REJECT] = "reject", [ACL_ALLOW] = "allow", [ACL_PASS] = "pass"
    };

    return names[action];
}
