/* A desktop that talks to another one without end, and looks around when it is told to.
 *
 *     respond [--lcore CPU] [--no-huge] [--rate PPS] SOCKET-IN SOCKET-OUT
 *
 * Sends from 10.0.0.1, allowed UDP to 10.0.0.2 and denied SYNs to the desktops after that.  A line
 * "idle" or "busy" on standard input is a trial:
 *
 *   1. sends until something gets through; then, if busy, goes on for WARM_MS, or else is silent;
 *   2. prints "ready", and waits for a line "go";
 *   3. sends SYNs to N_TARGETS desktops, and allowed packets after them, until none has got through
 *      for TAIL_MS;
 *   4. prints "trial DENIED LAST-SENT LAST-RECEIVED N": when the last SYN was about to be sent,
 * when the last packet that got through was about to be sent and when it was there, and how many
 * sent after the SYN got through.  Nanoseconds of CLOCK_MONOTONIC.
 *
 * The exit status is 1 when nothing gets through, or there is no end of it. */
#include <config.h>
#include "perf/virtio_user.h"

#include <getopt.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define MAGIC 0x66757375
#define BURST 32
#define N_SEQS (1u << 20) /* more than are sent between two packets that get through */
#define N_TARGETS 3       /* within 10 s they are a sweep: docs/detection.md */
#define FIRST_SERVICE 10000
#define WARM_MS 20
#define TAIL_MS 20
#define OPENING_MS 10000
#define ENDLESS_MS 5000

#define MS INT64_C(1000000)

struct datagram {
    struct rte_ether_hdr eth;
    struct rte_ipv4_hdr ip;
    struct rte_udp_hdr udp;
    uint32_t magic, seq;
    uint8_t pad[14];
} __attribute__((packed, aligned(2)));

struct segment {
    struct rte_ether_hdr eth;
    struct rte_ipv4_hdr ip;
    struct rte_tcp_hdr tcp;
    uint8_t pad[6];
} __attribute__((packed, aligned(2)));

struct generator {
    struct rte_mempool *pool;
    int64_t gap_ns, due_ns;    /* of allowed packets */
    uint32_t next, first;      /* numbers: the next one, the first after the SYN */
    int64_t last_ns, last_seq; /* what got through last; -1: nothing */
    uint64_t n_through;        /* of those from 'first' on */
    uint16_t service; /* of the next trial's SYNs: a drop that repeats within a second has no
                       * record of its own */
    int64_t sent_ns[N_SEQS];
};

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void
give_up(const char *why)
{
    fprintf(stderr, "respond: %s\n", why);
    exit(EXIT_FAILURE);
}

/* Host 1 is the sender. */
static void
addresses_write(struct rte_ether_hdr *eth, struct rte_ipv4_hdr *ip, size_t size, uint8_t protocol,
                uint8_t to)
{
    eth->src_addr = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 1 } };
    eth->dst_addr = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, to } };
    eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
    ip->version_ihl = RTE_IPV4_VHL_DEF;
    ip->total_length = rte_cpu_to_be_16(size - sizeof *eth);
    ip->time_to_live = 64;
    ip->next_proto_id = protocol;
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 1));
    ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, to));
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void
datagram_write(struct datagram *d, uint32_t seq)
{
    memset(d, 0, sizeof *d);
    addresses_write(&d->eth, &d->ip, sizeof *d, IPPROTO_UDP, 2);
    d->udp.src_port = rte_cpu_to_be_16(1024);
    d->udp.dst_port = rte_cpu_to_be_16(5001);
    d->udp.dgram_len = rte_cpu_to_be_16(sizeof *d - offsetof(struct datagram, udp));
    d->magic = MAGIC;
    d->seq = seq;
}

static void
segment_write(struct segment *s, uint8_t to, uint16_t service)
{
    memset(s, 0, sizeof *s);
    addresses_write(&s->eth, &s->ip, offsetof(struct segment, pad), IPPROTO_TCP, to);
    s->tcp.src_port = rte_cpu_to_be_16(1025);
    s->tcp.dst_port = rte_cpu_to_be_16(service);
    s->tcp.data_off = sizeof s->tcp / 4 << 4;
    s->tcp.tcp_flags = RTE_TCP_SYN_FLAG;
    s->tcp.rx_win = rte_cpu_to_be_16(64240);
    s->tcp.cksum = rte_ipv4_udptcp_cksum(&s->ip, &s->tcp);
}

static struct rte_mbuf *
frame_new(struct generator *g, size_t size, void **data)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(g->pool);

    *data = m ? rte_pktmbuf_append(m, (uint16_t) size) : NULL;
    return *data ? m : NULL; /* all in flight */
}

static void
datagram_send(struct generator *g)
{
    void *data;
    struct rte_mbuf *m = frame_new(g, sizeof(struct datagram), &data);

    if (!m) {
        return;
    }
    datagram_write(data, g->next);
    g->sent_ns[g->next % N_SEQS] = now_ns();
    if (rte_eth_tx_burst(0, 0, &m, 1)) {
        g->next++;
    } else {
        rte_pktmbuf_free(m);
    }
}

/* When it was about to be sent. */
static int64_t
syn_send(struct generator *g, uint8_t to, uint16_t service)
{
    int64_t end = now_ns() + OPENING_MS * MS, before = 0;
    void *data;
    struct rte_mbuf *m = frame_new(g, sizeof(struct segment), &data);

    if (!m) {
        give_up("no buffer for a SYN");
    }
    segment_write(data, to, service);
    do {
        before = now_ns();
        if (rte_eth_tx_burst(0, 0, &m, 1)) {
            return before;
        }
    } while (before < end);
    give_up("the switch takes nothing");
    return 0;
}

/* What has got through.  Times are taken after the packets were: a little late rather than early.
 */
static void
sink(struct generator *g)
{
    struct rte_mbuf *pkts[BURST];
    uint16_t n = rte_eth_rx_burst(1, 0, pkts, BURST);

    for (uint16_t i = 0; i < n; i++) {
        const struct datagram *d = rte_pktmbuf_mtod(pkts[i], const struct datagram *);

        if (rte_pktmbuf_data_len(pkts[i]) == sizeof *d && d->magic == MAGIC) {
            g->last_seq = d->seq;
            g->last_ns = now_ns();
            g->n_through += d->seq - g->first < UINT32_MAX / 2;
        }
    }
    rte_pktmbuf_free_bulk(pkts, n);
    n = rte_eth_rx_burst(0, 0, pkts, BURST); /* floods, for the sender */
    rte_pktmbuf_free_bulk(pkts, n);
}

/* One step of the steady stream.  Between packets the CPU is others'. */
static void
stream(struct generator *g)
{
    int64_t now = now_ns();

    sink(g);
    if (now < g->due_ns) {
        if (g->due_ns - now > 2000) {
            rte_delay_us_sleep((unsigned int) ((g->due_ns - now) / 1000));
        }
        return;
    }
    datagram_send(g);
    g->due_ns = RTE_MAX(g->due_ns + g->gap_ns, now - MS); /* what a pause kept back goes at once */
}

static void
stream_for(struct generator *g, int64_t ms)
{
    int64_t end = now_ns() + ms * MS;

    g->due_ns = now_ns();
    while (now_ns() < end) {
        stream(g);
    }
}

static void
open_flow(struct generator *g)
{
    int64_t end = now_ns() + OPENING_MS * MS;

    g->last_seq = -1;
    while (g->last_seq < 0) {
        if (now_ns() > end) {
            give_up("nothing gets through");
        }
        stream_for(g, 1);
    }
}

/* Until a line has come; the stream flows meanwhile, if 'busy'. */
static void
line_wait(struct generator *g, bool busy, char *line, int size)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

    g->due_ns = now_ns();
    while (busy && !poll(&in, 1, 0)) {
        stream_for(g, 1);
    }
    if (!fgets(line, size, stdin)) {
        exit(EXIT_SUCCESS);
    }
}

static void
trial(struct generator *g, bool busy)
{
    int64_t denied = 0, end;
    char line[16];

    open_flow(g);
    if (busy) {
        stream_for(g, WARM_MS);
    } else {
        rte_delay_us_sleep(WARM_MS * 1000);
        sink(g);
    }
    puts("ready");
    line_wait(g, busy, line, sizeof line);

    for (uint8_t i = 0; i < N_TARGETS; i++) {
        denied = syn_send(g, 3 + i, g->service);
    }
    g->service = g->service == UINT16_MAX ? FIRST_SERVICE : g->service + 1;
    g->first = g->next;
    g->n_through = 0;
    g->last_ns = g->due_ns = denied;
    end = denied + ENDLESS_MS * MS;
    while (now_ns() < g->last_ns + TAIL_MS * MS) {
        stream(g);
        if (g->last_ns > end) {
            give_up("the desktop is not cut off");
        }
    }
    printf("trial %ld %ld %ld %lu\n", denied,
           g->last_seq < 0 ? denied : g->sent_ns[g->last_seq % N_SEQS], g->last_ns, g->n_through);
}

static double
parse_number(const char *text, double max)
{
    char *end;
    double n = strtod(text, &end);

    if (end == text || *end || !(n >= 0 && n <= max)) {
        give_up("usage: respond [--lcore CPU] [--no-huge] [--rate PPS] SOCKET-IN SOCKET-OUT");
    }
    return n;
}

int
main(int argc, char *argv[])
{
    static const struct option long_options[] = {
        { "lcore", required_argument, NULL, 'l' },
        { "rate", required_argument, NULL, 'r' },
        { "no-huge", no_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 },
    };
    static struct generator g = { .service = FIRST_SERVICE };
    unsigned int lcore = 0;
    bool no_huge = false;
    double rate = 100000;
    char line[16];
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        lcore = option == 'l' ? (unsigned int) parse_number(optarg, RTE_MAX_LCORE - 1) : lcore;
        rate = option == 'r' ? parse_number(optarg, 1e7) : rate;
        no_huge |= option == 'n';
    }
    if (argc - optind != 2 || rate < 1) {
        parse_number("", 0);
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* or poll() would not know of lines that were read already */
    setvbuf(stdout, NULL, _IOLBF, 0);
    prctl(PR_SET_TIMERSLACK, 1);
    g.gap_ns = (int64_t) (1e9 / rate);
    g.pool = virtio_user_start("respond", lcore, no_huge, (const char *const *) argv + optind, 2);
    for (;;) {
        line_wait(&g, false, line, sizeof line);
        trial(&g, !strcmp(line, "busy\n"));
    }
}
