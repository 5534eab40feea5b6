/* What a reject rule answers, to whom, and how often. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "acl/table.h"
#include "datapath/conn_tcp.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define REJECTED 445
#define ANSWERS_A_SECOND 250

static struct acl_classes *classes;
static struct acl_table *rejecting; /* port 445, and anything else is allowed */
static const struct acl_table *usual;

static int
open_suite(void)
{
    struct acl_range smb = { REJECTED, REJECTED };
    struct acl_table_rule rules[] = {
        { .action = ACL_REJECT,
          .log = ACL_LOG_RECORD,
          .slot = 2,
          .protocol = 6,
          .dports = &smb,
          .n_dports = 1 },
        { .action = ACL_REJECT,
          .log = ACL_LOG_RECORD,
          .slot = 2,
          .protocol = 17,
          .dports = &smb,
          .n_dports = 1 },
        { .action = ACL_REJECT, .log = ACL_LOG_RECORD, .slot = 3, .protocol = 1 },
        { .action = ACL_ALLOW, .log = ACL_LOG_NONE, .slot = 1, .protocol = ACL_PROTO_ANY },
    };

    if (bench_open()) {
        return 1;
    }
    classes = acl_classes_create();
    rejecting = acl_table_build(rules, 4, classes, NULL, 0);
    usual = bench_leaf[BENCH_D2].table[ACL_INGRESS];
    return !rejecting;
}

static int
close_suite(void)
{
    acl_table_destroy(rejecting);
    acl_classes_destroy(classes);
    return bench_close();
}

static void
take_in(const struct acl_table *table, uint32_t id)
{
    bench_leaf[BENCH_D2].table[ACL_INGRESS] = table;
    bench_leaf[BENCH_D2].table_id[ACL_INGRESS] = id;
    bench_publish();
}

static void
d2_rejects(void)
{
    take_in(rejecting, 7);
    bench_wait(2);
}

static const struct rte_ipv4_hdr *
ip_of(uint16_t id)
{
    return rte_pktmbuf_mtod_offset(bench_first(id), const struct rte_ipv4_hdr *, 14);
}

static const struct rte_tcp_hdr *
tcp_of(uint16_t id)
{
    return (const void *) (ip_of(id) + 1);
}

/* The checksum over what has its own in it. */
static bool
sums_up(uint16_t sum)
{
    return sum == 0 || sum == 0xffff;
}

static bool
sums_hold(uint16_t id)
{
    const struct rte_ipv4_hdr *ip = ip_of(id);

    return sums_up(rte_ipv4_cksum(ip)) && sums_up(rte_ipv4_udptcp_cksum(ip, ip + 1));
}

static void
test_syn(void)
{
    d2_rejects();
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, 4000, REJECTED, TCPF_SYN));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D1)->tcp_flags, TCPF_RST | TCPF_ACK);
    CU_ASSERT_EQUAL(tcp_of(BENCH_D1)->recv_ack, RTE_BE32(1001));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D1)->src_port, RTE_BE16(REJECTED));
    CU_ASSERT_EQUAL(ip_of(BENCH_D1)->src_addr, RTE_BE32(RTE_IPV4(10u, 0, 0, BENCH_D2)));
    CU_ASSERT_TRUE(sums_hold(BENCH_D1));
}

/* The quote goes up to what the error may be long, and not beyond the packet. */
static void
test_datagram(void)
{
    struct rte_mbuf *m =
        packet_datagram(BENCH_D1, TEST_MAC(BENCH_D2), RTE_IPV4(10u, 0, 0, BENCH_D2), REJECTED);
    const struct rte_icmp_hdr *icmp;
    uint8_t sent[46];

    memcpy(sent, rte_pktmbuf_mtod_offset(m, void *, 14), sizeof sent);
    d2_rejects();
    bench_send(BENCH_D1, m);
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1)));
    icmp = (const void *) (ip_of(BENCH_D1) + 1);
    CU_ASSERT_EQUAL(icmp->icmp_type, 3);
    CU_ASSERT_EQUAL(icmp->icmp_code, 13);
    CU_ASSERT_EQUAL(rte_pktmbuf_data_len(bench_first(BENCH_D1)), 14 + 20 + 8 + sizeof sent);
    CU_ASSERT_FALSE(memcmp(icmp + 1, sent, sizeof sent));
    CU_ASSERT_TRUE(sums_up(rte_raw_cksum(icmp, 8 + sizeof sent)));
}

static struct rte_mbuf *
long_datagram(size_t data)
{
    uint8_t p[2048] = { 0 };
    struct rte_mbuf *head =
        packet_datagram(BENCH_D1, TEST_MAC(BENCH_D2), RTE_IPV4(10u, 0, 0, BENCH_D2), REJECTED);
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    struct rte_udp_hdr *udp = (void *) (ip + 1);

    memcpy(p, rte_pktmbuf_mtod(head, void *), 42);
    rte_pktmbuf_free(head);
    ip->total_length = rte_cpu_to_be_16(28 + data);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    udp->dgram_len = rte_cpu_to_be_16(8 + data);
    return packet_raw(p, 42 + data);
}

static struct rte_mbuf *
long_datagram6(size_t data)
{
    uint8_t p[2048] = { 2, 0, 0, 0, 0, BENCH_D2, 2, 0, 0, 0, 0, BENCH_D1, 0x86, 0xdd, 0x60 };
    struct rte_ipv6_hdr *ip = (void *) (p + 14);
    struct rte_udp_hdr *udp = (void *) (ip + 1);

    ip->payload_len = rte_cpu_to_be_16(8 + data);
    ip->proto = 17;
    ip->hop_limits = 64;
    memcpy(ip->src_addr, &bench_leaf[BENCH_D1].addrs[1], 16);
    memcpy(ip->dst_addr, &bench_leaf[BENCH_D2].addrs[1], 16);
    udp->src_port = RTE_BE16(4000);
    udp->dst_port = RTE_BE16(REJECTED);
    udp->dgram_len = rte_cpu_to_be_16(8 + data);
    udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
    return packet_raw(p, 62 + data);
}

/* RFC 1812, 4.3.2.3 and RFC 4443, 2.4 (c). */
static void
test_long_quotes(void)
{
    const struct rte_ipv6_hdr *ip6;

    d2_rejects();
    bench_send(BENCH_D1, long_datagram(1400));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_EQUAL(rte_pktmbuf_data_len(bench_first(BENCH_D1)), 14 + 576);
    bench_send(BENCH_D1, long_datagram6(1400));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_EQUAL(rte_pktmbuf_data_len(bench_first(BENCH_D1)), 14 + 1280);
    ip6 = rte_pktmbuf_mtod_offset(bench_first(BENCH_D1), const struct rte_ipv6_hdr *, 14);
    CU_ASSERT_EQUAL(ip6->proto, 58);
    CU_ASSERT_EQUAL(*(const uint16_t *) (ip6 + 1), RTE_BE16(1 << 8 | 1));
    CU_ASSERT_TRUE(sums_up(rte_ipv6_udptcp_cksum(ip6, ip6 + 1)));
}

/* One error for a datagram, however many pieces it came in. */
static void
test_fragments(void)
{
    struct rte_mbuf *whole = long_datagram(1000);

    d2_rejects();
    bench_send(BENCH_D1, packet_fragment(whole, 9, 0, 504));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_D1, packet_fragment(whole, 9, 504, 504));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_EQUAL(((const struct rte_icmp_hdr *) (ip_of(BENCH_D1) + 1))->icmp_code, 13);
    rte_pktmbuf_free(whole);
}

/* RFC 9293, 3.10.7.1; RFC 1122, 3.2.2. */
static void
test_no_answer(void)
{
    d2_rejects();
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, 4001, REJECTED, TCPF_RST));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_D1, packet_datagram(BENCH_D1, 0xffffffffffffull, RTE_IPV4(255u, 255, 255, 255),
                                         REJECTED));
    CU_ASSERT_EQUAL(bench_got[BENCH_D1], 0);
    bench_leaf[BENCH_D1].table[ACL_EGRESS] = rejecting; /* before it is for many, too */
    bench_publish();
    bench_send(BENCH_D1, packet_datagram(BENCH_D1, 0xffffffffffffull, RTE_IPV4(255u, 255, 255, 255),
                                         REJECTED));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, 4001, REJECTED, TCPF_SYN));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    bench_leaf[BENCH_D1].table[ACL_EGRESS] = usual;
    bench_publish();
}

static void
ping(uint8_t type)
{
    struct rte_mbuf *m =
        packet_datagram(BENCH_D1, TEST_MAC(BENCH_D2), RTE_IPV4(10u, 0, 0, BENCH_D2), 0);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    struct rte_icmp_hdr *icmp = (void *) (ip + 1);

    memset(icmp, 0, sizeof *icmp);
    icmp->icmp_type = type;
    icmp->icmp_cksum = ~rte_raw_cksum(icmp, 26);
    ip->next_proto_id = 1;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    bench_send(BENCH_D1, m);
}

/* A question is, and nothing else: RFC 1122, 3.2.2. */
static void
test_icmp(void)
{
    d2_rejects();
    ping(8);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    ping(0);
    CU_ASSERT_TRUE(bench_got_only(0));
    ping(5);
    CU_ASSERT_TRUE(bench_got_only(0));
}

static unsigned
answered(uint16_t id, uint16_t peer, unsigned n)
{
    unsigned answers = 0;

    for (unsigned i = 0; i < n; i++) {
        bench_send(id, packet_tcp(id, peer, 5000 + i, REJECTED, TCPF_SYN));
        answers += bench_got[id];
    }
    return answers;
}

/* A port's answers end with its rate, and cost another port none of its own. */
static void
test_rate(void)
{
    d2_rejects();
    CU_ASSERT_EQUAL(answered(BENCH_D1, BENCH_D2, ANSWERS_A_SECOND + 50), ANSWERS_A_SECOND);
    bench_leaf[BENCH_D1].table[ACL_INGRESS] = rejecting;
    bench_publish();
    CU_ASSERT_EQUAL(answered(BENCH_D2, BENCH_D1, 1), 1);
    bench_leaf[BENCH_D1].table[ACL_INGRESS] = usual;
    bench_publish();
    bench_wait(0.1);
    CU_ASSERT_EQUAL(answered(BENCH_D1, BENCH_D2, 50), ANSWERS_A_SECOND / 10);
    CU_ASSERT_EQUAL(answered(BENCH_UP1, BENCH_D2, ANSWERS_A_SECOND * 8 + 50), ANSWERS_A_SECOND * 8);
    bench_wait(5);
    CU_ASSERT_EQUAL(answered(BENCH_D1, BENCH_D2, ANSWERS_A_SECOND + 50), ANSWERS_A_SECOND);
}

static void
open_connection(uint16_t sport)
{
    take_in(usual, 1);
    bench_wait(2);
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, sport, REJECTED, TCPF_SYN));
    bench_send(BENCH_D2, packet_tcp(BENCH_D2, BENCH_D1, REJECTED, sport, TCPF_SYN | TCPF_ACK));
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, sport, REJECTED, TCPF_ACK));
    bench_send(BENCH_D1, packet_tcp_data(BENCH_D1, BENCH_D2, sport, REJECTED, TCPF_ACK, 100));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2)));
}

/* A rule that comes to reject resets both ends, each with the number that it takes for exact. */
static void
test_live_connection(void)
{
    open_connection(6000);
    take_in(rejecting, 7);
    /* The next in line would be 1101; a copy of the first data comes instead. */
    bench_send(BENCH_D1, packet_tcp_data(BENCH_D1, BENCH_D2, 6000, REJECTED, TCPF_ACK, 100));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_D2)));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D1)->tcp_flags, TCPF_RST);
    CU_ASSERT_EQUAL(tcp_of(BENCH_D1)->sent_seq, RTE_BE32(1001));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D2)->tcp_flags, TCPF_RST | TCPF_ACK);
    CU_ASSERT_EQUAL(tcp_of(BENCH_D2)->sent_seq, RTE_BE32(1101));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D2)->recv_ack, RTE_BE32(1001));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D2)->src_port, RTE_BE16(6000));
    CU_ASSERT_EQUAL(ip_of(BENCH_D2)->src_addr, RTE_BE32(RTE_IPV4(10u, 0, 0, BENCH_D1)));
    CU_ASSERT_TRUE(sums_hold(BENCH_D1));
    CU_ASSERT_TRUE(sums_hold(BENCH_D2));
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, 6000, REJECTED, TCPF_ACK));
    CU_ASSERT_EQUAL(bench_got[BENCH_D2], 0);
}

/* ... and when it is the one that was asked who speaks first. */
static void
test_live_connection_back(void)
{
    open_connection(6001);
    take_in(rejecting, 7);
    bench_send(BENCH_D2, packet_tcp(BENCH_D2, BENCH_D1, REJECTED, 6001, TCPF_ACK));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_D2)));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D1)->sent_seq, RTE_BE32(1001));
    CU_ASSERT_EQUAL(tcp_of(BENCH_D2)->tcp_flags, TCPF_RST);
}

/* ... but never because of a reset, nor beyond the rate. */
static void
test_live_connection_unanswered(void)
{
    open_connection(6002);
    take_in(rejecting, 7);
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_D2, 6002, REJECTED, TCPF_RST));
    CU_ASSERT_TRUE(bench_got_only(0));
    open_connection(6003);
    take_in(rejecting, 7);
    answered(BENCH_D1, BENCH_D2, ANSWERS_A_SECOND);
    bench_send(BENCH_D1, packet_tcp_data(BENCH_D1, BENCH_D2, 6003, REJECTED, TCPF_ACK, 100));
    CU_ASSERT_TRUE(bench_got_only(0));
}

void
suite_reject(void)
{
    CU_pSuite s = CU_add_suite("reject", open_suite, close_suite);

    CU_add_test(s, "a SYN gets a reset", test_syn);
    CU_add_test(s, "a datagram gets an error that quotes it", test_datagram);
    CU_add_test(s, "an error is no longer than it may be", test_long_quotes);
    CU_add_test(s, "a datagram in fragments gets one error", test_fragments);
    CU_add_test(s, "what is answered by nothing", test_no_answer);
    CU_add_test(s, "a ping is answered, and no other ICMP", test_icmp);
    CU_add_test(s, "so many a second, and a port by itself", test_rate);
    CU_add_test(s, "a live connection is reset at both ends", test_live_connection);
    CU_add_test(s, "... from its other end, too", test_live_connection_back);
    CU_add_test(s, "... but not by a reset, nor beyond the rate", test_live_connection_unanswered);
}
