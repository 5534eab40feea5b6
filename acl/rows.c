#include <config.h>

#include "acl/rows.h"

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"

#define LINE 64 /* bytes */
#define DENSE_HEAD ACL_ROWS_DENSE_HEAD

/* A row's hash is the sum of these, so that the words do not wait for each other. */
static uint64_t
hash_word(size_t w, uint64_t word)
{
    unsigned __int128 product =
        (unsigned __int128) (word ^ 0x9e3779b97f4a7c15u) * ((w + 1) * 0xbf58476d1ce4e5b9u);

    return word ? (uint64_t) product ^ (uint64_t) (product >> 64) : 0;
}

static uint64_t
hash_row(const struct acl_bits *difference)
{
    uint64_t hash = 0;
    size_t w;

    ACL_BITS_FOR_EACH_WORD(w, difference)
    {
        hash += hash_word(w, difference->words[w]);
    }
    return acl_hash_mix(0, hash);
}

void
acl_rows_init(struct acl_rows *rows, size_t n_rules, const struct acl_bits *base, bool dense)
{
    memset(rows, 0, sizeof *rows);
    rows->base = base;
    rows->n_words = acl_bits_words(n_rules);
    rows->flat = rows->n_words <= ACL_ROWS_FLAT;
    rows->n_summary = acl_bits_words(rows->n_words);
    rows->n_top = rows->n_summary > ACL_ROWS_MAX_SUMMARY ? acl_bits_words(rows->n_summary) : 0;
    rows->dense = dense && !rows->flat && !rows->n_top;
}

void
acl_rows_destroy(struct acl_rows *rows)
{
    free(rows->memory);
    free(rows->at);
    free(rows->hashes);
    free(rows->buckets);
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

static size_t
dense_size(const struct acl_rows *rows)
{
    return DENSE_HEAD + (rows->n_words + ACL_BITS_BLOCK - 1) / ACL_BITS_BLOCK * ACL_BITS_BLOCK;
}

/* Room for the largest row that there can be of this many words that are not zero. */
static bool
grow_data(struct acl_rows *rows, size_t n_words)
{
    size_t size = rows->flat    ? ACL_ROWS_FLAT
                  : rows->dense ? dense_size(rows)
                                : rows->n_top + 2 * rows->n_summary + n_words;
    size_t needed = rows->n_data + size;
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
    rows->memory = rows->data = data;
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

static size_t
pack_dense(const struct acl_rows *rows, const struct acl_bits *bits, uint64_t *row)
{
    memset(row, 0, dense_size(rows) * sizeof *row);
    memcpy(row, bits->summary, rows->n_summary * sizeof *row);
    memcpy(row + DENSE_HEAD, bits->words, rows->n_words * sizeof *row);
    return dense_size(rows);
}

static uint64_t *
put_words(uint64_t *to, const struct acl_bits *bits, size_t s)
{
    for (uint64_t m = bits->summary[s]; m; m &= m - 1) {
        *to++ = bits->words[s * 64 + (size_t) __builtin_ctzll(m)];
    }
    return to;
}

/* Write the row to 'row', where there is room; return its size. */

static size_t
pack_flat(const struct acl_rows *rows, const struct acl_bits *bits, uint64_t *row)
{
    for (size_t w = 0; w < ACL_ROWS_FLAT; w++) {
        row[w] = w < rows->n_words ? bits->words[w] ^ (rows->base ? rows->base->words[w] : 0) : 0;
    }
    return ACL_ROWS_FLAT;
}

static size_t
pack_two_levels(const struct acl_rows *rows, const struct acl_bits *bits, uint64_t *row)
{
    uint8_t *place = (uint8_t *) (row + rows->n_summary);
    uint64_t *words = row + 2 * rows->n_summary, *word = words;

    memcpy(row, bits->summary, rows->n_summary * sizeof *row);
    for (size_t s = 0; s < rows->n_summary; s++) {
        size_t before = (size_t) (word - words);

        for (unsigned block = 0; block < 8; block++) {
            uint64_t below = (UINT64_C(1) << block * 8) - 1;

            *place++ = (uint8_t) (before + (size_t) __builtin_popcountll(row[s] & below));
        }
        word = put_words(word, bits, s);
    }
    return (size_t) (word - row);
}

static size_t
pack_three_levels(const struct acl_rows *rows, const struct acl_bits *bits, uint64_t *row)
{
    uint64_t *pair = row + rows->n_top, *word = pair;

    memset(row, 0, rows->n_top * sizeof *row);
    for (size_t s = 0; s < rows->n_summary; s++) {
        if (bits->summary[s]) {
            row[s / 64] |= UINT64_C(1) << (s % 64);
            word += 2;
        }
    }
    for (size_t s = 0; s < rows->n_summary; s++) {
        if (bits->summary[s]) {
            *pair++ = bits->summary[s];
            *pair++ = (uint64_t) (word - row);
            word = put_words(word, bits, s);
        }
    }
    return (size_t) (word - row);
}

static size_t
pack(const struct acl_rows *rows, const struct acl_bits *bits, uint64_t *row)
{
    return rows->flat    ? pack_flat(rows, bits, row)
           : rows->dense ? pack_dense(rows, bits, row)
           : rows->n_top ? pack_three_levels(rows, bits, row)
                         : pack_two_levels(rows, bits, row);
}

static size_t
row_end(const struct acl_rows *rows, uint32_t row)
{
    return row + 1 < rows->n ? rows->at[row + 1] : rows->n_data;
}

bool
acl_rows_add(struct acl_rows *rows, const struct acl_bits *bits, uint32_t *row)
{
    uint64_t hash = hash_row(bits);
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

    acl_bits_zero(bits);
    for (size_t w = 0; rows->flat && w < rows->n_words; w++) {
        acl_bits_put_word(bits, w, data[w]);
    }
    for (size_t s = 0; !rows->flat && s < rows->n_summary; s++) {
        const uint64_t *word;

        if (!rows->n_top) {
            bits->summary[s] = data[s];
            word = acl_row_block(data, rows->n_summary, s * 8);
        } else if (data[s / 64] >> (s % 64) & 1) {
            bits->summary[s] = pair[0];
            word = data + pair[1];
            pair += 2;
        } else {
            continue;
        }
        for (uint64_t m = bits->summary[s]; m; m &= m - 1) {
            bits->words[s * 64 + (size_t) __builtin_ctzll(m)] = *word++;
        }
    }
}

void
acl_rows_freeze(struct acl_rows *rows)
{
    size_t size = (rows->n_data + ACL_ROWS_SLACK) * sizeof *rows->data;
    void *memory = rows->n ? malloc(size + LINE) : NULL;

    /* Without it there is some spare room, and a row may begin anywhere. */
    if (memory) {
        rows->data = (uint64_t *) (((uintptr_t) memory + LINE - 1) & ~(uintptr_t) (LINE - 1));
        memcpy(rows->data, rows->memory, rows->n_data * sizeof *rows->data);
        free(rows->memory);
        rows->memory = memory;
        rows->allocated_data = rows->n_data;
    }
    if (rows->n) {
        memset(rows->data + rows->n_data, 0, ACL_ROWS_SLACK * sizeof *rows->data);
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
