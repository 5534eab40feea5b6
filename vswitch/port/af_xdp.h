/* What DPDK's AF_XDP driver leaves behind, and how it is taken back.  Private to ethdev.c.
 *
 * DPDK 22.11's driver returns no buffer that is in its rings when it closes, and it leaves its
 * socket open, and so bound to the interface, which then takes no other (eth_dev_close() compares a
 * count with the wrong number, and so keeps the memory's registration); libxdp leaves a program and
 * a map. So the buffers of each AF_XDP port are its own, and its descriptors are noted.  The
 * buffers go as a whole when all those that the switch received and still holds have come back.
 * What is lost are a few hundred bytes that only the driver could find.
 *
 * Control thread only, but for af_xdp_mark_sent(). */
#ifndef PORT_AF_XDP_H
#define PORT_AF_XDP_H 1

#include <stdint.h>

struct af_xdp;
struct rte_mbuf;
struct rte_mempool;

#define AF_XDP_MEMORY_MB 32 /* of the buffers of a port */

/* Makes the buffers of a port.  NULL when there is no memory for them in one piece: those of a port
 * that was removed are there again some seconds later. */
struct af_xdp *af_xdp_create(void);
/* For the device's receive queue.  Buffers leave it by the device and come back from anywhere. */
struct rte_mempool *af_xdp_pool(const struct af_xdp *);
/* Notes the descriptors that the driver has opened since af_xdp_create(); after the queues' set-up,
 * be it that it failed. */
void af_xdp_note_descriptors(struct af_xdp *);
/* Once the ethdev is closed: closes the descriptors that the driver left open and gives up the
 * buffers.  '*x' belongs to this module from here.  Accepts NULL. */
void af_xdp_retire(struct af_xdp *x);

/* Around the device's transmission: what the driver takes is no longer the switch's.  The unsent
 * come back under it by the second call. */
void af_xdp_mark_sent(const struct af_xdp *, struct rte_mbuf *const *, uint16_t n);
void af_xdp_mark_unsent(const struct af_xdp *, struct rte_mbuf *const *, uint16_t n);

/* Frees the buffers of retired ports that have come back.  Often enough once a second; costs next
 * to nothing when there is none. */
void af_xdp_sweep(void);
/* Frees all of them; no worker runs any more. */
void af_xdp_exit(void);

#endif
