/* ARP that nobody asked for: announcements, and answers to others' questions. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define EVERYBODY 0xffffffffffffull
enum { GATEWAY = 200, NOBODY = 99 };
enum { REQUEST = 1, REPLY = 2 };

/* From the station 'from'; addresses by their last byte, 0: 0.0.0.0. */
static struct rte_mbuf *
arp(uint8_t op, uint8_t from, uint64_t dmac, uint8_t sender, uint8_t target)
{
    uint8_t p[60] = { [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0 };

    test_store_mac(p, dmac);
    test_store_mac(p + 6, TEST_MAC(from));
    p[21] = op;
    test_store_mac(p + 22, TEST_MAC(from));
    memcpy(p + 28, sender ? (uint8_t[]){ 10, 0, 0, sender } : (uint8_t[]){ 0, 0, 0, 0 }, 4);
    memcpy(p + 38, (uint8_t[]){ 10, 0, 0, target }, 4);
    return packet_raw(p, sizeof p);
}

static void
test_desktop_announces(void)
{
    bench_send(BENCH_D1, arp(REQUEST, BENCH_D1, EVERYBODY, BENCH_D1, BENCH_D1));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1) | BIT(BENCH_UP2)));
    bench_send(BENCH_D1, arp(REPLY, BENCH_D1, EVERYBODY, BENCH_D1, BENCH_D1));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1) | BIT(BENCH_UP2)));
    bench_send(BENCH_D1, arp(REQUEST, BENCH_D1, EVERYBODY, 0, BENCH_D1)); /* is it free? */
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_ARP), 0);
    bench_send(BENCH_D1, arp(REQUEST, BENCH_D1, EVERYBODY, BENCH_D2, BENCH_D2));
    bench_send(BENCH_D1, arp(REPLY, BENCH_D1, EVERYBODY, GATEWAY, GATEWAY));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_ARP), 2);
}

static void
test_gateway_announces(void)
{
    const unsigned all = BIT(BENCH_D1) | BIT(BENCH_D2) | BIT(BENCH_MUTE) | BIT(BENCH_UP2);

    bench_send(BENCH_UP1, arp(REQUEST, GATEWAY, EVERYBODY, GATEWAY, GATEWAY));
    CU_ASSERT_TRUE(bench_got_only(all));
    bench_send(BENCH_UP1, arp(REPLY, GATEWAY, EVERYBODY, GATEWAY, GATEWAY));
    CU_ASSERT_TRUE(bench_got_only(all));
    bench_send(BENCH_UP1, arp(REPLY, GATEWAY, EVERYBODY, BENCH_D1, BENCH_D1));
    CU_ASSERT_TRUE(bench_got_only(0)); /* a desktop's */
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_SPOOF_ARP), 1);
}

static void
test_answers_to_others(void)
{
    bench_send(BENCH_UP1, arp(REPLY, GATEWAY, TEST_MAC(BENCH_D1), GATEWAY, BENCH_D1));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    bench_send(BENCH_UP1, arp(REPLY, GATEWAY, TEST_MAC(BENCH_D1), GATEWAY, NOBODY));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_UP1, arp(REPLY, GATEWAY, TEST_MAC(BENCH_D1), GATEWAY, BENCH_D2));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_MISADDRESSED), 2);
    bench_send(BENCH_UP1, arp(REPLY, GATEWAY, TEST_MAC(BENCH_D1), GATEWAY, GATEWAY));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1))); /* to one what was for all */
}

static uint8_t
attempt_of(uint16_t from, struct rte_mbuf *m)
{
    struct drop_record d;
    uint8_t attempt = DROP_LATE;

    while (bench_record(&d)) {
        /* Of before. */
    }
    bench_send(from, m);
    while (bench_record(&d)) {
        attempt = d.reason == DROP_PROBE ? d.attempt : attempt;
    }
    return attempt;
}

/* Who asks a station whether it is still there knows it: that is no look around. */
static void
test_refreshed(void)
{
    CU_ASSERT_EQUAL(attempt_of(BENCH_D1, arp(REQUEST, BENCH_D1, EVERYBODY, BENCH_D1, BENCH_MUTE)),
                    DROP_ATTEMPT);
    CU_ASSERT_EQUAL(
        attempt_of(BENCH_D2, arp(REQUEST, BENCH_D2, TEST_MAC(BENCH_MUTE), BENCH_D2, BENCH_MUTE)),
        DROP_NO_ATTEMPT);
    CU_ASSERT_EQUAL(
        attempt_of(BENCH_MUTE, arp(REQUEST, BENCH_MUTE, TEST_MAC(NOBODY), BENCH_MUTE, BENCH_D1)),
        DROP_ATTEMPT);
}

void
suite_arp(void)
{
    CU_pSuite s = CU_add_suite("arp", bench_open, bench_close);

    CU_add_test(s, "a desktop announces its own", test_desktop_announces);
    CU_add_test(s, "a gateway announces its own", test_gateway_announces);
    CU_add_test(s, "answers to others' questions", test_answers_to_others);
    CU_add_test(s, "what is only refreshed", test_refreshed);
}
