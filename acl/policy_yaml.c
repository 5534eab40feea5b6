#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl/policy_priv.h"

#define NAME_MAX_LEN 63

static void
list_keys(const char *const *keys, size_t n, char *buf, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < n && used < size; i++) {
        used += (size_t) snprintf(buf + used, size - used, "%s%s", i ? ", " : "", keys[i]);
    }
}

int
acl_fields(const struct acl_yaml *map, const char *what, const char *const *keys, size_t n_keys,
           size_t n_required, const struct acl_yaml **values, struct acl_error *error)
{
    int rc = acl_expect(map, ACL_YAML_MAPPING, what, error);

    if (rc) {
        return rc;
    }
    for (size_t i = 0; i < n_keys; i++) {
        values[i] = NULL;
    }
    for (const struct acl_yaml *key = map->child; key; key = key->next->next) {
        size_t i = 0;

        while (i < n_keys && strcmp(keys[i], key->text)) {
            i++;
        }
        if (i == n_keys) {
            char known[128];

            list_keys(keys, n_keys, known, sizeof known);
            return acl_error_set(error, key->line, key->column,
                                 "unknown key '%.64s' in %s (it may have: %s)", key->text, what,
                                 known);
        }
        values[i] = key->next;
    }
    for (size_t i = 0; i < n_required; i++) {
        if (!values[i]) {
            return acl_error_set(error, map->line, map->column, "%s lacks '%s'", what, keys[i]);
        }
    }
    return 0;
}

int
acl_expect(const struct acl_yaml *node, enum acl_yaml_kind kind, const char *what,
           struct acl_error *error)
{
    static const char *const kinds[] = { "a single value", "a list", "a mapping" };

    /* Required fields were looked for before. */
    if (node->kind == kind) { /* NOLINT(clang-analyzer-core.NullDereference) */
        return 0;
    }
    return acl_error_set(error, node->line, node->column, "%s must be %s, not %s", what,
                         kinds[kind], kinds[node->kind]);
}

int
acl_check_name(const struct acl_yaml *node, const char *what, struct acl_error *error)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    int rc = acl_expect(node, ACL_YAML_SCALAR, what, error);
    size_t len;

    if (rc) {
        return rc;
    }
    len = strlen(node->text);
    if (!len || len > NAME_MAX_LEN || strspn(node->text, allowed) != len) {
        return acl_error_set(error, node->line, node->column,
                             "bad %s '%.64s': 1 to %d letters, digits, '_', '-' or '.'", what,
                             node->text, NAME_MAX_LEN);
    }
    return 0;
}

bool
acl_parse_number(const char *s, unsigned max, unsigned *value)
{
    unsigned v = 0;

    if (!*s) {
        return false;
    }
    for (; *s; s++) {
        if (*s < '0' || *s > '9') {
            return false;
        }
        v = v * 10 + (unsigned) (*s - '0');
        if (v > max) {
            return false;
        }
    }
    *value = v;
    return true;
}

static int
parse_root(struct acl_policy_parser *parser, const struct acl_yaml *root)
{
    static const char *const keys[] = { "version", "groups", "rules" };
    const struct acl_yaml *values[3];
    int rc = acl_fields(root, "the policy", keys, 3, 1, values, parser->error);

    if (rc) {
        return rc;
    }
    rc = acl_expect(values[0], ACL_YAML_SCALAR, "version", parser->error);
    if (rc) {
        return rc;
    }
    if (strcmp(values[0]->text, "1")) {
        return acl_error_set(parser->error, values[0]->line, values[0]->column,
                             "version '%.64s' is not known: this switch reads version 1",
                             values[0]->text);
    }
    rc = values[1] ? acl_parse_groups(parser, values[1]) : 0;
    return rc ? rc : (values[2] ? acl_parse_rules(parser, values[2]) : 0);
}

int
acl_policy_parse(const char *text, size_t len, struct acl_policy **policyp, struct acl_error *error)
{
    struct acl_policy_parser parser = { .error = error };
    struct acl_yaml *root = NULL;
    int rc;

    *policyp = NULL;
    if (len > ACL_POLICY_MAX_BYTES) {
        return acl_error_set(error, 0, 0, "the policy is longer than %u bytes",
                             ACL_POLICY_MAX_BYTES);
    }
    rc = acl_yaml_parse(text, len, &root, error);
    if (rc) {
        return rc;
    }
    parser.policy = calloc(1, sizeof *parser.policy);
    rc = parser.policy ? parse_root(&parser, root) : ENOMEM;
    free(parser.names.buckets);
    acl_yaml_destroy(root);
    if (rc == ENOMEM) {
        acl_error_set(error, 0, 0, "out of memory");
    }
    if (rc) {
        acl_policy_destroy(parser.policy);
        return rc;
    }
    *policyp = parser.policy;
    return 0;
}
