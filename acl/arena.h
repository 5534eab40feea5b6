/* Memory that is given back all at once: what a policy or a document is made of.
 *
 * One thread.  Zeroed, it is empty. */
#ifndef ACL_ARENA_H
#define ACL_ARENA_H 1

#include <stddef.h>

struct acl_arena {
    struct acl_arena_block *blocks; /* the first has room */
};

/* Room for 'size' bytes, not zeroed, aligned for any of our structures; NULL when memory is short.
 */
void *acl_arena_take(struct acl_arena *, size_t size);
/* The same for 'n' elements, zeroed; never NULL for n == 0. */
void *acl_arena_zeroed(struct acl_arena *, size_t n, size_t size);
char *acl_arena_text(struct acl_arena *, const char *);
void acl_arena_destroy(struct acl_arena *);

#endif
