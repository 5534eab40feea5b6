/* What the steps of acl_cover_build() share. */
#ifndef ACL_COVER_PRIV_H
#define ACL_COVER_PRIV_H 1

#include <stdbool.h>

#include "acl/cover.h"

/* A triple with its sides in another order, and where it comes from. */
struct acl_turned {
    uint32_t a, b, c;
    uint32_t from;
};

int acl_turned_compare(const void *, const void *);
/* Sides 'a', 'b' and 'c' of a triple. */
struct acl_turned acl_turn(const uint32_t v[ACL_SIDES], int a, int b, int c, size_t from);

/* Values of a side that go with the same others, as one. */
struct acl_kinds {
    uint32_t *kind;   /* of each triple */
    uint32_t *values; /* by kind */
    size_t *first;    /* index of a kind's values, [n + 1] */
    size_t n;
};

/* False: memory is short.  What is allocated then is there to be freed. */
bool acl_kinds_find(const struct acl_triple *, size_t n, int side, struct acl_kinds *);
/* How many values are of these kinds. */
size_t acl_kinds_count(const struct acl_kinds *, const uint32_t *kinds, size_t n);
/* Puts the values, sorted, in the place of the kinds.  False: memory is short. */
bool acl_kinds_unfold(const struct acl_kinds *, uint32_t **v, size_t *np);

#endif
