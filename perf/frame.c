#include <config.h>
#include "perf/frame.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define ETH ((uint16_t) sizeof(struct rte_ether_hdr))
#define ISN 1000  /* of both sides */
#define COPIED 64 /* of a frame that is no longer, which is most of them */

struct number {
    uint32_t seq, not_seq;
} __attribute__((packed));

struct flow {
    uint8_t data[FRAME_HEAD]; /* a data frame without its number */
    uint32_t sent;
    uint32_t arrived; /* the highest number seen, plus one */
    uint16_t len;
    bool at[2]; /* whether anything has arrived at this side */
};

struct frame_set {
    struct frame_spec spec;
    uint16_t l4, payload;         /* offsets */
    uint8_t stranger[FRAME_HEAD]; /* its ports are 0 */
    struct flow flows[];
};

/* ---- which flow ---- */

static uint16_t
sport_of(uint32_t flow)
{
    return FRAME_FIRST_PORT + flow % FRAME_PORTS;
}

static uint16_t
dport_of(const struct frame_set *set, uint32_t flow)
{
    return (frame_is_denied(set, flow) ? set->spec.denied_port : set->spec.allowed_port) +
           flow / FRAME_PORTS;
}

bool
frame_is_denied(const struct frame_set *set, uint32_t flow)
{
    return flow >= set->spec.n_flows - set->spec.n_denied;
}

/* n_flows: none. */
static uint32_t
flow_of(const struct frame_set *set, uint16_t sport, uint16_t dport)
{
    const struct frame_spec *s = &set->spec;
    uint32_t column = (uint16_t) (sport - FRAME_FIRST_PORT);

    for (int denied = 0; denied < 2 && column < FRAME_PORTS; denied++) {
        uint16_t row = dport - (denied ? s->denied_port : s->allowed_port);
        uint64_t flow = (uint64_t) row * FRAME_PORTS + column;

        if (flow < s->n_flows && frame_is_denied(set, flow) == denied) {
            return flow;
        }
    }
    return s->n_flows;
}

/* ---- headers ---- */

static void
address_v6(const struct frame_spec *s, unsigned side, uint8_t out[16])
{
    uint32_t ip = rte_cpu_to_be_32(s->ip[side]);

    memset(out, 0, 16);
    out[0] = 0xfd;
    memcpy(out + 12, &ip, sizeof ip);
}

static void
write_v6(const struct frame_spec *s, unsigned side, uint16_t len, struct rte_ipv6_hdr *ip)
{
    ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
    ip->payload_len = rte_cpu_to_be_16(len - ETH - sizeof *ip);
    ip->proto = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;
    ip->hop_limits = 64;
    address_v6(s, side, ip->src_addr);
    address_v6(s, side ^ 1, ip->dst_addr);
}

static void
write_v4(const struct frame_spec *s, unsigned side, uint16_t len, struct rte_ipv4_hdr *ip)
{
    ip->version_ihl = RTE_IPV4_VHL_DEF;
    ip->total_length = rte_cpu_to_be_16(len - ETH);
    ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
    ip->time_to_live = 64;
    ip->next_proto_id = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;
    ip->src_addr = rte_cpu_to_be_32(s->ip[side]);
    ip->dst_addr = rte_cpu_to_be_32(s->ip[side ^ 1]);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void
write_tcp(struct rte_tcp_hdr *tcp, uint16_t sport, uint16_t dport, uint8_t flags)
{
    bool syn = flags & RTE_TCP_SYN_FLAG;

    tcp->src_port = rte_cpu_to_be_16(sport);
    tcp->dst_port = rte_cpu_to_be_16(dport);
    tcp->sent_seq = rte_cpu_to_be_32(syn ? ISN : ISN + 1);
    tcp->recv_ack = rte_cpu_to_be_32(flags & RTE_TCP_ACK_FLAG ? ISN + 1 : 0);
    tcp->data_off = sizeof *tcp / 4 << 4;
    tcp->tcp_flags = flags;
    tcp->rx_win = rte_cpu_to_be_16(UINT16_MAX);
}

/* A whole frame of 'len' bytes, of which the payload is there; 'flags' are TCP's. */
static void
write_headers(const struct frame_set *set, unsigned side, uint16_t len, uint16_t sport,
              uint16_t dport, uint8_t flags, uint8_t *out)
{
    const struct frame_spec *s = &set->spec;
    struct rte_ether_hdr *eth = (void *) out;
    void *ip = eth + 1, *l4 = out + set->l4;
    uint16_t sum;

    memset(out, 0, set->payload);
    eth->src_addr = s->mac[side];
    eth->dst_addr = s->mac[side ^ 1];
    eth->ether_type = rte_cpu_to_be_16(s->v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    s->v6 ? write_v6(s, side, len, ip) : write_v4(s, side, len, ip);
    if (s->tcp) {
        write_tcp(l4, sport, dport, flags);
    } else {
        struct rte_udp_hdr *udp = l4;

        udp->src_port = rte_cpu_to_be_16(sport);
        udp->dst_port = rte_cpu_to_be_16(dport);
        udp->dgram_len = rte_cpu_to_be_16(len - set->l4);
    }
    sum = s->v6 ? rte_ipv6_udptcp_cksum(ip, l4) : rte_ipv4_udptcp_cksum(ip, l4);
    if (s->tcp) {
        ((struct rte_tcp_hdr *) l4)->cksum = sum;
    } else {
        ((struct rte_udp_hdr *) l4)->dgram_cksum = sum;
    }
}

static void
number(const struct frame_set *set, uint8_t *frame, uint32_t seq)
{
    const struct number n = { seq, ~seq };

    memcpy(frame + set->payload, &n, sizeof n);
}

/* ---- the set ---- */

uint16_t
frame_min_len(const struct frame_spec *s)
{
    uint16_t len = ETH + (s->v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)) +
                   (s->tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr)) +
                   sizeof(struct number);

    return RTE_MAX(len, RTE_ETHER_MIN_LEN);
}

static void
stranger_init(struct frame_set *set)
{
    struct frame_set tcp = { .spec = set->spec, .l4 = set->l4 };

    tcp.spec.tcp = true;
    tcp.payload = set->l4 + sizeof(struct rte_tcp_hdr);
    write_headers(&tcp, 2, tcp.payload, 0, 0, RTE_TCP_SYN_FLAG, set->stranger);
}

static void
flow_init(struct frame_set *set, uint32_t i)
{
    const struct frame_spec *s = &set->spec;
    struct flow *f = &set->flows[i];
    uint8_t whole[FRAME_MAX_LEN] = { 0 };

    f->len = s->n_sizes ? s->sizes[i % s->n_sizes] : 0;
    f->len = RTE_MAX(f->len, frame_min_len(s));
    number(set, whole, 0);
    write_headers(set, 0, f->len, sport_of(i), dport_of(set, i),
                  RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG, whole);
    memcpy(f->data, whole, FRAME_HEAD);
}

struct frame_set *
frame_set_create(const struct frame_spec *spec)
{
    struct frame_set *set = calloc(1, sizeof *set + spec->n_flows * sizeof set->flows[0]);

    if (!set) {
        return NULL;
    }
    set->spec = *spec;
    set->l4 = ETH + (spec->v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
    set->payload = set->l4 + (spec->tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr));
    stranger_init(set);
    for (uint32_t i = 0; i < spec->n_flows; i++) {
        flow_init(set, i);
    }
    return set;
}

void
frame_set_destroy(struct frame_set *set)
{
    free(set);
}

/* ---- data ---- */

static void
copy(const struct flow *f, uint8_t *out, uint32_t seq, const struct frame_set *set)
{
    memcpy(out, f->data, COPIED);
    if (f->len > COPIED) {
        memcpy(out + COPIED, f->data + COPIED, FRAME_HEAD - COPIED);
    }
    number(set, out, seq);
}

uint16_t
frame_write(struct frame_set *set, uint32_t flow, void *out)
{
    struct flow *f = &set->flows[flow];

    copy(f, out, f->sent++, set);
    return f->len;
}

static uint32_t
find(const struct frame_set *set, unsigned side, const uint8_t *frame, uint32_t len)
{
    uint16_t ports[2];

    if (len < RTE_ETHER_MIN_LEN || memcmp(frame, &set->spec.mac[side], sizeof set->spec.mac[0]) ||
        memcmp(frame + 6, &set->spec.mac[!side], sizeof set->spec.mac[0])) {
        return set->spec.n_flows;
    }
    memcpy(ports, frame + set->l4, sizeof ports);
    return flow_of(set, rte_be_to_cpu_16(ports[!side]), rte_be_to_cpu_16(ports[side]));
}

enum frame_verdict
frame_check(struct frame_set *set, const void *in, uint32_t len)
{
    uint32_t flow = find(set, 1, in, len), seq, n;
    uint8_t expected[FRAME_HEAD];
    struct flow *f;

    if (flow == set->spec.n_flows) {
        return FRAME_FOREIGN;
    }
    f = &set->flows[flow];
    memcpy(&seq, (const uint8_t *) in + set->payload, sizeof seq);
    copy(f, expected, seq, set);
    n = f->len > COPIED ? RTE_MIN(f->len, FRAME_HEAD) : COPIED;
    if (len != f->len || memcmp(expected, in, n)) {
        return FRAME_CORRUPT;
    }
    if (frame_is_denied(set, flow)) {
        return FRAME_DENIED;
    }
    if (seq < f->arrived) {
        return FRAME_REORDERED;
    }
    f->arrived = seq + 1;
    return FRAME_GOOD;
}

uint64_t
frame_nth(const struct frame_set *set, const void *frame)
{
    const uint8_t *data = frame;
    uint16_t ports[2];
    uint32_t seq;

    memcpy(ports, data + set->l4, sizeof ports);
    memcpy(&seq, data + set->payload, sizeof seq);
    return (uint64_t) seq * set->spec.n_flows +
           flow_of(set, rte_be_to_cpu_16(ports[0]), rte_be_to_cpu_16(ports[1]));
}

/* ---- opening ---- */

uint16_t
frame_write_step(struct frame_set *set, uint32_t flow, enum frame_step step, void *out)
{
    static const uint8_t flags[FRAME_N_STEPS] = { RTE_TCP_SYN_FLAG,
                                                  RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG,
                                                  RTE_TCP_ACK_FLAG };
    bool back = step == FRAME_ANSWER;
    uint16_t there = sport_of(flow), here = dport_of(set, flow);
    uint16_t len = set->spec.tcp ? set->payload : frame_min_len(&set->spec);

    memset(out, 0, FRAME_HEAD);
    write_headers(set, back, len, back ? here : there, back ? there : here, flags[step], out);
    return RTE_MAX(len, RTE_ETHER_MIN_LEN);
}

void
frame_note(struct frame_set *set, unsigned side, const void *in, uint32_t len)
{
    uint32_t flow = find(set, side, in, len);

    if (flow < set->spec.n_flows) {
        set->flows[flow].at[side] = true;
    }
}

bool
frame_arrived(const struct frame_set *set, uint32_t flow, unsigned side)
{
    return set->flows[flow].at[side];
}

/* ---- strangers ---- */

/* The checksum of the ports alone is added to that of everything else. */
uint16_t
frame_write_stranger(const struct frame_set *set, uint64_t n, void *out)
{
    struct rte_tcp_hdr *tcp = (void *) ((uint8_t *) out + set->l4);
    uint32_t sum;

    memcpy(out, set->stranger, FRAME_HEAD);
    tcp->src_port = rte_cpu_to_be_16(FRAME_FIRST_PORT + n % FRAME_PORTS);
    tcp->dst_port = rte_cpu_to_be_16(set->spec.denied_port +
                                     n / FRAME_PORTS % (UINT16_MAX - set->spec.denied_port));
    sum = (uint16_t) ~tcp->cksum + tcp->src_port + tcp->dst_port;
    sum = (sum & UINT16_MAX) + (sum >> 16);
    tcp->cksum = (uint16_t) ~((sum & UINT16_MAX) + (sum >> 16));
    return RTE_MAX(set->l4 + sizeof *tcp, (size_t) RTE_ETHER_MIN_LEN);
}

bool
frame_is_stranger(const struct frame_set *set, const void *in, uint32_t len)
{
    return len >= RTE_ETHER_MIN_LEN && !memcmp(in, set->stranger, 2 * sizeof set->spec.mac[0]);
}
