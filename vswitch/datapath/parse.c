#include <config.h>

#include "datapath/parse.h"

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define IPV6_MAX_EXTENSIONS 8
#define TCP_FLAGS_MEANING 0x3f

static uint64_t
mac_load(const uint8_t b[6])
{
    uint32_t hi;
    uint16_t lo;

    memcpy(&hi, b, sizeof hi);
    memcpy(&lo, b + 4, sizeof lo);
    return (uint64_t) rte_be_to_cpu_32(hi) << 16 | rte_be_to_cpu_16(lo);
}

static enum drop_reason
parse_arp(struct pkt *p, const uint8_t *data, uint32_t len)
{
    const struct rte_arp_hdr_view {
        uint16_t hardware, protocol;
        uint8_t hlen, plen;
        uint16_t op;
        uint8_t sha[6], spa[4], tha[6], tpa[4];
    } __attribute__((packed)) *arp = (const void *) (data + p->l3_off);
    uint32_t spa, tpa;

    if (len - p->l3_off < sizeof *arp || arp->hardware != RTE_BE16(1) ||
        arp->protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) || arp->hlen != 6 || arp->plen != 4) {
        return DROP_MALFORMED;
    }
    p->arp_op = rte_be_to_cpu_16(arp->op) <= 2 ? rte_be_to_cpu_16(arp->op) : 0;
    memcpy(&spa, arp->spa, sizeof spa);
    memcpy(&tpa, arp->tpa, sizeof tpa);
    p->src = acl_addr_from_v4(spa);
    p->dst = acl_addr_from_v4(tpa);
    p->flags |= PKT_ARP;
    return p->arp_op ? DROP_NONE : DROP_MALFORMED;
}

/* Nothing is read past the IP packet's own length: l4_len bounds it. */
static enum drop_reason
parse_l4(struct pkt *p, const uint8_t *data)
{
    const uint8_t *l4 = data + p->l4_off;
    uint16_t len = p->l4_len;

    switch (p->protocol) {
    case IPPROTO_TCP: {
        const struct rte_tcp_hdr *tcp = (const void *) l4;
        if (len < sizeof *tcp || tcp->data_off >> 4 < 5 || (tcp->data_off >> 4) * 4 > len) {
            return DROP_MALFORMED;
        }
        p->sport = rte_be_to_cpu_16(tcp->src_port);
        p->dport = rte_be_to_cpu_16(tcp->dst_port);
        p->seq = rte_be_to_cpu_32(tcp->sent_seq);
        p->ack = rte_be_to_cpu_32(tcp->recv_ack);
        p->tcp_flags = tcp->tcp_flags & TCP_FLAGS_MEANING;
        p->flags |= PKT_TRACKED;
        return DROP_NONE;
    }
    case IPPROTO_UDP: {
        const struct rte_udp_hdr *udp = (const void *) l4;
        if (len < sizeof *udp || rte_be_to_cpu_16(udp->dgram_len) < sizeof *udp ||
            rte_be_to_cpu_16(udp->dgram_len) > len) {
            return DROP_MALFORMED;
        }
        p->sport = rte_be_to_cpu_16(udp->src_port);
        p->dport = rte_be_to_cpu_16(udp->dst_port);
        p->flags |= PKT_TRACKED;
        return DROP_NONE;
    }
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: {
        if (len < 8 || (p->protocol == IPPROTO_ICMP) != !(p->flags & PKT_V6)) {
            return DROP_MALFORMED;
        }
        uint8_t type = l4[0];
        p->icmp = (uint16_t) (type << 8 | l4[1]);
        bool echo =
            p->protocol == IPPROTO_ICMP ? type == 8 || type == 0 : type == 128 || type == 129;
        if (echo) {
            p->sport = p->dport = (uint16_t) (l4[4] << 8 | l4[5]);
            p->flags |= PKT_TRACKED;
        } else if (p->protocol == IPPROTO_ICMPV6 && type >= 133 && type <= 137) {
            p->flags |= PKT_ND;
        }
        return DROP_NONE;
    }
    default:
        return DROP_NONE;
    }
}

static enum drop_reason
parse_ipv4(struct pkt *p, const uint8_t *data, uint32_t len)
{
    const struct rte_ipv4_hdr *ip = (const void *) (data + p->l3_off);
    uint32_t left = len - p->l3_off;

    if (left < sizeof *ip) {
        return DROP_MALFORMED;
    }
    uint16_t header = (ip->version_ihl & 0xf) * 4;
    uint16_t total = rte_be_to_cpu_16(ip->total_length);
    if (ip->version_ihl >> 4 != 4 || header < sizeof *ip || total < header || total > left) {
        return DROP_MALFORMED;
    }
    p->flags |= PKT_IP;
    p->src = acl_addr_from_v4(ip->src_addr);
    p->dst = acl_addr_from_v4(ip->dst_addr);
    p->protocol = ip->next_proto_id;
    if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) {
        return DROP_FRAGMENT;
    }
    p->l4_off = p->l3_off + header;
    p->l4_len = total - header;
    return parse_l4(p, data);
}

static enum drop_reason
parse_ipv6(struct pkt *p, const uint8_t *data, uint32_t len)
{
    const struct rte_ipv6_hdr *ip = (const void *) (data + p->l3_off);
    uint32_t left = len - p->l3_off;

    if (left < sizeof *ip || (rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6 ||
        rte_be_to_cpu_16(ip->payload_len) > left - sizeof *ip) {
        return DROP_MALFORMED;
    }
    p->flags |= PKT_IP | PKT_V6;
    memcpy(p->src.b, ip->src_addr, 16);
    memcpy(p->dst.b, ip->dst_addr, 16);
    /* A mapped address on the wire would alias the IPv4 form that rules and keys use. */
    if (acl_addr_is_v4(&p->src) || acl_addr_is_v4(&p->dst)) {
        return DROP_MALFORMED;
    }

    uint32_t off = p->l3_off + sizeof *ip;
    uint32_t end = off + rte_be_to_cpu_16(ip->payload_len);
    uint8_t next = ip->proto;
    for (int i = 0; i < IPV6_MAX_EXTENSIONS; i++) {
        p->protocol = next;
        if (next == IPPROTO_FRAGMENT) {
            return DROP_FRAGMENT;
        }
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
            next != IPPROTO_AH) {
            p->l4_off = off;
            p->l4_len = end - off;
            return parse_l4(p, data);
        }
        if (end - off < 8) {
            return DROP_IPV6_EXT;
        }
        uint32_t size = next == IPPROTO_AH ? (data[off + 1] + 2) * 4 : (data[off + 1] + 1) * 8;
        if (size > end - off) {
            return DROP_IPV6_EXT;
        }
        next = data[off];
        off += size;
    }
    return DROP_IPV6_EXT;
}

enum drop_reason
pkt_parse(struct pkt *p)
{
    const uint8_t *data = rte_pktmbuf_mtod(p->m, const uint8_t *);
    uint32_t len = rte_pktmbuf_data_len(p->m);
    uint16_t type;

    memset(&p->src, 0, offsetof(struct pkt, reason) - offsetof(struct pkt, src));
    p->smac = p->dmac = 0;
    p->out = DP_PORT_NONE;
    if (len < RTE_ETHER_HDR_LEN || p->m->nb_segs != 1) {
        return DROP_MALFORMED;
    }
    p->dmac = mac_load(data);
    p->smac = mac_load(data + 6);
    memcpy(&type, data + 12, sizeof type);
    p->ethertype = rte_be_to_cpu_16(type);
    p->l3_off = RTE_ETHER_HDR_LEN;
    if (p->dmac >> 40 & 1) {
        p->flags |= PKT_GROUP;
    }

    enum drop_reason reason;
    switch (p->ethertype) {
    case RTE_ETHER_TYPE_IPV4:
        reason = parse_ipv4(p, data, len);
        break;
    case RTE_ETHER_TYPE_IPV6:
        reason = parse_ipv6(p, data, len);
        break;
    case RTE_ETHER_TYPE_ARP:
        return parse_arp(p, data, len);
    case RTE_ETHER_TYPE_VLAN:
    case RTE_ETHER_TYPE_QINQ:
        return DROP_VLAN;
    default:
        return DROP_ETHERTYPE;
    }
    if (reason == DROP_NONE && p->flags & PKT_IP && acl_addr_equals(&p->src, &p->dst)) {
        return DROP_LAND;
    }
    return reason;
}
