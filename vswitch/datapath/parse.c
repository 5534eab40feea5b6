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

#include "datapath/dhcp.h"

#define IPV6_MAX_EXTENSIONS 8
#define TCP_FLAGS_MEANING 0x3f
#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_SCALE 3

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

/* The shift count of a SYN's window scale option (RFC 7323, 2.2), or TCP_NO_SCALE. */
static uint8_t
parse_scale(const uint8_t *option, const uint8_t *end)
{
    while (option < end && *option != TCP_OPTION_END) {
        if (*option == TCP_OPTION_NOP) {
            option++;
            continue;
        }
        if (end - option < 2 || option[1] < 2 || option[1] > end - option) {
            break;
        }
        if (*option == TCP_OPTION_SCALE && option[1] == 3) {
            return RTE_MIN(option[2], TCP_MAX_SCALE);
        }
        option += option[1];
    }
    return TCP_NO_SCALE;
}

static enum drop_reason
parse_tcp(struct pkt *p, const uint8_t *l4, uint16_t there)
{
    const struct rte_tcp_hdr *tcp = (const void *) l4;
    uint16_t header;

    if (there < sizeof *tcp) {
        return DROP_MALFORMED;
    }
    header = (tcp->data_off >> 4) * 4;
    if (header < sizeof *tcp || header > there) {
        return DROP_MALFORMED;
    }
    p->sport = rte_be_to_cpu_16(tcp->src_port);
    p->dport = rte_be_to_cpu_16(tcp->dst_port);
    p->tcp.seq = rte_be_to_cpu_32(tcp->sent_seq);
    p->tcp.ack = rte_be_to_cpu_32(tcp->recv_ack);
    p->tcp.len = p->l4_len - header;
    p->tcp.window = rte_be_to_cpu_16(tcp->rx_win);
    p->tcp.flags = tcp->tcp_flags & TCP_FLAGS_MEANING;
    p->tcp.scale = p->tcp.flags & TCPF_SYN && header > sizeof *tcp
                       ? parse_scale(l4 + sizeof *tcp, l4 + header)
                       : TCP_NO_SCALE;
    p->flags |= PKT_TRACKED;
    return DROP_NONE;
}

static enum drop_reason
parse_udp(struct pkt *p, const uint8_t *l4, uint16_t there)
{
    const struct rte_udp_hdr *udp = (const void *) l4;

    if (there < sizeof *udp || rte_be_to_cpu_16(udp->dgram_len) < sizeof *udp ||
        rte_be_to_cpu_16(udp->dgram_len) > p->l4_len) {
        return DROP_MALFORMED;
    }
    p->sport = rte_be_to_cpu_16(udp->src_port);
    p->dport = rte_be_to_cpu_16(udp->dst_port);
    p->flags |= PKT_TRACKED;
    if (p->flags & PKT_V6 ? p->sport == DHCP6_SERVER || p->dport == DHCP6_SERVER
                          : p->sport == DHCP_SERVER || p->dport == DHCP_SERVER) {
        p->flags |= PKT_DHCP;
    }
    return DROP_NONE;
}

/* Neighbour discovery, and what certifies routers to it (RFC 3971): RFC 6980, 5. */
static bool
never_behind_fragment_header(uint8_t type)
{
    return (type >= 133 && type <= 137) || type == 148 || type == 149;
}

/* RFC 792, RFC 4443. */
static enum drop_reason
parse_icmp(struct pkt *p, const uint8_t *l4, uint16_t there)
{
    bool v6 = p->flags & PKT_V6;
    uint8_t type;

    if (there < 8 || (p->protocol == IPPROTO_ICMPV6) != v6) {
        return DROP_MALFORMED;
    }
    type = l4[0];
    p->icmp = (uint16_t) (type << 8 | l4[1]);
    if (v6 && p->flags & (PKT_FRAGMENT | PKT_ATOMIC) && never_behind_fragment_header(type)) {
        return DROP_FRAGMENT;
    }
    if (v6 ? type == 128 || type == 129 : type == 8 || type == 0) {
        p->sport = p->dport = (uint16_t) (l4[4] << 8 | l4[5]);
        p->flags |= PKT_TRACKED;
    } else if (v6 ? type < 128 : type == 3 || type == 4 || type == 11 || type == 12) {
        p->flags |= PKT_ICMP_ERROR;
    } else if (v6 && type >= 133 && type <= 137) {
        p->flags |= PKT_ND;
    }
    return DROP_NONE;
}

/* 'there' bytes of the l4_len that the datagram has are in this packet; nothing past them is
 * read. */
static enum drop_reason
parse_l4(struct pkt *p, const uint8_t *data, uint16_t there)
{
    const uint8_t *l4 = data + p->l4_off;

    switch (p->protocol) {
    case IPPROTO_TCP:
        return parse_tcp(p, l4, there);
    case IPPROTO_UDP:
        return parse_udp(p, l4, there);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return parse_icmp(p, l4, there);
    default:
        p->flags |= PKT_TRACKED; /* by its addresses alone */
        return DROP_NONE;
    }
}

/* The offset is in bytes.  What would end past the largest datagram, or not on a multiple of eight
 * bytes before the last one, is no fragment that anybody sends. */
static enum drop_reason
take_fragment(struct pkt *p, uint32_t id, uint16_t offset, bool more)
{
    p->frag_id = id;
    p->frag_off = offset;
    p->flags |= more ? PKT_FRAGMENT | PKT_MORE : PKT_FRAGMENT;
    if (!p->l4_len || (more && p->l4_len % 8) || (uint32_t) offset + p->l4_len > UINT16_MAX) {
        return DROP_MALFORMED;
    }
    return DROP_NONE;
}

/* Whoever sends it says which way it is to go, past the routers' own tables (RFC 7126, 4.3, 4.4).
 */
static bool
has_source_route(const uint8_t *option, const uint8_t *end)
{
    while (option < end && *option) {
        if ((*option & 0x1f) == 3 || (*option & 0x1f) == 9) { /* LSRR, SSRR */
            return true;
        }
        if (*option == 1) {
            option++;
        } else if (end - option < 2 || option[1] < 2) {
            return false;
        } else {
            option += option[1];
        }
    }
    return false;
}

static enum drop_reason
parse_ipv4(struct pkt *p, const uint8_t *data, uint32_t len)
{
    const struct rte_ipv4_hdr *ip = (const void *) (data + p->l3_off);
    uint32_t left = len - p->l3_off;
    uint16_t header, total, fragment;

    if (left < sizeof *ip) {
        return DROP_MALFORMED;
    }
    header = (ip->version_ihl & 0xf) * 4;
    total = rte_be_to_cpu_16(ip->total_length);
    if (ip->version_ihl >> 4 != 4 || header < sizeof *ip || total < header || total > left) {
        return DROP_MALFORMED;
    }
    p->flags |= PKT_IP;
    p->src = acl_addr_from_v4(ip->src_addr);
    p->dst = acl_addr_from_v4(ip->dst_addr);
    p->protocol = ip->next_proto_id;
    p->l4_off = p->l3_off + header;
    p->l4_len = total - header;
    if (header > sizeof *ip &&
        has_source_route((const uint8_t *) (ip + 1), (const uint8_t *) ip + header)) {
        return DROP_SOURCE_ROUTE;
    }
    fragment = rte_be_to_cpu_16(ip->fragment_offset);
    if (fragment & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) {
        return take_fragment(p, rte_be_to_cpu_16(ip->packet_id),
                             (fragment & RTE_IPV4_HDR_OFFSET_MASK) * 8,
                             fragment & RTE_IPV4_HDR_MF_FLAG);
    }
    return parse_l4(p, data, p->l4_len);
}

/* A fragment header that makes no fragment (RFC 6946) is passed over like any other, and noted. */
static enum drop_reason
parse_fragment_header(struct pkt *p, const uint8_t *header)
{
    uint16_t offset, more;
    uint32_t id;

    memcpy(&offset, header + 2, sizeof offset);
    memcpy(&id, header + 4, sizeof id);
    offset = rte_be_to_cpu_16(offset);
    more = offset & 1;
    offset &= 0xfff8;
    if (!offset && !more) {
        p->flags |= PKT_ATOMIC;
        return DROP_NONE;
    }
    p->protocol = header[0];
    return take_fragment(p, rte_be_to_cpu_32(id), offset, more);
}

/* Follows the chain from 'off', where a header of the kind 'next' begins, to 'end' (RFC 8200, 4.1),
 * whatever the order.  Ends at the upper layer, at a fragment header that makes a fragment, or with
 * the reason why neither was found. */
static enum drop_reason
parse_chain(struct pkt *p, const uint8_t *data, uint32_t off, uint32_t end, uint8_t next)
{
    for (int i = 0; i < IPV6_MAX_EXTENSIONS; i++) {
        uint32_t size;

        p->protocol = next;
        p->l4_off = off;
        p->l4_len = end - off;
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
            next != IPPROTO_AH && next != IPPROTO_FRAGMENT) {
            return DROP_NONE;
        }
        if (end - off < 8) {
            return DROP_IPV6_EXT;
        }
        size = next == IPPROTO_FRAGMENT ? 8
               : next == IPPROTO_AH     ? (data[off + 1] + 2) * 4
                                        : (data[off + 1] + 1) * 8;
        if (size > end - off) {
            return DROP_IPV6_EXT;
        }
        if (next == IPPROTO_ROUTING && data[off + 2] == 0 && data[off + 3]) {
            return DROP_SOURCE_ROUTE; /* RFC 5095 */
        }
        if (next == IPPROTO_FRAGMENT) {
            enum drop_reason reason;

            p->l4_off += size;
            p->l4_len -= size;
            reason = parse_fragment_header(p, data + off);
            if (reason != DROP_NONE || p->flags & PKT_FRAGMENT) {
                return reason;
            }
        }
        next = data[off];
        off += size;
    }
    return DROP_IPV6_EXT;
}

static enum drop_reason
parse_ipv6(struct pkt *p, const uint8_t *data, uint32_t len)
{
    const struct rte_ipv6_hdr *ip = (const void *) (data + p->l3_off);
    uint32_t left = len - p->l3_off, off = p->l3_off + sizeof *ip;
    enum drop_reason reason;

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
    reason = parse_chain(p, data, off, off + rte_be_to_cpu_16(ip->payload_len), ip->proto);
    return reason != DROP_NONE || p->flags & PKT_FRAGMENT ? reason : parse_l4(p, data, p->l4_len);
}

enum drop_reason
pkt_parse_datagram(struct pkt *p, uint32_t l4_len)
{
    const uint8_t *data = rte_pktmbuf_mtod(p->m, const uint8_t *);
    uint16_t there = p->l4_len, before = p->l4_off;
    uint16_t fragment = p->flags & (PKT_FRAGMENT | PKT_MORE);

    if (p->flags & PKT_V6) {
        enum drop_reason reason;

        p->flags &= ~(PKT_FRAGMENT | PKT_MORE);
        reason = parse_chain(p, data, p->l4_off, p->l4_off + p->l4_len, p->protocol);
        if (reason != DROP_NONE || p->flags & PKT_FRAGMENT) { /* one inside of another */
            return DROP_IPV6_EXT;
        }
        there = p->l4_len;
        l4_len -= p->l4_off - before;
    }
    p->flags |= fragment;
    p->l4_len = l4_len;
    return parse_l4(p, data, there) == DROP_NONE ? DROP_NONE : DROP_FRAGMENT;
}

bool
pkt_parse_quoted(const struct pkt *p, struct pkt_quoted *q)
{
    const uint8_t *data = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off + 8);
    uint32_t len = p->l4_len - 8, off;
    uint16_t sport, dport;

    memset(q, 0, sizeof *q);
    if (p->flags & PKT_V6) {
        const struct rte_ipv6_hdr *ip = (const void *) data;
        struct pkt inner = { .flags = 0 };

        if (len < sizeof *ip ||
            parse_chain(&inner, data, sizeof *ip, len, ip->proto) != DROP_NONE || inner.frag_off) {
            return false;
        }
        memcpy(q->src.b, ip->src_addr, 16);
        memcpy(q->dst.b, ip->dst_addr, 16);
        q->protocol = inner.protocol;
        off = inner.l4_off;
    } else {
        const struct rte_ipv4_hdr *ip = (const void *) data;

        if (len < sizeof *ip || ip->version_ihl >> 4 != 4 || (ip->version_ihl & 0xf) < 5 ||
            ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) {
            return false;
        }
        q->src = acl_addr_from_v4(ip->src_addr);
        q->dst = acl_addr_from_v4(ip->dst_addr);
        q->protocol = ip->next_proto_id;
        off = (ip->version_ihl & 0xf) * 4;
    }
    if (off + 8 > len) {
        return false; /* RFC 792 promises the first eight bytes */
    }
    memcpy(&sport, data + off, sizeof sport);
    memcpy(&dport, data + off + 2, sizeof dport);
    q->sport = rte_be_to_cpu_16(sport);
    q->dport = rte_be_to_cpu_16(dport);
    switch (q->protocol) {
    case IPPROTO_TCP:
        memcpy(&q->seq, data + off + 4, sizeof q->seq);
        q->seq = rte_be_to_cpu_32(q->seq);
        return true;
    case IPPROTO_UDP:
        return true;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        q->sport = q->dport = (uint16_t) (data[off + 4] << 8 | data[off + 5]);
        return q->protocol == IPPROTO_ICMP ? data[off] == 8 || data[off] == 0
                                           : data[off] == 128 || data[off] == 129;
    default:
        return false;
    }
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
    default:
        return pkt_is_tag(p->ethertype) ? DROP_VLAN : DROP_ETHERTYPE;
    }
    if (reason == DROP_NONE && p->flags & PKT_IP && acl_addr_equals(&p->src, &p->dst)) {
        return DROP_LAND;
    }
    return reason;
}
