#include <config.h>

#include "telemetry/hll.h"

#include <math.h>

void
hll_merge(struct hll *hll, const struct hll *from)
{
    for (int i = 0; i < HLL_REGISTERS; i++) {
        if (hll->registers[i] < from->registers[i]) {
            hll->registers[i] = from->registers[i];
        }
    }
}

uint64_t
hll_count(const struct hll *hll)
{
    const double m = HLL_REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
    double sum = 0, count;
    int zeros = 0;

    for (int i = 0; i < HLL_REGISTERS; i++) {
        sum += ldexp(1, -hll->registers[i]);
        zeros += !hll->registers[i];
    }
    count = alpha * m * m / sum;
    if (count <= 2.5 * m && zeros) {
        count = m * log(m / zeros);
    }
    return (uint64_t) (count + 0.5);
}
