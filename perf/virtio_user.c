#include <config.h>
#include "perf/virtio_user.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define RING_SIZE 1024
#define N_MBUFS(PORTS) (4096 * (PORTS) -1) /* what rings hold, and not much more: caches */

static uint16_t n_ports;

static void
fail(const char *program, const char *what, int error)
{
    fprintf(stderr, "%s: %s: %s\n", program, what, rte_strerror(error));
    exit(EXIT_FAILURE);
}

static void
eal_start(const char *program, unsigned int lcore, bool no_huge, const char *const *sockets,
          unsigned int n)
{
    static char cpu[16], vdevs[VIRTIO_USER_MAX][256];
    char *argv[20] = {
        (char *) program,         "-l", cpu,   "--no-pci",           "--no-telemetry",
        "--single-file-segments", "-m", "256", "--log-level=warning"
    };
    int argc = 9;

    snprintf(cpu, sizeof cpu, "%u", lcore);
    argv[argc++] = no_huge ? "--no-huge" : "--in-memory";
    if (no_huge) {
        argv[argc++] = "--no-shconf";
    }
    for (unsigned int i = 0; i < n; i++) {
        snprintf(
            vdevs[i], sizeof vdevs[i],
            "--vdev=net_virtio_user%u,path=%s,queue_size=%d,mrg_rxbuf=1,in_order=0,packed_vq=0", i,
            sockets[i], RING_SIZE);
        argv[argc++] = vdevs[i];
    }
    if (rte_eal_init(argc, argv) < 0) {
        fail(program, "cannot start DPDK", rte_errno);
    }
}

static void
port_start(const char *program, uint16_t port, struct rte_mempool *pool)
{
    static const struct rte_eth_conf conf;
    int error;

    error = rte_eth_dev_configure(port, 1, 1, &conf);
    if (!error) {
        error = rte_eth_rx_queue_setup(port, 0, RING_SIZE, SOCKET_ID_ANY, NULL, pool);
    }
    if (!error) {
        error = rte_eth_tx_queue_setup(port, 0, RING_SIZE, SOCKET_ID_ANY, NULL);
    }
    if (!error) {
        error = rte_eth_dev_start(port);
    }
    if (error) {
        fail(program, "cannot start a port", -error);
    }
}

static void
clear(struct rte_mempool *pool __attribute__((unused)), void *aux __attribute__((unused)), void *m,
      unsigned int i __attribute__((unused)))
{
    memset(((struct rte_mbuf *) m)->buf_addr, 0, ((struct rte_mbuf *) m)->buf_len);
}

struct rte_mempool *
virtio_user_start(const char *program, unsigned int lcore, bool no_huge, const char *const *sockets,
                  unsigned int n)
{
    struct rte_mempool *pool;

    eal_start(program, lcore, no_huge, sockets, n);
    pool = rte_pktmbuf_pool_create(program, N_MBUFS(n), 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                   SOCKET_ID_ANY);
    if (!pool) {
        fail(program, "no memory for packets", ENOMEM);
    }
    rte_mempool_obj_iter(pool, clear, NULL);
    for (uint16_t i = 0; i < n; i++) {
        port_start(program, i, pool);
    }
    n_ports = n;
    return pool;
}

void
virtio_user_stop(void)
{
    for (uint16_t i = 0; i < n_ports; i++) {
        rte_eth_dev_stop(i);
        rte_eth_dev_close(i);
    }
}
