/* What no desktop may do, and whose connection would be cut.  A desktop is taken to be allowed
 * something unless rules deny it for certain: an alarm must be true. */
#include <config.h>

#include "acl/lint_priv.h"

#include <netinet/in.h>

/* Where a desktop is followed to: to an allow rule, for the desktops that this is for; or, with
 * 'pool', through all rules for those of a pool. */
struct goal {
    uint32_t rule;
    const struct acl_pool *pool;
};

static bool
has(const struct acl_spans *spans, acl_u128 value)
{
    struct acl_span span = { value, value };

    return acl_spans_contain(spans, &(struct acl_spans){ &span, 1 });
}

static bool
may_match(const struct acl_matcher *m, uint32_t rule, acl_u128 service)
{
    return m->policy->rules[rule].direction == ACL_EGRESS && !m->policy->rules[rule].audit &&
           has(&m->service_lists[m->services[rule]], service);
}

static bool
is_for(struct acl_matcher *m, uint32_t rule, const struct goal *goal)
{
    const struct acl_rule *r = &m->policy->rules[rule];

    if (!goal->pool) {
        return acl_covers_scope(m, rule, goal->rule);
    }
    for (size_t i = 0; i < r->n_applied_to; i++) {
        if (acl_group_within(&m->extents, goal->pool->group, r->applied_to[i], true)) {
            return true;
        }
    }
    return !r->n_applied_to;
}

/* Whether the rule matches what is followed, wherever it goes, for certain. */
static bool
matches(struct acl_matcher *m, uint32_t rule, const struct goal *goal)
{
    return is_for(m, rule, goal) && (!m->peer_lists[m->peers[rule]].n ||
                                     (!goal->pool && acl_covers_peers(m, rule, goal->rule)));
}

static bool
gets_there(struct acl_matcher *m, acl_u128 service, const struct goal *goal)
{
    const struct acl_rule *rules = m->policy->rules;
    size_t end = goal->pool ? m->policy->n_rules : goal->rule;
    int passed = -1; /* tier that was passed */

    for (uint32_t i = 0; i < end; i++) {
        if ((int) rules[i].tier == passed || !may_match(m, i, service) || !matches(m, i, goal)) {
            continue;
        }
        if (rules[i].action != ACL_PASS) {
            return rules[i].action == ACL_ALLOW;
        }
        passed = (int) rules[i].tier;
    }
    return goal->pool || (int) rules[goal->rule].tier != passed;
}

static bool
allows(struct acl_matcher *m, acl_u128 service)
{
    const struct acl_policy *policy = m->policy;

    for (size_t i = 0; i < policy->n_pools; i++) {
        const struct acl_pool *pool = &policy->pools[i];

        if (pool->audit ||
            (pool->audit_default && gets_there(m, service, &(struct goal){ .pool = pool }))) {
            return true;
        }
    }
    for (uint32_t i = 0; i < policy->n_rules; i++) {
        if (policy->rules[i].action == ACL_ALLOW && may_match(m, i, service) &&
            gets_there(m, service, &(struct goal){ .rule = i })) {
            return true;
        }
    }
    return false;
}

static bool
allows_service(struct acl_matcher *m, uint8_t protocol, uint16_t port)
{
    return allows(m, (acl_u128) protocol << 16 | port);
}

static int
lint_services(struct acl_lint *lint)
{
    struct acl_matcher *m = &lint->matcher;
    int rc = 0;

    if (!allows_service(m, IPPROTO_UDP, 67) && !allows_service(m, IPPROTO_UDP, 547)) {
        rc = acl_lint_add(lint, ACL_LINT_CUTS_DHCP, "dhcp", NULL, NULL,
                          "no rule allows a desktop DHCP: egress, udp/67 (or udp/547)");
    }
    if (!rc && !allows_service(m, IPPROTO_UDP, 53) && !allows_service(m, IPPROTO_TCP, 53)) {
        rc = acl_lint_add(lint, ACL_LINT_CUTS_DNS, "dns", NULL, NULL,
                          "no rule allows a desktop DNS: egress, udp/53 or tcp/53");
    }
    return rc;
}

/* ---- connections that there are ---- */

static bool
lets(const struct acl_policy *policy, const struct acl_question *q)
{
    const struct acl_pool *pool = acl_pool_of(policy, q->port_groups, q->n_port_groups);
    int passed = -1; /* tier that was passed */

    if (pool && pool->audit) {
        return true;
    }
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct acl_rule *rule = &policy->rules[i];

        if ((int) rule->tier == passed || acl_explain_misses(rule, q)) {
            continue;
        }
        if (rule->action != ACL_PASS) {
            return rule->action == ACL_ALLOW;
        }
        passed = (int) rule->tier;
    }
    return pool && pool->audit_default;
}

static int
lint_connection(struct acl_lint *lint, const struct acl_lint_connection *c)
{
    if (!lint->facts->before || !lets(lint->facts->before, &c->before) ||
        lets(lint->policy, &c->after)) {
        return 0;
    }
    return acl_lint_add(lint, ACL_LINT_CUTS_CONTROLLER, c->name, NULL, NULL,
                        "it cuts off %s, which the policy in force lets through", c->what);
}

int
acl_lint_reach(struct acl_lint *lint)
{
    int rc = lint_services(lint);

    for (size_t i = 0; i < lint->facts->n_connections && !rc; i++) {
        rc = lint_connection(lint, &lint->facts->connections[i]);
    }
    return rc;
}
