/* What is known of a capture. */
#ifndef CAPTURE_CAPTURE_INFO_H
#define CAPTURE_CAPTURE_INFO_H 1

#include <stdbool.h>
#include <stdint.h>

enum capture_state {
    CAPTURE_OPENING, /* packets are copied already; its file is not there yet */
    CAPTURE_RUNNING,
    CAPTURE_ENDED,
    CAPTURE_FAILED, /* ended by an error; what was written until then is there */
    CAPTURE_REMOVED /* its file has made room for newer ones */
};

struct capture_limits {
    uint64_t packets; /* 0: as many as come */
    uint64_t bytes;   /* of its file */
    uint32_t seconds;
};

/* Texts are cut short to their sizes. */
struct capture_info {
    uint64_t id; /* never used again */
    char port[64];
    bool only_dropped;
    bool quarantine; /* it began with one */
    uint32_t snaplen;
    struct capture_limits limits;
    char who[512], comment[1024];
    int64_t started_us, ended_us; /* Unix time; 0: not yet */
    enum capture_state state;
    char why[256];           /* it ended */
    uint64_t packets, bytes; /* in its file, that can be read */
    int delete_error;        /* errno: it was to be deleted, and could not be */
    uint64_t lost;           /* packets that were not copied: the thread was too slow */
};

static inline bool
capture_is_over(const struct capture_info *i)
{
    return i->state >= CAPTURE_ENDED;
}

#endif
