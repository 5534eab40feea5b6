#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acl/policy_priv.h"

enum { ID, DIRECTION, PEER, ACTION, PROTOCOL, PORTS, ICMP, LOG, N_FIELDS };
static const char *const fields[N_FIELDS] = { "id",       "direction", "peer", "action",
                                              "protocol", "ports",     "icmp", "log" };
#define N_REQUIRED 4

struct word {
    const char *text;
    int value;
};

static const struct word directions[] = { { "egress", ACL_EGRESS },
                                          { "ingress", ACL_INGRESS },
                                          { NULL, 0 } };
static const struct word actions[] = {
    { "allow", ACL_ALLOW }, { "drop", ACL_DROP }, { "reject", ACL_REJECT }, { NULL, 0 }
};
static const struct word logs[] = { { "incident", ACL_LOG_INCIDENT },
                                    { "record", ACL_LOG_RECORD },
                                    { "none", ACL_LOG_NONE },
                                    { NULL, 0 } };
static const struct word protocols[] = { { "any", ACL_PROTO_ANY },     { "tcp", IPPROTO_TCP },
                                         { "udp", IPPROTO_UDP },       { "icmp", IPPROTO_ICMP },
                                         { "icmpv6", IPPROTO_ICMPV6 }, { NULL, 0 } };

static bool
find_word(const struct word *words, const char *text, int *value)
{
    for (; words->text; words++) {
        if (!strcmp(words->text, text)) {
            *value = words->value;
            return true;
        }
    }
    return false;
}

static int
parse_word(const struct acl_yaml *node, const char *what, const struct word *words,
           const char *choices, int *value, struct acl_error *error)
{
    int rc = acl_expect(node, ACL_YAML_SCALAR, what, error);

    if (!rc && !find_word(words, node->text, value)) {
        rc = acl_error_set(error, node->line, node->column, "bad %s '%.64s': it is %s", what,
                           node->text, choices);
    }
    return rc;
}

static int
parse_protocol(const struct acl_yaml *node, int *protocol, struct acl_error *error)
{
    unsigned number;
    int rc = acl_expect(node, ACL_YAML_SCALAR, "protocol", error);

    if (rc || find_word(protocols, node->text, protocol)) {
        return rc;
    }
    if (!acl_parse_number(node->text, UINT8_MAX, &number)) {
        return acl_error_set(error, node->line, node->column,
                             "bad protocol '%.64s': it is tcp, udp, icmp, icmpv6, any or 0 to 255",
                             node->text);
    }
    *protocol = (int) number;
    return 0;
}

/* "80" or "8000-8100". */
static const char *
parse_port(const char *s, struct acl_range *range)
{
    const char *dash = strchr(s, '-');
    size_t n = dash ? (size_t) (dash - s) : strlen(s);
    char first[6] = "";
    unsigned lo, hi;

    if (n >= sizeof first) {
        return "ports are 0 to 65535";
    }
    memcpy(first, s, n);
    if (!acl_parse_number(first, UINT16_MAX, &lo)) {
        return "ports are 0 to 65535";
    }
    hi = lo;
    if (dash && !acl_parse_number(dash + 1, UINT16_MAX, &hi)) {
        return "ports are 0 to 65535";
    }
    if (lo > hi) {
        return "the range ends before it begins";
    }
    *range = (struct acl_range){ (uint16_t) lo, (uint16_t) hi };
    return NULL;
}

/* "8" or "3/4". */
static const char *
parse_icmp(const char *s, struct acl_range *range)
{
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t) (slash - s) : strlen(s);
    unsigned type, code = 0;
    char first[4] = "";

    if (n >= sizeof first) {
        return "types are 0 to 255";
    }
    memcpy(first, s, n);
    if (!acl_parse_number(first, UINT8_MAX, &type)) {
        return "types are 0 to 255";
    }
    if (slash && !acl_parse_number(slash + 1, UINT8_MAX, &code)) {
        return "codes are 0 to 255";
    }
    range->lo = (uint16_t) (type << 8 | code);
    range->hi = slash ? range->lo : (uint16_t) (type << 8 | UINT8_MAX);
    return NULL;
}

static int
parse_ranges(const struct acl_yaml *list, const char *what,
             const char *(*parse)(const char *, struct acl_range *), struct acl_rule *rule,
             struct acl_error *error)
{
    int rc = acl_expect(list, ACL_YAML_SEQUENCE, what, error);

    if (rc) {
        return rc;
    }
    if (!list->n) {
        /* To the model no range means any: an empty list would open what it seems to close. */
        return acl_error_set(error, list->line, list->column, "'%s' is empty: leave it out for any",
                             what);
    }
    rule->ports = calloc(list->n, sizeof *rule->ports);
    if (!rule->ports) {
        return ENOMEM;
    }
    for (const struct acl_yaml *item = list->child; item; item = item->next) {
        const char *why;

        rc = acl_expect(item, ACL_YAML_SCALAR, what, error);
        if (rc) {
            return rc;
        }
        why = parse(item->text, &rule->ports[rule->n_ports++]);
        if (why) {
            return acl_error_set(error, item->line, item->column, "bad entry '%.64s' in '%s': %s",
                                 item->text, what, why);
        }
    }
    return 0;
}

static int
parse_service(const struct acl_yaml *const *values, struct acl_rule *rule, struct acl_error *error)
{
    int rc = 0;

    rule->protocol = ACL_PROTO_ANY;
    if (values[PROTOCOL]) {
        rc = parse_protocol(values[PROTOCOL], &rule->protocol, error);
    }
    if (rc) {
        return rc;
    }
    if (values[PORTS]) {
        if (rule->protocol != IPPROTO_TCP && rule->protocol != IPPROTO_UDP) {
            return acl_error_set(error, values[PORTS]->line, values[PORTS]->column,
                                 "'ports' needs protocol tcp or udp");
        }
        rc = parse_ranges(values[PORTS], "ports", parse_port, rule, error);
    }
    if (!rc && values[ICMP]) {
        if (rule->protocol != IPPROTO_ICMP && rule->protocol != IPPROTO_ICMPV6) {
            return acl_error_set(error, values[ICMP]->line, values[ICMP]->column,
                                 "'icmp' needs protocol icmp or icmpv6");
        }
        rc = parse_ranges(values[ICMP], "icmp", parse_icmp, rule, error);
    }
    return rc;
}

/* What the author most likely meant by a peer that is neither group nor prefix. */
static int
unknown_peer(const struct acl_yaml *node, const char *why, struct acl_error *error)
{
    bool like_address = strpbrk(node->text, "/:") || !strcmp(why, "host bits are set") ||
                        strspn(node->text, "0123456789.") == strlen(node->text);

    if (like_address) {
        return acl_error_set(error, node->line, node->column, "bad CIDR '%.64s': %s", node->text,
                             why);
    }
    return acl_error_set(error, node->line, node->column, "unknown group '%.64s'", node->text);
}

static int
parse_peer(struct acl_policy_parser *parser, const struct acl_yaml *node, uint32_t *peer)
{
    int rc = acl_expect(node, ACL_YAML_SCALAR, "peer", parser->error);
    struct acl_prefix prefix, *copy;
    const char *why;

    if (rc) {
        return rc;
    }
    if (!strcmp(node->text, "any")) {
        *peer = ACL_PEER_ANY;
        return 0;
    }
    if (acl_find_group(parser, node->text, peer)) {
        return 0;
    }
    why = acl_prefix_parse_why(node->text, &prefix);
    if (why) {
        return unknown_peer(node, why, parser->error);
    }
    copy = malloc(sizeof *copy);
    if (!copy) {
        return ENOMEM;
    }
    *copy = prefix;
    rc = acl_add_group(parser, node->text, peer);
    if (rc) {
        free(copy);
        return rc;
    }
    parser->policy->groups[*peer].prefixes = copy;
    parser->policy->groups[*peer].n_prefixes = 1;
    return 0;
}

static int
parse_rule(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_rule *rule)
{
    struct acl_error *error = parser->error;
    const struct acl_yaml *values[N_FIELDS];
    int direction = 0, action = 0, log;
    int rc = acl_fields(node, "a rule", fields, N_FIELDS, N_REQUIRED, values, error);

    rc = rc ? rc : acl_check_name(values[ID], "rule id", error);
    rc = rc ? rc
            : parse_word(values[DIRECTION], "direction", directions, "egress or ingress",
                         &direction, error);
    rc =
        rc ? rc
           : parse_word(values[ACTION], "action", actions, "allow, drop or reject", &action, error);
    if (rc) {
        return rc;
    }
    log = action == ACL_ALLOW ? ACL_LOG_NONE : ACL_LOG_INCIDENT;
    if (values[LOG]) {
        rc = parse_word(values[LOG], "log", logs, "incident, record or none", &log, error);
    }
    rule->line = values[ID]->line;
    rule->direction = (enum acl_direction) direction;
    rule->action = (enum acl_action) action;
    rule->log = (enum acl_log) log;
    rc = rc ? rc : parse_service(values, rule, error);
    rc = rc ? rc : parse_peer(parser, values[PEER], &rule->peer);
    if (!rc) {
        rule->id = strdup(values[ID]->text);
        rc = rule->id ? 0 : ENOMEM;
    }
    return rc;
}

static int
compare_ids(const void *a_, const void *b_)
{
    const struct acl_yaml *a = *(const struct acl_yaml *const *) a_;
    const struct acl_yaml *b = *(const struct acl_yaml *const *) b_;
    int order = strcmp(a->text, b->text);

    if (!order && a->line != b->line) {
        return a->line > b->line ? 1 : -1;
    }
    return order ? order : (a->column > b->column) - (a->column < b->column);
}

static int
check_duplicate_ids(const struct acl_yaml *rules, struct acl_error *error)
{
    const struct acl_yaml **ids = malloc((rules->n + 1) * sizeof *ids);
    size_t n = 0;
    int rc = 0;

    if (!ids) {
        return ENOMEM;
    }
    for (const struct acl_yaml *rule = rules->child; rule; rule = rule->next) {
        for (const struct acl_yaml *key = rule->child; key; key = key->next->next) {
            if (!strcmp(key->text, fields[ID])) {
                ids[n++] = key->next;
            }
        }
    }
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 1; i < n && !rc; i++) {
        const struct acl_yaml *first = ids[i - 1], *again = ids[i];

        if (!strcmp(first->text, again->text)) {
            rc = acl_error_set(error, again->line, again->column,
                               "duplicate rule id '%.64s' (first on line %u)", again->text,
                               first->line);
        }
    }
    free(ids);
    return rc;
}

int
acl_parse_rules(struct acl_policy_parser *parser, const struct acl_yaml *rules)
{
    struct acl_policy *policy = parser->policy;
    int rc = acl_expect(rules, ACL_YAML_SEQUENCE, "rules", parser->error);

    if (rc) {
        return rc;
    }
    policy->rules = calloc(rules->n + 1, sizeof *policy->rules);
    if (!policy->rules) {
        return ENOMEM;
    }
    for (const struct acl_yaml *node = rules->child; node; node = node->next) {
        rc = parse_rule(parser, node, &policy->rules[policy->n_rules++]);
        if (rc) {
            return rc;
        }
    }
    /* Only now: every rule is known to be a mapping with an id that is text. */
    return check_duplicate_ids(rules, parser->error);
}
