/* ClassBench rule sets as this project classifies them: source and destination prefixes become
 * groups, and rules name these. */
#ifndef TESTS_ACL_RULESET_H
#define TESTS_ACL_RULESET_H 1

#include "filters.h"

struct ruleset {
    struct filters filters;
    struct acl_table_rule *rules; /* peer: source, local: destination; slot 7 i + 1 */
    struct ruleset_side {
        struct acl_member *members; /* a group for each distinct prefix */
        size_t n_members;
        uint32_t *group; /* of each filter */
    } src, dst;
};

/* What has to be built of it before the first packet. */
struct classifier {
    struct acl_classes *src_classes, *dst_classes;
    struct acl_classmap *src, *dst;
    struct acl_table *table;
};

#define RULESET_DEFAULT_SLOT 4000000000u

/* False, with a message on stderr, when that fails; destroy is due in either case. */
bool ruleset_read(struct ruleset *, const char *path);
void ruleset_destroy(struct ruleset *);
/* False only when memory is short; destroy is due in either case. */
bool classifier_build(struct classifier *, const struct ruleset *);
void classifier_destroy(struct classifier *);

#endif
