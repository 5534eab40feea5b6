/* Generator and sink on one core: sends frames into one vhost-user socket of a switch and checks
 * what comes out of another.
 *
 *     gen [options] SOCKET-IN SOCKET-OUT
 *
 * Prints "begin", then one line a window, "window SECONDS SENT RECEIVED CORRUPT DENIED REORDERED
 * FOREIGN" (the last four are totals), each as it ends and right before the next begins, so that a
 * reader can look at the machine's state between windows.  The exit status is 1 when a packet
 * arrived that should not have, 2 when the opening packets of some flow did not arrive. */
#include <config.h>
#include "perf/frame.h"
#include "perf/virtio_user.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define BURST 32
#define OPENING_TIMEOUT 10

struct options {
    struct frame_spec frames;
    double seconds, warmup, rate; /* packets a second; 0: as fast as it goes */
    unsigned int windows, lcore;
    bool no_huge;
    const char *sockets[2];
};

struct gen {
    struct frame_set *frames;
    struct rte_mempool *pool;
    uint32_t n_flows, next_flow;
    struct rte_mbuf *unsent[BURST]; /* from 'first' on, as the ring was full */
    uint16_t first, n;
    uint64_t period, due; /* of bursts, in cycles; period 0: always */
    uint64_t sent, received;
    uint64_t verdicts[FRAME_N_VERDICTS];
};

static void
usage(void)
{
    fputs(
        "usage: gen [--flows N] [--denied N] [--windows N] [--seconds S] [--warmup S]\n"
        "           [--rate PPS] [--lcore CPU] [--no-huge] [--src-mac M] [--dst-mac M]\n"
        "           [--src-ip A] [--dst-ip A] [--port P] [--denied-port P] SOCKET-IN SOCKET-OUT\n",
        stderr);
    exit(EXIT_FAILURE);
}

static uint32_t
parse_ip(const char *s)
{
    struct in_addr a;

    if (inet_pton(AF_INET, s, &a) != 1) {
        usage();
    }
    return ntohl(a.s_addr);
}

static unsigned long
parse_number(const char *s, unsigned long min, unsigned long max)
{
    char *end;
    unsigned long n = strtoul(s, &end, 10);

    if (end == s || *end || n < min || n > max) {
        usage();
    }
    return n;
}

static void
parse_mac(const char *s, struct rte_ether_addr *mac)
{
    if (rte_ether_unformat_addr(s, mac)) {
        usage();
    }
}

static void
parse_option(int option, const char *arg, struct options *o)
{
    switch (option) {
    case 'f':
        o->frames.n_flows = parse_number(arg, 1, FRAME_MAX_FLOWS);
        break;
    case 'd':
        o->frames.n_denied = parse_number(arg, 0, FRAME_MAX_FLOWS - 1);
        break;
    case 'w':
        o->windows = parse_number(arg, 1, 100000);
        break;
    case 's':
        o->seconds = atof(arg);
        break;
    case 'u':
        o->warmup = atof(arg);
        break;
    case 'r':
        o->rate = atof(arg);
        break;
    case 'l':
        o->lcore = parse_number(arg, 0, RTE_MAX_LCORE - 1);
        break;
    case 'n':
        o->no_huge = true;
        break;
    case 'M':
        parse_mac(arg, &o->frames.src_mac);
        break;
    case 'm':
        parse_mac(arg, &o->frames.dst_mac);
        break;
    case 'A':
        o->frames.src_ip = parse_ip(arg);
        break;
    case 'a':
        o->frames.dst_ip = parse_ip(arg);
        break;
    case 'p':
        o->frames.allowed_port = parse_number(arg, 1, UINT16_MAX);
        break;
    case 'P':
        o->frames.denied_port = parse_number(arg, 1, UINT16_MAX);
        break;
    default:
        usage();
    }
}

static void
parse_options(int argc, char *argv[], struct options *o)
{
    static const struct option long_options[] = {
        { "flows", required_argument, NULL, 'f' },
        { "denied", required_argument, NULL, 'd' },
        { "windows", required_argument, NULL, 'w' },
        { "seconds", required_argument, NULL, 's' },
        { "warmup", required_argument, NULL, 'u' },
        { "rate", required_argument, NULL, 'r' },
        { "lcore", required_argument, NULL, 'l' },
        { "no-huge", no_argument, NULL, 'n' },
        { "src-mac", required_argument, NULL, 'M' },
        { "dst-mac", required_argument, NULL, 'm' },
        { "src-ip", required_argument, NULL, 'A' },
        { "dst-ip", required_argument, NULL, 'a' },
        { "port", required_argument, NULL, 'p' },
        { "denied-port", required_argument, NULL, 'P' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        parse_option(option, optarg, o);
    }
    if (argc - optind != 2 || o->frames.n_denied >= o->frames.n_flows || o->seconds <= 0) {
        usage();
    }
    o->sockets[0] = argv[optind];
    o->sockets[1] = argv[optind + 1];
}

/* Makes the next burst, of all flows in turn. */
static void
burst_make(struct gen *g)
{
    uint16_t i;

    if (rte_pktmbuf_alloc_bulk(g->pool, g->unsent, BURST)) {
        return; /* all in flight: the sink will free some */
    }
    for (i = 0; i < BURST; i++) {
        frame_write(g->frames, g->next_flow, rte_pktmbuf_append(g->unsent[i], FRAME_LEN));
        if (++g->next_flow == g->n_flows) {
            g->next_flow = 0;
        }
    }
    g->first = 0;
    g->n = BURST;
}

/* A packet once numbered is sent sooner or later: what the sink misses, the switch lost. */
static void
burst_send(struct gen *g)
{
    uint16_t n = rte_eth_tx_burst(0, 0, g->unsent + g->first, g->n);

    g->first += n;
    g->n -= n;
    g->sent += n;
}

static void
burst_sink(struct gen *g)
{
    struct rte_mbuf *pkts[2 * BURST];
    uint16_t i, n = rte_eth_rx_burst(1, 0, pkts, RTE_DIM(pkts));

    for (i = 0; i < n; i++) {
        g->verdicts[frame_check(g->frames, rte_pktmbuf_mtod(pkts[i], void *),
                                rte_pktmbuf_data_len(pkts[i]))]++;
    }
    g->received += n;
    rte_pktmbuf_free_bulk(pkts, n);
}

/* Whether the next burst may go.  Who sends slowly leaves the CPU to others meanwhile. */
static bool
is_due(struct gen *g)
{
    uint64_t now = rte_rdtsc();

    if (!g->period) {
        return true;
    }
    if (now < g->due) {
        rte_delay_us_sleep((unsigned int) ((g->due - now) * 1000000 / rte_get_tsc_hz()) + 1);
        return false;
    }
    g->due += g->period;
    return true;
}

/* Reads the clock rarely, and takes what the switch sends to the sender's side. */
static void
run(struct gen *g, double seconds)
{
    uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();
    struct rte_mbuf *stray[BURST];
    int i;

    do {
        for (i = 0; i < 64; i++) {
            burst_sink(g);
            if (!g->n && is_due(g)) {
                burst_make(g);
            }
            if (g->n) {
                burst_send(g);
            }
        }
        rte_pktmbuf_free_bulk(stray, rte_eth_rx_burst(0, 0, stray, BURST));
    } while (rte_rdtsc() < end);
}

static void
drain(struct gen *g, double seconds)
{
    uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

    do {
        burst_sink(g);
    } while (rte_rdtsc() < end);
}

static uint32_t
n_unopened(const struct gen *g)
{
    uint32_t i, n = 0;

    for (i = 0; i < g->n_flows; i++) {
        n += !frame_arrived(g->frames, i) && !frame_is_denied(g->frames, i);
    }
    return n;
}

/* Sends packets of every flow, unhurriedly, until each allowed flow has got one through. */
static bool
open_flows(struct gen *g)
{
    uint64_t end = rte_rdtsc() + OPENING_TIMEOUT * rte_get_tsc_hz();

    while (n_unopened(g)) {
        uint32_t i;

        if (rte_rdtsc() > end) {
            return false;
        }
        for (i = 0; i < g->n_flows; i += BURST) {
            if (!g->n) {
                burst_make(g);
            }
            burst_send(g);
            drain(g, 100e-6);
        }
        drain(g, 10e-3);
    }
    return true;
}

static void
measure(struct gen *g, const struct options *o)
{
    unsigned int i;

    g->due = rte_rdtsc();
    run(g, o->warmup);
    puts("begin");
    for (i = 0; i < o->windows; i++) {
        uint64_t start = rte_rdtsc(), sent = g->sent, received = g->received;
        const uint64_t *v = g->verdicts;

        run(g, o->seconds);
        printf("window %.6f %lu %lu %lu %lu %lu %lu\n",
               (double) (rte_rdtsc() - start) / rte_get_tsc_hz(), g->sent - sent,
               g->received - received, v[FRAME_CORRUPT], v[FRAME_DENIED], v[FRAME_REORDERED],
               v[FRAME_FOREIGN]);
    }
    drain(g, 20e-3);
    for (i = 0; i < 100 && g->received < g->sent; i++) { /* the switch may wait for a CPU */
        drain(g, 10e-3);
    }
    printf("total %lu %lu\n", g->sent, g->received);
}

int
main(int argc, char *argv[])
{
    struct options o = {
        .frames = { .src_mac.addr_bytes = { 2, 0, 0, 0, 0, 1 },
                    .dst_mac.addr_bytes = { 2, 0, 0, 0, 0, 2 },
                    .src_ip = RTE_IPV4(10, 0, 0, 1),
                    .dst_ip = RTE_IPV4(10, 0, 0, 2),
                    .allowed_port = 5001,
                    .denied_port = 5002,
                    .n_flows = 1 },
        .seconds = 1,
        .warmup = 1,
        .windows = 3,
    };
    struct gen g = { 0 };

    parse_options(argc, argv, &o);
    setvbuf(stdout, NULL, _IOLBF, 0);
    g.pool = virtio_user_start("gen", o.lcore, o.no_huge, o.sockets);
    g.frames = frame_set_create(&o.frames);
    g.n_flows = o.frames.n_flows;
    if (!g.frames) {
        fputs("gen: no memory for the flows\n", stderr);
        return EXIT_FAILURE;
    }

    g.period = o.rate > 0 ? BURST / o.rate * rte_get_tsc_hz() : 0;
    if (!open_flows(&g)) {
        fprintf(stderr, "gen: %u of %u flows did not open\n", n_unopened(&g), g.n_flows);
        return 2;
    }
    measure(&g, &o);

    virtio_user_stop();
    frame_set_destroy(g.frames);
    return g.verdicts[FRAME_CORRUPT] || g.verdicts[FRAME_DENIED] || g.verdicts[FRAME_REORDERED];
}
