#ifndef TESTS_DATAPATH_SUITES_H
#define TESTS_DATAPATH_SUITES_H 1

#include <stddef.h>
#include <stdint.h>

#include "acl/addr.h"

struct rte_mempool;
struct rte_mbuf;
extern struct rte_mempool *test_pool;

void suite_parse(void);
void suite_capture(void);
void suite_conn(void);
void suite_tcp(void);
void suite_fdb(void);
void suite_pipeline(void);
void suite_learn(void);
void suite_arp(void);
void suite_audit(void);
void suite_vlan(void);
void suite_quarantine(void);
void suite_reject(void);
void suite_storm(void);
void suite_mcast(void);
void suite_mcast_table(void);
void suite_snoop(void);
void suite_dhcp(void);
void suite_nd(void);
void suite_trace(void);
void suite_rota(void);

/* Packets for tests (packets.c).  Addresses are 10.0.0.'x' and MACs 02:00:00:00:00:'x'. */
struct rte_mbuf *packet_tcp(uint8_t from, uint8_t to, uint16_t sport, uint16_t dport,
                            uint8_t flags);
struct rte_mbuf *packet_tcp_data(uint8_t from, uint8_t to, uint16_t sport, uint16_t dport,
                                 uint8_t flags, uint16_t len);
/* 'len' bytes behind the IPv4 header of 'whole' from 'off' on. */
struct rte_mbuf *packet_fragment(const struct rte_mbuf *whole, uint16_t id, uint16_t off,
                                 uint16_t len);
struct rte_mbuf *packet_arp_request(uint8_t from, uint8_t target);
/* UDP to an IPv4 address in host order, from 'from', at the group or station MAC 'dmac'. */
struct rte_mbuf *packet_datagram(uint8_t from, uint64_t dmac, uint32_t dst, uint16_t dport);
struct rte_mbuf *packet_raw(const void *bytes, size_t n);
/* The same packet, the byte behind whose last one cannot be read.  One at a time: the next one lies
 * in its place. */
struct rte_mbuf *packet_at_edge(struct rte_mbuf *);

/* UDP over IPv4, addresses in host order. */
struct test_udp {
    uint64_t smac, dmac;
    uint32_t src, dst;
    uint16_t sport, dport;
};
struct rte_mbuf *packet_udp(const struct test_udp *, const void *data, uint16_t len);
/* IPv6 without extension headers; the checksum of UDP or ICMPv6 is filled in. */
struct test_ip6 {
    uint64_t smac, dmac;
    struct acl_addr src, dst;
    uint8_t protocol, hop_limit;
};
struct rte_mbuf *packet_ip6(const struct test_ip6 *, const void *l4, uint16_t len);

void test_store_mac(uint8_t b[6], uint64_t mac);
#define TEST_MAC(x) (0x020000000000ull | (x))

#endif
