/* Opens TCP connections through a switch and closes them again, as fast as it can: both ends on one
 * core.
 *
 *     opener [--seconds S] [--windows N] [--warmup S] [--at-once N] [--lcore CPU] [--no-huge]
 *            SOCKET-0 SOCKET-1
 *
 * A connection is six segments: SYN, SYN-ACK, ACK, and FIN, FIN, ACK.  Neither end remembers any:
 * what came says what is next.  FRAME_PORTS times N_SERVICES tuples are used in turn.
 *
 * Prints lines as gen does, "window SECONDS BEGUN COMPLETED BYTES 0 0 0 0 0". */
#include <config.h>
#include "perf/frame.h"
#include "perf/virtio_user.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#define BURST 32
#define N_SERVICES 70
#define FIRST_SERVICE 5001
#define ISN 1000
#define STALL_MS 50

#define SYN RTE_TCP_SYN_FLAG
#define ACK RTE_TCP_ACK_FLAG
#define FIN RTE_TCP_FIN_FLAG

enum { OPEN, OPENED, CONFIRMED, CLOSE, CLOSED, LAST, N_SEGMENTS };

static const struct {
    unsigned side;
    struct header_segment segment;
} segments[N_SEGMENTS] = {
    [OPEN] = { 0, { ISN, 0, SYN } },
    [OPENED] = { 1, { ISN, ISN + 1, SYN | ACK } },
    [CONFIRMED] = { 0, { ISN + 1, ISN + 1, ACK } },
    [CLOSE] = { 0, { ISN + 1, ISN + 1, FIN | ACK } },
    [CLOSED] = { 1, { ISN + 1, ISN + 2, FIN | ACK } },
    [LAST] = { 0, { ISN + 2, ISN + 2, ACK } },
};

struct options {
    double seconds, warmup;
    unsigned long windows, at_once, lcore;
    bool no_huge;
};

struct opener {
    struct header_spec head;
    struct rte_mempool *pool;
    uint8_t frames[N_SEGMENTS][FRAME_HEAD];
    struct rte_mbuf *out[2][4 * BURST];
    uint16_t n_out[2];
    uint64_t begun, completed, bytes, under_way;
    uint64_t progress; /* when a connection was last completed, in cycles */
};

static void
usage(void)
{
    fputs("usage: opener [--seconds S] [--windows N] [--warmup S] [--at-once N] [--lcore CPU]\n"
          "              [--no-huge] SOCKET-0 SOCKET-1\n",
          stderr);
    exit(EXIT_FAILURE);
}

/* ---- segments ---- */

static void
flush(struct opener *o, unsigned side)
{
    uint16_t sent = rte_eth_tx_burst(side, 0, o->out[side], o->n_out[side]);

    rte_pktmbuf_free_bulk(o->out[side] + sent, o->n_out[side] - sent); /* its ring is full */
    o->n_out[side] = 0;
}

/* 'there' is side 0's port, 'here' side 1's. */
static void
send_segment(struct opener *o, int which, uint16_t there, uint16_t here)
{
    unsigned side = segments[which].side;
    struct rte_mbuf *m = rte_pktmbuf_alloc(o->pool);

    if (!m) {
        return;
    }
    memcpy(rte_pktmbuf_mtod(m, void *), o->frames[which], FRAME_HEAD);
    header_set_ports(&o->head, rte_pktmbuf_mtod(m, void *), side ? here : there,
                     side ? there : here);
    m->data_len = m->pkt_len = RTE_ETHER_MIN_LEN;
    o->out[side][o->n_out[side]++] = m;
    if (o->n_out[side] == RTE_DIM(o->out[side])) {
        flush(o, side);
    }
}

static void
open_one(struct opener *o)
{
    uint64_t n = o->begun++;

    o->under_way++;
    send_segment(o, OPEN, FRAME_FIRST_PORT + n % FRAME_PORTS,
                 FIRST_SERVICE + n / FRAME_PORTS % N_SERVICES);
}

static void
complete(struct opener *o, uint64_t now)
{
    o->completed++;
    o->under_way -= o->under_way > 0;
    o->progress = now;
}

static void
answer(struct opener *o, unsigned side, const struct rte_tcp_hdr *tcp, uint64_t now)
{
    uint16_t from = rte_be_to_cpu_16(tcp->src_port), to = rte_be_to_cpu_16(tcp->dst_port);

    if (side == 0 && tcp->tcp_flags == (SYN | ACK)) {
        send_segment(o, CONFIRMED, to, from);
        send_segment(o, CLOSE, to, from);
    } else if (side == 0 && tcp->tcp_flags == (FIN | ACK)) {
        send_segment(o, LAST, to, from);
    } else if (side == 1 && tcp->tcp_flags == SYN) {
        send_segment(o, OPENED, from, to);
    } else if (side == 1 && tcp->tcp_flags == (FIN | ACK)) {
        send_segment(o, CLOSED, from, to);
    } else if (side == 1 && tcp->tcp_flags == ACK && tcp->sent_seq == rte_cpu_to_be_32(ISN + 2)) {
        complete(o, now);
    }
}

static void
take(struct opener *o, unsigned side)
{
    struct rte_mbuf *pkts[BURST];
    uint16_t n = rte_eth_rx_burst(side, 0, pkts, BURST);
    uint64_t now = rte_rdtsc();

    for (uint16_t i = 0; i < n; i++) {
        uint32_t len = rte_pktmbuf_data_len(pkts[i]);
        const struct rte_tcp_hdr *tcp =
            header_tcp_of(&o->head, side, rte_pktmbuf_mtod(pkts[i], void *), len);

        o->bytes += len;
        if (tcp) {
            answer(o, side, tcp, now);
        }
    }
    rte_pktmbuf_free_bulk(pkts, n);
}

/* ---- runs ---- */

/* What was lost on the way is not waited for. */
static void
give_up_lost(struct opener *o)
{
    if (rte_rdtsc() - o->progress > rte_get_tsc_hz() / 1000 * STALL_MS) {
        o->under_way = 0;
        o->progress = rte_rdtsc();
    }
}

static void
run(struct opener *o, const struct options *options, double seconds)
{
    uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

    do {
        for (int i = 0; i < 64; i++) {
            take(o, 0);
            take(o, 1);
            for (int n = 0; n < BURST && o->under_way < options->at_once; n++) {
                open_one(o);
            }
            flush(o, 0);
            flush(o, 1);
        }
        give_up_lost(o);
    } while (rte_rdtsc() < end);
}

static void
measure(struct opener *o, const struct options *options)
{
    run(o, options, options->warmup);
    puts("begin");
    for (unsigned long i = 0; i < options->windows; i++) {
        uint64_t start = rte_rdtsc(), begun = o->begun, completed = o->completed, bytes = o->bytes;

        run(o, options, options->seconds);
        printf("window %.6f %lu %lu %lu 0 0 0 0 0\n",
               (double) (rte_rdtsc() - start) / rte_get_tsc_hz(), o->begun - begun,
               o->completed - completed, o->bytes - bytes);
    }
    printf("total %lu %lu 0\n", o->begun, o->completed);
}

static void
parse_option(int option, const char *arg, struct options *o)
{
    switch (option) {
    case 's':
        o->seconds = atof(arg);
        break;
    case 'u':
        o->warmup = atof(arg);
        break;
    case 'w':
        o->windows = strtoul(arg, NULL, 10);
        break;
    case 'a':
        o->at_once = strtoul(arg, NULL, 10);
        break;
    case 'l':
        o->lcore = strtoul(arg, NULL, 10);
        break;
    case 'n':
        o->no_huge = true;
        break;
    default:
        usage();
    }
}

int
main(int argc, char *argv[])
{
    static const struct option long_options[] = {
        { "seconds", required_argument, NULL, 's' },
        { "warmup", required_argument, NULL, 'u' },
        { "windows", required_argument, NULL, 'w' },
        { "at-once", required_argument, NULL, 'a' },
        { "lcore", required_argument, NULL, 'l' },
        { "no-huge", no_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 },
    };
    struct options options = { .seconds = 0.5, .warmup = 1, .windows = 3, .at_once = 1024 };
    static struct opener o = { .head = { .tcp = true } };
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        parse_option(option, optarg, &options);
    }
    if (argc - optind != 2 || options.seconds <= 0 || !options.at_once) {
        usage();
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    o.pool = virtio_user_start("opener", options.lcore, options.no_huge,
                               (const char *const *) argv + optind, 2);
    header_spec_init(&o.head);
    for (int i = 0; i < N_SEGMENTS; i++) {
        header_write(&o.head, segments[i].side, header_end(&o.head), 0, 0, &segments[i].segment,
                     o.frames[i]);
    }
    o.progress = rte_rdtsc();
    measure(&o, &options);
    virtio_user_stop();
    return o.completed ? EXIT_SUCCESS : EXIT_FAILURE;
}
