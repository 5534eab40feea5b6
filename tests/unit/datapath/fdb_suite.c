/* Where stations are, how many an uplink may have, and that its flood costs the others nothing. */
#include <config.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/fdb.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define HOST(I) (0x020000aa0000ull + (I))
#define FLOOD(I) (0x06badbad0000ull + (I) *7919ull)
#define PORTS 3

/* ---- the table by itself ---- */

static void
test_fdb(void)
{
    CU_ASSERT_EQUAL_FATAL(fdb_init(64, 1), 0);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(1), 0), DP_PORT_NONE);
    CU_ASSERT_EQUAL(fdb_bind(TEST_MAC(1), 0, 5), 0);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(1), 0), 5);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(1), 7), DP_PORT_NONE); /* another VLAN */
    fdb_seen(0, TEST_MAC(1), 0, 6, 1);
    fdb_seen(0, TEST_MAC(2), 0, 6, 1);
    CU_ASSERT_EQUAL(fdb_learn_poll(1), 0);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(1), 0), 5); /* bound: never learned elsewhere */
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(2), 0), 6);
    fdb_seen(0, TEST_MAC(2), 0, 8, 2);
    CU_ASSERT_EQUAL(fdb_learn_poll(2), 1); /* moved */
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(2), 0), 8);
    fdb_age(2 + FDB_AGE_SECONDS + 1);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(2), 0), DP_PORT_NONE);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(1), 0), 5); /* bound: never ages */
    for (uint32_t i = 0; i < 1000; i++) {
        fdb_seen(0, TEST_MAC(0x100 + i), 0, 9, 3);
    }
    fdb_learn_poll(3);
    CU_ASSERT_EQUAL(fdb_bind(TEST_MAC(3), 0, 4), 0); /* a flood of sources keeps no desktop out */
    fdb_flush_port(9);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(0x100), 0), DP_PORT_NONE);
    CU_ASSERT_EQUAL(fdb_lookup(0, 0), DP_PORT_NONE); /* no free slot is taken for this address */
    fdb_exit();
}

static unsigned
learned_of(unsigned n)
{
    unsigned learned = 0;

    for (unsigned i = 0; i < n; i++) {
        learned += fdb_lookup(FLOOD(i), 0) != DP_PORT_NONE;
    }
    return learned;
}

static void
test_limit(void)
{
    CU_ASSERT_EQUAL_FATAL(fdb_init(4096, 1), 0);
    fdb_set_limit(7, PORTS);
    for (unsigned i = 0; i < 10; i++) {
        CU_ASSERT_TRUE(fdb_seen(0, FLOOD(i), 0, 7, 1)); /* control has not looked yet */
    }
    CU_ASSERT_EQUAL(fdb_learn_poll(1), 0);
    CU_ASSERT_EQUAL(fdb_learned(7), PORTS);
    CU_ASSERT_EQUAL(learned_of(10), PORTS);
    CU_ASSERT_FALSE(fdb_seen(0, FLOOD(9), 0, 7, 2));
    CU_ASSERT_TRUE(fdb_seen(0, FLOOD(0), 0, 7, 2)); /* whom it has, it refreshes */
    CU_ASSERT_TRUE(fdb_seen(0, FLOOD(9), 0, 8, 2)); /* another port has room */
    fdb_learn_poll(2);
    CU_ASSERT_EQUAL(fdb_lookup(FLOOD(9), 0), 8);
    CU_ASSERT_FALSE(fdb_seen(0, FLOOD(9), 0, 7, 2)); /* nor does a full port take it over */
    CU_ASSERT_EQUAL(fdb_lookup(FLOOD(9), 0), 8);
    fdb_exit();
}

/* Every way in which an entry goes makes room. */
static void
test_room_again(void)
{
    CU_ASSERT_EQUAL_FATAL(fdb_init(4096, 1), 0);
    fdb_set_limit(7, PORTS);
    for (unsigned i = 0; i < PORTS; i++) {
        fdb_seen(0, FLOOD(i), 0, 7, i ? 1000 : 1);
        fdb_learn_poll(i ? 1000 : 1);
    }
    CU_ASSERT_EQUAL(fdb_learned(7), 3);
    fdb_age(1000);
    CU_ASSERT_EQUAL(fdb_learned(7), 2);
    fdb_seen(0, FLOOD(1), 0, 8, 1000);
    CU_ASSERT_EQUAL(fdb_learn_poll(1000), 1);
    CU_ASSERT_EQUAL(fdb_learned(7), 1);
    CU_ASSERT_EQUAL(fdb_learned(8), 1);
    CU_ASSERT_EQUAL(fdb_bind(FLOOD(2), 0, 9), 0); /* a desktop that was behind an uplink before */
    CU_ASSERT_EQUAL(fdb_learned(7), 0);
    CU_ASSERT_EQUAL(fdb_learned(9), 0);
    fdb_unbind(FLOOD(2), 0);
    CU_ASSERT_EQUAL(fdb_learned(9), 0);
    CU_ASSERT_TRUE(fdb_seen(0, FLOOD(5), 0, 7, 1000));
    fdb_seen(0, FLOOD(6), 0, 8, 1000);
    fdb_learn_poll(1000);
    CU_ASSERT_EQUAL(fdb_learned(7), 1);
    fdb_seen(0, FLOOD(7), 0, 8, 1000);
    fdb_flush_port(8);
    fdb_learn_poll(1000); /* what it had reported teaches nothing any more */
    CU_ASSERT_EQUAL(fdb_learned(8), 0);
    CU_ASSERT_EQUAL(fdb_lookup(FLOOD(7), 0), DP_PORT_NONE);
    fdb_exit();
}

/* Reports of one port leave places in the ring for those of another. */
static void
test_ring_is_shared(void)
{
    CU_ASSERT_EQUAL_FATAL(fdb_init(65536, 1), 0);
    for (unsigned i = 0; i < 20000; i++) {
        fdb_seen(0, FLOOD(i), 0, 7, 1);
    }
    fdb_seen(0, HOST(1), 0, 8, 1);
    fdb_learn_poll(1);
    CU_ASSERT_EQUAL(fdb_lookup(HOST(1), 0), 8);
    CU_ASSERT_TRUE(fdb_learned(7) >= 100);
    for (unsigned i = 0; i < 20000; i++) { /* and comes to them all in time */
        fdb_seen(0, FLOOD(i), 0, 7, 1);
        if (i % 100 == 99) {
            fdb_learn_poll(1);
        }
    }
    CU_ASSERT_EQUAL(fdb_learned(7), 20000);
    CU_ASSERT_EQUAL(learned_of(20000), 20000);
    fdb_exit();
}

/* ---- in the pipeline ---- */

static struct rte_mbuf *
from_station(uint64_t mac)
{
    struct rte_mbuf *m = packet_datagram(99, TEST_MAC(BENCH_D1), RTE_IPV4(10u, 0, 0, BENCH_D1), 9);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

    for (int i = 0; i < 6; i++) {
        p[6 + i] = mac >> (40 - 8 * i);
    }
    return m;
}

/* Thousands of sources on one uplink: their packets pass, the hosts of the other stay known, and it
 * goes on learning. */
static void
test_flood(void)
{
    fdb_set_limit(BENCH_UP1, 50);
    for (unsigned i = 0; i < 20; i++) {
        bench_send(BENCH_UP2, from_station(HOST(i)));
    }
    bench_learn(1);
    for (unsigned i = 0; i < 5000; i++) {
        bench_send(BENCH_UP1, from_station(FLOOD(i)));
        CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
        if (i % 64 == 0) {
            bench_learn(1);
        }
        if (i == 2500) {
            bench_send(BENCH_UP2, from_station(HOST(20)));
        }
    }
    bench_learn(1);
    CU_ASSERT_EQUAL(fdb_learned(BENCH_UP1), 50);
    CU_ASSERT_EQUAL(fdb_learned(BENCH_UP2), 21);
    for (unsigned i = 0; i < 21; i++) {
        CU_ASSERT_EQUAL(fdb_lookup(HOST(i), 0), BENCH_UP2);
    }
    CU_ASSERT_TRUE(bench->ledger.pages[BENCH_UP1].macs_refused > 4000);
    CU_ASSERT_EQUAL(bench->ledger.pages[BENCH_UP2].macs_refused, 0);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(BENCH_D1), 0), BENCH_D1);
}

void
suite_fdb(void)
{
    CU_pSuite s = CU_add_suite("fdb", NULL, NULL);

    CU_add_test(s, "bind, learn, move, age, flood", test_fdb);
    CU_add_test(s, "a port has a limit", test_limit);
    CU_add_test(s, "what goes makes room", test_room_again);
    CU_add_test(s, "a port has a share of the ring", test_ring_is_shared);
    s = CU_add_suite("fdb in the pipeline", bench_open, bench_close);
    CU_add_test(s, "a flood of sources", test_flood);
}
