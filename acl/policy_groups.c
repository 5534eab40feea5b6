#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/hash.h"
#include "acl/policy_priv.h"

static uint64_t
hash_name(const char *name)
{
    uint64_t hash = 0;

    for (; *name; name++) {
        hash = acl_hash_mix(hash, (uint8_t) *name);
    }
    return hash;
}

static void
names_insert(struct acl_names *names, const char *name, uint32_t index)
{
    size_t i = hash_name(name) & (names->n_buckets - 1);

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
    for (size_t i = hash_name(name) & (names->n_buckets - 1); names->buckets[i];
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
    copy = strdup(name);
    if (!copy) {
        return ENOMEM;
    }
    *index = (uint32_t) policy->n_groups++;
    policy->groups[*index] = (struct acl_group){ .name = copy };
    names_insert(&parser->names, copy, *index);
    return 0;
}

static int
parse_labels(struct acl_group *group, const struct acl_yaml *labels, struct acl_error *error)
{
    int rc = acl_expect(labels, ACL_YAML_MAPPING, "labels", error);

    if (rc) {
        return rc;
    }
    group->labels = calloc(labels->n + 1, sizeof *group->labels);
    if (!group->labels) {
        return ENOMEM;
    }
    for (const struct acl_yaml *key = labels->child; key; key = key->next->next) {
        struct acl_label *label = &group->labels[group->n_labels];

        rc = acl_check_name(key, "label", error);
        rc = rc ? rc : acl_check_name(key->next, "label value", error);
        if (rc) {
            return rc;
        }
        group->n_labels++;
        label->key = strdup(key->text);
        label->value = strdup(key->next->text);
        if (!label->key || !label->value) {
            return ENOMEM;
        }
    }
    return 0;
}

static int
parse_cidrs(struct acl_group *group, const struct acl_yaml *cidrs, struct acl_error *error)
{
    int rc = acl_expect(cidrs, ACL_YAML_SEQUENCE, "cidrs", error);

    if (rc) {
        return rc;
    }
    group->prefixes = calloc(cidrs->n + 1, sizeof *group->prefixes);
    if (!group->prefixes) {
        return ENOMEM;
    }
    for (const struct acl_yaml *cidr = cidrs->child; cidr; cidr = cidr->next) {
        const char *why;

        rc = acl_expect(cidr, ACL_YAML_SCALAR, "a CIDR", error);
        if (rc) {
            return rc;
        }
        why = acl_prefix_parse_why(cidr->text, &group->prefixes[group->n_prefixes]);
        if (why) {
            return acl_error_set(error, cidr->line, cidr->column, "bad CIDR '%.64s': %s",
                                 cidr->text, why);
        }
        group->n_prefixes++;
    }
    return 0;
}

static int
parse_ports(struct acl_group *group, const struct acl_yaml *ports, struct acl_error *error)
{
    int rc = acl_expect(ports, ACL_YAML_SEQUENCE, "ports", error);

    if (rc) {
        return rc;
    }
    group->ports = calloc(ports->n + 1, sizeof *group->ports);
    if (!group->ports) {
        return ENOMEM;
    }
    for (const struct acl_yaml *port = ports->child; port; port = port->next) {
        rc = acl_check_name(port, "port name", error);
        if (rc) {
            return rc;
        }
        group->ports[group->n_ports] = strdup(port->text);
        if (!group->ports[group->n_ports++]) {
            return ENOMEM;
        }
    }
    return 0;
}

static int
check_group_name(const struct acl_yaml *name, struct acl_error *error)
{
    struct acl_prefix prefix;
    int rc = acl_check_name(name, "group name", error);

    if (!rc && (!strcmp(name->text, "any") || acl_prefix_parse(name->text, &prefix))) {
        rc = acl_error_set(error, name->line, name->column,
                           "a group cannot be called '%.64s': as a peer it means something else",
                           name->text);
    }
    return rc;
}

static int
parse_group(struct acl_policy_parser *parser, const struct acl_yaml *name)
{
    static const char *const keys[] = { "labels", "cidrs", "ports" };
    const struct acl_yaml *values[3];
    struct acl_group *group;
    uint32_t index;
    int rc = check_group_name(name, parser->error);

    rc = rc ? rc : acl_fields(name->next, "a group", keys, 3, 0, values, parser->error);
    rc = rc ? rc : acl_add_group(parser, name->text, &index);
    if (rc) {
        return rc;
    }
    group = &parser->policy->groups[index];
    if (values[0]) {
        rc = parse_labels(group, values[0], parser->error);
    }
    if (!rc && values[1]) {
        rc = parse_cidrs(group, values[1], parser->error);
    }
    if (!rc && values[2]) {
        rc = parse_ports(group, values[2], parser->error);
    }
    return rc;
}

int
acl_parse_groups(struct acl_policy_parser *parser, const struct acl_yaml *groups)
{
    int rc = acl_expect(groups, ACL_YAML_MAPPING, "groups", parser->error);

    if (rc) {
        return rc;
    }
    for (const struct acl_yaml *name = groups->child; name && !rc; name = name->next->next) {
        rc = parse_group(parser, name);
    }
    return rc;
}
