#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/policy_priv.h"

enum { GROUP, MODE, DEFAULT, LOG, N_KEYS };
static const char *const keys[N_KEYS] = { "group", "mode", "default", "log" };
static const struct acl_word modes[] = { { "enforce", false }, { "audit", true }, { NULL, 0 } };

static int
parse_pool(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_pool *pool)
{
    const struct acl_yaml *values[N_KEYS];
    int audit = false, audit_default = false, log = ACL_LOG_INCIDENT;
    int rc = acl_fields(node, "a pool", keys, N_KEYS, 1, values, parser->error);

    rc = rc ? rc : acl_expect(values[GROUP], ACL_YAML_SCALAR, "group", parser->error);
    if (!rc && !acl_find_group(parser, values[GROUP]->text, &pool->group)) {
        rc = ACL_FAIL(parser, values[GROUP], "unknown group '%.64s'", values[GROUP]->text);
    }
    if (!rc && values[MODE]) {
        rc = acl_parse_word(values[MODE], "mode", modes, "enforce or audit", &audit, parser->error);
    }
    if (!rc && values[DEFAULT]) {
        rc = acl_parse_word(values[DEFAULT], "default", modes, "enforce or audit", &audit_default,
                            parser->error);
    }
    if (!rc && values[LOG]) {
        rc =
            acl_parse_word(values[LOG], "log", acl_log_words, ACL_LOG_CHOICES, &log, parser->error);
    }
    pool->audit = audit;
    pool->audit_default = audit || audit_default;
    pool->default_log = (enum acl_log) log;
    pool->place = acl_place_of(parser, node);
    return rc;
}

int
acl_parse_pools(struct acl_policy_parser *parser, const struct acl_yaml *pools)
{
    struct acl_policy *policy = parser->policy;
    int rc = acl_expect(pools, ACL_YAML_SEQUENCE, "pools", parser->error);
    struct acl_pool *more;

    if (rc) {
        return rc;
    }
    more = reallocarray(policy->pools, policy->n_pools + pools->n + 1, sizeof *more);
    if (!more) {
        return ENOMEM;
    }
    policy->pools = more;
    for (const struct acl_yaml *node = pools->child; node && !rc; node = node->next) {
        rc = parse_pool(parser, node, &policy->pools[policy->n_pools++]);
    }
    return rc;
}

int
acl_check_pools(struct acl_policy_parser *parser)
{
    const struct acl_policy *policy = parser->policy;

    for (size_t i = 0; i < policy->n_pools; i++) {
        const struct acl_pool *pool = &policy->pools[i];

        if (!policy->groups[pool->group].has_ports) {
            return ACL_FAIL_AT(parser, &pool->place,
                               "group '%.64s' is no pool: it names neither ports nor labels",
                               policy->groups[pool->group].name);
        }
    }
    return 0;
}
