/* The far ends of a switch's vhost-user ports, as DPDK ports from 0 on, on one core. */
#ifndef PERF_VIRTIO_USER_H
#define PERF_VIRTIO_USER_H 1

#include <stdbool.h>

struct rte_mempool;

#define VIRTIO_USER_MAX 4

/* Starts DPDK on 'lcore', without hugepages if 'no_huge', connects a port to each of the 'n'
 * sockets and starts them.  Their buffers are in the pool, which is returned, and hold zeros.
 * Whatever fails ends the program 'program' with a message. */
struct rte_mempool *virtio_user_start(const char *program, unsigned int lcore, bool no_huge,
                                      const char *const *sockets, unsigned int n);
void virtio_user_stop(void);

#endif
