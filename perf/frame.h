/* Test traffic: frames of a set of flows, and the check of what arrives.
 *
 * Side 0 opens flow i, from source port FRAME_FIRST_PORT + i % FRAME_PORTS to service
 * 'allowed_port' + i / FRAME_PORTS of side 1; the last 'n_denied' flows go to services from
 * 'denied_port' on, which the switch is expected to deny.  The payload numbers a flow's packets;
 * the number is followed by its complement, so that one checksum is right for every packet of a
 * flow. Data of a TCP flow is always the same segment: to a firewall it comes again. */
#ifndef PERF_FRAME_H
#define PERF_FRAME_H 1

#include <stdbool.h>
#include <stdint.h>
#include "perf/header.h"

#define FRAME_MAX_LEN 1518
#define FRAME_FIRST_PORT 1024
#define FRAME_PORTS 60000
#define FRAME_MAX_FLOWS 4000000
#define FRAME_MAX_SIZES 12

struct frame_spec {
    struct header_spec head;
    uint16_t allowed_port, denied_port;
    uint32_t n_flows, n_denied;
    uint16_t sizes[FRAME_MAX_SIZES]; /* of data frames: flow i has the one of i % n_sizes */
    unsigned int n_sizes;            /* 0: as small as can be */
};

struct frame_set;

enum frame_verdict {
    FRAME_GOOD,
    FRAME_FOREIGN,   /* not of this set, such as a neighbour solicitation */
    FRAME_CORRUPT,   /* of this set, but altered */
    FRAME_DENIED,    /* should not have come through */
    FRAME_REORDERED, /* older than one seen before, or seen twice */
    FRAME_N_VERDICTS,
};

/* How a flow is opened: side 0 begins, side 1 answers, side 0 confirms (TCP's three segments).  The
 * first two of a UDP flow are a datagram each way; it has no third. */
enum frame_step { FRAME_BEGIN, FRAME_ANSWER, FRAME_CONFIRM, FRAME_N_STEPS };

/* NULL when memory is short.  The set has one user thread. */
struct frame_set *frame_set_create(const struct frame_spec *);
void frame_set_destroy(struct frame_set *);

/* The least that a data frame has. */
uint16_t frame_min_len(const struct frame_spec *);

/* Writes the next packet of 'flow' and returns its length.  What 'out' has after FRAME_HEAD bytes
 * must be zero, and stays it. */
#define FRAME_HEAD 88
uint16_t frame_write(struct frame_set *, uint32_t flow, void *);
uint16_t frame_write_step(struct frame_set *, uint32_t flow, enum frame_step, void *);
/* A SYN of side 2 to a service of side 3, from 'denied_port' on; no two of the first billion
 * have one tuple. */
uint16_t frame_write_stranger(const struct frame_set *, uint64_t n, void *);

/* What has arrived at side 1 as data. */
enum frame_verdict frame_check(struct frame_set *, const void *, uint32_t len);

/* The how manieth data frame of all it is, if they are sent in turn, from 0 on. */
uint64_t frame_nth(const struct frame_set *, const void *);
bool frame_is_stranger(const struct frame_set *, const void *, uint32_t len);

/* Takes what has arrived at a side while flows are opened. */
void frame_note(struct frame_set *, unsigned side, const void *, uint32_t len);
/* Whether a packet of 'flow' has arrived at the side. */
bool frame_arrived(const struct frame_set *, uint32_t flow, unsigned side);

bool frame_is_denied(const struct frame_set *, uint32_t flow);

#endif
