/* How long a change takes to come into force, and where the time goes (fusuma/v1/elapsed.proto). */
#ifndef CONTROL_ELAPSED_H
#define CONTROL_ELAPSED_H 1

#include <stdint.h>

#include "fusuma/v1/elapsed.pb-c.h"

struct elapsed {
    int64_t asked_us; /* time_usec() at which its request had been read; 0: nobody asks */
    int64_t parse_us, compile_us, store_us, publish_us, total_us; /* durations */
};

/* NULL when nothing came into force.  The caller owns it. */
Fusuma__V1__Elapsed *elapsed_message(const struct elapsed *);

#endif
