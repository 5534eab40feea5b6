#include <config.h>

#include "acl/rows.h"

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"

void
acl_rows_init(struct acl_rows *rows, size_t n_rules)
{
    memset(rows, 0, sizeof *rows);
    rows->n_summary = acl_bits_words(acl_bits_words(n_rules));
    rows->n_top = rows->n_summary > ACL_ROWS_MAX_PAIRS ? acl_bits_words(rows->n_summary) : 0;
}

void
acl_rows_destroy(struct acl_rows *rows)
{
    free(rows->data);
    free(rows->at);
    free(rows->hashes);
    free(rows->buckets);
}

/* A sum, so that the words do not wait for each other. */
static uint64_t
hash_bits(const struct acl_bits *bits)
{
    uint64_t hash = 0;
    size_t w;

    ACL_BITS_FOR_EACH_WORD(w, bits)
    {
        unsigned __int128 product = (unsigned __int128) (bits->words[w] ^ 0x9e3779b97f4a7c15u) *
                                    ((w + 1) * 0xbf58476d1ce4e5b9u);

        hash += (uint64_t) product ^ (uint64_t) (product >> 64);
    }
    return acl_hash_mix(0, hash);
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
    uint32_t allocated = rows->allocated ? rows->allocated * 2 : 64;
    uint64_t *hashes;
    uint32_t *at, *buckets;

    at = reallocarray(rows->at, allocated, sizeof *at);
    if (!at) {
        return false;
    }
    rows->at = at;
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

/* Room for the largest row that there can be of this many words that are not zero. */
static bool
grow_data(struct acl_rows *rows, size_t n_words)
{
    size_t needed = rows->n_data + rows->n_top + 2 * rows->n_summary + n_words;
    size_t allocated = rows->allocated_data + rows->allocated_data / 2 + 1024;
    uint64_t *data;

    if (rows->data && needed <= rows->allocated_data) {
        return true;
    }
    if (needed > UINT32_MAX) {
        return false;
    }
    allocated = allocated < needed ? needed : allocated;
    data = reallocarray(rows->data, allocated + ACL_ROWS_SLACK, sizeof *data);
    if (!data) {
        return false;
    }
    rows->data = data;
    rows->allocated_data = allocated;
    return true;
}

static size_t
count_words(const struct acl_bits *bits)
{
    size_t n = 0;

    for (size_t s = 0; s < bits->n_summary; s++) {
        n += (size_t) __builtin_popcountll(bits->summary[s]);
    }
    return n;
}

/* Writes the row to 'row', where there is room; returns its size. */
static size_t
pack(const struct acl_rows *rows, const struct acl_bits *bits, uint64_t *row)
{
    size_t n = rows->n_top;
    uint64_t *pair = row + rows->n_top;

    memset(row, 0, rows->n_top * sizeof *row);
    for (size_t s = 0; s < rows->n_summary; s++) {
        n += !rows->n_top || bits->summary[s] ? 2 : 0;
    }
    for (size_t s = 0; s < rows->n_summary; s++) {
        if (rows->n_top && !bits->summary[s]) {
            continue;
        }
        if (rows->n_top) {
            row[s / 64] |= UINT64_C(1) << (s % 64);
        }
        *pair++ = bits->summary[s];
        *pair++ = n;
        for (uint64_t m = bits->summary[s]; m; m &= m - 1) {
            row[n++] = bits->words[s * 64 + (size_t) __builtin_ctzll(m)];
        }
    }
    return n;
}

static size_t
row_end(const struct acl_rows *rows, uint32_t row)
{
    return row + 1 < rows->n ? rows->at[row + 1] : rows->n_data;
}

bool
acl_rows_add(struct acl_rows *rows, const struct acl_bits *bits, uint32_t *row)
{
    uint64_t hash = hash_bits(bits);
    size_t size;

    if ((rows->n == rows->allocated && !grow(rows)) || !grow_data(rows, count_words(bits))) {
        return false;
    }
    /* Behind the others, to be compared with them, and to stay if it is new. */
    size = pack(rows, bits, rows->data + rows->n_data);
    for (size_t i = hash & (rows->n_buckets - 1); rows->buckets[i];
         i = (i + 1) & (rows->n_buckets - 1)) {
        *row = rows->buckets[i] - 1;
        if (rows->hashes[*row] == hash && row_end(rows, *row) - rows->at[*row] == size &&
            !memcmp(acl_rows_get(rows, *row), rows->data + rows->n_data,
                    size * sizeof *rows->data)) {
            return true;
        }
    }
    *row = rows->n++;
    rows->at[*row] = (uint32_t) rows->n_data;
    rows->hashes[*row] = hash;
    rows->n_data += size;
    bucket_insert(rows, *row);
    return true;
}

void
acl_rows_unpack(const struct acl_rows *rows, uint32_t row, struct acl_bits *bits)
{
    const uint64_t *data = acl_rows_get(rows, row), *pair = data + rows->n_top;

    memset(bits->words, 0, bits->n_words * sizeof *bits->words);
    for (size_t s = 0; s < rows->n_summary; s++) {
        const uint64_t *word;

        bits->summary[s] = 0;
        if (rows->n_top && !(data[s / 64] >> (s % 64) & 1)) {
            continue;
        }
        bits->summary[s] = pair[0];
        word = data + pair[1];
        for (uint64_t m = pair[0]; m; m &= m - 1) {
            bits->words[s * 64 + (size_t) __builtin_ctzll(m)] = *word++;
        }
        pair += 2;
    }
}

void
acl_rows_freeze(struct acl_rows *rows)
{
    uint64_t *data = NULL;

    if (rows->data) {
        memset(rows->data + rows->n_data, 0, ACL_ROWS_SLACK * sizeof *data);
        data = realloc(rows->data, (rows->n_data + ACL_ROWS_SLACK) * sizeof *data);
    }
    if (data) {
        rows->data = data;
        rows->allocated_data = rows->n_data;
    }
    free(rows->buckets);
    free(rows->hashes);
    rows->buckets = NULL;
    rows->hashes = NULL;
    rows->n_buckets = 0;
}

size_t
acl_rows_bytes(const struct acl_rows *rows)
{
    return rows->allocated_data * sizeof *rows->data + rows->allocated * sizeof *rows->at;
}
