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

struct acl_policy_parser {
    struct acl_policy *policy;
    struct acl_names names;
    size_t groups_allocated;
    struct acl_error *error;
};

/* Spreads the values of mapping 'map' over 'values', by the position of their keys in 'keys'; NULL
 * for a missing one.  Only the first 'n_required' may not be missing. */
int acl_fields(const struct acl_yaml *map, const char *what, const char *const *keys, size_t n_keys,
               size_t n_required, const struct acl_yaml **values, struct acl_error *);
int acl_expect(const struct acl_yaml *, enum acl_yaml_kind, const char *what, struct acl_error *);
/* A name or an id: see policy.h for what it may hold. */
int acl_check_name(const struct acl_yaml *, const char *what, struct acl_error *);
/* Decimal digits only, up to 'max'. */
bool acl_parse_number(const char *s, unsigned max, unsigned *value);

/* Appends a group called 'name', with an index entry. */
int acl_add_group(struct acl_policy_parser *, const char *name, uint32_t *index);
bool acl_find_group(const struct acl_policy_parser *, const char *name, uint32_t *index);

int acl_parse_groups(struct acl_policy_parser *, const struct acl_yaml *groups);
int acl_parse_rules(struct acl_policy_parser *, const struct acl_yaml *rules);

#endif
