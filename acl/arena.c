#include <config.h>

#include "acl/arena.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096
#define MAX_BLOCK (1u << 20)

struct acl_arena_block {
    struct acl_arena_block *next;
    size_t size;
    char data[] __attribute__((aligned(ACL_ARENA_ALIGN)));
};

/* Blocks grow, so that there are few. */
void *
acl_arena_take_more(struct acl_arena *arena, size_t size)
{
    size_t want = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    struct acl_arena_block *block;

    want = want > MAX_BLOCK ? MAX_BLOCK : want;
    want = want < size ? size : want;
    block = malloc(sizeof *block + want);
    if (!block) {
        return NULL;
    }
    *block = (struct acl_arena_block){ .next = arena->blocks, .size = want };
    arena->blocks = block;
    arena->at = block->data + size;
    arena->left = want - size;
    return block->data;
}

void *
acl_arena_zeroed(struct acl_arena *arena, size_t n, size_t size)
{
    void *p = acl_arena_take(arena, n * size);

    return p ? memset(p, 0, n * size) : NULL;
}

char *
acl_arena_text(struct acl_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = acl_arena_take(arena, size);

    return copy ? memcpy(copy, text, size) : NULL;
}

void
acl_arena_destroy(struct acl_arena *arena)
{
    while (arena->blocks) {
        struct acl_arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}
