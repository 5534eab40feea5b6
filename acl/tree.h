/* Search trees: from a 32-bit number to the class of the interval it lies in.
 *
 * A static B+ tree without pointers, as wide as vector registers: a node is ACL_TREE_WIDE numbers,
 * one cache line, and child k of it holds what is greater than its k-th number (Slotin,
 * "Algorithms for Modern Hardware", 2022, S+ trees).  The root is wider, which saves a level. Every
 * search takes the same few steps, and no step is a guess.  Immutable. */
#ifndef ACL_TREE_H
#define ACL_TREE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_TREE_ROOT 64
#define ACL_TREE_WIDE 16
#define ACL_TREE_MAX_DEPTH 7 /* 65 * 17^6 * 16 > 2^32 */

/* A number is the last of the interval before, so that what is searched for is compared with "less
 * than", which nothing is that fills up the last node: INT32_MAX.  Numbers ascend; their sign bit
 * is flipped, so that signed comparison orders them. */
struct acl_tree {
    void *memory;  /* of all numbers */
    int32_t *root; /* ACL_TREE_ROOT of them */
    unsigned depth;
    struct acl_tree_level {
        int32_t *numbers; /* ACL_TREE_WIDE a node */
        uint32_t n_nodes;
    } levels[ACL_TREE_MAX_DEPTH]; /* below the root */
    uint32_t *classes;            /* by how many numbers of the last level, or the root, are less */
};

/* Interval i is starts[i] .. starts[i + 1] - 1; starts[0] is taken for 0.  False when memory is
 * short; destroy is due in either case. */
bool acl_tree_build(struct acl_tree *, const uint32_t *starts, const uint32_t *classes, size_t n);
void acl_tree_destroy(struct acl_tree *);

#endif
