/* Rows: bit vectors over the rules of a table, packed, each distinct one kept once.
 *
 * Only words that are not zero are kept, behind a summary that says which these are; the place of
 * one is the number of summary bits before it (as in poptrie: Asai and Ohara, SIGCOMM 2015).  A row
 * is
 *
 *     a pair (summary, base) for each 64 words of the vector: the first of their words that are not
 *     zero is row[base], the others follow it
 *     the words
 *
 * Of tables with more than ACL_ROWS_MAX_PAIRS pairs only those are kept whose summary is not zero,
 * and 'n_top' words in front say which: three levels instead of two.
 *
 * Not thread-safe while rows are added; afterwards it is only read.  Behind every row
 * ACL_ROWS_SLACK words may be read, whatever they are, so that a row can be read in blocks of that
 * size. */
#ifndef ACL_ROWS_H
#define ACL_ROWS_H 1

#include "acl/bits.h"

#define ACL_ROWS_MAX_PAIRS 8
#define ACL_ROWS_SLACK 8

struct acl_rows {
    size_t n_summary, n_top; /* n_top is 0 with two levels */
    uint64_t *data;
    size_t n_data, allocated_data; /* in words, slack left out */
    uint32_t *at;                  /* where in 'data' each row begins */
    uint64_t *hashes;              /* of each row */
    uint32_t n, allocated;
    uint32_t *buckets; /* row + 1, 0 = empty; a power of two of them */
    size_t n_buckets;
};

static inline const uint64_t *
acl_rows_get(const struct acl_rows *rows, uint32_t row)
{
    return rows->data + rows->at[row];
}

void acl_rows_init(struct acl_rows *, size_t n_rules);
void acl_rows_destroy(struct acl_rows *);
/* Number of the row that holds 'bits', added when it is new.  False when memory is short. */
bool acl_rows_add(struct acl_rows *, const struct acl_bits *, uint32_t *row);
/* A row becomes a vector again. */
void acl_rows_unpack(const struct acl_rows *, uint32_t row, struct acl_bits *);
/* Gives back what only adding needs.  No row can be added afterwards. */
void acl_rows_freeze(struct acl_rows *);
size_t acl_rows_bytes(const struct acl_rows *);

#endif
