/* Storm limits: what goes over them, what does not count, and that the alarm hears of it. */
#include <config.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/rate.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define BROADCAST 0xffffffffffffull
#define GROUP_MAC 0x01005e010203ull
#define GROUP RTE_IPV4(239u, 1, 2, 3)
#define STRANGER 0x02000000aaaaull /* behind no port */
#define LIMIT 100

static void
limit(uint16_t id, enum storm_class class, uint32_t pps)
{
    bench_leaf[id].storm_pps[class] = pps;
    bench_publish();
}

static void
drain(void)
{
    struct drop_record d;

    while (bench_record(&d)) {
    }
}

static struct rte_mbuf *
broadcast(uint16_t id)
{
    return packet_datagram(id, BROADCAST, RTE_IPV4(255u, 255, 255, 255), 9);
}

static struct rte_mbuf *
multicast(uint16_t id)
{
    return packet_datagram(id, GROUP_MAC, GROUP, 9);
}

static struct rte_mbuf *
stray(uint16_t id)
{
    return packet_datagram(id, STRANGER, RTE_IPV4(10u, 0, 0, 99), 9);
}

static struct rte_mbuf *
arp(uint16_t id)
{
    return packet_arp_request(id, id == BENCH_D1 ? BENCH_D2 : BENCH_D1);
}

static struct rte_mbuf *
unicast_arp(uint16_t id)
{
    struct rte_mbuf *m = arp(id);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

    memset(p, 0, 6);
    p[0] = 2;
    p[5] = BENCH_D2;
    return m;
}

static struct rte_mbuf *
multicast_arp(uint16_t id)
{
    struct rte_mbuf *m = arp(id);

    test_store_mac(rte_pktmbuf_mtod(m, uint8_t *), GROUP_MAC);
    return m;
}

/* A neighbour solicitation for a bound address, to its station alone. */
static struct rte_mbuf *
unicast_nd(uint16_t id)
{
    const struct test_ip6 v6 = { .smac = TEST_MAC(id),
                                 .dmac = TEST_MAC(BENCH_D2),
                                 .src = { .b = { 0xfe, 0x80, [15] = id } },
                                 .dst = { .b = { 0xfe, 0x80, [15] = BENCH_D2 } },
                                 .protocol = 58,
                                 .hop_limit = 255 };
    uint8_t ns[24] = { 135, [8] = 0xfe, 0x80, [23] = BENCH_D2 };

    return packet_ip6(&v6, ns, sizeof ns);
}

static struct rte_mbuf *
known(uint16_t id)
{
    return packet_datagram(id, TEST_MAC(BENCH_D2), RTE_IPV4(10u, 0, 0, BENCH_D2), 9);
}

typedef struct rte_mbuf *make_packet(uint16_t id);

/* Sends 'n' of them; how many were dropped as a storm. */
static unsigned
storm_drops(uint16_t id, make_packet *make, unsigned n)
{
    uint64_t before = bench_drops(id, DROP_STORM);

    for (unsigned i = 0; i < n; i++) {
        bench_send(id, make(id));
    }
    return bench_drops(id, DROP_STORM) - before;
}

/* A second's worth at once, then as many as time gives; a long silence saves up no more. */
static void
check(uint16_t id, enum storm_class class, make_packet *make)
{
    limit(id, class, LIMIT);
    bench_wait(10);
    CU_ASSERT_EQUAL(storm_drops(id, make, LIMIT), 0);
    CU_ASSERT_EQUAL(storm_drops(id, make, 3), 3);
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_wait(0.1001);
    CU_ASSERT_EQUAL(storm_drops(id, make, LIMIT), LIMIT - LIMIT / 10);
    bench_wait(1000);
    CU_ASSERT_EQUAL(storm_drops(id, make, 2 * LIMIT), LIMIT);
    limit(id, class, 0);
    CU_ASSERT_EQUAL(storm_drops(id, make, 2 * LIMIT), 0);
    drain();
}

static void
test_classes(void)
{
    check(BENCH_D1, STORM_BROADCAST, broadcast);
    check(BENCH_D1, STORM_MULTICAST, multicast);
    check(BENCH_D1, STORM_UNKNOWN_UNICAST, stray);
    check(BENCH_UP1, STORM_BROADCAST, broadcast);
    check(BENCH_UP1, STORM_MULTICAST, multicast);
    check(BENCH_UP1, STORM_UNKNOWN_UNICAST, stray);
}

/* What the switch answers by itself costs it, too, whomever the request is addressed to. */
static void
test_requests_count(void)
{
    check(BENCH_D1, STORM_BROADCAST, arp);
    check(BENCH_D1, STORM_BROADCAST, unicast_arp);
    check(BENCH_D1, STORM_BROADCAST, multicast_arp);
    check(BENCH_D1, STORM_MULTICAST, unicast_nd);
    check(BENCH_UP1, STORM_BROADCAST, arp);
}

/* Time that gives a part of a token is not lost, however often it is asked for. */
static void
test_parts_add_up(void)
{
    unsigned dropped = 0;

    limit(BENCH_D1, STORM_BROADCAST, LIMIT);
    bench_wait(10);
    storm_drops(BENCH_D1, broadcast, LIMIT);
    for (int i = 0; i < 1000; i++) {
        bench_wait(0.001);
        dropped += storm_drops(BENCH_D1, broadcast, 1);
    }
    CU_ASSERT_TRUE(dropped >= 1000 - LIMIT && dropped <= 1000 - LIMIT + 1);
    limit(BENCH_D1, STORM_BROADCAST, 0);
    drain();
}

static void
test_apart(void)
{
    limit(BENCH_D1, STORM_BROADCAST, 1);
    limit(BENCH_D1, STORM_MULTICAST, 1);
    limit(BENCH_D1, STORM_UNKNOWN_UNICAST, 1);
    limit(BENCH_D2, STORM_BROADCAST, 1);
    bench_wait(10);
    storm_drops(BENCH_D1, broadcast, 5);
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, multicast, 1), 0); /* another class */
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, stray, 1), 0);
    CU_ASSERT_EQUAL(storm_drops(BENCH_D2, broadcast, 1), 0); /* another port */
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, known, 50), 0);    /* no class at all */
    CU_ASSERT_EQUAL(bench_got[BENCH_D2], 1);
    for (int class = 0; class < N_STORM_CLASSES; class ++) {
        limit(BENCH_D1, class, 0);
    }
    limit(BENCH_D2, STORM_BROADCAST, 0);
    drain();
}

/* A desktop that floods is seen: each target that it asked for, while one that repeats itself is
 * one record.  What policy or the guard denies is said by its own reason. */
static void
test_alarm(void)
{
    struct drop_record d;

    limit(BENCH_D1, STORM_BROADCAST, 1);
    bench_wait(10);
    storm_drops(BENCH_D1, arp, 1);
    drain();
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, 77));
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, 78));
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, 78));
    for (uint8_t host = 77; host < 79; host++) {
        struct acl_addr target = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + host));
        CU_ASSERT_TRUE_FATAL(bench_record(&d));
        CU_ASSERT_EQUAL(d.reason, DROP_STORM);
        CU_ASSERT_EQUAL(d.log, ACL_LOG_RECORD);
        CU_ASSERT_EQUAL(d.port, BENCH_D1);
        CU_ASSERT_TRUE(acl_addr_equals(&d.dst, &target));
    }
    CU_ASSERT_FALSE(bench_record(&d));
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, arp, 4), 4);
    bench_send(BENCH_D1, broadcast(BENCH_D2));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_MAC), 1);
    limit(BENCH_D1, STORM_BROADCAST, 0);
    /* An uplink's storm is a record, too. */
    limit(BENCH_UP1, STORM_MULTICAST, 1);
    bench_wait(10);
    drain();
    CU_ASSERT_EQUAL(storm_drops(BENCH_UP1, multicast, 1), 0);
    bench_send(BENCH_UP1, packet_datagram(BENCH_UP1, GROUP_MAC, GROUP + 1, 9));
    CU_ASSERT_TRUE_FATAL(bench_record(&d));
    CU_ASSERT_EQUAL(d.reason, DROP_STORM);
    CU_ASSERT_EQUAL(d.log, ACL_LOG_RECORD);
    limit(BENCH_UP1, STORM_MULTICAST, 0);
    drain();
}

/* The largest limits do not wrap around. */
static void
test_extremes(void)
{
    limit(BENCH_D1, STORM_BROADCAST, STORM_PPS_MAX);
    bench_wait(1000000);
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, broadcast, 3), 0);
    bench_wait(0.999);
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, broadcast, 3), 0);
    limit(BENCH_D1, STORM_BROADCAST, 1); /* what was saved up is cut to what is allowed now */
    CU_ASSERT_EQUAL(storm_drops(BENCH_D1, broadcast, 3), 2);
    limit(BENCH_D1, STORM_BROADCAST, 0);
    drain();
}

/* The bucket by itself, on a clock of 2^32 ticks a second: products come close to 2^64. */
static void
test_bucket(void)
{
    const uint64_t hz = 1ull << 32;
    struct rate r = { .refilled = 0 };
    uint64_t now = hz;

    CU_ASSERT_TRUE(rate_take(&r, 1u << 31, 1, now, hz)); /* all zero is full */
    CU_ASSERT_EQUAL(r.tokens, (1u << 31) - 1);
    r.tokens = 0;
    now += 2 * hz; /* times the limit is 2^64 */
    CU_ASSERT_TRUE(rate_take(&r, 1u << 31, 1, now, hz));
    CU_ASSERT_EQUAL(r.tokens, (1u << 31) - 1);
    r = (struct rate){ .refilled = now };
    for (int i = 0; i < 9; i++) { /* three a second, asked for nine times a second, and a little */
        now += hz / 9 + 1;
        CU_ASSERT_EQUAL(rate_take(&r, 3, 4, now, hz), i % 3 == 2);
    }
    now += hz * 7 / 2;
    CU_ASSERT_TRUE(rate_take(&r, 3, 4, now, hz));
    CU_ASSERT_EQUAL(r.tokens, 9); /* of ten that have come */
    now += 5 * hz;
    CU_ASSERT_TRUE(rate_take(&r, 3, 4, now, hz));
    CU_ASSERT_EQUAL(r.tokens, 11); /* of twelve that it holds */
}

void
suite_storm(void)
{
    CU_pSuite s = CU_add_suite("storm", bench_open, bench_close);

    CU_add_test(s, "every class has its limit", test_classes);
    CU_add_test(s, "arp and nd count, however they are addressed", test_requests_count);
    CU_add_test(s, "parts of a token add up", test_parts_add_up);
    CU_add_test(s, "classes, ports and known stations are apart", test_apart);
    CU_add_test(s, "a storm is on record", test_alarm);
    CU_add_test(s, "extremes", test_extremes);
    CU_add_test(s, "the bucket", test_bucket);
}
