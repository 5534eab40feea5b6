#include <config.h>

#include "acl/bits.h"

#include <stdlib.h>
#include <string.h>

bool
acl_bits_init(struct acl_bits *bits, size_t n)
{
    bits->n_words = acl_bits_words(n);
    bits->n_summary = acl_bits_words(bits->n_words);
    bits->words = calloc(bits->n_words + bits->n_summary + 1, sizeof *bits->words);
    bits->summary = bits->words ? bits->words + bits->n_words : NULL;
    return bits->words != NULL;
}

void
acl_bits_destroy(struct acl_bits *bits)
{
    free(bits->words);
}

void
acl_bits_copy(struct acl_bits *bits, const struct acl_bits *from)
{
    memcpy(bits->words, from->words, (from->n_words + from->n_summary) * sizeof *bits->words);
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
acl_bits_or(struct acl_bits *bits, const struct acl_bits *a)
{
    for (size_t w = 0; w < bits->n_words + bits->n_summary; w++) {
        bits->words[w] |= a->words[w];
    }
}
