/* Ports in quarantine: what passes by its lists, what ends a connection, what is told to whom. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "acl/table.h"
#include "datapath/judge.h"
#include "datapath/reset.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define SYN TCPF_SYN
#define ACK TCPF_ACK

static struct acl_classes *classes;
static struct acl_table *ssh, *nothing;

static int
open_suite(void)
{
    struct acl_range port = { 22, 22 };
    struct acl_table_rule rule = { .action = ACL_ALLOW,
                                   .log = ACL_LOG_NONE,
                                   .slot = UINT32_MAX,
                                   .protocol = 6,
                                   .dports = &port,
                                   .n_dports = 1 };

    if (bench_open()) {
        return 1;
    }
    classes = acl_classes_create();
    ssh = acl_table_build(&rule, 1, classes, NULL, 0);
    nothing = acl_table_build(&rule, 0, classes, NULL, 0);
    return !ssh || !nothing;
}

static int
close_suite(void)
{
    acl_table_destroy(ssh);
    acl_table_destroy(nothing);
    acl_classes_destroy(classes);
    return bench_close();
}

/* Of D1; with a list (the ingress table of it) or NULL. */
static void
cut_off(const struct acl_table *list, bool resets)
{
    struct port_leaf *leaf = &bench_leaf[BENCH_D1];

    leaf->quarantined = true;
    leaf->resets = resets;
    leaf->epoch++;
    leaf->open[ACL_INGRESS] = list;
    leaf->open[ACL_EGRESS] = list ? nothing : NULL;
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        leaf->table_id[i] = list ? 90 + i : 0;
    }
    bench_publish();
}

static void
let_go(void)
{
    struct port_leaf *leaf = &bench_leaf[BENCH_D1];

    leaf->quarantined = leaf->resets = false;
    leaf->epoch++;
    leaf->open[ACL_INGRESS] = leaf->open[ACL_EGRESS] = NULL;
    leaf->table_id[ACL_EGRESS] = leaf->table_id[ACL_INGRESS] = 1;
    bench_publish();
}

static void
drain(void)
{
    struct drop_record d;

    while (bench_record(&d)) {
    }
}

/* Who is behind the uplink has said something, and is not unknown unicast. */
static void
learn_uplink(void)
{
    bench_send(BENCH_UP1, packet_arp_request(BENCH_UP1, 77));
    bench_learn(1);
}

static struct conn *
entry_of(uint16_t a, uint16_t sport, uint16_t b, uint16_t dport)
{
    struct acl_addr from = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + a));
    struct acl_addr to = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + b));
    struct conn_key key;
    unsigned side = conn_key_make(&key, &from, &to, sport, dport, 6, 0);

    return conn_lookup(bench->conns, &key, conn_key_hash(bench->conns, &key), side, a, true);
}

static void
establish(uint16_t a, uint16_t sport, uint16_t b, uint16_t dport)
{
    bench_send(a, packet_tcp(a, b, sport, dport, SYN));
    CU_ASSERT_EQUAL(bench_got[b], 1);
    bench_send(b, packet_tcp(b, a, dport, sport, SYN | ACK));
    CU_ASSERT_EQUAL(bench_got[a], 1);
    bench_send(a, packet_tcp(a, b, sport, dport, ACK));
    CU_ASSERT_EQUAL(bench_got[b], 1);
}

/* Denied in both directions at once; and it is control that ends the entry, which counts it. */
static void
test_entries_are_left_to_control(void)
{
    struct conn *c;

    learn_uplink();
    establish(BENCH_D1, 5000, BENCH_UP1, 80);
    c = entry_of(BENCH_D1, 5000, BENCH_UP1, 80);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    cut_off(NULL, false);
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 5000, 80, ACK));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_QUARANTINE), 1);
    bench_send(BENCH_UP1, packet_tcp(BENCH_UP1, BENCH_D1, 80, 5000, ACK));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_QUARANTINE_PEER), 1);
    CU_ASSERT_PTR_EQUAL(entry_of(BENCH_D1, 5000, BENCH_UP1, 80), c);
    CU_ASSERT_FALSE(atomic_load(&c->generation) & CONN_BUSY);
    CU_ASSERT_TRUE(conn_flush(bench->conns, c));
    CU_ASSERT_FALSE(conn_flush(bench->conns, c)); /* once */
    CU_ASSERT_PTR_NULL(entry_of(BENCH_D1, 5000, BENCH_UP1, 80));
    let_go();
    drain();
}

static void
test_lists(void)
{
    learn_uplink();
    establish(BENCH_UP1, 6000, BENCH_D1, 22);
    establish(BENCH_UP1, 6001, BENCH_D1, 80);
    cut_off(ssh, false);
    bench_send(BENCH_UP1, packet_tcp(BENCH_UP1, BENCH_D1, 6000, 22, ACK));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 22, 6000, ACK));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1)));
    bench_send(BENCH_UP1, packet_tcp(BENCH_UP1, BENCH_D1, 6001, 80, ACK));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 80, 6001, ACK));
    CU_ASSERT_TRUE(bench_got_only(0));
    establish(BENCH_UP1, 6002, BENCH_D1, 22); /* a new one */
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 6003, 22, SYN));
    CU_ASSERT_TRUE(bench_got_only(0)); /* the other way is not in the list */
    let_go();
    drain();
}

/* The list is in the place of the one side's rules; the other side's hold. */
static void
test_the_other_firewall(void)
{
    cut_off(ssh, false);
    bench_send(BENCH_D2, packet_tcp(BENCH_D2, BENCH_D1, 6100, 22, SYN));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    bench_send(BENCH_MUTE, packet_tcp(BENCH_MUTE, BENCH_D1, 6100, 22, SYN));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_MUTE, DROP_EGRESS_DEFAULT), 1);
    bench_send(BENCH_MUTE, packet_tcp(BENCH_MUTE, BENCH_D1, 6100, 80, SYN));
    CU_ASSERT_EQUAL(bench_drops(BENCH_MUTE, DROP_QUARANTINE_PEER), 1); /* comes first */
    let_go();
    /* A desktop that denies everything is opened for its list only. */
    bench_leaf[BENCH_MUTE].quarantined = true;
    bench_leaf[BENCH_MUTE].open[ACL_INGRESS] = ssh;
    bench_leaf[BENCH_MUTE].open[ACL_EGRESS] = nothing;
    bench_publish();
    bench_send(BENCH_D2, packet_tcp(BENCH_D2, BENCH_MUTE, 6101, 22, SYN));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_MUTE)));
    bench_leaf[BENCH_MUTE].quarantined = false;
    bench_leaf[BENCH_MUTE].open[ACL_INGRESS] = bench_leaf[BENCH_MUTE].open[ACL_EGRESS] = NULL;
    bench_publish();
    drain();
}

/* Audit mode lets nothing out of a quarantine. */
static void
test_audit_mode(void)
{
    bench_leaf[BENCH_D1].audits = bench_leaf[BENCH_D1].audits_default = true;
    cut_off(ssh, false);
    bench_send(BENCH_UP1, packet_tcp(BENCH_UP1, BENCH_D1, 6200, 80, SYN));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_leaf[BENCH_D1].audits = bench_leaf[BENCH_D1].audits_default = false;
    let_go();
    drain();
}

/* Who has a list must be able to find its gateway, and to be found. */
static void
test_neighbours(void)
{
    cut_off(NULL, false);
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, 200));
    CU_ASSERT_TRUE(bench_got_only(0));
    cut_off(ssh, false);
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, 200));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1) | BIT(BENCH_UP2)));
    bench_send(BENCH_UP1, packet_arp_request(BENCH_UP1, BENCH_UP1)); /* an announcement */
    CU_ASSERT_EQUAL(bench_got[BENCH_D1], 1);
    cut_off(NULL, false);
    bench_send(BENCH_UP1, packet_arp_request(BENCH_UP1, BENCH_UP1));
    CU_ASSERT_EQUAL(bench_got[BENCH_D1], 0);
    let_go();
    drain();
}

static const struct rte_tcp_hdr *
tcp_at(uint16_t id)
{
    return rte_pktmbuf_mtod_offset(bench_first(id), const struct rte_tcp_hdr *, 34);
}

/* Whoever sends TCP is told, by a number that it takes for exact; nobody else is. */
static void
test_answers(void)
{
    learn_uplink();
    cut_off(NULL, true);
    bench_wait(2);
    bench_send(BENCH_UP1, packet_tcp(BENCH_UP1, BENCH_D1, 6300, 80, ACK));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_UP1)));
    CU_ASSERT_EQUAL(tcp_at(BENCH_UP1)->tcp_flags, TCPF_RST);
    CU_ASSERT_EQUAL(tcp_at(BENCH_UP1)->sent_seq, RTE_BE32(1001));
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 6300, 80, SYN));
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_EQUAL(tcp_at(BENCH_D1)->tcp_flags, TCPF_RST | ACK);
    bench_send(BENCH_D1,
               packet_datagram(BENCH_D1, TEST_MAC(BENCH_UP1), RTE_IPV4(10u, 0, 0, BENCH_UP1), 53));
    CU_ASSERT_TRUE(bench_got_only(0));
    let_go();
    drain();
}

/* ---- resets that control has made ---- */

static bool
sums_hold(uint16_t id)
{
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(bench_first(id), const struct rte_ipv4_hdr *, 14);

    return (uint16_t) (rte_ipv4_cksum(ip) + 1) <= 1 &&
           (uint16_t) (rte_ipv4_udptcp_cksum(ip, ip + 1) + 1) <= 1;
}

static void
expect_reset(uint16_t at, uint64_t smac, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack)
{
    const uint8_t *eth = rte_pktmbuf_mtod(bench_first(at), const uint8_t *);
    uint8_t macs[12];

    test_store_mac(macs, TEST_MAC(at));
    test_store_mac(macs + 6, smac);
    CU_ASSERT_FALSE(memcmp(eth, macs, sizeof macs));
    CU_ASSERT_EQUAL(tcp_at(at)->src_port, rte_cpu_to_be_16(sport));
    CU_ASSERT_EQUAL(tcp_at(at)->dst_port, rte_cpu_to_be_16(dport));
    CU_ASSERT_EQUAL(tcp_at(at)->sent_seq, rte_cpu_to_be_32(seq));
    CU_ASSERT_EQUAL(tcp_at(at)->recv_ack, rte_cpu_to_be_32(ack));
    CU_ASSERT_EQUAL(tcp_at(at)->tcp_flags, TCPF_RST | ACK);
    CU_ASSERT_TRUE(sums_hold(at));
}

static void
test_resets(void)
{
    uint64_t originated = bench->ledger.pages[BENCH_D1].originated;
    uint64_t passed = atomic_load(&bench->passed[BENCH_D1]);
    struct reset resets[2];
    struct conn *c;

    learn_uplink();
    establish(BENCH_D1, 6400, BENCH_UP1, 80);
    bench_send(BENCH_D1, packet_tcp_data(BENCH_D1, BENCH_UP1, 6400, 80, ACK, 100));
    c = entry_of(BENCH_D1, 6400, BENCH_UP1, 80);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    passed = atomic_load(&bench->passed[BENCH_D1]);
    cut_off(NULL, true);
    bench_wait(1);
    for (unsigned to = 0; to < 2; to++) {
        CU_ASSERT_TRUE(reset_of(bench->snapshot, c, to, BENCH_D1, &resets[to]));
    }
    CU_ASSERT_EQUAL(bench_resets(resets, 2), 2);
    CU_ASSERT_TRUE_FATAL(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_UP1)));
    expect_reset(BENCH_UP1, TEST_MAC(BENCH_D1), 6400, 80, 1101, 1001);
    expect_reset(BENCH_D1, TEST_MAC(BENCH_UP1), 80, 6400, 1001, 1101);
    CU_ASSERT_EQUAL(bench->ledger.pages[BENCH_D1].originated, originated + 2);
    conn_flush(bench->conns, c);
    CU_ASSERT_NOT_EQUAL(passed, 0);
    let_go();
    drain();
}

/* Where an end is not known, or its port is gone, nothing is sent. */
static void
test_resets_in_vain(void)
{
    struct reset reset;
    struct conn *c;

    bench_send(BENCH_D1, packet_tcp(BENCH_D1, 99, 6500, 80, SYN)); /* unknown: to all uplinks */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1) | BIT(BENCH_UP2)));
    c = entry_of(BENCH_D1, 6500, 99, 80);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_FALSE(reset_of(bench->snapshot, c, 0, BENCH_D1, &reset) &&
                    reset_of(bench->snapshot, c, 1, BENCH_D1, &reset));
    conn_flush(bench->conns, c);
    establish(BENCH_D1, 6501, BENCH_D2, 80); /* between desktops both are */
    c = entry_of(BENCH_D1, 6501, BENCH_D2, 80);
    CU_ASSERT_TRUE(reset_of(bench->snapshot, c, 0, BENCH_D1, &reset));
    CU_ASSERT_TRUE(reset_of(bench->snapshot, c, 1, BENCH_D1, &reset));
    reset.to = 40;
    CU_ASSERT_EQUAL(bench_resets(&reset, 1), 0);
    CU_ASSERT_TRUE(bench_got_only(0));
    conn_flush(bench->conns, c);
    drain();
}

/* More than the worker does at once. */
static void
test_many_resets(void)
{
    static struct reset resets[100];
    struct conn *c;

    establish(BENCH_D1, 6600, BENCH_D2, 80);
    c = entry_of(BENCH_D1, 6600, BENCH_D2, 80);
    for (size_t i = 0; i < RTE_DIM(resets); i++) {
        CU_ASSERT_TRUE(reset_of(bench->snapshot, c, c->key.l4[0] == 80, BENCH_D1, &resets[i]));
    }
    for (size_t i = 0; i < RTE_DIM(resets) - 1; i++) {
        resets[i].to = 40; /* a box is small */
    }
    CU_ASSERT_EQUAL(bench_resets(resets, RTE_DIM(resets)), 1);
    conn_flush(bench->conns, c);
    drain();
}

/* ---- the last packet ---- */

static uint64_t
passed(uint16_t id)
{
    return atomic_load(&bench->passed[id]);
}

static void
test_last_passed(void)
{
    uint64_t at;

    learn_uplink();
    bench_wait(1);
    at = bench->now;
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 6700, 80, SYN));
    CU_ASSERT_TRUE(passed(BENCH_D1) == at && passed(BENCH_UP1) == at);
    bench_wait(1);
    bench_send(BENCH_UP1, packet_tcp(BENCH_UP1, BENCH_D1, 80, 6700, SYN | ACK));
    CU_ASSERT_TRUE(passed(BENCH_D1) == bench->now && passed(BENCH_UP1) == bench->now);
    at = bench->now;
    bench_wait(1);
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, BENCH_D2)); /* answered by the switch */
    CU_ASSERT_EQUAL(bench_got[BENCH_D1], 1);
    CU_ASSERT_EQUAL(passed(BENCH_D1), at);
    bench_send(BENCH_MUTE, packet_tcp(BENCH_MUTE, BENCH_D1, 6701, 80, SYN)); /* denied */
    CU_ASSERT_EQUAL(passed(BENCH_D1), at);
    atomic_store(&bench_leaf[BENCH_UP1].port->up, false);
    bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_UP1, 6700, 80, ACK)); /* nobody takes it */
    CU_ASSERT_EQUAL(passed(BENCH_D1), at);
    atomic_store(&bench_leaf[BENCH_UP1].port->up, true);
    drain();
}

void
suite_quarantine(void)
{
    CU_pSuite s = CU_add_suite("quarantine", open_suite, close_suite);

    CU_add_test(s, "entries are left to control", test_entries_are_left_to_control);
    CU_add_test(s, "lists stay open", test_lists);
    CU_add_test(s, "the other side's firewall", test_the_other_firewall);
    CU_add_test(s, "audit mode", test_audit_mode);
    CU_add_test(s, "neighbours", test_neighbours);
    CU_add_test(s, "TCP is answered", test_answers);
    CU_add_test(s, "resets for both ends", test_resets);
    CU_add_test(s, "resets in vain", test_resets_in_vain);
    CU_add_test(s, "many resets", test_many_resets);
    CU_add_test(s, "the last packet that passed", test_last_passed);
}
