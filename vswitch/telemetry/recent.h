/* How many attempts there were within the last seconds, from looks at what the slots of sketches
 * have counted (sketch.h).  Slots follow a clock, and would cut a burst in two; looks go on across
 * them. As exact as the looks are frequent: one a second. */
#ifndef TELEMETRY_RECENT_H
#define TELEMETRY_RECENT_H 1

#include <stdint.h>

#define RECENT_S 10u

struct recent {
    uint32_t number;         /* of the slot that was the present one at the last look */
    uint64_t counted;        /* in it, until then */
    uint32_t at_s;           /* the last look */
    uint32_t news[RECENT_S]; /* what was new in each second, by second % RECENT_S */
    uint32_t sum;            /* of 'news' */
};

/* 'present' and 'before' are the counts of slot 'number' and of the one before.  How many were new
 * in the RECENT_S seconds that end with 'now_s'. */
static inline uint32_t
recent_look(struct recent *r, uint32_t now_s, uint32_t number, uint64_t present, uint64_t before)
{
    uint32_t over = now_s - r->at_s < RECENT_S ? now_s - r->at_s : RECENT_S;
    uint64_t more;

    for (uint32_t i = 0; i < over; i++) { /* what was new in those seconds has left the window */
        uint32_t *second = &r->news[(now_s - i) % RECENT_S];

        r->sum -= *second;
        *second = 0;
    }
    r->at_s = now_s;
    more = number == r->number       ? present - r->counted
           : number == r->number + 1 ? present + before - r->counted
                                     : present + before;
    r->number = number;
    r->counted = present;
    r->news[now_s % RECENT_S] += (uint32_t) more;
    r->sum += (uint32_t) more;
    return r->sum;
}

#endif
