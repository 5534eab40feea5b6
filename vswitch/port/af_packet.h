/* A port on a kernel interface by AF_PACKET.  Private to af_packet*.c. */
#ifndef PORT_AF_PACKET_H
#define PORT_AF_PACKET_H 1

#include <net/if.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <linux/if_packet.h>

#include "port/class.h"
#include "port/gso.h"

/* What af_packet_rx() is taking apart: a ring frame, or a super-frame from the socket's queue. */
struct af_packet_current {
    struct tpacket2_hdr *slot; /* NULL: nothing */
    const uint8_t *data;
    uint32_t len;
    uint8_t vlan[4]; /* the tag that the kernel took out */
    bool has_vlan;
    bool segmenting;
    struct gso gso;
    uint64_t ol_flags;
};

struct af_packet_port {
    struct dp_port dp;
    LIST_ENTRY(af_packet_port) node;
    char interface[IFNAMSIZ];
    unsigned ifindex; /* 0: the interface is gone */
    int rx_fd, tx_fd;

    /* The polling worker. */
    uint8_t *ring;
    uint32_t frame_size, n_frames, next;
    uint8_t *super_frame; /* AF_PACKET_SUPER_FRAME bytes */
    struct af_packet_current current;
    struct rte_mempool *pool;

    _Atomic uint64_t discarded; /* by af_packet_rx(); it alone writes */
    uint64_t kernel_drops;      /* control thread */
};

/* The largest packet of a kernel's stack (64 KiB) with its Ethernet header and a tag. */
#define AF_PACKET_SUPER_FRAME (65535 + 14 + 4 + 1)

uint16_t af_packet_rx(struct dp_port *, struct rte_mbuf **, uint16_t n);
uint16_t af_packet_tx(struct dp_port *, uint16_t queue, struct rte_mbuf **, uint16_t n);

#endif
