/* A token bucket: at most so many a second, and what a number of seconds allows at once.
 *
 * One that is all zero is full.  Whole tokens only; the time of a part of one stays in 'refilled',
 * so that slow takers lose nothing.  A bucket belongs to one thread. */
#ifndef DATAPATH_RATE_H
#define DATAPATH_RATE_H 1

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t refilled; /* in the ticks of 'now' */
    uint32_t tokens;
};

/* Takes a token if there is one.  'hz': ticks a second; it times 'a_second' times 'seconds' has to
 * stay below 2^64. */
static inline bool
rate_take(struct rate *r, uint32_t a_second, uint32_t seconds, uint64_t now, uint64_t hz)
{
    uint64_t passed = now - r->refilled;
    uint64_t most = (uint64_t) a_second * seconds;
    uint64_t add = passed >= seconds * hz    ? most
                   : passed * a_second >= hz ? passed * a_second / hz
                                             : 0;

    if (r->tokens + add >= most) { /* also when the limit has come down */
        r->tokens = most;
        r->refilled = now;
    } else if (add) {
        r->tokens += add;
        r->refilled += add * hz / a_second;
    }
    if (!r->tokens) {
        return false;
    }
    r->tokens--;
    return true;
}

#endif
