#include <config.h>

#include "acl/policy.h"

#include <stdlib.h>

static void
group_destroy(struct acl_group *group)
{
    free(group->name);
    for (size_t i = 0; i < group->n_labels; i++) {
        free(group->labels[i].key);
        free(group->labels[i].value);
    }
    free(group->labels);
    for (size_t i = 0; i < group->n_ports; i++) {
        free(group->ports[i]);
    }
    free(group->ports);
    free(group->prefixes);
}

void
acl_policy_destroy(struct acl_policy *policy)
{
    if (!policy) {
        return;
    }
    for (size_t i = 0; i < policy->n_groups; i++) {
        group_destroy(&policy->groups[i]);
    }
    free(policy->groups);
    for (size_t i = 0; i < policy->n_rules; i++) {
        free(policy->rules[i].id);
        free(policy->rules[i].ports);
    }
    free(policy->rules);
    free(policy);
}

static bool
has_label(const struct acl_label *labels, size_t n, const struct acl_label *wanted)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(labels[i].key, wanted->key) && !strcmp(labels[i].value, wanted->value)) {
            return true;
        }
    }
    return false;
}

bool
acl_group_selects_port(const struct acl_group *group, const char *name,
                       const struct acl_label *labels, size_t n_labels)
{
    for (size_t i = 0; i < group->n_ports; i++) {
        if (!strcmp(group->ports[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < group->n_labels; i++) {
        if (!has_label(labels, n_labels, &group->labels[i])) {
            return false;
        }
    }
    return group->n_labels > 0;
}
