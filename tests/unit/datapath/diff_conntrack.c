/* The TCP tracker against two judges, on exchanges between two simulated hosts:
 *
 *  - hosts that follow RFC 9293 over a network that loses, doubles and reorders must never lose a
 *    segment to the tracker;
 *  - of segments that somebody made up, the tracker and libopenvswitch's conntrack must think
 * alike; where they do not, judges.c says which clause decides, and what is not listed there
 * fails.
 *
 * diff_conntrack [EXCHANGES [SEED]] */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "datapath/conn_tcp.h"
#include "packets.h"
#include "tests/unit/datapath/judges.h"
#include "util.h"

#define DEFAULT_EXCHANGES 20000
#define STEPS 120
#define FLIGHT 16 /* segments in the network, a direction */
#define MSS 1000u

/* ---- random ---- */

static uint64_t rng;

static uint32_t
rnd(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (rng >> 16) % n;
}

static bool
one_in(uint32_t n)
{
    return !rnd(n);
}

/* ---- hosts ---- */

/* A TCP that takes what comes in order and goes back to the first unacknowledged when in doubt. */
struct host {
    enum { HOST_CLOSED, HOST_SYN_SENT, HOST_SYN_RCVD, HOST_OPEN } state;
    uint32_t iss, una, nxt, rcv, fin; /* fin: number of its FIN */
    uint32_t window;                  /* that it offers, in bytes */
    uint32_t peer_edge;               /* it may send up to here */
    uint8_t scale;                    /* that it asks for; TCP_NO_SCALE none */
    uint8_t out_scale, in_scale;      /* in force */
    uint32_t to_send;                 /* bytes still to be written */
    bool fin_sent, fin_received, reset;
};

struct network {
    struct tcp_segment s[FLIGHT];
    unsigned n;
};

struct exchange {
    struct host host[2];
    struct network to[2];
    struct judged tracked;
    bool apart; /* the oracle has refused an honest segment: it knows something else */
};

static bool
before(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b) < 0;
}

static void
host_init(struct host *h)
{
    static const uint32_t windows[] = { 1, 500, 4000, 65535, 200000, 1 << 20, 1 << 28 };

    memset(h, 0, sizeof *h);
    h->iss = one_in(4) ? 0u - rnd(5000) : rng;
    h->una = h->nxt = h->iss;
    h->scale = one_in(3) ? TCP_NO_SCALE : rnd(TCP_MAX_SCALE + 1);
    h->window = windows[rnd(ARRAY_SIZE(windows))];
    h->to_send = one_in(3) ? 0 : rnd(20000);
}

static uint16_t
offered(const struct host *h, bool syn)
{
    uint32_t w = syn ? h->window : h->window >> h->in_scale;

    return w > 65535 ? 65535 : w;
}

static struct tcp_segment
segment(const struct host *h, uint8_t flags, uint32_t seq, uint16_t len)
{
    struct tcp_segment s = { .seq = seq,
                             .ack = flags & TCPF_ACK ? h->rcv : 0,
                             .len = len,
                             .window = offered(h, flags & TCPF_SYN),
                             .flags = flags,
                             .scale = flags & TCPF_SYN ? h->scale : TCP_NO_SCALE };
    return s;
}

/* What the host says next; false when it has nothing to say. */
static bool
host_speak(struct host *h, struct tcp_segment *s)
{
    uint32_t room = h->peer_edge - h->nxt, len;

    if (h->reset) {
        return false;
    }
    switch (h->state) {
    case HOST_CLOSED:
        return false;
    case HOST_SYN_SENT:
        *s = segment(h, TCPF_SYN, h->iss, 0);
        h->nxt = h->iss + 1;
        return true;
    case HOST_SYN_RCVD:
        *s = segment(h, TCPF_SYN | TCPF_ACK, h->iss, 0);
        h->nxt = h->iss + 1;
        return true;
    default:
        break;
    }
    if (one_in(60)) {
        h->window = one_in(4) ? 0 : rnd(1 << 20); /* takes back nothing that was granted: below */
    }
    if (one_in(400)) {
        *s = segment(h, TCPF_RST | TCPF_ACK, h->nxt, 0);
        h->reset = true;
    } else if (h->una != h->nxt && one_in(5)) { /* again, from the first unacknowledged */
        bool fin = h->fin_sent && h->una == h->fin;
        uint32_t data = (h->fin_sent ? h->fin : h->nxt) - h->una;
        uint16_t len = fin ? 0 : MIN(data, MSS);
        *s = segment(h, fin ? TCPF_FIN | TCPF_ACK : TCPF_ACK, h->una, len);
    } else if (one_in(30) && h->una == h->nxt) { /* keep-alive (RFC 9293, 3.8.4) */
        *s = segment(h, TCPF_ACK, h->nxt - 1, 0);
    } else if (h->to_send && !before(h->peer_edge, h->nxt + 1)) {
        len = MIN(MIN(h->to_send, MSS), room);
        *s = segment(h, TCPF_ACK, h->nxt, len);
        h->nxt += len;
        h->to_send -= len;
    } else if (!h->to_send && !h->fin_sent && one_in(6) && !before(h->peer_edge, h->nxt + 1)) {
        *s = segment(h, TCPF_FIN | TCPF_ACK, h->nxt, 0);
        h->fin_sent = true;
        h->fin = h->nxt++;
    } else {
        *s = segment(h, TCPF_ACK, h->nxt, 0);
    }
    return true;
}

static void
take_ack(struct host *h, const struct tcp_segment *s)
{
    uint32_t edge = s->ack + ((uint32_t) s->window << (s->flags & TCPF_SYN ? 0 : h->out_scale));

    if (before(h->una, s->ack) && !before(h->nxt, s->ack)) {
        h->una = s->ack;
    }
    if (before(h->peer_edge, edge)) {
        h->peer_edge = edge;
    }
}

static void
agree_on_scale(struct host *h, uint8_t peer_scale)
{
    bool both = h->scale != TCP_NO_SCALE && peer_scale != TCP_NO_SCALE;

    h->out_scale = both ? peer_scale : 0;
    h->in_scale = both ? h->scale : 0;
}

static void
host_hear(struct host *h, const struct tcp_segment *s)
{
    if (s->flags & TCPF_RST) {
        h->reset |= h->state == HOST_OPEN ? s->seq == h->rcv : s->ack == h->iss + 1;
        return;
    }
    if (s->flags & TCPF_SYN) {
        bool mine_is_acked = s->flags & TCPF_ACK && s->ack == h->iss + 1;
        if (h->state == HOST_CLOSED || (h->state == HOST_SYN_SENT && !mine_is_acked)) {
            h->rcv = s->seq + 1;
            h->peer_edge = h->iss + 1 + s->window;
            agree_on_scale(h, s->scale);
            h->state = HOST_SYN_RCVD;
        } else if (mine_is_acked && h->state != HOST_OPEN) {
            h->rcv = s->seq + 1;
            h->peer_edge = s->ack + s->window;
            h->una = h->nxt = h->iss + 1;
            agree_on_scale(h, s->scale);
            h->state = HOST_OPEN;
        }
        return;
    }
    if (h->state == HOST_SYN_RCVD && s->ack == h->iss + 1) {
        h->una = h->nxt = h->iss + 1;
        h->state = HOST_OPEN;
    }
    if (h->state != HOST_OPEN) {
        return;
    }
    take_ack(h, s);
    if (s->seq == h->rcv && s->len <= h->window) {
        h->rcv += s->len;
        if (s->flags & TCPF_FIN) {
            h->rcv++;
            h->fin_received = true;
        }
    }
}

/* ---- packets ---- */

static long long now_ms;

static void
put_options(uint8_t *options, uint8_t scale)
{
    memset(options, 1, 4); /* NOP */
    if (scale != TCP_NO_SCALE) {
        options[1] = 3;
        options[2] = 3;
        options[3] = scale;
    }
}

/* The packet of a segment: Ethernet, IPv4, TCP. */
static size_t
build(const struct exchange *x, unsigned from, const struct tcp_segment *s, uint8_t *p)
{
    size_t options = s->flags & TCPF_SYN ? 4 : 0;
    size_t tcp_len = TCP_HEADER_LEN + options + s->len, len = ETH_HEADER_LEN + 20 + tcp_len;
    struct eth_header *eth = (void *) p;
    struct ip_header *ip = (void *) (eth + 1);
    struct tcp_header *tcp = (void *) (ip + 1);

    memset(p, 0, len);
    eth->eth_type = htons(ETH_TYPE_IP);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(20 + tcp_len);
    ip->ip_ttl = 64;
    ip->ip_proto = IPPROTO_TCP;
    put_16aligned_be32(&ip->ip_src, htonl(0x0a000001 + from + (x->tracked.id >> 14 << 1)));
    put_16aligned_be32(&ip->ip_dst, htonl(0x0a000001 + !from + (x->tracked.id >> 14 << 1)));
    ip->ip_csum = csum(ip, 20);
    tcp->tcp_src = htons(from ? 80 : 10000 + (x->tracked.id & 0x3fff));
    tcp->tcp_dst = htons(from ? 10000 + (x->tracked.id & 0x3fff) : 80);
    put_16aligned_be32(&tcp->tcp_seq, htonl(s->seq));
    put_16aligned_be32(&tcp->tcp_ack, htonl(s->ack));
    tcp->tcp_ctl = TCP_CTL(s->flags, (TCP_HEADER_LEN + options) / 4);
    tcp->tcp_winsz = htons(s->window);
    if (options) {
        put_options((uint8_t *) (tcp + 1), s->scale);
    }
    tcp->tcp_csum = csum_finish(csum_continue(packet_csum_pseudoheader(ip), tcp, tcp_len));
    return len;
}

static bool
oracle_passes(const struct exchange *x, unsigned from, const struct tcp_segment *s)
{
    static uint8_t bytes[65536 + 100];

    return judge_theirs(bytes, build(x, from, s, bytes), now_ms);
}

static unsigned long n_honest, n_refused, n_made_up, n_alike;

/* ---- exchanges ---- */

static bool
transmit(struct exchange *x, unsigned from, const struct tcp_segment *s)
{
    struct network *n = &x->to[!from];
    struct judged before_it = x->tracked;

    if (one_in(40)) {
        return true; /* lost on its way to the switch */
    }
    n_honest++;
    bool theirs = oracle_passes(x, from, s);
    n_refused += !theirs;
    x->apart |= !theirs;
    if (!judge_ours(&x->tracked, from, s)) {
        judges_complain(&before_it, from, s,
                        theirs ? "an honest segment is dropped"
                               : "an honest segment is dropped, and there too");
        return false;
    }
    if (!one_in(30) && n->n < FLIGHT) { /* else it is lost behind it */
        n->s[n->n++] = *s;
    }
    return true;
}

static void
deliver(struct exchange *x, unsigned to)
{
    struct network *n = &x->to[to];
    unsigned i = n->n ? one_in(8) ? rnd(n->n) : 0 : 0;

    if (n->n) {
        struct tcp_segment s = n->s[i];
        if (!one_in(30)) { /* else it comes twice */
            memmove(&n->s[i], &n->s[i + 1], (--n->n - i) * sizeof *n->s);
        }
        host_hear(&x->host[to], &s);
    }
}

static struct tcp_segment
make_up(const struct exchange *x, unsigned from)
{
    static const uint8_t flags[] = { 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0x02, 0x12,
                                     0x00, 0x29, 0x03, 0x06, 0x01, 0x3f, 0x30, 0x38 };
    const struct host *h = &x->host[from], *peer = &x->host[!from];
    const uint32_t seqs[] = { h->nxt, h->una, peer->rcv, h->iss, h->iss + 1, h->peer_edge };
    const uint32_t acks[] = { h->rcv, peer->una, peer->nxt, peer->iss + 1, 0 };
    static const int32_t offsets[] = { 0,     0,     0,      1,       -1,       1000,
                                       -1000, 70000, -70000, 1 << 30, INT32_MIN };
    struct tcp_segment s = {
        .seq = seqs[rnd(ARRAY_SIZE(seqs))] + offsets[rnd(ARRAY_SIZE(offsets))],
        .ack = acks[rnd(ARRAY_SIZE(acks))] + offsets[rnd(ARRAY_SIZE(offsets))],
        .len = one_in(2) ? 0 : rnd(MSS),
        .window = rnd(65536),
        .flags = flags[rnd(sizeof flags)],
        .scale = one_in(2) ? TCP_NO_SCALE : rnd(15),
    };
    return s;
}

/* Goes on until the trackers disagree: from then on they know different things. */
static void
attack(struct exchange *x)
{
    for (int i = 0; i < 8 && !x->apart; i++) {
        unsigned from = rnd(2);
        struct tcp_segment s = make_up(x, from);
        struct judged before_it = x->tracked;
        bool theirs = oracle_passes(x, from, &s), ours = judge_ours(&x->tracked, from, &s);

        n_made_up++;
        if (ours != theirs) {
            judges_differ(&before_it, from, &s, ours);
            return;
        }
        n_alike++;
        if (ours) {
            return;
        }
    }
}

static void
run_exchange(unsigned long id)
{
    struct exchange x = { .tracked = { .name = "exchange", .id = id } };
    int steps = rnd(STEPS), attack_at = one_in(2) ? (int) rnd(steps + 1) : steps;

    host_init(&x.host[0]);
    host_init(&x.host[1]);
    x.host[0].state = HOST_SYN_SENT;
    if (one_in(20)) {
        x.host[1].state = HOST_SYN_SENT; /* a simultaneous open */
    }
    for (int i = 0; i < steps; i++) {
        unsigned h = i ? rnd(2) : 0;
        struct tcp_segment s;

        if (i == attack_at) {
            break;
        }
        if (i && one_in(2)) {
            deliver(&x, h);
        } else if (host_speak(&x.host[h], &s) && !transmit(&x, h, &s)) {
            return;
        }
    }
    attack(&x);
}

int
main(int argc, char *argv[])
{
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : DEFAULT_EXCHANGES;

    rng = argc > 2 ? strtoull(argv[2], NULL, 0) : 0x9e3779b97f4a7c15ull;
    printf("seed %#" PRIx64 "\n", rng);
    judges_init(argv[0]);
    for (unsigned long i = 0; i < n; i++) {
        now_ms = 1000000 + i;
        run_exchange(i);
        if (i % 1000 == 999) {
            judges_forget();
        }
    }
    judges_exit();
    printf("%lu exchanges, %lu honest segments (conntrack refuses %lu), %lu made up: %lu judged "
           "alike\n",
           n, n_honest, n_refused, n_made_up, n_alike);
    return judges_report() != 0;
}
