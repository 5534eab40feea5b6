/* Test traffic: 64-byte UDP frames of a set of flows, and the check of what arrives.
 *
 * Flow i goes from source port FRAME_FIRST_PORT + i; the last 'n_denied' flows go to a service that
 * the switch is expected to deny.  The payload names the flow and numbers its packets; the number
 * is followed by its complement, so that one UDP checksum is right for every packet of a flow. */
#ifndef PERF_FRAME_H
#define PERF_FRAME_H 1

#include <stdbool.h>
#include <stdint.h>
#include <rte_ether.h>

#define FRAME_LEN 64
#define FRAME_FIRST_PORT 1024
#define FRAME_MAX_FLOWS 60000

struct frame_spec {
    struct rte_ether_addr src_mac, dst_mac;
    uint32_t src_ip, dst_ip; /* host byte order */
    uint16_t allowed_port, denied_port;
    uint32_t n_flows, n_denied;
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

/* NULL when memory is short.  The set has one user thread. */
struct frame_set *frame_set_create(const struct frame_spec *);
void frame_set_destroy(struct frame_set *);

/* Writes the next packet of 'flow', FRAME_LEN bytes. */
void frame_write(struct frame_set *, uint32_t flow, void *);

enum frame_verdict frame_check(struct frame_set *, const void *, uint32_t len);

/* True once a packet of 'flow' has arrived. */
bool frame_arrived(const struct frame_set *, uint32_t flow);

bool frame_is_denied(const struct frame_set *, uint32_t flow);

const char *frame_verdict_name(enum frame_verdict);

#endif
