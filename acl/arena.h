/* Memory that is given back all at once: what a policy or a document is made of.
 *
 * One thread.  Zeroed, it is empty. */
#ifndef ACL_ARENA_H
#define ACL_ARENA_H 1

#include <stddef.h>

#define ACL_ARENA_ALIGN 8

struct acl_arena {
    char *at; /* room in the newest block */
    size_t left;
    struct acl_arena_block *blocks;
};

/* For acl_arena_take(): where no room is left. */
void *acl_arena_take_more(struct acl_arena *, size_t size);

/* Room for 'size' bytes, not zeroed, aligned to ACL_ARENA_ALIGN; NULL when memory is short. */
static inline void *
acl_arena_take(struct acl_arena *arena, size_t size)
{
    void *p = arena->at;

    size = (size + ACL_ARENA_ALIGN - 1) / ACL_ARENA_ALIGN * ACL_ARENA_ALIGN;
    if (__builtin_expect(!p || size > arena->left, 0)) {
        return acl_arena_take_more(arena, size);
    }
    arena->at += size;
    arena->left -= size;
    return p;
}

/* The same for 'n' elements, zeroed; never NULL for n == 0 but when memory is short. */
void *acl_arena_zeroed(struct acl_arena *, size_t n, size_t size);
char *acl_arena_text(struct acl_arena *, const char *);
void acl_arena_destroy(struct acl_arena *);

#endif
