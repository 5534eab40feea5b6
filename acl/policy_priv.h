/* The steps of acl_policy_parse().  Each returns 0, or a positive errno with 'error' filled in when
 * it is EINVAL. */
#ifndef ACL_POLICY_PRIV_H
#define ACL_POLICY_PRIV_H 1

#include "acl/yaml.h"

/* Group names to indices, by hash. */
struct acl_names {
    uint32_t *buckets; /* index + 1, 0 = empty; a power of two of them */
    size_t n_buckets, n;
};

/* The sections of a source; NULL where it has none. */
struct acl_sections {
    const struct acl_yaml *groups, *sets, *services, *pools, *detection;
    const struct acl_yaml *tier[ACL_N_TIERS];
    const struct acl_yaml *rules; /* of the tier "application", like those in 'tier' */
    const struct acl_yaml *lists; /* of a quarantine */
};

struct acl_policy_parser {
    struct acl_policy *policy;
    struct acl_names names;
    size_t groups_allocated, rules_allocated;
    uint32_t source; /* being read */
    const struct acl_source *sources;
    const struct acl_policy *like; /* or NULL */
    uint32_t *like_groups;         /* what became of its groups; UINT32_MAX: not known yet */
    struct acl_item *items;        /* of rules */
    size_t n_items, items_allocated;
    struct acl_error *error;
};

/* Fails at a node of the source that is being read. */
#define ACL_FAIL(PARSER, NODE, ...)                                                                \
    acl_error_set((PARSER)->error, (NODE)->line, (NODE)->column, __VA_ARGS__)

/* ... at a place in any source. */
#define ACL_FAIL_AT(PARSER, PLACE, ...)                                                            \
    ((PARSER)->error->source = (PLACE)->source,                                                    \
     acl_error_set((PARSER)->error, (PLACE)->line, (PLACE)->column, __VA_ARGS__))

/* ---- policy_yaml.c: what all of them need ---- */

/* Spreads the values of mapping 'map' over 'values', by the position of their keys in 'keys'; NULL
 * for a missing one.  Only the first 'n_required' may not be missing. */
int acl_fields(const struct acl_yaml *map, const char *what, const char *const *keys, size_t n_keys,
               size_t n_required, const struct acl_yaml **values, struct acl_error *);
int acl_expect(const struct acl_yaml *, enum acl_yaml_kind, const char *what, struct acl_error *);
/* A name or an id: see policy.h for what it may hold. */
int acl_check_name(const struct acl_yaml *, const char *what, struct acl_error *);
/* Decimal digits only, up to 'max'. */
bool acl_parse_number(const char *s, unsigned max, unsigned *value);
/* A single value, or a list of them: how many, the first, and the one after 'item'. */
size_t acl_list_count(const struct acl_yaml *list);
const struct acl_yaml *acl_list_first(const struct acl_yaml *list);
const struct acl_yaml *acl_list_next(const struct acl_yaml *list, const struct acl_yaml *item);

struct acl_word {
    const char *text;
    int value;
};
/* One of 'words' (ends with a NULL text), which 'choices' lists for people. */
int acl_parse_word(const struct acl_yaml *, const char *what, const struct acl_word *words,
                   const char *choices, int *value, struct acl_error *);
bool acl_find_word(const struct acl_word *words, const char *text, int *value);
extern const struct acl_word acl_log_words[];
#define ACL_LOG_CHOICES "incident, record or none"

static inline struct acl_place
acl_place_of(const struct acl_policy_parser *parser, const struct acl_yaml *node)
{
    return (struct acl_place){ parser->source, node->line, node->column };
}

/* ---- groups ---- */

/* Appends a group called 'name', with an index entry. */
int acl_add_group(struct acl_policy_parser *, const char *name, uint32_t *index);
bool acl_find_group(const struct acl_policy_parser *, const char *name, uint32_t *index);
/* Names first, of all sources: any may refer to any. */
int acl_declare_groups(struct acl_policy_parser *, const struct acl_yaml *groups);
int acl_parse_groups(struct acl_policy_parser *, const struct acl_yaml *groups);
int acl_parse_sets(struct acl_policy_parser *, const struct acl_yaml *sets);
/* Indices of one group or several, by name. */
int acl_parse_group_list(struct acl_policy_parser *, const struct acl_yaml *list, const char *what,
                         uint32_t **groups, size_t *n);
/* groups.c: fills in policy->order, and has_ports of each.  A circle is an error. */
int acl_order_groups(struct acl_policy_parser *);

/* ---- services ---- */

int acl_parse_services(struct acl_policy_parser *, const struct acl_yaml *services);
/* The parts of the services named in a rule. */
int acl_parse_rule_services(struct acl_policy_parser *, const struct acl_yaml *list,
                            struct acl_rule *);
/* "80" or "8000-8100"; "8" or "3/4".  NULL, or what is wrong. */
const char *acl_parse_port(const char *, struct acl_range *);
const char *acl_parse_icmp(const char *, struct acl_range *);
int acl_parse_protocol(const struct acl_yaml *, int *protocol, struct acl_error *);

/* ---- rules and pools ---- */

/* policy_like.c: what is the same as in another policy.  Items of the source that is being read, as
 * the YAML reader knows them; the rule of one that it knows again; notes where a rule stands; and
 * keeps that in the policy. */
struct acl_yaml_known acl_like_known(const struct acl_policy *like,
                                     const struct acl_source *like_sources, uint32_t source);
int acl_like_rule(struct acl_policy_parser *, const struct acl_yaml *node, struct acl_rule *);
int acl_like_note(struct acl_policy_parser *, const struct acl_yaml *node, uint32_t rule);
int acl_like_keep(struct acl_policy_parser *);
/* A group of the prefix alone. */
int acl_add_literal(struct acl_policy_parser *, const char *text, const struct acl_prefix *,
                    struct acl_place place, uint32_t *group);
int acl_parse_rules(struct acl_policy_parser *, const struct acl_yaml *rules, enum acl_tier);
/* What can be seen only when all of it is there. */
int acl_check_rules(struct acl_policy_parser *);
/* A rule of a quarantine's list. */
int acl_parse_list_rule(struct acl_policy_parser *, const struct acl_yaml *, struct acl_rule *);
int acl_parse_lists(struct acl_policy_parser *, const struct acl_yaml *lists);
int acl_parse_pools(struct acl_policy_parser *, const struct acl_yaml *pools);
int acl_check_pools(struct acl_policy_parser *);
int acl_parse_detection(struct acl_policy_parser *, const struct acl_yaml *detection);
int acl_check_detection(struct acl_policy_parser *);

#endif
