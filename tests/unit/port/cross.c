/* Two ports, each sends what the other received.
 *
 *     cross PORT PORT      PORT: af_packet:IF, vhost-user:PATH, vhost-user-client:PATH, ethdev:ARGS
 *
 * Prints "ready" once both are open, and on SIGTERM or end of input what each did.  A worker thread
 * forwards and sleeps by arm(); the main thread refreshes, as control does.  Partial checksums are
 * completed here, as the packet path does it in the switch. */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "port/port.h"

struct side {
    struct dp_port *port;
    uint64_t received, partial, longest, sent, unsent;
};

static struct side sides[2];
static _Atomic bool stop;
static _Atomic uint64_t rounds; /* counts what the worker has finished */
static uint64_t sleeps;

/* TCP or UDP over IPv4 or IPv6 without extension headers, in a chain of any length. */
static void
complete_checksum(struct rte_mbuf *m)
{
    static uint8_t copy[UINT16_MAX];
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip;
    uint32_t l3 = 14, l4;
    uint16_t *field;
    bool ipv6;

    while (frame[l3 - 2] == 0x81 && !frame[l3 - 1]) {
        l3 += 4;
    }
    ipv6 = frame[l3 - 2] == 0x86;
    l4 = ipv6 ? 40 : (frame[l3] & 15) * 4;
    field = rte_pktmbuf_mtod_offset(m, uint16_t *,
                                    l3 + l4 + (frame[l3 + (ipv6 ? 6 : 9)] == IPPROTO_TCP ? 16 : 6));
    *field = 0;
    ip = rte_pktmbuf_read(m, l3, m->pkt_len - l3, copy);
    *field = ipv6 ? rte_ipv6_udptcp_cksum((const void *) ip, ip + l4)
                  : rte_ipv4_udptcp_cksum((const void *) ip, ip + l4);
    m->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK;
}

static unsigned
forward(struct side *from, struct side *to)
{
    struct rte_mbuf *pkts[DP_BURST];
    uint16_t n = from->port->ops->rx(from->port, pkts, DP_BURST), sent;

    for (uint16_t i = 0; i < n; i++) {
        if ((pkts[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE) {
            complete_checksum(pkts[i]);
            from->partial++;
        }
        from->longest = RTE_MAX(from->longest, pkts[i]->pkt_len);
    }
    from->received += n;
    sent = n && to->port->up ? to->port->ops->tx(to->port, 0, pkts, n) : 0;
    to->sent += sent;
    to->unsent += n - sent;
    rte_pktmbuf_free_bulk(pkts + sent, n - sent);
    return n;
}

static void
nap(void)
{
    struct pollfd fds[2];

    for (int i = 0; i < 2; i++) {
        fds[i] = (struct pollfd){ sides[i].port->ops->arm(sides[i].port, true), POLLIN, 0 };
    }
    poll(fds, 2, fds[0].fd < 0 || fds[1].fd < 0 ? 1 : 100);
    for (int i = 0; i < 2; i++) {
        sides[i].port->ops->arm(sides[i].port, false);
    }
    sleeps++;
}

static void *
work(void *aux)
{
    unsigned idle = 0;

    rte_thread_register();
    while (!stop) {
        idle = forward(&sides[0], &sides[1]) + forward(&sides[1], &sides[0]) ? 0 : idle + 1;
        if (idle > 1000) {
            nap();
            idle = 0;
        }
        rounds++;
    }
    rte_thread_unregister();
    return aux;
}

/* Called by the vhost thread; the worker takes at most a nap. */
static void
quiesce(void)
{
    uint64_t now = rounds;

    while (rounds < now + 2 && !stop) {
        usleep(100);
    }
}

static struct dp_port *
open_port(const char *text, uint16_t id, struct rte_mempool *pool)
{
    const char *colon = strchr(text, ':');
    struct port_spec spec = { .name = id ? "b" : "a", .id = id, .n_workers = 1, .pool = pool };
    struct dp_port *port = NULL;
    char *error = NULL;
    int type = colon ? colon - text : 0;

    if (!strncmp(text, "af_packet:", type + 1)) {
        spec.type = PORT_AF_PACKET;
        spec.interface = colon + 1;
    } else if (!strncmp(text, "ethdev:", type + 1)) {
        spec.type = PORT_ETHDEV;
        spec.devargs = colon + 1;
    } else {
        spec.type = PORT_VHOST_USER;
        spec.socket = colon + 1;
        spec.client = !strncmp(text, "vhost-user-client:", type + 1);
    }
    if (port_open(&spec, &port, &error)) {
        fprintf(stderr, "%s\n", error);
        free(error);
    }
    return port;
}

static void
on_signal(int signal __attribute__((unused)))
{
    stop = true;
}

static void
supervise(void)
{
    struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
    char c;

    while (!stop) {
        if (poll(&in, 1, 200) > 0 && read(STDIN_FILENO, &c, 1) <= 0) {
            stop = true;
        }
        port_refresh(sides[0].port);
        port_refresh(sides[1].port);
    }
}

static void
report(void)
{
    for (int i = 0; i < 2; i++) {
        const struct side *s = &sides[i];
        printf(
            "port %c: received %lu partial %lu longest %lu sent %lu unsent %lu lost %lu mtu %u\n",
            'a' + i, s->received, s->partial, s->longest, s->sent, s->unsent,
            s->port->ops->lost(s->port), s->port->mtu);
    }
    printf("sleeps %lu\n", sleeps);
}

static int
run(char *args[], struct rte_mempool *pool)
{
    pthread_t worker;
    int status = EXIT_FAILURE;

    sides[0].port = open_port(args[0], 0, pool);
    sides[1].port = sides[0].port ? open_port(args[1], 1, pool) : NULL;
    if (sides[1].port && !pthread_create(&worker, NULL, work, NULL)) {
        puts("ready");
        fflush(stdout);
        supervise();
        pthread_join(worker, NULL);
        report();
        status = EXIT_SUCCESS;
    }
    port_close(sides[0].port);
    port_close(sides[1].port);
    if (rte_mempool_in_use_count(pool)) {
        fprintf(stderr, "%u buffers were not given back\n", rte_mempool_in_use_count(pool));
        status = EXIT_FAILURE;
    }
    return status;
}

int
main(int argc, char *argv[])
{
    char *eal[] = { argv[0],
                    "--no-huge",
                    "--no-shconf",
                    "-m",
                    "256",
                    "--no-pci",
                    "--single-file-segments",
                    "--no-telemetry",
                    "--log-level=lib.eal:error",
                    "-l",
                    "0" };
    struct rte_mempool *pool;

    if (argc != 3 || rte_eal_init(RTE_DIM(eal), eal) < 0) {
        return EXIT_FAILURE;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    pool = rte_pktmbuf_pool_create("cross", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (!pool || port_subsystem_init(quiesce)) {
        return EXIT_FAILURE;
    }
    return run(argv + 1, pool);
}
