/* Groups as an algebra: what the selectors of each say of an address or a port is raw; what they
 * mean follows from the groups that a group is made of, each resolved before it is needed. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "acl/policy.h"

static bool
contains(const uint32_t *sorted, size_t n, uint32_t value)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (sorted[mid] < value) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < n && sorted[lo] == value;
}

static bool
in_any(const struct acl_selector *s, const uint8_t *member)
{
    for (size_t i = 0; i < s->n_groups; i++) {
        if (member[s->groups[i]]) {
            return true;
        }
    }
    return false;
}

bool
acl_groups_resolve(const struct acl_policy *policy, const uint32_t *raw, size_t n_raw,
                   uint32_t *groups, size_t *np)
{
    uint8_t small[1024], *member = small;
    size_t n = 0;

    *np = 0;
    if (policy->n_groups > sizeof small) {
        member = malloc(policy->n_groups);
        if (!member) {
            return false;
        }
    }
    for (size_t i = 0; i < policy->n_groups; i++) {
        uint32_t g = policy->order[i];
        const struct acl_group *group = &policy->groups[g];

        member[g] = (contains(raw, n_raw, ACL_RAW_IN(g)) || in_any(&group->in, member)) &&
                    !contains(raw, n_raw, ACL_RAW_OUT(g)) && !in_any(&group->out, member);
    }
    for (uint32_t g = 0; g < policy->n_groups; g++) {
        if (member[g]) {
            groups[n++] = g;
        }
    }
    *np = n;
    if (member != small) {
        free(member);
    }
    return true;
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

static bool
selects_port(const struct acl_selector *s, const char *name, const struct acl_label *labels,
             size_t n_labels)
{
    for (size_t i = 0; i < s->n_ports; i++) {
        if (!strcmp(s->ports[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < s->n_labels; i++) {
        if (!has_label(labels, n_labels, &s->labels[i])) {
            return false;
        }
    }
    return s->n_labels > 0;
}

void
acl_groups_of_port(const struct acl_policy *policy, const char *name,
                   const struct acl_label *labels, size_t n_labels, uint32_t *raw, size_t *np)
{
    size_t n = 0;

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        if (selects_port(&policy->groups[g].in, name, labels, n_labels)) {
            raw[n++] = ACL_RAW_IN(g);
        }
        if (selects_port(&policy->groups[g].out, name, labels, n_labels)) {
            raw[n++] = ACL_RAW_OUT(g);
        }
    }
    *np = n;
}

const struct acl_pool *
acl_pool_of(const struct acl_policy *policy, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < policy->n_pools; i++) {
        if (contains(groups, n, policy->pools[i].group)) {
            return &policy->pools[i];
        }
    }
    return NULL;
}

bool
acl_group_find(const struct acl_policy *policy, const char *name, uint32_t *group)
{
    for (uint32_t g = 0; g < policy->n_groups; g++) {
        if (!strcmp(policy->groups[g].name, name)) {
            *group = g;
            return true;
        }
    }
    return false;
}
