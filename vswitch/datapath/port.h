/* What a packet comes in by, as the packet path sees it.  Implementations are in port/.
 *
 * All queues of a port are polled by one worker.  Any worker may send to it, each with its own
 * queue index; an implementation with fewer queues than workers serialises inside tx(). */
#ifndef DATAPATH_PORT_H
#define DATAPATH_PORT_H 1

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct dp_port;

#define DP_MAX_PORTS 1024
#define DP_MAX_WORKERS 16
#define DP_BURST 32
#define DP_PORT_NONE UINT16_MAX

struct dp_port_ops {
    const char *type; /* "vhost-user", "af_packet", "ethdev" */

    /* Up to 'n' packets; the caller owns what is returned.  A packet whose L4 checksum field holds
     * only the pseudo-header's sum (a partial checksum) has RTE_MBUF_F_RX_L4_CKSUM_NONE set. Frames
     * are contiguous in one segment whenever they fit in one. */
    uint16_t (*rx)(struct dp_port *, struct rte_mbuf **, uint16_t n);

    /* Sends in order; the first 'return value' packets were accepted and belong to the port, the
     * rest stay the caller's. */
    uint16_t (*tx)(struct dp_port *, uint16_t queue, struct rte_mbuf **, uint16_t n);

    /* Asks for (or stops asking for) a wake-up when packets arrive, and returns a descriptor that
     * polls readable when they do, or -1 when the port has to be polled by time.  Called by the
     * polling worker before and after it sleeps. */
    int (*arm)(struct dp_port *, bool on);

    /* Packets lost before rx() saw them, as the kernel or driver counts them; control thread. */
    uint64_t (*lost)(struct dp_port *);
};

/* The head of every implementation's own structure. */
struct dp_port {
    const struct dp_port_ops *ops;
    uint16_t id;
    uint16_t mtu;            /* largest L3 packet it can send */
    bool guess_partial_csum; /* a kernel's stack is behind it and the driver does not mark partial
                              * checksums: tell them by their value */
    _Atomic bool up;         /* connected; tx to a port that is down is a tx-down drop */
    /* Odd while something is attached: a vhost-user connection, whatever its guest does, or a link
     * that is up.  One more whenever that changes; control reads it. */
    _Atomic uint32_t attachment;
};

#endif
