/* What no desktop may do any more.  A desktop is taken to be allowed something unless rules deny it
 * for certain: an alarm must be true. */
#include <config.h>

#include "acl/lint_priv.h"

#include <netinet/in.h>

struct question {
    acl_u128 service, address;
    bool any_address; /* any that a rule allows will do */
};

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
may_match(const struct acl_matcher *m, uint32_t rule, const struct question *q)
{
    return m->policy->rules[rule].direction == ACL_EGRESS && !m->policy->rules[rule].audit &&
           has(&m->service_lists[m->services[rule]], q->service) &&
           (q->any_address || has(&m->peer_lists[m->peers[rule]].possible, q->address));
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

/* Whether the rule matches what is followed, for certain. */
static bool
matches(struct acl_matcher *m, uint32_t rule, const struct question *q, const struct goal *goal)
{
    const struct acl_group_list *peers = &m->peer_lists[m->peers[rule]];

    if (!is_for(m, rule, goal)) {
        return false;
    }
    return !peers->n || (!q->any_address && has(&peers->sure, q->address)) ||
           (!goal->pool && acl_covers_peers(m, rule, goal->rule));
}

static bool
gets_there(struct acl_matcher *m, const struct question *q, const struct goal *goal)
{
    const struct acl_rule *rules = m->policy->rules;
    size_t end = goal->pool ? m->policy->n_rules : goal->rule;
    int passed = -1; /* tier that was passed */

    for (uint32_t i = 0; i < end; i++) {
        if ((int) rules[i].tier == passed || !may_match(m, i, q) || !matches(m, i, q, goal)) {
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
allows(struct acl_matcher *m, const struct question *q)
{
    const struct acl_policy *policy = m->policy;

    for (size_t i = 0; i < policy->n_pools; i++) {
        const struct acl_pool *pool = &policy->pools[i];

        if (pool->audit ||
            (pool->audit_default && gets_there(m, q, &(struct goal){ .pool = pool }))) {
            return true;
        }
    }
    for (uint32_t i = 0; i < policy->n_rules; i++) {
        if (policy->rules[i].action == ACL_ALLOW && may_match(m, i, q) &&
            gets_there(m, q, &(struct goal){ .rule = i })) {
            return true;
        }
    }
    return false;
}

static bool
allows_service(struct acl_matcher *m, uint8_t protocol, uint16_t port)
{
    return allows(
        m, &(struct question){ .service = (acl_u128) protocol << 16 | port, .any_address = true });
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

static int
lint_need(struct acl_lint *lint, struct acl_matcher *before, const struct acl_lint_need *need)
{
    struct acl_prefix host = { need->address, 128 };
    char address[ACL_ADDR_STRLEN];
    struct acl_span spans[2];
    struct question q = { .service = (acl_u128) need->protocol << 16 | need->port };

    acl_prefix_spans(&host, spans);
    q.address = spans[0].lo;
    if (!allows(before, &q) || allows(&lint->matcher, &q)) {
        return 0;
    }
    return acl_lint_add(lint, ACL_LINT_CUTS_CONTROLLER, need->what, NULL, NULL,
                        "no desktop may reach the %s at %s any more (egress, protocol %u, port "
                        "%u); the policy in force lets one",
                        need->what, acl_addr_format(&need->address, address), need->protocol,
                        need->port);
}

int
acl_lint_reach(struct acl_lint *lint)
{
    const struct acl_lint_facts *facts = lint->facts;
    struct acl_matcher before;
    int rc = lint_services(lint);

    if (rc || !facts->before || !facts->n_needs) {
        return rc;
    }
    rc = acl_matcher_build(facts->before, &before);
    for (size_t i = 0; i < facts->n_needs && !rc; i++) {
        rc = lint_need(lint, &before, &facts->needs[i]);
    }
    acl_matcher_destroy(&before);
    return rc;
}
