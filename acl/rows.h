/* Rows: bit vectors over the rules of a table, packed, each distinct one kept once.
 *
 * What is kept of a row is how it differs from the base that the rows of a field have in common:
 * the bits of rules that most of them have.  So a rule for any address does not fill the row of
 * each. Of the difference only words that are not zero are kept, behind a summary that says which
 * these are; the place of one is the number of summary bits before it (as in poptrie: Asai and
 * Ohara, SIGCOMM 2015).  A row is
 *
 *     a summary word for each 64 words of the vector
 *     the place of each block of eight words of it, a byte each: the first of its words that are
 *     not zero, counted from the first of all
 *     the words
 *
 * Rows that are few and not empty are 'dense': not packed, but eight words of summary and then
 * all words, filled up to a multiple of eight.
 *
 * Of tables with up to ACL_ROWS_FLAT words there is one level: a row is itself, that many words, as
 * packing would save less than it costs.
 *
 * Tables with more than ACL_ROWS_MAX_SUMMARY summary words have three levels instead of two:
 *
 *     'n_top' words, which say what summary words are not zero
 *     a pair (summary, base) for each of those
 *     the words
 *
 * Not thread-safe while rows are added; afterwards it is only read.  Behind every row
 * ACL_ROWS_SLACK words may be read, whatever they are, so that a row can be read in blocks of that
 * size. */
#ifndef ACL_ROWS_H
#define ACL_ROWS_H 1

#include "acl/bits.h"

#define ACL_ROWS_MAX_SUMMARY 4 /* 16,384 rules: a byte is enough for a place */
#define ACL_ROWS_FLAT 16       /* 1,024 rules */
#define ACL_ROWS_DENSE_HEAD 8  /* a cache line, of which only the first words are used */
#define ACL_ROWS_SLACK 8

struct acl_rows {
    const struct acl_bits *base; /* the caller's, and the same for all rows; NULL: nothing */
    size_t n_words, n_summary;
    size_t n_top; /* 0 with two levels or one */
    bool flat;    /* one level */
    bool dense;   /* of two levels */
    void *memory;
    uint64_t *data; /* in it; at the beginning of a cache line when they are frozen */
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

/* With two levels, packed: the words of block 'block' that are not zero. */
static inline const uint64_t *
acl_row_block(const uint64_t *row, size_t n_summary, size_t block)
{
    return row + 2 * n_summary + ((const uint8_t *) (row + n_summary))[block];
}

/* 'dense' is only heeded with two levels and no base. */
void acl_rows_init(struct acl_rows *, size_t n_rules, const struct acl_bits *base, bool dense);
void acl_rows_destroy(struct acl_rows *);
/* Number of the row that is the base XOR 'difference', added when it is new.  False when memory is
 * short. */
bool acl_rows_add(struct acl_rows *, const struct acl_bits *difference, uint32_t *row);
/* The difference becomes a vector again, where there is no base. */
void acl_rows_unpack(const struct acl_rows *, uint32_t row, struct acl_bits *);
/* Gives back what only adding needs.  No row can be added afterwards. */
void acl_rows_freeze(struct acl_rows *);
size_t acl_rows_bytes(const struct acl_rows *);

#endif
