/* For CPUs with AVX-512: eight words at a time. */
#include <config.h>

#include <endian.h>

#include "acl/lookup_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define BODY(NAME) avx512_##NAME
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,popcnt")))
#define COUNT(X) ((unsigned) __builtin_popcountll(X))
#define find_in find_in_blocks

static inline __attribute__((always_inline)) TARGET uint32_t
count_le(const int32_t *numbers, int32_t number)
{
    __mmask16 le = _mm512_cmple_epi32_mask(_mm512_load_si512(numbers), _mm512_set1_epi32(number));

    return (uint32_t) __builtin_popcount(le);
}

/* As find_in_words(); what a row packs is spread out by its summary. */
static inline __attribute__((always_inline)) TARGET uint32_t
find_in_blocks(const uint64_t *const *rows, const uint64_t *const *pairs, unsigned n)
{
    uint64_t candidates = pairs[0][0];

    for (unsigned i = 1; i < n; i++) {
        candidates &= pairs[i][0];
    }
    while (candidates) {
        unsigned first = (unsigned) __builtin_ctzll(candidates) & ~7u;
        __m512i bits = _mm512_set1_epi64(-1);
        __mmask8 found;

        for (unsigned i = 0; i < n; i++) {
            const uint64_t *packed = rows[i] + pairs[i][1] + COUNT(_bzhi_u64(pairs[i][0], first));

            bits =
                _mm512_and_si512(bits, _mm512_maskz_expand_epi64((__mmask8) (pairs[i][0] >> first),
                                                                 _mm512_loadu_si512(packed)));
        }
        found = _mm512_test_epi64_mask(bits, bits);
        if (found) {
            uint64_t word = (uint64_t) _mm_cvtsi128_si64(
                _mm512_castsi512_si128(_mm512_maskz_compress_epi64(found, bits)));

            return (first + (uint32_t) __builtin_ctz(found)) * 64 +
                   (uint32_t) __builtin_ctzll(word);
        }
        candidates &= ~(UINT64_C(0xff) << first);
    }
    return NOT_FOUND;
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
