#include <config.h>

#include "acl/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096
#define MAX_BLOCK (1u << 20)
#define ALIGN alignof(max_align_t)

struct acl_arena_block {
    struct acl_arena_block *next;
    size_t used, size;
    char data[] __attribute__((aligned(ALIGN)));
};

/* A block for 'size' bytes at least; they grow, so that there are few. */
static struct acl_arena_block *
add_block(struct acl_arena *arena, size_t size)
{
    size_t want = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    struct acl_arena_block *block;

    want = want > MAX_BLOCK ? MAX_BLOCK : want;
    want = want < size ? size : want;
    block = malloc(sizeof *block + want);
    if (block) {
        *block = (struct acl_arena_block){ .next = arena->blocks, .size = want };
        arena->blocks = block;
    }
    return block;
}

void *
acl_arena_take(struct acl_arena *arena, size_t size)
{
    struct acl_arena_block *block = arena->blocks;
    void *p;

    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (!block || block->size - block->used < size) {
        block = add_block(arena, size);
        if (!block) {
            return NULL;
        }
    }
    p = block->data + block->used;
    block->used += size;
    return p;
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
