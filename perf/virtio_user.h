/* The far ends of a switch's vhost-user ports, as DPDK ports 0 and 1 on one core. */
#ifndef PERF_VIRTIO_USER_H
#define PERF_VIRTIO_USER_H 1

#include <stdbool.h>

struct rte_mempool;

/* Starts DPDK on 'lcore', without hugepages if 'no_huge', connects the ports to the two sockets and
 * starts them.  Their buffers are in the pool, which is returned.  Whatever fails ends the program
 * 'program' with a message. */
struct rte_mempool *virtio_user_start(const char *program, unsigned int lcore, bool no_huge,
                                      const char *const sockets[2]);
void virtio_user_stop(void);

#endif
