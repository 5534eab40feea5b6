#include <config.h>

#include "acl/rows.h"

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"

void
acl_rows_init(struct acl_rows *rows, size_t n_rules)
{
    memset(rows, 0, sizeof *rows);
    rows->n_words = acl_rows_words(n_rules);
    rows->n_summary = acl_rows_words(rows->n_words);
}

void
acl_rows_destroy(struct acl_rows *rows)
{
    free(rows->data);
    free(rows->hashes);
    free(rows->buckets);
}

static uint64_t
hash_bits(const uint64_t *bits, size_t n_words)
{
    uint64_t hash = 0;

    /* Most words of most rows are zero: skip them, but hash where the others are. */
    for (size_t i = 0; i < n_words; i++) {
        if (bits[i]) {
            hash = acl_hash_mix(acl_hash_mix(hash, i), bits[i]);
        }
    }
    return hash;
}

static void
bucket_insert(struct acl_rows *rows, uint32_t row)
{
    size_t i = rows->hashes[row] & (rows->n_buckets - 1);

    while (rows->buckets[i]) {
        i = (i + 1) & (rows->n_buckets - 1);
    }
    rows->buckets[i] = row + 1;
}

static bool
grow(struct acl_rows *rows)
{
    uint32_t allocated = rows->allocated ? rows->allocated * 2 : 8;
    size_t stride = rows->n_summary + rows->n_words;
    uint64_t *data, *hashes;
    uint32_t *buckets;

    data = reallocarray(rows->data, allocated, (stride ? stride : 1) * sizeof *data);
    if (!data) {
        return false;
    }
    rows->data = data;
    hashes = reallocarray(rows->hashes, allocated, sizeof *hashes);
    if (!hashes) {
        return false;
    }
    rows->hashes = hashes;
    buckets = calloc(allocated * 2, sizeof *buckets);
    if (!buckets) {
        return false;
    }
    free(rows->buckets);
    rows->buckets = buckets;
    rows->n_buckets = allocated * 2;
    rows->allocated = allocated;
    for (uint32_t row = 0; row < rows->n; row++) {
        bucket_insert(rows, row);
    }
    return true;
}

static bool
find(const struct acl_rows *rows, const uint64_t *bits, uint64_t hash, uint32_t *row)
{
    size_t i = hash & (rows->n_buckets - 1);

    for (; rows->buckets[i]; i = (i + 1) & (rows->n_buckets - 1)) {
        *row = rows->buckets[i] - 1;
        if (rows->hashes[*row] == hash && !memcmp(acl_rows_get(rows, *row) + rows->n_summary, bits,
                                                  rows->n_words * sizeof *bits)) {
            return true;
        }
    }
    return false;
}

bool
acl_rows_add(struct acl_rows *rows, const uint64_t *bits, uint32_t *row)
{
    uint64_t hash = hash_bits(bits, rows->n_words);
    uint64_t *data;

    if (rows->n && find(rows, bits, hash, row)) {
        return true;
    }
    if (rows->n == rows->allocated && !grow(rows)) {
        return false;
    }
    *row = rows->n++;
    rows->hashes[*row] = hash;
    data = rows->data + *row * (rows->n_summary + rows->n_words);
    memset(data, 0, rows->n_summary * sizeof *data);
    for (size_t i = 0; i < rows->n_words; i++) {
        if (bits[i]) {
            acl_bit_set(data, i);
        }
        data[rows->n_summary + i] = bits[i];
    }
    bucket_insert(rows, *row);
    return true;
}

void
acl_rows_freeze(struct acl_rows *rows)
{
    size_t size = rows->n * (rows->n_summary + rows->n_words) * sizeof *rows->data;
    uint64_t *data = size ? realloc(rows->data, size) : NULL;

    if (data) {
        rows->data = data;
    }
    free(rows->buckets);
    free(rows->hashes);
    rows->buckets = NULL;
    rows->hashes = NULL;
    rows->n_buckets = 0;
    rows->allocated = rows->n;
}

size_t
acl_rows_bytes(const struct acl_rows *rows)
{
    return rows->allocated * (rows->n_summary + rows->n_words) * sizeof *rows->data;
}
