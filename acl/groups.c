/* Groups as an algebra: what the selectors of each say of an address or a port is raw; what they
 * mean follows from the groups that a group is made of, each resolved before it is needed.  Most
 * are made of none, and an address is in few: the work is by these, not by all that there are. */
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

static int
compare(const void *a_, const void *b_)
{
    uint32_t a = *(const uint32_t *) a_, b = *(const uint32_t *) b_;

    return (a > b) - (a < b);
}

static bool
is_composed(const struct acl_group *group)
{
    return group->in.n_groups || group->out.n_groups;
}

/* Those that are made of no group: whoever is in and not out again. */
static size_t
resolve_plain(const struct acl_policy *policy, const uint32_t *raw, size_t n_raw, uint32_t *groups)
{
    size_t n = 0;

    for (size_t i = 0; i < n_raw; i++) {
        uint32_t g = raw[i] / 2;

        if (raw[i] == ACL_RAW_IN(g) && !is_composed(&policy->groups[g]) &&
            (i + 1 == n_raw || raw[i + 1] != ACL_RAW_OUT(g))) {
            groups[n++] = g;
        }
    }
    return n;
}

/* Appends the others to the 'n' of 'groups'. */
static size_t
resolve_composed(const struct acl_policy *policy, const uint32_t *raw, size_t n_raw,
                 uint8_t *member, uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        member[groups[i]] = true;
    }
    for (size_t i = 0; i < policy->n_composed; i++) {
        uint32_t g = policy->composed[i];
        const struct acl_group *group = &policy->groups[g];

        member[g] = (contains(raw, n_raw, ACL_RAW_IN(g)) || in_any(&group->in, member)) &&
                    !contains(raw, n_raw, ACL_RAW_OUT(g)) && !in_any(&group->out, member);
        if (member[g]) {
            groups[n++] = g;
        }
    }
    return n;
}

bool
acl_groups_resolve(const struct acl_policy *policy, const uint32_t *raw, size_t n_raw,
                   uint32_t *groups, size_t *np)
{
    uint8_t small[1024] = { 0 }, *member = small;
    size_t n_plain;

    *np = n_plain = resolve_plain(policy, raw, n_raw, groups);
    if (!policy->n_composed) {
        return true;
    }
    if (policy->n_groups > sizeof small) {
        member = calloc(policy->n_groups, 1);
        if (!member) {
            *np = 0;
            return false;
        }
    }
    *np = resolve_composed(policy, raw, n_raw, member, groups, n_plain);
    if (*np > n_plain) {
        qsort(groups, *np, sizeof *groups, compare);
    }
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

    for (size_t i = 0; i < policy->n_selecting; i++) {
        uint32_t g = policy->selecting[i];

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
