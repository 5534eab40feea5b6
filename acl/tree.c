#include <config.h>

#include "acl/tree.h"

#include <stdlib.h>
#include <string.h>

#define NODE_BYTES (ACL_TREE_WIDE * sizeof(int32_t))

static int32_t
flip(uint32_t number)
{
    return (int32_t) (number ^ 0x80000000u);
}

/* Numbers of nodes of each level, from the root on. */
static void
set_sizes(struct acl_tree *tree, size_t n_numbers)
{
    uint32_t sizes[ACL_TREE_MAX_DEPTH];
    unsigned n = 0;

    sizes[n++] = n_numbers ? (uint32_t) ((n_numbers - 1) / ACL_TREE_WIDE + 1) : 1;
    for (; sizes[n - 1] > 1; n++) {
        sizes[n] = (sizes[n - 1] + ACL_TREE_WIDE) / (ACL_TREE_WIDE + 1);
    }
    tree->depth = n;
    for (unsigned i = 0; i < n; i++) {
        tree->levels[i].n_nodes = sizes[n - 1 - i];
    }
}

/* One allocation for all levels. */
static bool
alloc_levels(struct acl_tree *tree)
{
    size_t n_nodes = 0;
    int32_t *numbers;

    for (unsigned i = 0; i < tree->depth; i++) {
        n_nodes += tree->levels[i].n_nodes;
    }
    /* By hand: aligned_alloc() is not among what the tests let fail. */
    tree->memory = malloc((n_nodes + 1) * NODE_BYTES);
    if (!tree->memory) {
        return false;
    }
    numbers = (int32_t *) (((uintptr_t) tree->memory + NODE_BYTES - 1) & ~(NODE_BYTES - 1));
    for (unsigned i = 0; i < tree->depth; i++) {
        tree->levels[i].numbers = numbers;
        numbers += (size_t) tree->levels[i].n_nodes * ACL_TREE_WIDE;
    }
    return true;
}

/* What is least in a node and below it, on the last level. */
static size_t
first_leaf(const struct acl_tree *tree, unsigned level, size_t node)
{
    for (; level + 1 < tree->depth; level++) {
        node *= ACL_TREE_WIDE + 1;
    }
    return node;
}

static void
fill_level(struct acl_tree *tree, unsigned level)
{
    const struct acl_tree_level *leaves = &tree->levels[tree->depth - 1];
    int32_t *number = tree->levels[level].numbers;

    for (size_t node = 0; node < tree->levels[level].n_nodes; node++) {
        for (size_t k = 0; k < ACL_TREE_WIDE; k++) {
            size_t leaf = first_leaf(tree, level + 1, node * (ACL_TREE_WIDE + 1) + k + 1);

            *number++ = leaf < leaves->n_nodes ? leaves->numbers[leaf * ACL_TREE_WIDE] : INT32_MAX;
        }
    }
}

bool
acl_tree_build(struct acl_tree *tree, const uint32_t *starts, const uint32_t *classes, size_t n)
{
    struct acl_tree_level *leaves;

    set_sizes(tree, n - 1);
    leaves = &tree->levels[tree->depth - 1];
    tree->n_classes = leaves->n_nodes * ACL_TREE_WIDE + 1;
    tree->classes = malloc(tree->n_classes * sizeof *tree->classes);
    if (!tree->classes || !alloc_levels(tree)) {
        return false;
    }
    for (size_t i = 0; i < tree->n_classes - 1; i++) {
        leaves->numbers[i] = i + 1 < n ? flip(starts[i + 1]) : INT32_MAX;
    }
    /* The greatest number of all finds also what was left over no greater than itself. */
    for (size_t i = 0; i < tree->n_classes; i++) {
        tree->classes[i] = classes[i < n ? i : n - 1];
    }
    for (unsigned i = 0; i + 1 < tree->depth; i++) {
        fill_level(tree, i);
    }
    return true;
}

void
acl_tree_destroy(struct acl_tree *tree)
{
    free(tree->memory);
    free(tree->classes);
}
