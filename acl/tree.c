#include <config.h>

#include "acl/tree.h"

#include <stdlib.h>
#include <string.h>

#define LINE 64 /* bytes */

static int32_t
flip(uint32_t number)
{
    return (int32_t) (number ^ 0x80000000u);
}

/* Levels below the root, as few as there can be. */
static void
set_sizes(struct acl_tree *tree, size_t n_numbers)
{
    size_t sizes[ACL_TREE_MAX_DEPTH], n_nodes;
    unsigned n = 0;

    tree->depth = 0;
    if (n_numbers <= ACL_TREE_ROOT) {
        return;
    }
    for (n_nodes = (n_numbers - 1) / ACL_TREE_WIDE + 1; n_nodes > ACL_TREE_ROOT + 1;
         n_nodes = (n_nodes - 1) / (ACL_TREE_WIDE + 1) + 1) {
        sizes[n++] = n_nodes;
    }
    sizes[n++] = n_nodes;
    tree->depth = n;
    for (unsigned i = 0; i < n; i++) {
        tree->levels[i].n_nodes = (uint32_t) sizes[n - 1 - i];
    }
}

/* One allocation for all numbers. */
static bool
alloc_numbers(struct acl_tree *tree)
{
    size_t n = ACL_TREE_ROOT;
    int32_t *numbers;

    for (unsigned i = 0; i < tree->depth; i++) {
        n += (size_t) tree->levels[i].n_nodes * ACL_TREE_WIDE;
    }
    tree->memory = malloc(n * sizeof *numbers + LINE);
    if (!tree->memory) {
        return false;
    }
    numbers = (int32_t *) (((uintptr_t) tree->memory + LINE - 1) & ~(uintptr_t) (LINE - 1));
    tree->root = numbers;
    numbers += ACL_TREE_ROOT;
    for (unsigned i = 0; i < tree->depth; i++) {
        tree->levels[i].numbers = numbers;
        numbers += (size_t) tree->levels[i].n_nodes * ACL_TREE_WIDE;
    }
    return true;
}

/* The least number in node 'node' of a level, and below it. */
static int32_t
least(const struct acl_tree *tree, unsigned level, size_t node)
{
    for (; level + 1 < tree->depth; level++) {
        node *= ACL_TREE_WIDE + 1;
    }
    return node < tree->levels[level].n_nodes ? tree->levels[level].numbers[node * ACL_TREE_WIDE]
                                              : INT32_MAX;
}

static void
fill_level(struct acl_tree *tree, unsigned level)
{
    int32_t *number = tree->levels[level].numbers;

    for (size_t node = 0; node < tree->levels[level].n_nodes; node++) {
        for (size_t k = 1; k <= ACL_TREE_WIDE; k++) {
            *number++ = least(tree, level + 1, node * (ACL_TREE_WIDE + 1) + k);
        }
    }
}

bool
acl_tree_build(struct acl_tree *tree, const uint32_t *starts, const uint32_t *classes, size_t n)
{
    int32_t *last;
    size_t n_last;

    set_sizes(tree, n - 1);
    n_last = tree->depth ? (size_t) tree->levels[tree->depth - 1].n_nodes * ACL_TREE_WIDE
                         : ACL_TREE_ROOT;
    tree->classes = malloc(n * sizeof *tree->classes);
    if (!tree->classes || !alloc_numbers(tree)) {
        return false;
    }
    memcpy(tree->classes, classes, n * sizeof *classes);
    last = tree->depth ? tree->levels[tree->depth - 1].numbers : tree->root;
    for (size_t i = 0; i < n_last; i++) {
        last[i] = i + 1 < n ? flip(starts[i + 1] - 1) : INT32_MAX;
    }
    for (unsigned i = 0; i + 1 < tree->depth; i++) {
        fill_level(tree, i);
    }
    for (size_t k = 1; tree->depth && k <= ACL_TREE_ROOT; k++) {
        tree->root[k - 1] = least(tree, 0, k);
    }
    return true;
}

void
acl_tree_destroy(struct acl_tree *tree)
{
    free(tree->memory);
    free(tree->classes);
}
