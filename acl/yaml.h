/* A YAML text as a tree of nodes that know their place in it.
 *
 * The subset that configuration needs: one document of mappings with scalar keys, sequences and
 * scalars.  Anchors, aliases and tags are refused, so a text cannot unfold into more than it is;
 * depth is bounded, and duplicate keys are errors. */
#ifndef ACL_YAML_H
#define ACL_YAML_H 1

#include "acl/policy.h"

#define ACL_YAML_MAX_DEPTH 16

enum acl_yaml_kind {
    ACL_YAML_SCALAR,
    ACL_YAML_SEQUENCE,
    ACL_YAML_MAPPING,
    ACL_YAML_KNOWN /* an item that acl_yaml_known has; nothing below it */
};

struct acl_yaml {
    /* Of a scalar: no NUL within; the tree owns it.  Where 'size' is set: in the text that is read.
     */
    char *text;
    struct acl_yaml *child; /* first entry; of a mapping: key, value, key, value, ... */
    struct acl_yaml *next;  /* next entry of the same parent */
    uint32_t n; /* entries of a sequence, pairs of a mapping; of a known item: its number */
    enum acl_yaml_kind kind : 8;
    /* With acl_yaml_known: of an item that is a mapping in one line, how long it is in the text,
     * from its brace to the end of the line.  0: it is no such item. */
    unsigned size : 24;
    unsigned line, column; /* 1-based */
};

/* Items of sequences, of a text that was read before.  Where the same line stands in another text
 * it means the same again, and need not be read: a mapping in one line depends on nothing around
 * it. */
struct acl_yaml_known {
    const char *text;
    const struct acl_item *items; /* in the text's order */
    size_t n, first;              /* the first one's number */
};

/* 0 and '*rootp', or a positive errno and 'error'.  'known' may be NULL. */
int acl_yaml_parse(const char *text, size_t len, const struct acl_yaml_known *known,
                   struct acl_yaml **rootp, struct acl_error *error);
/* The root that acl_yaml_parse() gave, and all below it; NULL is none. */
void acl_yaml_destroy(struct acl_yaml *root);

/* Fills in 'error' and returns EINVAL.  What the text quotes is made printable ASCII. */
int acl_error_set(struct acl_error *, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
