#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/hash.h"
#include "acl/policy_priv.h"

static void
names_insert(struct acl_names *names, const char *name, uint32_t index)
{
    size_t i = acl_hash_text(name) & (names->n_buckets - 1);

    while (names->buckets[i]) {
        i = (i + 1) & (names->n_buckets - 1);
    }
    names->buckets[i] = index + 1;
}

bool
acl_find_group(const struct acl_policy_parser *parser, const char *name, uint32_t *index)
{
    const struct acl_names *names = &parser->names;

    if (!names->n_buckets) {
        return false;
    }
    for (size_t i = acl_hash_text(name) & (names->n_buckets - 1); names->buckets[i];
         i = (i + 1) & (names->n_buckets - 1)) {
        *index = names->buckets[i] - 1;
        if (!strcmp(parser->policy->groups[*index].name, name)) {
            return true;
        }
    }
    return false;
}

static int
grow(struct acl_policy_parser *parser)
{
    size_t allocated = parser->groups_allocated ? parser->groups_allocated * 2 : 16;
    struct acl_policy *policy = parser->policy;
    struct acl_group *groups = reallocarray(policy->groups, allocated, sizeof *groups);
    uint32_t *buckets;

    if (!groups) {
        return ENOMEM;
    }
    policy->groups = groups;
    buckets = calloc(allocated * 2, sizeof *buckets);
    if (!buckets) {
        return ENOMEM;
    }
    free(parser->names.buckets);
    parser->names.buckets = buckets;
    parser->names.n_buckets = allocated * 2;
    parser->groups_allocated = allocated;
    for (size_t i = 0; i < policy->n_groups; i++) {
        names_insert(&parser->names, groups[i].name, (uint32_t) i);
    }
    return 0;
}

int
acl_add_group(struct acl_policy_parser *parser, const char *name, uint32_t *index)
{
    struct acl_policy *policy = parser->policy;
    char *copy;

    if (policy->n_groups == parser->groups_allocated && grow(parser)) {
        return ENOMEM;
    }
    copy = acl_arena_text(&policy->arena, name);
    if (!copy) {
        return ENOMEM;
    }
    *index = (uint32_t) policy->n_groups++;
    policy->groups[*index] = (struct acl_group){ .name = copy };
    names_insert(&parser->names, copy, *index);
    return 0;
}

static int
parse_labels(struct acl_policy_parser *parser, const struct acl_yaml *labels,
             struct acl_selector *s)
{
    int rc = acl_expect(labels, ACL_YAML_MAPPING, "labels", parser->error);

    if (rc) {
        return rc;
    }
    s->labels = acl_arena_zeroed(&parser->policy->arena, labels->n, sizeof *s->labels);
    if (!s->labels) {
        return ENOMEM;
    }
    for (const struct acl_yaml *key = labels->child; key; key = key->next->next) {
        struct acl_label *label = &s->labels[s->n_labels];

        rc = acl_check_name(key, "label", parser->error);
        rc = rc ? rc : acl_check_name(key->next, "label value", parser->error);
        if (rc) {
            return rc;
        }
        s->n_labels++;
        label->key = acl_arena_text(&parser->policy->arena, key->text);
        label->value = acl_arena_text(&parser->policy->arena, key->next->text);
        if (!label->key || !label->value) {
            return ENOMEM;
        }
    }
    return 0;
}

static int
parse_cidrs(struct acl_policy_parser *parser, const struct acl_yaml *cidrs, struct acl_selector *s)
{
    int rc = acl_expect(cidrs, ACL_YAML_SEQUENCE, "cidrs", parser->error);

    if (rc) {
        return rc;
    }
    s->prefixes = acl_arena_zeroed(&parser->policy->arena, cidrs->n, sizeof *s->prefixes);
    if (!s->prefixes) {
        return ENOMEM;
    }
    for (const struct acl_yaml *cidr = cidrs->child; cidr; cidr = cidr->next) {
        const char *why;

        rc = acl_expect(cidr, ACL_YAML_SCALAR, "a CIDR", parser->error);
        if (rc) {
            return rc;
        }
        why = acl_prefix_parse_why(cidr->text, &s->prefixes[s->n_prefixes]);
        if (why) {
            return ACL_FAIL(parser, cidr, "bad CIDR '%.64s': %s", cidr->text, why);
        }
        s->n_prefixes++;
    }
    return 0;
}

static int
parse_ports(struct acl_policy_parser *parser, const struct acl_yaml *ports, struct acl_selector *s)
{
    int rc = acl_expect(ports, ACL_YAML_SEQUENCE, "ports", parser->error);

    if (rc) {
        return rc;
    }
    s->ports = acl_arena_zeroed(&parser->policy->arena, ports->n, sizeof *s->ports);
    if (!s->ports) {
        return ENOMEM;
    }
    for (const struct acl_yaml *port = ports->child; port; port = port->next) {
        rc = acl_check_name(port, "port name", parser->error);
        if (rc) {
            return rc;
        }
        s->ports[s->n_ports] = acl_arena_text(&parser->policy->arena, port->text);
        if (!s->ports[s->n_ports++]) {
            return ENOMEM;
        }
    }
    return 0;
}

int
acl_parse_group_list(struct acl_policy_parser *parser, const struct acl_yaml *list,
                     const char *what, uint32_t **groups, size_t *n)
{
    *groups = acl_arena_zeroed(&parser->policy->arena, acl_list_count(list), sizeof **groups);
    *n = 0;
    if (!*groups) {
        return ENOMEM;
    }
    for (const struct acl_yaml *item = acl_list_first(list); item;
         item = acl_list_next(list, item)) {
        int rc = acl_expect(item, ACL_YAML_SCALAR, what, parser->error);

        if (rc) {
            return rc;
        }
        if (!acl_find_group(parser, item->text, &(*groups)[*n])) {
            return ACL_FAIL(parser, item, "unknown group '%.64s'", item->text);
        }
        ++*n;
    }
    return *n ? 0 : ACL_FAIL(parser, list, "'%s' is empty", what);
}

enum { LABELS, CIDRS, PORTS, GROUPS, EXCEPT, N_KEYS };
static const char *const keys[N_KEYS] = { "labels", "cidrs", "ports", "groups", "except" };

static int
parse_selector(struct acl_policy_parser *parser, const struct acl_yaml *const *values,
               struct acl_selector *s)
{
    int rc = values[LABELS] ? parse_labels(parser, values[LABELS], s) : 0;

    rc = rc || !values[CIDRS] ? rc : parse_cidrs(parser, values[CIDRS], s);
    rc = rc || !values[PORTS] ? rc : parse_ports(parser, values[PORTS], s);
    return rc || !values[GROUPS]
               ? rc
               : acl_parse_group_list(parser, values[GROUPS], "groups", &s->groups, &s->n_groups);
}

static int
parse_group(struct acl_policy_parser *parser, const struct acl_yaml *name)
{
    const struct acl_yaml *values[N_KEYS], *except[N_KEYS];
    struct acl_group *group;
    uint32_t index;
    int rc = acl_fields(name->next, "a group", keys, N_KEYS, 0, values, parser->error);

    if (rc) {
        return rc;
    }
    acl_find_group(parser, name->text, &index); /* declared before */
    group = &parser->policy->groups[index];
    rc = parse_selector(parser, values, &group->in);
    if (!rc && values[EXCEPT]) {
        rc = acl_fields(values[EXCEPT], "except", keys, EXCEPT, 0, except, parser->error);
        rc = rc ? rc : parse_selector(parser, except, &group->out);
    }
    return rc;
}

int
acl_parse_groups(struct acl_policy_parser *parser, const struct acl_yaml *groups)
{
    int rc = 0;

    for (const struct acl_yaml *name = groups->child; name && !rc; name = name->next->next) {
        rc = parse_group(parser, name);
    }
    return rc;
}

/* ---- names ---- */

static int
declare(struct acl_policy_parser *parser, const struct acl_yaml *name, const char *what,
        const char *name_what, uint32_t *index)
{
    struct acl_prefix prefix;
    int rc = acl_check_name(name, name_what, parser->error);

    if (!rc && (!strcmp(name->text, "any") || acl_prefix_parse(name->text, &prefix))) {
        rc =
            ACL_FAIL(parser, name, "%s cannot be called '%.64s': as a peer it means something else",
                     what, name->text);
    }
    if (!rc && acl_find_group(parser, name->text, index)) {
        const struct acl_place *first = &parser->policy->groups[*index].place;

        rc = ACL_FAIL(parser, name, "'%.64s' is there already (%s, line %u)", name->text,
                      first->source == parser->source ? "in this text" : "in another text",
                      first->line);
    }
    rc = rc ? rc : acl_add_group(parser, name->text, index);
    if (!rc) {
        parser->policy->groups[*index].place = acl_place_of(parser, name);
    }
    return rc;
}

int
acl_declare_groups(struct acl_policy_parser *parser, const struct acl_yaml *groups)
{
    int rc = acl_expect(groups, ACL_YAML_MAPPING, "groups", parser->error);
    uint32_t index;

    for (const struct acl_yaml *name = rc ? NULL : groups->child; name && !rc;
         name = name->next->next) {
        rc = declare(parser, name, "a group", "group name", &index);
    }
    return rc;
}

static int
parse_set(struct acl_policy_parser *parser, const struct acl_yaml *name)
{
    static const char *const set_keys[] = { "stale_after" };
    const struct acl_yaml *value = NULL;
    unsigned seconds = 0;
    uint32_t index;
    int rc = acl_fields(name->next, "an address set", set_keys, 1, 0, &value, parser->error);

    rc = rc || !value ? rc : acl_expect(value, ACL_YAML_SCALAR, "stale_after", parser->error);
    if (!rc && value && !acl_parse_number(value->text, 86400 * 366, &seconds)) {
        rc = ACL_FAIL(parser, value, "bad stale_after '%.64s': it is seconds, at most %d",
                      value->text, 86400 * 366);
    }
    rc = rc ? rc : declare(parser, name, "an address set", "address set name", &index);
    if (!rc) {
        parser->policy->groups[index].is_set = true;
        parser->policy->groups[index].stale_after = seconds;
    }
    return rc;
}

int
acl_parse_sets(struct acl_policy_parser *parser, const struct acl_yaml *sets)
{
    int rc = acl_expect(sets, ACL_YAML_MAPPING, "address_sets", parser->error);

    for (const struct acl_yaml *name = rc ? NULL : sets->child; name && !rc;
         name = name->next->next) {
        rc = parse_set(parser, name);
    }
    return rc;
}
