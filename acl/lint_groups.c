/* Names: groups without members, groups and services that nothing uses, pools without rules. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/lint_priv.h"
#include "acl/policy_priv.h"

static void
mark(bool *used, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        used[groups[i]] = true;
    }
}

/* Those that rules and pools name, and what these are made of: 'order' has that first. */
static void
mark_used(const struct acl_policy *policy, bool *used)
{
    for (size_t i = 0; i < policy->n_rules; i++) {
        mark(used, policy->rules[i].peers, policy->rules[i].n_peers);
        mark(used, policy->rules[i].applied_to, policy->rules[i].n_applied_to);
    }
    for (size_t i = 0; i < policy->n_lists; i++) {
        const struct acl_list *list = &policy->lists[i];

        for (size_t j = 0; j < list->n_rules; j++) {
            mark(used, list->rules[j].peers, list->rules[j].n_peers);
        }
    }
    for (size_t i = 0; i < policy->n_pools; i++) {
        used[policy->pools[i].group] = true;
    }
    mark(used, policy->detection.desktops, policy->detection.n_desktops);
    mark(used, policy->detection.quarantine.never, policy->detection.quarantine.n_never);
    for (size_t i = policy->n_groups; i-- > 0;) {
        const struct acl_group *group = &policy->groups[policy->order[i]];

        if (used[policy->order[i]]) {
            mark(used, group->in.groups, group->in.n_groups);
            mark(used, group->out.groups, group->out.n_groups);
        }
    }
}

/* Of those that may be anything only the caller knows. */
static bool
is_empty(const struct acl_lint *lint, uint32_t g)
{
    const struct acl_extent *e = &lint->matcher.extents.groups[g];

    if (e->sure.n) {
        return false;
    }
    if (lint->facts->has_members) {
        return !lint->facts->has_members[g];
    }
    return !e->possible.n && !lint->policy->groups[g].has_ports;
}

static int
lint_group(struct acl_lint *lint, uint32_t g, bool used)
{
    const struct acl_group *group = &lint->policy->groups[g];
    const char *what = group->is_set ? "address set" : "group";

    if (group->is_literal) {
        return 0;
    }
    if (!used) {
        return acl_lint_add(lint, ACL_LINT_UNUSED_GROUP, group->name, &group->place, NULL,
                            "%s '%s' is used by no rule, pool or group that is itself in use", what,
                            group->name);
    }
    return is_empty(lint, g)
               ? acl_lint_add(lint, ACL_LINT_EMPTY_GROUP, group->name, &group->place, NULL,
                              "%s '%s' has no member: what is said of it is said of nobody", what,
                              group->name)
               : 0;
}

static int
lint_groups(struct acl_lint *lint)
{
    bool *used = calloc(lint->policy->n_groups + 1, sizeof *used);
    int rc = used ? 0 : ENOMEM;

    if (used) {
        mark_used(lint->policy, used);
    }
    for (uint32_t g = 0; g < lint->policy->n_groups && !rc; g++) {
        rc = lint_group(lint, g, used[g]);
    }
    free(used);
    return rc;
}

static bool
may_be_for(const struct acl_policy *policy, const struct acl_rule *rule, uint32_t group)
{
    for (size_t i = 0; i < rule->n_applied_to; i++) {
        if (!acl_groups_apart(policy, rule->applied_to[i], group)) {
            return true;
        }
    }
    return !rule->n_applied_to;
}

static int
lint_pool(struct acl_lint *lint, const struct acl_pool *pool)
{
    const struct acl_policy *policy = lint->policy;
    const char *name = policy->groups[pool->group].name;

    for (size_t i = 0; i < policy->n_rules; i++) {
        if (may_be_for(policy, &policy->rules[i], pool->group)) {
            return 0;
        }
    }
    return acl_lint_add(lint, ACL_LINT_NO_RULES_FOR, name, &pool->place, NULL,
                        "no rule is for the desktops of pool '%s': %s", name,
                        pool->audit_default ? "all that they do is told as if it were denied"
                                            : "all that they do is denied");
}

static int
lint_open(struct acl_lint *lint, const struct acl_lint_open *open)
{
    uint32_t list;

    return acl_list_find(lint->policy, open->list, &list)
               ? 0
               : acl_lint_add(lint, ACL_LINT_QUARANTINE_LIST, open->list, NULL, NULL,
                              "the quarantine of %s keeps list '%s' open, which is not there: it "
                              "will allow nothing",
                              open->who, open->list);
}

int
acl_lint_names(struct acl_lint *lint)
{
    const struct acl_policy *policy = lint->policy;
    int rc = lint_groups(lint);

    for (size_t i = 0; i < policy->n_services && !rc; i++) {
        const struct acl_named_service *s = &policy->services[i];

        rc = s->used ? 0
                     : acl_lint_add(lint, ACL_LINT_UNUSED_SERVICE, s->name, &s->place, NULL,
                                    "service '%s' is used by no rule", s->name);
    }
    for (size_t i = 0; i < lint->facts->n_open && !rc; i++) {
        rc = lint_open(lint, &lint->facts->open[i]);
    }
    for (size_t i = 0; i < policy->n_pools && !rc; i++) {
        rc = lint_pool(lint, &policy->pools[i]);
    }
    return rc;
}
