/* The two clocks. */
#ifndef CTL_RELAY_CLOCK_H
#define CTL_RELAY_CLOCK_H 1

#include <stdint.h>
#include <time.h>

static inline int64_t
relay_clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline int64_t
relay_wall_ns(void)
{
    return relay_clock_ns(CLOCK_REALTIME);
}

static inline int64_t
relay_now_ms(void)
{
    return relay_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

#endif
