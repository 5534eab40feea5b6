/* HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007): how many different things there were, in
 * 256 bytes, with a standard error of 6.5 %; small numbers by linear counting, as the paper has it.
 *
 * Two of them merge by the maximum of each register.  One writer; a reader elsewhere may see a
 * register a little late. */
#ifndef TELEMETRY_HLL_H
#define TELEMETRY_HLL_H 1

#include <stdint.h>

#include "acl/addr.h"

#define HLL_REGISTERS 256

struct hll {
    uint8_t registers[HLL_REGISTERS];
};

/* Of an address and what else tells things apart.  The salt is this process's own, so that nobody
 * can choose addresses that fall together. */
static inline uint64_t
hll_hash(const struct acl_addr *a, uint64_t more, uint64_t salt)
{
    uint64_t h = (a->q[0] ^ salt) * 0x9e3779b97f4a7c15ull;

    h = (h ^ h >> 32 ^ a->q[1]) * 0xff51afd7ed558ccdull;
    h = (h ^ h >> 33 ^ more) * 0xc4ceb9fe1a85ec53ull;
    return (h ^ h >> 31) * 0x9fb21c651e98df25ull;
}

static inline void
hll_add(struct hll *hll, uint64_t hash)
{
    uint8_t *r = &hll->registers[hash >> 56];
    uint8_t rank = __builtin_clzll(hash << 8 | 0x80) + 1;

    if (*r < rank) {
        *r = rank;
    }
}

void hll_merge(struct hll *, const struct hll *from);
uint64_t hll_count(const struct hll *);

#endif
