#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acl/hash.h"
#include "acl/policy_priv.h"

enum {
    ID,
    DIRECTION,
    PEER,
    ACTION,
    PROTOCOL,
    PORTS,
    ICMP,
    SERVICE,
    APPLIED_TO,
    LOG,
    MODE,
    N_FIELDS
};
static const char *const fields[N_FIELDS] = { "id",         "direction", "peer", "action",
                                              "protocol",   "ports",     "icmp", "service",
                                              "applied_to", "log",       "mode" };
#define N_REQUIRED 4
#define N_LIST_FIELDS APPLIED_TO /* those in front of it */

static const struct acl_word directions[] = { { "egress", ACL_EGRESS },
                                              { "ingress", ACL_INGRESS },
                                              { NULL, 0 } };
static const struct acl_word actions[] = { { "allow", ACL_ALLOW },
                                           { "drop", ACL_DROP },
                                           { "reject", ACL_REJECT },
                                           { "pass", ACL_PASS },
                                           { NULL, 0 } };
static const struct acl_word modes[] = { { "enforce", false }, { "audit", true }, { NULL, 0 } };

/* ---- services in place ---- */

static int
parse_ranges(struct acl_policy_parser *parser, const struct acl_yaml *list, const char *what,
             const char *(*parse)(const char *, struct acl_range *), struct acl_service *service)
{
    int rc = acl_expect(list, ACL_YAML_SEQUENCE, what, parser->error);

    if (rc) {
        return rc;
    }
    if (!list->n) {
        /* To the model no range means any: an empty list would open what it seems to close. */
        return ACL_FAIL(parser, list, "'%s' is empty: leave it out for any", what);
    }
    service->ports = acl_arena_zeroed(&parser->policy->arena, list->n, sizeof *service->ports);
    if (!service->ports) {
        return ENOMEM;
    }
    for (const struct acl_yaml *item = list->child; item; item = item->next) {
        const char *why;

        rc = acl_expect(item, ACL_YAML_SCALAR, what, parser->error);
        if (rc) {
            return rc;
        }
        why = parse(item->text, &service->ports[service->n_ports++]);
        if (why) {
            return ACL_FAIL(parser, item, "bad entry '%.64s' in '%s': %s", item->text, what, why);
        }
    }
    return 0;
}

static int
parse_in_place(struct acl_policy_parser *parser, const struct acl_yaml *const *values,
               struct acl_service *service)
{
    int rc = values[PROTOCOL]
                 ? acl_parse_protocol(values[PROTOCOL], &service->protocol, parser->error)
                 : 0;

    if (!rc && values[PORTS]) {
        if (service->protocol != IPPROTO_TCP && service->protocol != IPPROTO_UDP) {
            return ACL_FAIL(parser, values[PORTS], "'ports' needs protocol tcp or udp");
        }
        rc = parse_ranges(parser, values[PORTS], "ports", acl_parse_port, service);
    }
    if (!rc && values[ICMP]) {
        if (service->protocol != IPPROTO_ICMP && service->protocol != IPPROTO_ICMPV6) {
            return ACL_FAIL(parser, values[ICMP], "'icmp' needs protocol icmp or icmpv6");
        }
        rc = parse_ranges(parser, values[ICMP], "icmp", acl_parse_icmp, service);
    }
    return rc;
}

static int
parse_service(struct acl_policy_parser *parser, const struct acl_yaml *const *values,
              struct acl_rule *rule)
{
    static const int others[] = { PROTOCOL, PORTS, ICMP };

    if (!values[SERVICE]) {
        rule->services = acl_arena_zeroed(&parser->policy->arena, 1, sizeof *rule->services);
        if (!rule->services) {
            return ENOMEM;
        }
        rule->n_services = 1;
        rule->services[0].protocol = ACL_PROTO_ANY;
        return parse_in_place(parser, values, &rule->services[0]);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (values[others[i]]) {
            return ACL_FAIL(parser, values[others[i]],
                            "'%s' beside 'service': it is one or the other", fields[others[i]]);
        }
    }
    return acl_parse_rule_services(parser, values[SERVICE], rule);
}

/* ---- peers ---- */

/* What the author most likely meant by a peer that is neither group nor prefix. */
static int
unknown_peer(struct acl_policy_parser *parser, const struct acl_yaml *node, const char *why)
{
    bool like_address = strpbrk(node->text, "/:") || !strcmp(why, "host bits are set") ||
                        strspn(node->text, "0123456789.") == strlen(node->text);

    return like_address ? ACL_FAIL(parser, node, "bad CIDR '%.64s': %s", node->text, why)
                        : ACL_FAIL(parser, node, "unknown group '%.64s'", node->text);
}

int
acl_add_literal(struct acl_policy_parser *parser, const char *text, const struct acl_prefix *prefix,
                struct acl_place place, uint32_t *peer)
{
    struct acl_prefix *copy = acl_arena_take(&parser->policy->arena, sizeof *copy);
    struct acl_group *group;
    int rc = copy ? acl_add_group(parser, text, peer) : ENOMEM;

    if (rc) {
        return rc;
    }
    *copy = *prefix;
    group = &parser->policy->groups[*peer];
    group->in.prefixes = copy;
    group->in.n_prefixes = 1;
    group->is_literal = true;
    group->place = place;
    return 0;
}

static int
parse_peer(struct acl_policy_parser *parser, const struct acl_yaml *node, uint32_t *peer)
{
    int rc = acl_expect(node, ACL_YAML_SCALAR, "peer", parser->error);
    struct acl_prefix prefix;
    const char *why;

    if (rc || acl_find_group(parser, node->text, peer)) {
        return rc;
    }
    if (!strcmp(node->text, "any")) {
        return ACL_FAIL(parser, node, "'any' stands alone, not in a list");
    }
    why = acl_prefix_parse_why(node->text, &prefix);
    return why ? unknown_peer(parser, node, why)
               : acl_add_literal(parser, node->text, &prefix, acl_place_of(parser, node), peer);
}

static int
parse_peers(struct acl_policy_parser *parser, const struct acl_yaml *list, struct acl_rule *rule)
{
    int rc = 0;

    if (list->kind == ACL_YAML_MAPPING) {
        return acl_expect(list, ACL_YAML_SCALAR, "peer", parser->error);
    }
    if (list->kind == ACL_YAML_SCALAR && !strcmp(list->text, "any")) {
        return 0;
    }
    rule->peers =
        acl_arena_zeroed(&parser->policy->arena, acl_list_count(list), sizeof *rule->peers);
    if (!rule->peers) {
        return ENOMEM;
    }
    for (const struct acl_yaml *item = acl_list_first(list); item && !rc;
         item = acl_list_next(list, item)) {
        rc = parse_peer(parser, item, &rule->peers[rule->n_peers++]);
    }
    return rc || rule->n_peers ? rc : ACL_FAIL(parser, list, "'peer' is empty: any is 'any'");
}

/* ---- rules ---- */

static int
parse_verdict(struct acl_policy_parser *parser, const struct acl_yaml *const *values,
              struct acl_rule *rule)
{
    int action = 0, log, audit = false;
    int rc = acl_parse_word(values[ACTION], "action", actions, "allow, drop, reject or pass",
                            &action, parser->error);
    bool denies = action == ACL_DROP || action == ACL_REJECT;

    log = denies ? ACL_LOG_INCIDENT : ACL_LOG_NONE;
    if (!rc && values[LOG]) {
        rc =
            acl_parse_word(values[LOG], "log", acl_log_words, ACL_LOG_CHOICES, &log, parser->error);
    }
    if (!rc && values[MODE]) {
        rc = acl_parse_word(values[MODE], "mode", modes, "enforce or audit", &audit, parser->error);
    }
    if (!rc && audit && !denies) {
        rc = ACL_FAIL(parser, values[MODE], "'audit' is for rules that drop or reject");
    }
    if (!rc && action == ACL_PASS && rule->tier == ACL_N_TIERS - 1) {
        rc = ACL_FAIL(parser, values[ACTION], "there is no tier behind '%s' to pass to",
                      acl_tier_name(rule->tier));
    }
    rule->action = (enum acl_action) action;
    rule->log = (enum acl_log) log;
    rule->audit = audit;
    return rc;
}

static int
parse_rule(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_rule *rule)
{
    const struct acl_yaml *values[N_FIELDS];
    int direction = 0, rc;

    if (node->kind == ACL_YAML_KNOWN) {
        return acl_like_rule(parser, node, rule);
    }
    rc = acl_fields(node, "a rule", fields, N_FIELDS, N_REQUIRED, values, parser->error);

    rc = rc ? rc : acl_check_name(values[ID], "rule id", parser->error);
    rc = rc ? rc
            : acl_parse_word(values[DIRECTION], "direction", directions, "egress or ingress",
                             &direction, parser->error);
    rc = rc ? rc : parse_verdict(parser, values, rule);
    if (rc) {
        return rc;
    }
    rule->place = acl_place_of(parser, values[ID]);
    rule->direction = (enum acl_direction) direction;
    rc = parse_service(parser, values, rule);
    rc = rc ? rc : parse_peers(parser, values[PEER], rule);
    if (!rc && values[APPLIED_TO]) {
        rc = acl_parse_group_list(parser, values[APPLIED_TO], "applied_to", &rule->applied_to,
                                  &rule->n_applied_to);
    }
    if (!rc) {
        rule->id = acl_arena_text(&parser->policy->arena, values[ID]->text);
        rc = rule->id ? 0 : ENOMEM;
    }
    return rc;
}

int
acl_parse_list_rule(struct acl_policy_parser *parser, const struct acl_yaml *node,
                    struct acl_rule *rule)
{
    const struct acl_yaml *values[N_FIELDS];
    int direction = 0, action = ACL_ALLOW;
    int rc = acl_fields(node, "a rule of a quarantine's list", fields, N_LIST_FIELDS, 0, values,
                        parser->error);

    if (!rc && (!values[DIRECTION] || !values[PEER])) {
        rc = ACL_FAIL(parser, node, "a rule of a quarantine's list lacks '%s'",
                      fields[values[DIRECTION] ? PEER : DIRECTION]);
    }
    rc = rc || !values[ID] ? rc : acl_check_name(values[ID], "rule id", parser->error);
    rc = rc ? rc
            : acl_parse_word(values[DIRECTION], "direction", directions, "egress or ingress",
                             &direction, parser->error);
    rc = rc || !values[ACTION]
             ? rc
             : acl_parse_word(values[ACTION], "action", actions, "allow in a quarantine's list",
                              &action, parser->error);
    if (!rc && action != ACL_ALLOW) {
        rc = ACL_FAIL(parser, values[ACTION], "'%s' in a quarantine's list: its rules only allow",
                      acl_action_name((enum acl_action) action));
    }
    if (rc) {
        return rc;
    }
    *rule = (struct acl_rule){ .direction = (enum acl_direction) direction,
                               .action = ACL_ALLOW,
                               .log = ACL_LOG_NONE,
                               .place = acl_place_of(parser, node) };
    rule->id = acl_arena_text(&parser->policy->arena, values[ID] ? values[ID]->text : "");
    rc = rule->id ? parse_service(parser, values, rule) : ENOMEM;
    return rc ? rc : parse_peers(parser, values[PEER], rule);
}

int
acl_parse_rules(struct acl_policy_parser *parser, const struct acl_yaml *rules, enum acl_tier tier)
{
    struct acl_policy *policy = parser->policy;
    int rc = acl_expect(rules, ACL_YAML_SEQUENCE, tier == ACL_APPLICATION ? "rules" : "a tier",
                        parser->error);
    struct acl_rule *more;

    if (rc) {
        return rc;
    }
    more = reallocarray(policy->rules, policy->n_rules + rules->n + 1, sizeof *more);
    if (!more) {
        return ENOMEM;
    }
    policy->rules = more;
    for (const struct acl_yaml *node = rules->child; node && !rc; node = node->next) {
        struct acl_rule *rule = &policy->rules[policy->n_rules++];

        *rule = (struct acl_rule){ .tier = tier };
        rc = parse_rule(parser, node, rule);
        rc = rc ? rc : acl_like_note(parser, node, (uint32_t) policy->n_rules - 1);
    }
    return rc;
}

/* ---- all of them together ---- */

/* The first of two rules that has the id, in a hash table of rules (index + 1; 0 = empty). */
static uint32_t *
find_id(const struct acl_policy *policy, uint32_t *buckets, size_t mask, const char *id)
{
    size_t i = acl_hash_text(id) & mask;

    while (buckets[i] && strcmp(policy->rules[buckets[i] - 1].id, id)) {
        i = (i + 1) & mask;
    }
    return &buckets[i];
}

static int
check_duplicate_ids(struct acl_policy_parser *parser)
{
    const struct acl_policy *policy = parser->policy;
    size_t size = 16;
    uint32_t *buckets;
    int rc = 0;

    while (size < policy->n_rules * 2) {
        size *= 2;
    }
    buckets = calloc(size, sizeof *buckets);
    if (!buckets) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < policy->n_rules && !rc; i++) {
        const struct acl_rule *again = &policy->rules[i];
        uint32_t *bucket = find_id(policy, buckets, size - 1, again->id);

        if (*bucket) {
            const struct acl_place *first = &policy->rules[*bucket - 1].place;

            rc = ACL_FAIL_AT(
                parser, &again->place, "duplicate rule id '%.64s' (first %son line %u)", again->id,
                first->source == again->place.source ? "" : "in another text, ", first->line);
        }
        *bucket = i + 1;
    }
    free(buckets);
    return rc;
}

int
acl_check_rules(struct acl_policy_parser *parser)
{
    const struct acl_policy *policy = parser->policy;

    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct acl_rule *rule = &policy->rules[i];

        for (size_t j = 0; j < rule->n_applied_to; j++) {
            if (!policy->groups[rule->applied_to[j]].has_ports) {
                return ACL_FAIL_AT(parser, &rule->place,
                                   "rule '%.64s' cannot be applied to group '%.64s': it names "
                                   "neither ports nor labels",
                                   rule->id, policy->groups[rule->applied_to[j]].name);
            }
        }
    }
    return check_duplicate_ids(parser);
}
