/* What acl_diff() compares. */
#ifndef ACL_DIFF_PRIV_H
#define ACL_DIFF_PRIV_H 1

#include "acl/diff.h"
#include "acl/spans.h"

enum acl_thing {
    ACL_THING_SET,
    ACL_THING_GROUP,
    ACL_THING_SERVICE,
    ACL_THING_POOL,
    ACL_THING_DETECTION, /* one, also where the sources have none */
    ACL_THING_RULE,
    ACL_THING_LIST
};
#define ACL_N_THINGS 7

/* A thing's field, for people and for comparing: by 'spans' where 'exact', else by the text. */
struct acl_value {
    const char *name;
    char *text;
    struct acl_spans spans;
    bool exact;
};
#define ACL_MAX_VALUES 8

/* How many of a kind there are (pools and groups that do not count included), and each; NULL: it
 * does not count. */
size_t acl_thing_count(const struct acl_policy *, enum acl_thing);
const char *acl_thing_name(const struct acl_policy *, enum acl_thing, size_t);
const struct acl_place *acl_thing_place(const struct acl_policy *, enum acl_thing, size_t);

/* The fields of a thing; '*n' of them, always the same for a kind.  0 or ENOMEM; in either case
 * acl_values_destroy() is due. */
int acl_thing_values(const struct acl_policy *, enum acl_thing, size_t,
                     const struct acl_spans *tunnels, struct acl_value values[ACL_MAX_VALUES],
                     size_t *n);
void acl_values_destroy(struct acl_value *, size_t n);

#endif
