/* For CPUs with AVX2, which have BMI and POPCNT too. */
#include <config.h>

#include <endian.h>

#include "acl/lookup_priv.h"

#ifdef __x86_64__
#include <immintrin.h>

#define BODY(NAME) avx2_##NAME
#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define COUNT(X) ((unsigned) __builtin_popcountll(X))
#define find_in find_in_words

static inline __attribute__((always_inline)) TARGET uint32_t
count_le(const int32_t *numbers, int32_t number)
{
    const __m256i *node = (const __m256i *) numbers;
    __m256i x = _mm256_set1_epi32(number);
    __m256i low = _mm256_cmpgt_epi32(_mm256_load_si256(node), x);
    __m256i high = _mm256_cmpgt_epi32(_mm256_load_si256(node + 1), x);
    int greater = _mm256_movemask_epi8(_mm256_packs_epi16(low, high));

    /* A lane is a number: two bits of each are left after packing. */
    return ACL_TREE_WIDE - (uint32_t) __builtin_popcount((unsigned) greater) / 2;
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
