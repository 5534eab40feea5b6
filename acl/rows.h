/* Rows: bit vectors over the rules of a table, each distinct one kept once.
 *
 * A row is 'n_summary' summary words and then 'n_words' words of rule bits; summary bit w says that
 * word w is not zero.  Not thread-safe while rows are added; afterwards it is only read. */
#ifndef ACL_ROWS_H
#define ACL_ROWS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acl_rows {
    size_t n_words, n_summary;
    uint64_t *data;
    uint64_t *hashes; /* of each row */
    uint32_t n, allocated;
    uint32_t *buckets; /* row + 1, 0 = empty; a power of two of them */
    size_t n_buckets;
};

static inline size_t
acl_rows_words(size_t n_rules)
{
    return (n_rules + 63) / 64;
}

static inline const uint64_t *
acl_rows_get(const struct acl_rows *rows, uint32_t row)
{
    return rows->data + row * (rows->n_summary + rows->n_words);
}

static inline void
acl_bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void
acl_bit_clear(uint64_t *bits, size_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

void acl_rows_init(struct acl_rows *, size_t n_rules);
void acl_rows_destroy(struct acl_rows *);
/* Number of the row that holds 'bits' (n_words of them), added when it is new.  False when memory
 * is short. */
bool acl_rows_add(struct acl_rows *, const uint64_t *bits, uint32_t *row);
/* Gives back what only adding needs.  No row can be added afterwards. */
void acl_rows_freeze(struct acl_rows *);
size_t acl_rows_bytes(const struct acl_rows *);

#endif
