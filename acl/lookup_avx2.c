/* For CPUs with AVX2, which have BMI and POPCNT too. */
#include <config.h>

#include <endian.h>

#include "acl/lookup_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define BODY(NAME) avx2_##NAME
#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define COUNT(X) ((unsigned) __builtin_popcountll(X))
#define find_two find_two_levels

INLINE uint32_t
count_less(const int32_t *numbers, uint32_t n, int32_t number)
{
    const __m256i *node = (const __m256i *) numbers;
    __m256i x = _mm256_set1_epi32(number);
    uint32_t less = 0;

    for (uint32_t i = 0; i < n / 8; i += 2) {
        __m256i low = _mm256_cmpgt_epi32(x, _mm256_load_si256(node + i));
        __m256i high = _mm256_cmpgt_epi32(x, _mm256_load_si256(node + i + 1));

        less += (uint32_t) __builtin_popcount(
            (unsigned) _mm256_movemask_epi8(_mm256_packs_epi32(low, high)));
    }
    /* A lane is a number: two bits of each are left after packing. */
    return less / 2;
}

#include "acl/lookup_body.h"

static bool
runs(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

const struct acl_body acl_body_avx2 = { "avx2", runs, BODY(table), BODY(tree) };
#else
static bool
runs(void)
{
    return false;
}

const struct acl_body acl_body_avx2 = { "avx2", runs, NULL, NULL };
#endif
