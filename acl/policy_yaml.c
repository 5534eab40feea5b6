#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "acl/policy_priv.h"

#define NAME_MAX_LEN 63

const struct acl_word acl_log_words[] = { { "incident", ACL_LOG_INCIDENT },
                                          { "record", ACL_LOG_RECORD },
                                          { "none", ACL_LOG_NONE },
                                          { NULL, 0 } };

/* ---- nodes ---- */

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

        while (i < n_keys && (keys[i][0] != key->text[0] || strcmp(keys[i], key->text))) {
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
    static const char *const kinds[] = { "a single value", "a list", "a mapping", "a mapping" };

    /* Required fields were looked for before. */
    if (node->kind == kind) { /* NOLINT(clang-analyzer-core.NullDereference) */
        return 0;
    }
    return acl_error_set(error, node->line, node->column, "%s must be %s, not %s", what,
                         kinds[kind], kinds[node->kind]);
}

/* Of ASCII, whatever the locale. */
static bool
is_allowed(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Its length; 0: it has a character that names have not, or none at all. */
static size_t
length_of_name(const char *text)
{
    size_t n = 0;

    while (is_allowed(text[n])) {
        n++;
    }
    return text[n] ? 0 : n;
}

int
acl_check_name(const struct acl_yaml *node, const char *what, struct acl_error *error)
{
    int rc = acl_expect(node, ACL_YAML_SCALAR, what, error);
    size_t len;

    if (rc) {
        return rc;
    }
    len = length_of_name(node->text);
    if (!len || len > NAME_MAX_LEN) {
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

size_t
acl_list_count(const struct acl_yaml *list)
{
    return list->kind == ACL_YAML_SEQUENCE ? list->n : 1;
}

const struct acl_yaml *
acl_list_first(const struct acl_yaml *list)
{
    return list->kind == ACL_YAML_SEQUENCE ? list->child : list;
}

const struct acl_yaml *
acl_list_next(const struct acl_yaml *list, const struct acl_yaml *item)
{
    return list->kind == ACL_YAML_SEQUENCE ? item->next : NULL;
}

bool
acl_find_word(const struct acl_word *words, const char *text, int *value)
{
    for (; words->text; words++) {
        if (!strcmp(words->text, text)) {
            *value = words->value;
            return true;
        }
    }
    return false;
}

int
acl_parse_word(const struct acl_yaml *node, const char *what, const struct acl_word *words,
               const char *choices, int *value, struct acl_error *error)
{
    int rc = acl_expect(node, ACL_YAML_SCALAR, what, error);

    if (!rc && !acl_find_word(words, node->text, value)) {
        rc = acl_error_set(error, node->line, node->column, "bad %s '%.64s': it is %s", what,
                           node->text, choices);
    }
    return rc;
}

/* ---- sources ---- */

static int
read_tiers(struct acl_policy_parser *parser, const struct acl_yaml *tiers, struct acl_sections *s)
{
    const char *names[ACL_N_TIERS];

    for (int i = 0; i < ACL_N_TIERS; i++) {
        names[i] = acl_tier_name((enum acl_tier) i);
    }
    return acl_fields(tiers, "tiers", names, ACL_N_TIERS, 0, s->tier, parser->error);
}

static int
read_quarantine(struct acl_policy_parser *parser, const struct acl_yaml *node,
                struct acl_sections *s)
{
    static const char *const keys[] = { "lists" };

    return acl_fields(node, "quarantine", keys, 1, 1, &s->lists, parser->error);
}

static int
read_sections(struct acl_policy_parser *parser, const struct acl_yaml *root, struct acl_sections *s)
{
    enum { FORMAT, GROUPS, SETS, SERVICES, POOLS, DETECTION, RULES, TIERS, QUARANTINE, N_KEYS };
    static const char *const keys[N_KEYS] = { "version",  "groups", "address_sets",
                                              "services", "pools",  "detection",
                                              "rules",    "tiers",  "quarantine" };
    const struct acl_yaml *values[N_KEYS];
    int rc = acl_fields(root, "the policy", keys, N_KEYS, 1, values, parser->error);

    rc = rc ? rc : acl_expect(values[FORMAT], ACL_YAML_SCALAR, "version", parser->error);
    if (rc) {
        return rc;
    }
    if (strcmp(values[FORMAT]->text, "1")) {
        return ACL_FAIL(parser, values[FORMAT],
                        "version '%.64s' is not known: this switch reads version 1",
                        values[FORMAT]->text);
    }
    *s = (struct acl_sections){ .groups = values[GROUPS],
                                .sets = values[SETS],
                                .services = values[SERVICES],
                                .pools = values[POOLS],
                                .detection = values[DETECTION],
                                .rules = values[RULES] };
    rc = values[TIERS] ? read_tiers(parser, values[TIERS], s) : 0;
    return rc || !values[QUARANTINE] ? rc : read_quarantine(parser, values[QUARANTINE], s);
}

/* Runs 'step' on a section of each source. */
static int
each(struct acl_policy_parser *parser, const struct acl_sections *sections, size_t n,
     int (*step)(struct acl_policy_parser *, const struct acl_sections *))
{
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        parser->source = parser->error->source = (uint32_t) i;
        rc = step(parser, &sections[i]);
    }
    return rc;
}

static int
declare(struct acl_policy_parser *parser, const struct acl_sections *s)
{
    int rc = s->sets ? acl_parse_sets(parser, s->sets) : 0;

    rc = rc || !s->groups ? rc : acl_declare_groups(parser, s->groups);
    return rc || !s->services ? rc : acl_parse_services(parser, s->services);
}

static int
define(struct acl_policy_parser *parser, const struct acl_sections *s)
{
    return s->groups ? acl_parse_groups(parser, s->groups) : 0;
}

static int
pools(struct acl_policy_parser *parser, const struct acl_sections *s)
{
    return s->pools ? acl_parse_pools(parser, s->pools) : 0;
}

static int
detection(struct acl_policy_parser *parser, const struct acl_sections *s)
{
    return s->detection ? acl_parse_detection(parser, s->detection) : 0;
}

static int
lists(struct acl_policy_parser *parser, const struct acl_sections *s)
{
    return s->lists ? acl_parse_lists(parser, s->lists) : 0;
}

static int
parse_tiers(struct acl_policy_parser *parser, const struct acl_sections *sections, size_t n)
{
    int rc = 0;

    for (int tier = 0; tier < ACL_N_TIERS && !rc; tier++) {
        for (size_t i = 0; i < n && !rc; i++) {
            const struct acl_sections *s = &sections[i];

            parser->source = parser->error->source = (uint32_t) i;
            if (s->tier[tier]) {
                rc = acl_parse_rules(parser, s->tier[tier], (enum acl_tier) tier);
            }
            if (!rc && tier == ACL_APPLICATION && s->rules) {
                rc = acl_parse_rules(parser, s->rules, ACL_APPLICATION);
            }
        }
    }
    return rc;
}

static int
parse_sections(struct acl_policy_parser *parser, const struct acl_sections *sections, size_t n)
{
    int rc = each(parser, sections, n, declare);

    rc = rc ? rc : each(parser, sections, n, define);
    rc = rc ? rc : each(parser, sections, n, pools);
    rc = rc ? rc : each(parser, sections, n, detection);
    rc = rc ? rc : parse_tiers(parser, sections, n);
    rc = rc ? rc : each(parser, sections, n, lists);
    rc = rc ? rc : acl_order_groups(parser);
    rc = rc ? rc : acl_check_pools(parser);
    rc = rc ? rc : acl_check_detection(parser);
    return rc ? rc : acl_check_rules(parser);
}

static int
parse_roots(struct acl_policy_parser *parser, size_t n, const struct acl_source *like_sources,
            struct acl_yaml **roots, struct acl_sections *sections)
{
    const struct acl_source *sources = parser->sources;
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        struct acl_yaml_known known = acl_like_known(parser->like, like_sources, (uint32_t) i);
        int rc;

        bytes += sources[i].len;
        if (bytes > ACL_POLICY_MAX_BYTES) {
            return acl_error_set(parser->error, 0, 0, "the policy is longer than %u bytes",
                                 ACL_POLICY_MAX_BYTES);
        }
        parser->error->source = (uint32_t) i;
        rc = acl_yaml_parse(sources[i].text, sources[i].len, &known, &roots[i], parser->error);
        rc = rc ? rc : read_sections(parser, roots[i], &sections[i]);
        if (rc) {
            return rc;
        }
    }
    return parse_sections(parser, sections, n);
}

static int
parse(struct acl_policy_parser *parser, size_t n, const struct acl_source *like_sources)
{
    struct acl_yaml **roots = calloc(n + 1, sizeof *roots);
    struct acl_sections *sections = calloc(n + 1, sizeof *sections);
    size_t n_like = parser->like ? parser->like->n_groups : 0;
    int rc = ENOMEM;

    parser->error->source = 0;
    parser->policy = calloc(1, sizeof *parser->policy);
    parser->like_groups = malloc((n_like + 1) * sizeof *parser->like_groups);
    if (roots && sections && parser->policy && parser->like_groups) {
        acl_detection_default(&parser->policy->detection);
        memset(parser->like_groups, 0xff, n_like * sizeof *parser->like_groups);
        rc = parse_roots(parser, n, like_sources, roots, sections);
        rc = rc ? rc : acl_like_keep(parser);
    }
    for (size_t i = 0; roots && i < n; i++) {
        acl_yaml_destroy(roots[i]);
    }
    free(roots);
    free(sections);
    free(parser->items);
    free(parser->like_groups);
    free(parser->names.buckets);
    if (rc == ENOMEM) {
        acl_error_set(parser->error, 0, 0, "out of memory");
    }
    if (rc) {
        acl_policy_destroy(parser->policy);
        parser->policy = NULL;
    }
    return rc;
}

int
acl_policy_parse_like(const struct acl_source *sources, size_t n, const struct acl_policy *like,
                      const struct acl_source *like_sources, struct acl_policy **policyp,
                      struct acl_error *error)
{
    struct acl_policy_parser parser = { .sources = sources, .like = like, .error = error };
    int rc = parse(&parser, n, like_sources);

    /* What is wrong is said by the reading of all of it. */
    if (rc && rc != ENOMEM && like) {
        parser = (struct acl_policy_parser){ .sources = sources, .error = error };
        rc = parse(&parser, n, NULL);
    }
    *policyp = parser.policy;
    return rc;
}

int
acl_policy_parse(const struct acl_source *sources, size_t n, struct acl_policy **policyp,
                 struct acl_error *error)
{
    return acl_policy_parse_like(sources, n, NULL, NULL, policyp, error);
}
