/* Few boxes that make up a set of triples: who, to whom, for what.
 *
 * A box is three sets and stands for every triple of one of each; those here hold triples of the
 * set and no other.  The fewest boxes are a biclique cover in three parts, for which no fast way is
 * known; this one is greedy, as the two-level minimiser Espresso is (Brayton and others, 1984):
 * values that go with the same others are one; from each triple, the most tied ones first, boxes
 * are grown in every order of the three sides, and the one with the most that no box has yet is
 * kept; at the end those go whose triples others have, and the smaller ones give up what larger
 * ones have.  So no box can be left out, but fewer may be enough.
 *
 * Pure. */
#ifndef ACL_COVER_H
#define ACL_COVER_H 1

#include <stddef.h>
#include <stdint.h>

#define ACL_SIDES 3

struct acl_triple {
    uint32_t v[ACL_SIDES];
};

struct acl_box {
    uint32_t *v[ACL_SIDES]; /* sorted */
    size_t n[ACL_SIDES];
    size_t size;      /* triples that it had when the larger ones took what is theirs, too */
    uint32_t witness; /* a triple that no other box has */
};

struct acl_cover {
    struct acl_box *boxes; /* the largest first */
    size_t n;
    uint32_t *owner; /* of each triple: the first box that has it */
};

/* Each of the triples is there once, in any order.  0, or ENOMEM and none. */
int acl_cover_build(const struct acl_triple *, size_t n, struct acl_cover *);
void acl_cover_destroy(struct acl_cover *);

#endif
