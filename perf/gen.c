/* Generator and sink on one core: sends frames into vhost-user sockets of a switch and checks what
 * comes out of others.
 *
 *     gen [options] SOCKET-0 SOCKET-1 [SOCKET-2 SOCKET-3]
 *
 * Side 0 opens the flows, then sends data to side 1, all flows in turn.  With two more sockets,
 * side 2 sends strangers to side 3 meanwhile: SYNs that are to be denied, each of a tuple of its
 * own.
 *
 * Prints "begin", then one line a window, "window SECONDS SENT RECEIVED BYTES STRANGERS CORRUPT
 * DENIED REORDERED FOREIGN" (the last four are totals), each as it ends and right before the next
 * begins, so that a reader can look at the machine's state between windows; with --latency after
 * each "latency N P50 P99 P999 MAX" in nanoseconds; at the end "total SENT RECEIVED STRANGERS". The
 * exit status is 1 when a packet arrived that should not have, 2 when some flow could not be
 * opened. */
#include <config.h>
#include "perf/frame.h"
#include "perf/virtio_user.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define BURST 32
#define OPENING_TIMEOUT 60
#define STAMPS (1u << 20) /* more than are under way */
#define TICK_NS 50        /* of the histogram */
#define TICKS (1u << 18)  /* 13 ms */

struct options {
    struct frame_spec frames;
    double seconds, warmup, rate, strangers; /* packets a second; 0: as fast as it goes */
    unsigned int windows, lcore, burst, n_sockets;
    bool no_huge, latency;
    const char *sockets[VIRTIO_USER_MAX];
};

/* What is sent from one side, a burst at a time. */
struct lane {
    struct rte_mbuf *unsent[BURST]; /* from 'first' on, as the ring was full */
    uint16_t first, n, port, burst;
    uint64_t period, due; /* of bursts, in cycles; period 0: always */
    uint64_t sent;
};

struct gen {
    struct frame_set *frames;
    struct rte_mempool *pool;
    uint32_t n_flows, next_flow;
    uint64_t next_stranger;
    struct lane data, strangers;
    uint64_t received, bytes;
    uint64_t verdicts[FRAME_N_VERDICTS];
    uint64_t *stamps;    /* [STAMPS] when the nth data frame was sent; NULL: nobody asks */
    uint32_t *histogram; /* [TICKS] */
};

static void
usage(void)
{
    fputs(
        "usage: gen [--flows N] [--denied N] [--tcp] [--v6] [--sizes N,N...] [--windows N]\n"
        "           [--seconds S] [--warmup S] [--rate PPS] [--strangers PPS] [--burst N]\n"
        "           [--latency] [--lcore CPU] [--no-huge] SOCKET-0 SOCKET-1 [SOCKET-2 SOCKET-3]\n",
        stderr);
    exit(EXIT_FAILURE);
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
parse_sizes(char *arg, struct frame_spec *f)
{
    char *rest = NULL;

    for (char *word = strtok_r(arg, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (f->n_sizes == FRAME_MAX_SIZES) {
            usage();
        }
        f->sizes[f->n_sizes++] = parse_number(word, RTE_ETHER_MIN_LEN, FRAME_MAX_LEN);
    }
}

static void
parse_option(int option, char *arg, struct options *o)
{
    switch (option) {
    case 'f':
        o->frames.n_flows = parse_number(arg, 1, FRAME_MAX_FLOWS);
        break;
    case 'd':
        o->frames.n_denied = parse_number(arg, 0, FRAME_MAX_FLOWS - 1);
        break;
    case 't':
        o->frames.head.tcp = true;
        break;
    case '6':
        o->frames.head.v6 = true;
        break;
    case 'z':
        parse_sizes(arg, &o->frames);
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
    case 'S':
        o->strangers = atof(arg);
        break;
    case 'b':
        o->burst = parse_number(arg, 1, BURST);
        break;
    case 'L':
        o->latency = true;
        break;
    case 'l':
        o->lcore = parse_number(arg, 0, RTE_MAX_LCORE - 1);
        break;
    case 'n':
        o->no_huge = true;
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
        { "tcp", no_argument, NULL, 't' },
        { "v6", no_argument, NULL, '6' },
        { "sizes", required_argument, NULL, 'z' },
        { "windows", required_argument, NULL, 'w' },
        { "seconds", required_argument, NULL, 's' },
        { "warmup", required_argument, NULL, 'u' },
        { "rate", required_argument, NULL, 'r' },
        { "strangers", required_argument, NULL, 'S' },
        { "burst", required_argument, NULL, 'b' },
        { "latency", no_argument, NULL, 'L' },
        { "lcore", required_argument, NULL, 'l' },
        { "no-huge", no_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        parse_option(option, optarg, o);
    }
    o->n_sockets = argc - optind;
    if ((o->n_sockets != 2 && o->n_sockets != 4) || o->frames.n_denied >= o->frames.n_flows ||
        o->seconds <= 0) {
        usage();
    }
    memcpy(o->sockets, argv + optind, o->n_sockets * sizeof *o->sockets);
}

/* ---- bursts ---- */

/* Whether the next burst may go. */
static bool
is_due(struct lane *l)
{
    if (!l->period) {
        return true;
    }
    if (rte_rdtsc() < l->due) {
        return false;
    }
    l->due += l->period;
    return true;
}

static bool
burst_alloc(struct gen *g, struct lane *l)
{
    if (rte_pktmbuf_alloc_bulk(g->pool, l->unsent, l->burst)) {
        return false; /* all in flight: the sink will free some */
    }
    l->first = 0;
    l->n = l->burst;
    return true;
}

static void *
frame_room(struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod(m, void *);
}

static void
set_len(struct rte_mbuf *m, uint16_t len)
{
    m->data_len = len;
    m->pkt_len = len;
}

/* Makes the next burst, of all flows in turn. */
static void
data_make(struct gen *g)
{
    if (!burst_alloc(g, &g->data)) {
        return;
    }
    for (uint16_t i = 0; i < g->data.burst; i++) {
        set_len(g->data.unsent[i],
                frame_write(g->frames, g->next_flow, frame_room(g->data.unsent[i])));
        if (++g->next_flow == g->n_flows) {
            g->next_flow = 0;
        }
    }
}

static void
strangers_make(struct gen *g)
{
    if (!burst_alloc(g, &g->strangers)) {
        return;
    }
    for (uint16_t i = 0; i < g->strangers.burst; i++) {
        set_len(g->strangers.unsent[i], frame_write_stranger(g->frames, g->next_stranger++,
                                                             frame_room(g->strangers.unsent[i])));
    }
}

/* A packet once numbered is sent sooner or later: what the sink misses, the switch lost. */
static void
lane_send(struct lane *l)
{
    uint16_t n = rte_eth_tx_burst(l->port, 0, l->unsent + l->first, l->n);

    l->first += n;
    l->n -= n;
    l->sent += n;
}

static void
data_send(struct gen *g)
{
    uint64_t first = g->data.sent, now = g->stamps ? rte_rdtsc() : 0;

    lane_send(&g->data);
    for (uint64_t i = first; g->stamps && i < g->data.sent; i++) {
        g->stamps[i % STAMPS] = now;
    }
}

/* ---- the sink ---- */

/* Frames are sent in turn, so the number of a flow's packet tells which of all it was. */
static void
time_it(struct gen *g, const void *frame, uint64_t now)
{
    uint64_t nth = frame_nth(g->frames, frame);
    uint64_t ns = (now - g->stamps[nth % STAMPS]) * 1000000000 / rte_get_tsc_hz();

    g->histogram[RTE_MIN(ns / TICK_NS, TICKS - 1)]++;
}

static void
sink(struct gen *g)
{
    struct rte_mbuf *pkts[2 * BURST];
    uint16_t n = rte_eth_rx_burst(1, 0, pkts, RTE_DIM(pkts));
    uint64_t now = g->stamps && n ? rte_rdtsc() : 0;

    for (uint16_t i = 0; i < n; i++) {
        enum frame_verdict v = frame_check(g->frames, rte_pktmbuf_mtod(pkts[i], void *),
                                           rte_pktmbuf_data_len(pkts[i]));

        g->verdicts[v]++;
        g->received += v != FRAME_FOREIGN;
        g->bytes += rte_pktmbuf_data_len(pkts[i]);
        if (g->stamps && v == FRAME_GOOD) {
            time_it(g, rte_pktmbuf_mtod(pkts[i], void *), now);
        }
    }
    rte_pktmbuf_free_bulk(pkts, n);
}

static void
discard(uint16_t port)
{
    struct rte_mbuf *pkts[BURST];

    rte_pktmbuf_free_bulk(pkts, rte_eth_rx_burst(port, 0, pkts, BURST));
}

/* Strangers that are let through. */
static void
watch_strangers(struct gen *g)
{
    struct rte_mbuf *pkts[BURST];
    uint16_t n = rte_eth_rx_burst(3, 0, pkts, BURST);

    for (uint16_t i = 0; i < n; i++) {
        g->verdicts[frame_is_stranger(g->frames, rte_pktmbuf_mtod(pkts[i], void *),
                                      rte_pktmbuf_data_len(pkts[i]))
                        ? FRAME_DENIED
                        : FRAME_FOREIGN]++;
    }
    rte_pktmbuf_free_bulk(pkts, n);
}

/* ---- runs ---- */

static void
turn(struct gen *g, bool strangers)
{
    sink(g);
    if (!g->data.n && is_due(&g->data)) {
        data_make(g);
    }
    if (g->data.n) {
        data_send(g);
    }
    if (strangers && !g->strangers.n && is_due(&g->strangers)) {
        strangers_make(g);
    }
    if (g->strangers.n) {
        lane_send(&g->strangers);
    }
}

/* Who sends slowly leaves the CPU to others meanwhile, unless they are to be timed. */
static void
rest(const struct gen *g)
{
    uint64_t now = rte_rdtsc();

    if (g->data.period && !g->stamps && now < g->data.due) {
        rte_delay_us_sleep((unsigned int) ((g->data.due - now) * 1000000 / rte_get_tsc_hz()) + 1);
    }
}

/* Reads the clock rarely, and takes what the switch sends to the senders' sides. */
static void
run(struct gen *g, const struct options *o, double seconds)
{
    uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();
    bool strangers = o->n_sockets == 4;

    do {
        for (int i = 0; i < 64; i++) {
            turn(g, strangers);
            if (!strangers) {
                rest(g);
            }
        }
        discard(0);
        if (strangers) {
            discard(2);
            watch_strangers(g);
        }
    } while (rte_rdtsc() < end);
}

static void
drain(struct gen *g, double seconds)
{
    uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

    do {
        sink(g);
    } while (rte_rdtsc() < end);
}

/* ---- opening ---- */

static void
note(struct gen *g, uint16_t port)
{
    struct rte_mbuf *pkts[BURST];
    uint16_t n = rte_eth_rx_burst(port, 0, pkts, BURST);

    for (uint16_t i = 0; i < n; i++) {
        frame_note(g->frames, port, rte_pktmbuf_mtod(pkts[i], void *),
                   rte_pktmbuf_data_len(pkts[i]));
    }
    rte_pktmbuf_free_bulk(pkts, n);
}

static void
note_for(struct gen *g, double seconds)
{
    uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

    do {
        note(g, 0);
        note(g, 1);
    } while (rte_rdtsc() < end);
}

static void
step_send(struct gen *g, uint32_t flow, enum frame_step step)
{
    struct rte_mbuf *m;

    while (!(m = rte_pktmbuf_alloc(g->pool))) {
        note_for(g, 1e-6);
    }
    set_len(m, frame_write_step(g->frames, flow, step, frame_room(m)));
    while (!rte_eth_tx_burst(step == FRAME_ANSWER, 0, &m, 1)) {
        note_for(g, 1e-6);
    }
}

/* Sends this step of every flow that may pass and has not, unhurriedly.  Returns how many. */
static uint32_t
step_round(struct gen *g, enum frame_step step)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < g->n_flows; i++) {
        if (frame_is_denied(g->frames, i) ||
            (step != FRAME_CONFIRM && frame_arrived(g->frames, i, step == FRAME_BEGIN))) {
            continue;
        }
        step_send(g, i, step);
        if (++n % BURST == 0) {
            note_for(g, 30e-6);
        }
    }
    note_for(g, 10e-3);
    return n;
}

static bool
open_flows(struct gen *g, bool tcp)
{
    uint64_t end = rte_rdtsc() + OPENING_TIMEOUT * rte_get_tsc_hz();

    for (enum frame_step step = FRAME_BEGIN; step <= FRAME_ANSWER; step++) {
        while (step_round(g, step)) {
            if (rte_rdtsc() > end) {
                return false;
            }
        }
    }
    if (tcp) {
        step_round(g, FRAME_CONFIRM);
    }
    return true;
}

/* ---- what it prints ---- */

static void
print_latency(struct gen *g)
{
    static const double shares[] = { 0.5, 0.99, 0.999, 1 };
    uint64_t n = 0, seen = 0;
    unsigned int share = 0;

    for (uint32_t i = 0; i < TICKS; i++) {
        n += g->histogram[i];
    }
    printf("latency %lu", n);
    for (uint32_t i = 0; i < TICKS && share < RTE_DIM(shares) && n; i++) {
        for (seen += g->histogram[i]; share < RTE_DIM(shares) && seen >= shares[share] * n;
             share++) {
            printf(" %u", i * TICK_NS);
        }
    }
    putchar('\n');
    memset(g->histogram, 0, TICKS * sizeof *g->histogram);
}

static void
window(struct gen *g, const struct options *o)
{
    uint64_t start = rte_rdtsc(), sent = g->data.sent, received = g->received, bytes = g->bytes;
    uint64_t strangers = g->strangers.sent;
    const uint64_t *v = g->verdicts;

    run(g, o, o->seconds);
    printf("window %.6f %lu %lu %lu %lu %lu %lu %lu %lu\n",
           (double) (rte_rdtsc() - start) / rte_get_tsc_hz(), g->data.sent - sent,
           g->received - received, g->bytes - bytes, g->strangers.sent - strangers,
           v[FRAME_CORRUPT], v[FRAME_DENIED], v[FRAME_REORDERED], v[FRAME_FOREIGN]);
    if (g->stamps) {
        print_latency(g);
    }
}

static void
measure(struct gen *g, const struct options *o)
{
    g->data.due = g->strangers.due = rte_rdtsc();
    run(g, o, o->warmup);
    if (g->stamps) {
        memset(g->histogram, 0, TICKS * sizeof *g->histogram);
    }
    puts("begin");
    for (unsigned int i = 0; i < o->windows; i++) {
        window(g, o);
    }
    drain(g, 20e-3);
    for (int i = 0; i < 100 && g->received < g->data.sent; i++) { /* it may wait for a CPU */
        drain(g, 10e-3);
    }
    printf("total %lu %lu %lu\n", g->data.sent, g->received, g->strangers.sent);
}

static uint64_t
period_of(double rate, unsigned int burst)
{
    return rate > 0 ? burst / rate * rte_get_tsc_hz() : 0;
}

static void
prepare(struct gen *g, struct options *o)
{
    header_spec_init(&o->frames.head);
    g->pool = virtio_user_start("gen", o->lcore, o->no_huge, o->sockets, o->n_sockets);
    g->frames = frame_set_create(&o->frames);
    g->n_flows = o->frames.n_flows;
    g->data = (struct lane){ .port = 0, .burst = o->burst, .period = period_of(o->rate, o->burst) };
    g->strangers =
        (struct lane){ .port = 2, .burst = BURST, .period = period_of(o->strangers, BURST) };
    if (o->latency) {
        g->stamps = calloc(STAMPS, sizeof *g->stamps);
        g->histogram = calloc(TICKS, sizeof *g->histogram);
    }
    if (!g->frames || (o->latency && (!g->stamps || !g->histogram))) {
        fputs("gen: no memory for the flows\n", stderr);
        exit(EXIT_FAILURE);
    }
}

int
main(int argc, char *argv[])
{
    struct options o = {
        .frames = { .allowed_port = 5001, .denied_port = 6001, .n_flows = 1 },
        .seconds = 1,
        .warmup = 1,
        .windows = 3,
        .burst = BURST,
    };
    struct gen g = { 0 };

    parse_options(argc, argv, &o);
    setvbuf(stdout, NULL, _IOLBF, 0);
    prepare(&g, &o);
    if (!open_flows(&g, o.frames.head.tcp)) {
        fputs("gen: not every flow could be opened\n", stderr);
        return 2;
    }
    measure(&g, &o);

    virtio_user_stop();
    frame_set_destroy(g.frames);
    free(g.stamps);
    free(g.histogram);
    return g.verdicts[FRAME_CORRUPT] || g.verdicts[FRAME_DENIED] || g.verdicts[FRAME_REORDERED];
}
