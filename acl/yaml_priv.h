/* How a text becomes a tree: two readers, one builder.
 *
 * libfyaml reads all of YAML, and takes its time.  The lean reader reads what policies are written
 * in and gives up on everything else, and then libfyaml is asked: what both read, both read alike
 * (a test holds them against each other), and errors are always libfyaml's. */
#ifndef ACL_YAML_PRIV_H
#define ACL_YAML_PRIV_H 1

#include "acl/yaml.h"

struct acl_yaml_document;

struct acl_yaml_builder {
    struct acl_yaml_document *document; /* what is built; NULL: nothing yet */
    struct acl_yaml
        *open[ACL_YAML_MAX_DEPTH]; /* containers around the next node, outermost first */
    struct acl_yaml **tail[ACL_YAML_MAX_DEPTH]; /* where its next entry goes */
    size_t entries[ACL_YAML_MAX_DEPTH];         /* keys and values count one each */
    unsigned depth;
    const struct acl_yaml_known *known; /* or NULL */
    size_t next_known;                  /* where the next one is expected */
    struct acl_error *error;
};

/* Each returns 0, ENOMEM, or EINVAL with the builder's error filled in. */
int acl_yaml_open(struct acl_yaml_builder *, enum acl_yaml_kind, unsigned line, unsigned column);
int acl_yaml_close(struct acl_yaml_builder *);
/* 'text' is only pointed to: acl_yaml_keep() has given the room for it. */
int acl_yaml_scalar(struct acl_yaml_builder *, char *text, unsigned line, unsigned column);
/* An item that is known by that number. */
int acl_yaml_add_known(struct acl_yaml_builder *, size_t number, unsigned line, unsigned column);
/* The node that was added last to the innermost open container. */
struct acl_yaml *acl_yaml_last(const struct acl_yaml_builder *);
/* Room in the document, which is freed with it; NULL when memory is short. */
char *acl_yaml_keep(struct acl_yaml_builder *, size_t size);
/* What has been built, or NULL. */
struct acl_yaml *acl_yaml_root(const struct acl_yaml_builder *);
/* Frees it. */
void acl_yaml_abandon(struct acl_yaml_builder *);

/* 0 and the builder has a root; or ENOMEM, or EINVAL and the builder's error. */
int acl_yaml_read(struct acl_yaml_builder *, const char *text, size_t len);
/* The lean reader.  EINVAL: it gives up (and the builder's error says nothing of use). */
int acl_yaml_read_lean(struct acl_yaml_builder *, const char *text, size_t len);

#endif
