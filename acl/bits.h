/* Bit vectors over the rules of a table, with a summary: summary bit w says that word w is not
 * zero, so that what is mostly empty can be walked, hashed and packed without looking at every
 * word.  One thread. */
#ifndef ACL_BITS_H
#define ACL_BITS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arrays are filled up with zeros to a multiple of ACL_BITS_BLOCK words, that may be read. */
#define ACL_BITS_BLOCK 8

struct acl_bits {
    size_t n_words, n_summary;
    uint64_t *words, *summary; /* one allocation */
    uint64_t *top;             /* which summary words are not zero, by acl_bits_set_top() */
    size_t n_allocated;
};

/* Words of 64 that hold 'n' bits. */
static inline size_t
acl_bits_words(size_t n)
{
    return (n + 63) / 64;
}

/* All clear.  False when memory is short; destroy is due in either case. */
bool acl_bits_init(struct acl_bits *, size_t n);
void acl_bits_destroy(struct acl_bits *);
void acl_bits_copy(struct acl_bits *, const struct acl_bits *from);
void acl_bits_set_top(struct acl_bits *);
void acl_bits_zero(struct acl_bits *);
void acl_bits_empty(struct acl_bits *); /* the same, where few words are not zero */
/* '*' becomes a AND b, a XOR b. */
void acl_bits_and(struct acl_bits *, const struct acl_bits *a, const struct acl_bits *b);
void acl_bits_xor(struct acl_bits *, const struct acl_bits *a, const struct acl_bits *b);

static inline bool
acl_bits_has(const struct acl_bits *bits, size_t i)
{
    return bits->words[i / 64] >> (i % 64) & 1;
}

static inline void
acl_bits_set(struct acl_bits *bits, size_t i)
{
    bits->words[i / 64] |= UINT64_C(1) << (i % 64);
    bits->summary[i / 4096] |= UINT64_C(1) << (i / 64 % 64);
}

static inline void
acl_bits_put_word(struct acl_bits *bits, size_t w, uint64_t word)
{
    uint64_t bit = UINT64_C(1) << (w % 64);

    bits->words[w] = word;
    bits->summary[w / 64] = word ? bits->summary[w / 64] | bit : bits->summary[w / 64] & ~bit;
}

static inline void
acl_bits_clear(struct acl_bits *bits, size_t i)
{
    acl_bits_put_word(bits, i / 64, bits->words[i / 64] & ~(UINT64_C(1) << (i % 64)));
}

/* for each index 'W' of a word that is not zero, upwards */
#define ACL_BITS_FOR_EACH_WORD(W, BITS)                                                            \
    for (size_t s_ = 0; s_ < (BITS)->n_summary; s_++)                                              \
        for (uint64_t m_ = (BITS)->summary[s_];                                                    \
             m_ && ((W) = s_ * 64 + (size_t) __builtin_ctzll(m_), true); m_ &= m_ - 1)

#endif
