#include <config.h>

#include "acl/bits.h"

#include <stdlib.h>
#include <string.h>

static size_t
round_up(size_t n)
{
    return (n + ACL_BITS_BLOCK - 1) / ACL_BITS_BLOCK * ACL_BITS_BLOCK;
}

bool
acl_bits_init(struct acl_bits *bits, size_t n)
{
    bits->n_words = acl_bits_words(n);
    bits->n_summary = acl_bits_words(bits->n_words);
    bits->n_allocated = round_up(bits->n_words) + round_up(bits->n_summary) +
                        round_up(acl_bits_words(bits->n_summary) + 1);
    bits->words = calloc(bits->n_allocated, sizeof *bits->words);
    if (!bits->words) {
        return false;
    }
    bits->summary = bits->words + round_up(bits->n_words);
    bits->top = bits->summary + round_up(bits->n_summary);
    return true;
}

void
acl_bits_set_top(struct acl_bits *bits)
{
    for (size_t s = 0; s < bits->n_summary; s++) {
        bits->top[s / 64] |= (uint64_t) (bits->summary[s] != 0) << (s % 64);
    }
}

void
acl_bits_destroy(struct acl_bits *bits)
{
    free(bits->words);
}

void
acl_bits_copy(struct acl_bits *bits, const struct acl_bits *from)
{
    memcpy(bits->words, from->words, bits->n_allocated * sizeof *bits->words);
}

void
acl_bits_zero(struct acl_bits *bits)
{
    memset(bits->words, 0, bits->n_allocated * sizeof *bits->words);
}

void
acl_bits_and(struct acl_bits *bits, const struct acl_bits *a, const struct acl_bits *b)
{
    memset(bits->summary, 0, bits->n_summary * sizeof *bits->summary);
    for (size_t w = 0; w < bits->n_words; w++) {
        uint64_t word = a->words[w] & b->words[w];

        bits->words[w] = word;
        bits->summary[w / 64] |= (uint64_t) (word != 0) << (w % 64);
    }
}

void
acl_bits_xor(struct acl_bits *bits, const struct acl_bits *a, const struct acl_bits *b)
{
    memset(bits->summary, 0, bits->n_summary * sizeof *bits->summary);
    for (size_t w = 0; w < bits->n_words; w++) {
        uint64_t word = a->words[w] ^ b->words[w];

        bits->words[w] = word;
        bits->summary[w / 64] |= (uint64_t) (word != 0) << (w % 64);
    }
}

void
acl_bits_empty(struct acl_bits *bits)
{
    for (size_t s = 0; s < bits->n_summary; s++) {
        for (uint64_t m = bits->summary[s]; m; m &= m - 1) {
            bits->words[s * 64 + (size_t) __builtin_ctzll(m)] = 0;
        }
        bits->summary[s] = 0;
    }
}
