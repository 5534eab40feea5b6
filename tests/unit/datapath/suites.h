#ifndef TESTS_DATAPATH_SUITES_H
#define TESTS_DATAPATH_SUITES_H 1

#include <stddef.h>
#include <stdint.h>

struct rte_mempool;
struct rte_mbuf;
extern struct rte_mempool *test_pool;

void suite_parse(void);
void suite_conn(void);
void suite_fdb(void);
void suite_pipeline(void);
void suite_learn(void);
void suite_arp(void);
void suite_vlan(void);
void suite_reject(void);
void suite_storm(void);
void suite_mcast(void);
void suite_fdb_limits(void);

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
#define TEST_MAC(x) (0x020000000000ull | (x))

#endif
