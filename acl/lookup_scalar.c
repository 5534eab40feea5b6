/* For every CPU. */
#include <config.h>

#include <endian.h>

#include "acl/lookup_priv.h"

#define BODY(NAME) scalar_##NAME
#define TARGET
#define COUNT(X) count(X)
#define find_two find_two_levels

/* Without an instruction for it (as in Hacker's Delight, 5-1). */
static inline unsigned
count(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned) (x * 0x0101010101010101u >> 56);
}

/* Halves what is left, 'n' being a power of two; they are ascending. */
INLINE uint32_t
count_less(const int32_t *numbers, uint32_t n, int32_t number)
{
    const int32_t *at = numbers;

    for (uint32_t half = n / 2; half; half /= 2) {
        at += at[half - 1] < number ? half : 0;
    }
    return (uint32_t) (at - numbers) + (*at < number);
}

#include "acl/lookup_body.h"

static bool
runs(void)
{
    return true;
}

const struct acl_body acl_body_scalar = { "scalar", runs, BODY(table), BODY(tree) };
