#include <config.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tests/unit/datapath/suites.h"

struct rte_mbuf *
packet_raw(const void *bytes, size_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(test_pool);

    memcpy(rte_pktmbuf_append(m, n), bytes, n);
    return m;
}

static void
leave_it(void *page, void *aux)
{
    (void) page;
    (void) aux;
}

struct rte_mbuf *
packet_at_edge(struct rte_mbuf *m)
{
    enum { PAGE = 4096 };
    static struct rte_mbuf_ext_shared_info shared = { .free_cb = leave_it };
    static uint8_t *page;
    uint16_t n = rte_pktmbuf_data_len(m);
    struct rte_mbuf *e = rte_pktmbuf_alloc(test_pool);

    if (!page) {
        page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || mprotect(page + PAGE, PAGE, PROT_NONE)) {
            abort();
        }
    }
    memcpy(page + PAGE - n, rte_pktmbuf_mtod(m, uint8_t *), n);
    rte_pktmbuf_free(m);
    rte_mbuf_ext_refcnt_set(&shared, 1);
    rte_pktmbuf_attach_extbuf(e, page + PAGE - n, RTE_BAD_IOVA, n, &shared);
    rte_pktmbuf_append(e, n);
    return e;
}

void
test_store_mac(uint8_t b[6], uint64_t mac)
{
    for (int i = 0; i < 6; i++) {
        b[i] = mac >> (40 - 8 * i);
    }
}

static void
ethernet(struct rte_ether_hdr *eth, uint8_t from, uint8_t to, uint16_t type)
{
    memset(eth, 0, sizeof *eth);
    eth->src_addr.addr_bytes[0] = eth->dst_addr.addr_bytes[0] = 2;
    eth->src_addr.addr_bytes[5] = from;
    eth->dst_addr.addr_bytes[5] = to;
    eth->ether_type = rte_cpu_to_be_16(type);
}

struct rte_mbuf *
packet_tcp(uint8_t from, uint8_t to, uint16_t sport, uint16_t dport, uint8_t flags)
{
    uint8_t p[54] = { 0 };
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    struct rte_tcp_hdr *tcp = (void *) (p + 34);

    ethernet((void *) p, from, to, RTE_ETHER_TYPE_IPV4);
    ip->version_ihl = 0x45;
    ip->total_length = rte_cpu_to_be_16(sizeof *ip + sizeof *tcp);
    ip->time_to_live = 64;
    ip->next_proto_id = 6;
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10u, 0, 0, from));
    ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(10u, 0, 0, to));
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    tcp->src_port = rte_cpu_to_be_16(sport);
    tcp->dst_port = rte_cpu_to_be_16(dport);
    tcp->data_off = 5 << 4;
    tcp->tcp_flags = flags;
    tcp->rx_win = RTE_BE16(65535);
    tcp->sent_seq = rte_cpu_to_be_32(flags & 0x02 ? 1000 : 1001);
    tcp->recv_ack = rte_cpu_to_be_32(flags & 0x10 ? 1001 : 0);
    tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
    return packet_raw(p, sizeof p);
}

struct rte_mbuf *
packet_fragment(const struct rte_mbuf *whole, uint16_t id, uint16_t off, uint16_t len)
{
    const uint8_t *data = rte_pktmbuf_mtod(whole, const uint8_t *);
    uint16_t all = rte_pktmbuf_data_len(whole) - 34;
    uint8_t p[2048];
    struct rte_ipv4_hdr *ip = (void *) (p + 14);

    memcpy(p, data, 34);
    memcpy(p + 34, data + 34 + off, len);
    ip->total_length = rte_cpu_to_be_16(sizeof *ip + len);
    ip->packet_id = rte_cpu_to_be_16(id);
    ip->fragment_offset = rte_cpu_to_be_16(off / 8 | (off + len < all ? 0x2000 : 0));
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    return packet_raw(p, 34 + len);
}

struct rte_mbuf *
packet_tcp_data(uint8_t from, uint8_t to, uint16_t sport, uint16_t dport, uint8_t flags,
                uint16_t len)
{
    struct rte_mbuf *m = packet_tcp(from, to, sport, dport, flags);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    struct rte_tcp_hdr *tcp = (void *) (ip + 1);
    char *data = rte_pktmbuf_append(m, len);

    for (uint16_t i = 0; i < len; i++) {
        data[i] = i;
    }
    ip->total_length = rte_cpu_to_be_16(sizeof *ip + sizeof *tcp + len);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    tcp->cksum = 0;
    tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
    return m;
}

struct rte_mbuf *
packet_datagram(uint8_t from, uint64_t dmac, uint32_t dst, uint16_t dport)
{
    uint8_t p[60] = { 0 };
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    struct rte_udp_hdr *udp = (void *) (p + 34);

    ethernet((void *) p, from, 0, RTE_ETHER_TYPE_IPV4);
    for (int i = 0; i < 6; i++) {
        p[i] = dmac >> (40 - 8 * i);
    }
    ip->version_ihl = 0x45;
    ip->total_length = rte_cpu_to_be_16(sizeof p - 14);
    ip->time_to_live = 64;
    ip->next_proto_id = 17;
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10u, 0, 0, from));
    ip->dst_addr = rte_cpu_to_be_32(dst);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    udp->src_port = rte_cpu_to_be_16(4000);
    udp->dst_port = rte_cpu_to_be_16(dport);
    udp->dgram_len = rte_cpu_to_be_16(sizeof p - 34);
    return packet_raw(p, sizeof p);
}

struct rte_mbuf *
packet_udp(const struct test_udp *u, const void *data, uint16_t len)
{
    uint8_t p[1024] = { 0 };
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    struct rte_udp_hdr *udp = (void *) (ip + 1);

    test_store_mac(p, u->dmac);
    test_store_mac(p + 6, u->smac);
    p[12] = 8;
    ip->version_ihl = 0x45;
    ip->total_length = rte_cpu_to_be_16(28 + len);
    ip->time_to_live = 64;
    ip->next_proto_id = IPPROTO_UDP;
    ip->src_addr = rte_cpu_to_be_32(u->src);
    ip->dst_addr = rte_cpu_to_be_32(u->dst);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    udp->src_port = rte_cpu_to_be_16(u->sport);
    udp->dst_port = rte_cpu_to_be_16(u->dport);
    udp->dgram_len = rte_cpu_to_be_16(8 + len);
    memcpy(udp + 1, data, len);
    udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
    return packet_raw(p, 42 + len);
}

struct rte_mbuf *
packet_ip6(const struct test_ip6 *v6, const void *l4, uint16_t len)
{
    uint8_t p[1024] = { 0 };
    struct rte_ipv6_hdr *ip = (void *) (p + 14);
    uint8_t *sum_at = p + 54 + (v6->protocol == IPPROTO_UDP ? 6 : 2);
    uint16_t sum;

    test_store_mac(p, v6->dmac);
    test_store_mac(p + 6, v6->smac);
    p[12] = 0x86;
    p[13] = 0xdd;
    ip->vtc_flow = RTE_BE32(6u << 28);
    ip->payload_len = rte_cpu_to_be_16(len);
    ip->proto = v6->protocol;
    ip->hop_limits = v6->hop_limit;
    memcpy(ip->src_addr, v6->src.b, 16);
    memcpy(ip->dst_addr, v6->dst.b, 16);
    memcpy(ip + 1, l4, len);
    memset(sum_at, 0, 2);
    sum = rte_ipv6_udptcp_cksum(ip, ip + 1);
    memcpy(sum_at, &sum, 2);
    return packet_raw(p, 54 + len);
}

struct rte_mbuf *
packet_arp_request(uint8_t from, uint8_t target)
{
    uint8_t p[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, from, 8,  6, 0, 1,
                      8,    0,    6,    4,    0,    1,    2, 0, 0, 0, 0, from, 10, 0, 0, from };

    p[38] = 10;
    p[41] = target;
    return packet_raw(p, sizeof p);
}
