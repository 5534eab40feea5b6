/* For CPUs with AVX-512: eight words at a time. */
#include <config.h>

#include <endian.h>

#include "acl/lookup_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define BODY(NAME) avx512_##NAME
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,popcnt")))
#define COUNT(X) ((unsigned) __builtin_popcountll(X))
#define find_in_blocks find_in_blocks
#define find_two find_in_rounds
#define find_flat find_in_flat

INLINE __mmask16
less(const int32_t *numbers, __m512i x)
{
    return _mm512_cmplt_epi32_mask(_mm512_load_si512(numbers), x);
}

INLINE uint32_t
count_less(const int32_t *numbers, uint32_t n, int32_t number)
{
    __m512i x = _mm512_set1_epi32(number);
    __mmask32 low, high;

    if (n == 16) {
        return (uint32_t) __builtin_popcount(less(numbers, x));
    }
    low = _mm512_kunpackw(less(numbers + 16, x), less(numbers, x));
    high = _mm512_kunpackw(less(numbers + 48, x), less(numbers + 32, x));
    return (uint32_t) __builtin_popcountll(_mm512_kunpackd(high, low));
}

/* What bits of a mask are before each of its eight. */
#define BEFORE(M, J) __builtin_popcount((M) & ((1u << (J)) - 1))
#define SPREAD_1(M)                                                                                \
    {                                                                                              \
        BEFORE(M, 0), BEFORE(M, 1), BEFORE(M, 2), BEFORE(M, 3), BEFORE(M, 4), BEFORE(M, 5),        \
            BEFORE(M, 6), BEFORE(M, 7)                                                             \
    }
#define SPREAD_4(M) SPREAD_1(M), SPREAD_1((M) + 1), SPREAD_1((M) + 2), SPREAD_1((M) + 3)
#define SPREAD_16(M) SPREAD_4(M), SPREAD_4((M) + 4), SPREAD_4((M) + 8), SPREAD_4((M) + 12)
#define SPREAD_64(M) SPREAD_16(M), SPREAD_16((M) + 16), SPREAD_16((M) + 32), SPREAD_16((M) + 48)
static const uint8_t spread[256][8] = { SPREAD_64(0), SPREAD_64(64), SPREAD_64(128),
                                        SPREAD_64(192) };

/* Eight words of which 'packed' has those in 'mask', and the others are zero.  (There is an
 * instruction for that, VPEXPANDQ, but it takes three times as long.) */
INLINE __m512i
spread_out(const uint64_t *packed, uint8_t mask)
{
    __m512i from = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *) spread[mask]));

    return _mm512_maskz_permutexvar_epi64(mask, from, _mm512_loadu_si512(packed));
}

/* The first bit of eight words, of which those in 'found' are not zero. */
INLINE uint32_t
first_bit(__m512i bits, __mmask8 found)
{
    uint32_t which = _tzcnt_u32(found); /* 8 and more are taken modulo 8 */
    __m512i word =
        _mm512_permutexvar_epi64(_mm512_castsi128_si512(_mm_cvtsi32_si128((int) which)), bits);

    return (uint32_t) (which * 64 +
                       _tzcnt_u64((uint64_t) _mm_cvtsi128_si64(_mm512_castsi512_si128(word))));
}

/* As find_in_words(), of rows of three levels: all are packed. */
INLINE uint32_t
find_in_blocks(const struct acl_view *f, const struct piece *pieces, unsigned n_based, unsigned n,
               size_t s)
{
    uint64_t candidates = ~UINT64_C(0);

    FOR_EACH_ROW(r, n)
    {
        candidates &= pieces[r].summary | (r < n_based ? f->summary[r][s] : 0);
    }
    while (candidates) {
        unsigned shift = (unsigned) _tzcnt_u64(candidates) & ~7u;
        __m512i bits = _mm512_set1_epi64(-1);
        __mmask8 found;

        FOR_EACH_ROW(r, n)
        {
            __m512i row = spread_out(pieces[r].words + COUNT(_bzhi_u64(pieces[r].summary, shift)),
                                     (uint8_t) (pieces[r].summary >> shift));

            if (r < n_based) {
                row = _mm512_xor_si512(row, _mm512_loadu_si512(f->words[r] + s * 64 + shift));
            }
            bits = _mm512_and_si512(bits, row);
        }
        found = _mm512_test_epi64_mask(bits, bits);
        if (found) {
            return shift * 64 + first_bit(bits, found);
        }
        candidates &= ~(UINT64_C(0xff) << shift);
    }
    return NOT_FOUND;
}

/* As the other find_in_flat(), without a branch. */
INLINE uint32_t
find_in_flat(const uint64_t *const *rows, unsigned n)
{
    __m512i low = _mm512_set1_epi64(-1), high = low;
    uint32_t found, half, none;

    FOR_EACH_ROW(r, n)
    {
        low = _mm512_and_si512(low, _mm512_loadu_si512(rows[r]));
        high = _mm512_and_si512(high, _mm512_loadu_si512(rows[r] + 8));
    }
    found = _mm512_test_epi64_mask(low, low);
    half = (found - 1) >> 31; /* 1: none in the lower half */
    low = _mm512_mask_mov_epi64(low, (__mmask8) (0 - half), high);
    found |= (uint32_t) _mm512_test_epi64_mask(high, high) & (0 - half);
    none = (found - 1) >> 31;
    return (half * 512 + first_bit(low, (__mmask8) found)) | (0 - none);
}

/* The blocks of eight words, a bit each, in which every row has some word that the others have. */
INLINE uint64_t
candidate_blocks(const struct acl_view *f, const uint64_t *const *rows, unsigned n_based,
                 unsigned n_rows)
{
    const __mmask8 lanes = (__mmask8) ((1u << f->shape->n_summary) - 1);
    __m512i summary = _mm512_maskz_set1_epi64(lanes, -1);

    FOR_EACH_ROW(r, n_rows)
    {
        __m512i row = _mm512_maskz_loadu_epi64(lanes, rows[r]);

        if (r < n_based) {
            row = _mm512_or_si512(row, _mm512_loadu_si512(f->summary[r]));
        }
        summary = _mm512_and_si512(summary, row);
    }
    return _mm512_test_epi8_mask(summary, summary);
}

/* The AND of a block's words of all rows. */
INLINE __m512i
and_block(const struct acl_view *f, const uint64_t *const *rows, unsigned n_based, unsigned n_rows,
          unsigned block)
{
    const size_t n_summary = f->shape->n_summary;
    __m512i bits = _mm512_set1_epi64(-1);

    FOR_EACH_ROW(r, n_rows)
    {
        __m512i row;

        if (r < n_based) {
            row = _mm512_xor_si512(spread_out(acl_row_block(rows[r], n_summary, block),
                                              ((const uint8_t *) rows[r])[block]),
                                   _mm512_loadu_si512(f->words[r] + block * 8));
        } else {
            row = _mm512_loadu_si512(rows[r] + ACL_ROWS_DENSE_HEAD + block * 8);
        }
        bits = _mm512_and_si512(bits, row);
    }
    return bits;
}

/* As find_two_levels(), in rounds: in each, every search that is not over takes one step, a block
 * of eight words.  No branch depends on what a single one finds, so none is guessed wrong.  What is
 * found are positions; which rules these are is asked in a loop of its own, since a CPU has the
 * more steps under way the shorter each is. */
INLINE void
find_in_rounds(const struct acl_view *f, const uint64_t *rows[][MAX_ROWS], unsigned n_based,
               unsigned n_rows, size_t n, uint32_t *rules)
{
    const uint16_t *rule_at = f->order->rule;
    uint64_t blocks[AT_ONCE]; /* that are left */
    uint32_t positions[AT_ONCE];
    uint64_t open = 0;

    for (size_t i = 0; i < n; i++) {
        blocks[i] = candidate_blocks(f, rows[i], n_based, n_rows);
        rules[i] = ACL_RULE_DEFAULT;
        open |= (uint64_t) (blocks[i] != 0) << i;
    }
    while (open) {
        uint64_t found_in = 0;

        for (uint64_t m = open; m; m &= m - 1) {
            size_t i = (size_t) _tzcnt_u64(m);
            uint64_t left = blocks[i];
            unsigned block = (unsigned) _tzcnt_u64(left);
            __m512i bits = and_block(f, rows[i], n_based, n_rows, block);
            uint32_t found = _mm512_test_epi64_mask(bits, bits);
            /* So written that no compiler makes a branch of it: all ones when there is none. */
            uint32_t none = 0 - ((found - 1) >> 31);

            positions[i] = block * 512 + first_bit(bits, (__mmask8) found);
            found_in |= (uint64_t) (found != 0) << i;
            left &= (left - 1) & (f->order->may_precede[block] | none);
            blocks[i] = left;
            open &= ~((uint64_t) (left == 0) << i);
        }
        for (uint64_t m = found_in; m; m &= m - 1) {
            size_t i = (size_t) _tzcnt_u64(m);
            uint32_t rule = rule_at[positions[i]];

            rules[i] = rule < rules[i] ? rule : rules[i];
        }
    }
}

#include "acl/lookup_body.h"

static bool
runs(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt");
}

const struct acl_body acl_body_avx512 = { "avx512", runs, BODY(table), BODY(tree) };
#else
static bool
runs(void)
{
    return false;
}

const struct acl_body acl_body_avx512 = { "avx512", runs, NULL, NULL };
#endif
