/* Search trees: from a 32-bit number to the class of the interval it lies in.
 *
 * A static B+ tree without pointers, as wide as a vector register: a node is ACL_TREE_WIDE numbers,
 * one cache line, and child k of a node holds what is at least its k-th number (Slotin, "Algorithms
 * for Modern Hardware", 2022, S+ trees).  Every search takes the same few steps, and no step is a
 * guess.  Immutable. */
#ifndef ACL_TREE_H
#define ACL_TREE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_TREE_WIDE 16
#define ACL_TREE_MAX_DEPTH 8 /* 17^7 * 16 > 2^32 */

struct acl_tree {
    unsigned depth;
    void *memory; /* of all levels */
    struct acl_tree_level {
        /* n_nodes * ACL_TREE_WIDE, ascending, with the sign bit flipped so that signed comparison
         * orders them; what is left over is INT32_MAX. */
        int32_t *numbers;
        uint32_t n_nodes;
    } levels[ACL_TREE_MAX_DEPTH]; /* the root, one node, first */
    uint32_t *classes;            /* by how many numbers of the last level are not greater */
    uint32_t n_classes;
};

/* Interval i is starts[i] .. starts[i + 1] - 1; starts[0] is taken for 0.  False when memory is
 * short; destroy is due in either case. */
bool acl_tree_build(struct acl_tree *, const uint32_t *starts, const uint32_t *classes, size_t n);
void acl_tree_destroy(struct acl_tree *);

#endif
