/* Audit mode, of packets for many: every copy that only it lets through is told and counted, once.
 */
#include <config.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>

#include "acl/table.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define LINK_GROUP RTE_IPV4(224u, 0, 0, 251)
#define GROUP_MAC 0x01005e0000fbull
#define UPLINKS (BIT(BENCH_UP1) | BIT(BENCH_UP2))

static void
group(uint8_t from, uint16_t dport)
{
    bench_send(from, packet_datagram(from, GROUP_MAC, LINK_GROUP, dport));
}

/* From 'from', which answers a question that went from port 4000 to port 9. */
static void
answer(uint8_t from, uint64_t dmac, uint32_t dst)
{
    const struct test_udp u = { .smac = TEST_MAC(from),
                                .dmac = dmac,
                                .src = RTE_IPV4(10u, 0, 0, from),
                                .dst = dst,
                                .sport = 9,
                                .dport = 4000 };

    bench_send(from, packet_udp(&u, "answer", 6));
}

static uint64_t
would_drop(uint16_t id)
{
    return bench->ledger.pages[id].would_drop;
}

static uint64_t
denied(void)
{
    return bench->ledger.rules[0].packets; /* the default deny of MUTE's tables */
}

static void
clear(void)
{
    struct drop_record d;

    bench->ledger.rules[0].packets = 0;
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        bench->ledger.pages[id].would_drop = 0;
    }
    while (bench_record(&d)) {
    }
}

/* The desktop's firewall denies all that comes to it, in audit mode. */
static void
audit_ingress(uint16_t id)
{
    bench_leaf[id].table[ACL_INGRESS] = bench_leaf[BENCH_MUTE].table[ACL_INGRESS];
    bench_leaf[id].audits = true;
    bench_publish();
}

static void
restore(void)
{
    bench_leaf[BENCH_D2].table[ACL_INGRESS] = bench_leaf[BENCH_D1].table[ACL_EGRESS];
    bench_leaf[BENCH_D2].audits = bench_leaf[BENCH_MUTE].audits = false;
    bench_publish();
    clear();
}

static void
test_enforced(void)
{
    group(BENCH_D1, 700);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2) | UPLINKS));
    CU_ASSERT_EQUAL(would_drop(BENCH_D1), 0);
}

static void
test_each_copy_is_told(void)
{
    struct drop_record d;

    audit_ingress(BENCH_MUTE);
    group(BENCH_D1, 701);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2) | BIT(BENCH_MUTE) | UPLINKS));
    CU_ASSERT_EQUAL(would_drop(BENCH_D1), 1);
    CU_ASSERT_EQUAL(denied(), 1);
    CU_ASSERT_TRUE_FATAL(bench_record(&d));
    CU_ASSERT_EQUAL(d.reason, DROP_AUDIT);
    CU_ASSERT_EQUAL(d.port, BENCH_D1);
    CU_ASSERT_EQUAL(d.peer_port, BENCH_MUTE);
    CU_ASSERT_EQUAL(d.direction, ACL_INGRESS);
    CU_ASSERT_EQUAL(d.rule_slot, 0);
    CU_ASSERT_EQUAL(d.dport, 701);
    CU_ASSERT_EQUAL(d.count, 1);
    CU_ASSERT_FALSE(bench_record(&d));
    audit_ingress(BENCH_D2);
    group(BENCH_D1, 702);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2) | BIT(BENCH_MUTE) | UPLINKS));
    CU_ASSERT_EQUAL(would_drop(BENCH_D1), 3);
    CU_ASSERT_EQUAL(denied(), 3);
    restore();
}

/* The sender's own part is the packet's, however many copies are made of it. */
static void
test_egress_is_told_once(void)
{
    struct drop_record d;

    bench_leaf[BENCH_MUTE].audits = true;
    bench_publish();
    group(BENCH_MUTE, 703);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_D2) | UPLINKS));
    CU_ASSERT_EQUAL(would_drop(BENCH_MUTE), 1);
    CU_ASSERT_TRUE_FATAL(bench_record(&d));
    CU_ASSERT_EQUAL(d.direction, ACL_EGRESS);
    CU_ASSERT_FALSE(bench_record(&d));
    audit_ingress(BENCH_D2);
    group(BENCH_MUTE, 704);
    CU_ASSERT_EQUAL(would_drop(BENCH_MUTE), 3);
    CU_ASSERT_EQUAL(denied(), 3);
    restore();
}

/* One packet that two rules would deny is in the records of both, and repeats are merged in each.
 */
static void
test_each_rule_is_told(void)
{
    struct acl_classes *classes = acl_classes_create();
    struct acl_table_rule none = { .action = ACL_DROP };
    struct acl_table *other = acl_table_build(&none, 0, classes, NULL, 3);
    struct drop_record d;
    unsigned slots = 0;

    audit_ingress(BENCH_D2);
    bench_leaf[BENCH_D2].table[ACL_INGRESS] = other;
    bench_leaf[BENCH_MUTE].audits = true;
    bench_publish();
    for (int i = 0; i < 10; i++) {
        group(BENCH_MUTE, 706);
    }
    while (bench_record(&d)) {
        CU_ASSERT_EQUAL(slots >> d.rule_slot & 1, 0);
        slots |= 1u << d.rule_slot;
    }
    CU_ASSERT_EQUAL(slots, 1u << 0 | 1u << 3);
    CU_ASSERT_EQUAL(would_drop(BENCH_MUTE), 20);
    restore();
    acl_table_destroy(other);
    acl_classes_destroy(classes);
}

/* What the network sends to all accuses no desktop: it is counted, without a record. */
static void
test_from_an_uplink(void)
{
    const struct drop_unsaid *u = &bench->recorder.unsaid[BENCH_UP1 * N_DROP_REASONS + DROP_AUDIT];
    uint64_t before = u->suppressed;
    struct drop_record d;

    audit_ingress(BENCH_MUTE);
    group(BENCH_UP1, 705);
    CU_ASSERT_TRUE(
        bench_got_only(BIT(BENCH_D1) | BIT(BENCH_D2) | BIT(BENCH_MUTE) | BIT(BENCH_UP2)));
    CU_ASSERT_EQUAL(would_drop(BENCH_UP1), 1);
    CU_ASSERT_EQUAL(u->suppressed, before + 1);
    CU_ASSERT_FALSE(bench_record(&d));
    restore();
}

/* What answers a question that a group was asked would pass without audit mode, too. */
static void
test_answers_are_no_denials(void)
{
    audit_ingress(BENCH_D2);
    answer(BENCH_D1, TEST_MAC(BENCH_D2), RTE_IPV4(10u, 0, 0, BENCH_D2));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2)));
    CU_ASSERT_EQUAL(would_drop(BENCH_D1), 1);
    bench_wait(600); /* its connection has ended */
    group(BENCH_D2, 9);
    clear();
    answer(BENCH_UP1, GROUP_MAC, LINK_GROUP);
    CU_ASSERT_EQUAL(bench_got[BENCH_D2], 1);
    CU_ASSERT_EQUAL(would_drop(BENCH_UP1), 0);
    answer(BENCH_UP1, TEST_MAC(BENCH_D2), RTE_IPV4(10u, 0, 0, BENCH_D2));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2)));
    CU_ASSERT_EQUAL(would_drop(BENCH_UP1), 0);
    CU_ASSERT_EQUAL(denied(), 0);
    restore();
}

void
suite_audit(void)
{
    CU_pSuite s = CU_add_suite("audit mode", bench_open, bench_close);

    CU_add_test(s, "without it nothing is told", test_enforced);
    CU_add_test(s, "each copy is told", test_each_copy_is_told);
    CU_add_test(s, "the sender's part is told once", test_egress_is_told_once);
    CU_add_test(s, "each rule is told", test_each_rule_is_told);
    CU_add_test(s, "from an uplink it is only counted", test_from_an_uplink);
    CU_add_test(s, "answers are no denials", test_answers_are_no_denials);
}
