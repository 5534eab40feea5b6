#include <config.h>
#include "perf/header.h"

#include <string.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

void
header_spec_init(struct header_spec *s)
{
    for (uint8_t i = 0; i < HEADER_SIDES; i++) {
        s->mac[i] = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, i + 1 } };
        s->ip[i] = RTE_IPV4(10, 0, 0, i + 1);
    }
}

uint16_t
header_l4(const struct header_spec *s)
{
    return sizeof(struct rte_ether_hdr) +
           (s->v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
}

uint16_t
header_end(const struct header_spec *s)
{
    return header_l4(s) + (s->tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr));
}

static void
address_v6(const struct header_spec *s, unsigned side, uint8_t out[16])
{
    uint32_t ip = rte_cpu_to_be_32(s->ip[side]);

    memset(out, 0, 16);
    out[0] = 0xfd;
    memcpy(out + 12, &ip, sizeof ip);
}

static void
write_v6(const struct header_spec *s, unsigned side, uint16_t len, struct rte_ipv6_hdr *ip)
{
    ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
    ip->payload_len = rte_cpu_to_be_16(len - sizeof(struct rte_ether_hdr) - sizeof *ip);
    ip->proto = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;
    ip->hop_limits = 64;
    address_v6(s, side, ip->src_addr);
    address_v6(s, side ^ 1, ip->dst_addr);
}

static void
write_v4(const struct header_spec *s, unsigned side, uint16_t len, struct rte_ipv4_hdr *ip)
{
    ip->version_ihl = RTE_IPV4_VHL_DEF;
    ip->total_length = rte_cpu_to_be_16(len - sizeof(struct rte_ether_hdr));
    ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
    ip->time_to_live = 64;
    ip->next_proto_id = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;
    ip->src_addr = rte_cpu_to_be_32(s->ip[side]);
    ip->dst_addr = rte_cpu_to_be_32(s->ip[side ^ 1]);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void
write_tcp(const struct header_segment *s, uint16_t sport, uint16_t dport, struct rte_tcp_hdr *tcp)
{
    tcp->src_port = rte_cpu_to_be_16(sport);
    tcp->dst_port = rte_cpu_to_be_16(dport);
    tcp->sent_seq = rte_cpu_to_be_32(s->seq);
    tcp->recv_ack = rte_cpu_to_be_32(s->ack);
    tcp->data_off = sizeof *tcp / 4 << 4;
    tcp->tcp_flags = s->flags;
    tcp->rx_win = rte_cpu_to_be_16(UINT16_MAX);
}

static void
write_udp(uint16_t l4_len, uint16_t sport, uint16_t dport, struct rte_udp_hdr *udp)
{
    udp->src_port = rte_cpu_to_be_16(sport);
    udp->dst_port = rte_cpu_to_be_16(dport);
    udp->dgram_len = rte_cpu_to_be_16(l4_len);
}

void
header_write(const struct header_spec *s, unsigned side, uint16_t len, uint16_t sport,
             uint16_t dport, const struct header_segment *segment, void *out)
{
    struct rte_ether_hdr *eth = out;
    void *ip = eth + 1, *l4 = (uint8_t *) out + header_l4(s);
    uint16_t sum;

    memset(out, 0, header_end(s));
    eth->src_addr = s->mac[side];
    eth->dst_addr = s->mac[side ^ 1];
    eth->ether_type = rte_cpu_to_be_16(s->v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    if (s->v6) {
        write_v6(s, side, len, ip);
    } else {
        write_v4(s, side, len, ip);
    }
    if (s->tcp) {
        write_tcp(segment, sport, dport, l4);
    } else {
        write_udp(len - header_l4(s), sport, dport, l4);
    }
    sum = s->v6 ? rte_ipv6_udptcp_cksum(ip, l4) : rte_ipv4_udptcp_cksum(ip, l4);
    if (s->tcp) {
        ((struct rte_tcp_hdr *) l4)->cksum = sum;
    } else {
        ((struct rte_udp_hdr *) l4)->dgram_cksum = sum;
    }
}

/* RFC 1624: the sum of the ports is added to that of everything else. */
void
header_set_ports(const struct header_spec *s, void *frame, uint16_t sport, uint16_t dport)
{
    struct rte_tcp_hdr *tcp = (void *) ((uint8_t *) frame + header_l4(s));
    uint32_t sum;

    tcp->src_port = rte_cpu_to_be_16(sport);
    tcp->dst_port = rte_cpu_to_be_16(dport);
    sum = (uint16_t) ~tcp->cksum + tcp->src_port + tcp->dst_port;
    sum = (sum & UINT16_MAX) + (sum >> 16);
    tcp->cksum = (uint16_t) ~((sum & UINT16_MAX) + (sum >> 16));
}

const struct rte_tcp_hdr *
header_tcp_of(const struct header_spec *s, unsigned side, const void *frame, uint32_t len)
{
    const struct rte_ether_hdr *eth = frame;

    return len >= header_end(s) && rte_is_same_ether_addr(&eth->dst_addr, &s->mac[side]) &&
                   rte_is_same_ether_addr(&eth->src_addr, &s->mac[side ^ 1])
               ? (const void *) ((const uint8_t *) frame + header_l4(s))
               : NULL;
}
