/* Services: protocols and ports, by number and by name. */
#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acl/policy_priv.h"
#include "acl/services.h"

static const struct acl_word protocols[] = { { "any", ACL_PROTO_ANY },     { "tcp", IPPROTO_TCP },
                                             { "udp", IPPROTO_UDP },       { "icmp", IPPROTO_ICMP },
                                             { "icmpv6", IPPROTO_ICMPV6 }, { NULL, 0 } };

int
acl_parse_protocol(const struct acl_yaml *node, int *protocol, struct acl_error *error)
{
    unsigned number;
    int rc = acl_expect(node, ACL_YAML_SCALAR, "protocol", error);

    if (rc || acl_find_word(protocols, node->text, protocol)) {
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

const char *
acl_parse_port(const char *s, struct acl_range *range)
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

const char *
acl_parse_icmp(const char *s, struct acl_range *range)
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

/* A service of one range at most: '*has_range' says whether there is one.  NULL, or what is wrong.
 */
static const char *
parse_part(const char *text, int *protocol, struct acl_range *range, bool *has_range)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t) (slash - text) : strlen(text);
    char name[16] = "";
    unsigned number;

    if (n >= sizeof name) {
        return "it is PROTOCOL or PROTOCOL/PORT";
    }
    memcpy(name, text, n);
    if (!acl_find_word(protocols, name, protocol)) {
        if (!acl_parse_number(name, UINT8_MAX, &number)) {
            return "it begins with tcp, udp, icmp, icmpv6, any or a protocol's number";
        }
        *protocol = (int) number;
    }
    *has_range = slash != NULL;
    if (!slash) {
        return NULL;
    }
    switch (*protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
        return acl_parse_port(slash + 1, range);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return acl_parse_icmp(slash + 1, range);
    default:
        return "only tcp and udp have ports, and icmp and icmpv6 types";
    }
}

/* Whether a text means a part and not a name: it has a slash, or it is a protocol. */
static bool
is_part(const char *text)
{
    struct acl_range range;
    bool has_range;
    int protocol;

    return strchr(text, '/') || !parse_part(text, &protocol, &range, &has_range);
}

static int
make_service(struct acl_arena *arena, int protocol, const struct acl_range *range, bool has_range,
             struct acl_service *s)
{
    *s = (struct acl_service){ .protocol = protocol };
    if (has_range) {
        s->ports = acl_arena_take(arena, sizeof *s->ports);
        if (!s->ports) {
            return ENOMEM;
        }
        s->ports[s->n_ports++] = *range;
    }
    return 0;
}

static int
parse_text(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_service *s)
{
    int rc = acl_expect(node, ACL_YAML_SCALAR, "a service", parser->error);
    struct acl_range range;
    const char *why;
    bool has_range;
    int protocol;

    *s = (struct acl_service){ .protocol = ACL_PROTO_ANY };
    if (rc) {
        return rc;
    }
    why = parse_part(node->text, &protocol, &range, &has_range);
    if (why) {
        return ACL_FAIL(parser, node, "bad service '%.64s': %s", node->text, why);
    }
    return make_service(&parser->policy->arena, protocol, &range, has_range, s);
}

/* ---- names ---- */

static struct acl_named_service *
find(const struct acl_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->n_services; i++) {
        if (!strcmp(policy->services[i].name, name)) {
            return &policy->services[i];
        }
    }
    return NULL;
}

static int
parse_named(struct acl_policy_parser *parser, const struct acl_yaml *name)
{
    struct acl_policy *policy = parser->policy;
    struct acl_named_service *services, *s;
    const struct acl_yaml *list = name->next;
    int rc = acl_check_name(name, "service name", parser->error);

    if (!rc && (find(policy, name->text) || acl_shipped_service_find(name->text))) {
        rc = ACL_FAIL(parser, name, "service '%.64s' is %s: choose another name", name->text,
                      find(policy, name->text) ? "there already" : "shipped with the switch");
    }
    if (!rc && is_part(name->text)) {
        rc = ACL_FAIL(parser, name, "service '%.64s' is a protocol: choose another name",
                      name->text);
    }
    if (rc) {
        return rc;
    }
    services = reallocarray(policy->services, policy->n_services + 1, sizeof *services);
    if (!services) {
        return ENOMEM;
    }
    policy->services = services;
    s = &services[policy->n_services++];
    *s = (struct acl_named_service){
        .name = acl_arena_text(&policy->arena, name->text),
        .parts = acl_arena_zeroed(&policy->arena, acl_list_count(list), sizeof *s->parts),
        .place = acl_place_of(parser, name),
    };
    if (!s->name || !s->parts) {
        return ENOMEM;
    }
    for (const struct acl_yaml *item = acl_list_first(list); item && !rc;
         item = acl_list_next(list, item)) {
        rc = parse_text(parser, item, &s->parts[s->n_parts++]);
    }
    return rc || s->n_parts ? rc : ACL_FAIL(parser, list, "service '%.64s' is empty", name->text);
}

int
acl_parse_services(struct acl_policy_parser *parser, const struct acl_yaml *services)
{
    int rc = acl_expect(services, ACL_YAML_MAPPING, "services", parser->error);

    for (const struct acl_yaml *name = rc ? NULL : services->child; name && !rc;
         name = name->next->next) {
        rc = parse_named(parser, name);
    }
    return rc;
}

/* ---- in rules ---- */

/* A part more for the rule; its ports are shared. */
static int
add_part(struct acl_policy_parser *parser, struct acl_rule *rule, const struct acl_service *part)
{
    struct acl_service *services =
        acl_arena_take(&parser->policy->arena, (rule->n_services + 1) * sizeof *services);

    if (!services) {
        return ENOMEM;
    }
    if (rule->n_services) {
        memcpy(services, rule->services, rule->n_services * sizeof *services);
    }
    services[rule->n_services++] = *part;
    rule->services = services;
    return 0;
}

static int
add_shipped(struct acl_policy_parser *parser, struct acl_rule *rule,
            const struct acl_shipped_service *shipped)
{
    struct acl_arena *arena = &parser->policy->arena;
    char *parts = acl_arena_text(arena, shipped->parts), *save = NULL;
    int rc = parts ? 0 : ENOMEM;

    for (char *text = parts ? strtok_r(parts, " ", &save) : NULL; text && !rc;
         text = strtok_r(NULL, " ", &save)) {
        struct acl_service part = { .ports = NULL };
        struct acl_range range = { 0 };
        bool has_range = false;
        int protocol = 0;

        parse_part(text, &protocol, &range, &has_range); /* a test has seen each */
        rc = make_service(arena, protocol, &range, has_range, &part);
        rc = rc ? rc : add_part(parser, rule, &part);
    }
    return rc;
}

/* "smb", or in place "tcp/445" or "icmp". */
static int
add_service(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_rule *rule)
{
    struct acl_named_service *named;
    const struct acl_shipped_service *shipped;
    struct acl_service part;
    int rc = acl_expect(node, ACL_YAML_SCALAR, "a service", parser->error);

    if (rc) {
        return rc;
    }
    named = find(parser->policy, node->text);
    for (size_t i = 0; named && i < named->n_parts && !rc; i++) {
        rc = add_part(parser, rule, &named->parts[i]);
    }
    if (named) {
        named->used = rule->by_names = true;
    }
    shipped = named ? NULL : acl_shipped_service_find(node->text);
    if (named || shipped) {
        return rc ? rc : shipped ? add_shipped(parser, rule, shipped) : 0;
    }
    if (!is_part(node->text)) {
        return ACL_FAIL(parser, node,
                        "unknown service '%.64s' ('swctl policy services' lists them)", node->text);
    }
    rc = parse_text(parser, node, &part);
    return rc ? rc : add_part(parser, rule, &part);
}

int
acl_parse_rule_services(struct acl_policy_parser *parser, const struct acl_yaml *list,
                        struct acl_rule *rule)
{
    int rc = 0;

    for (const struct acl_yaml *item = acl_list_first(list); item && !rc;
         item = acl_list_next(list, item)) {
        rc = add_service(parser, item, rule);
    }
    return rc || rule->n_services ? rc : ACL_FAIL(parser, list, "'service' is empty");
}
