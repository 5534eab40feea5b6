#include <config.h>

#include <stdlib.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "datapath/conn.h"
#include "datapath/fdb.h"
#include "tests/unit/datapath/suites.h"

static struct rte_rcu_qsbr *qsbr;
static struct conn_table *table;

static int
setup(void)
{
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(2), 64);
    rte_rcu_qsbr_init(qsbr, 2);
    rte_rcu_qsbr_thread_register(qsbr, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    table = conn_table_create(1000, 1, qsbr);
    return !table;
}

static int
teardown(void)
{
    conn_table_destroy(table);
    rte_free(qsbr);
    return 0;
}

static struct conn_key
key_of(uint32_t i, unsigned *side, uint64_t *hash)
{
    struct acl_addr a = acl_addr_from_v4(0x0100000a), b = acl_addr_from_v4(0x0200000a + (i << 24));
    struct conn_key k;

    *side = conn_key_make(&k, &a, &b, 1000 + (i & 0x7fff), 80, 6, 0);
    *hash = conn_key_hash(table, &k);
    return k;
}

static struct conn *
open_one(uint32_t i)
{
    struct conn *c = conn_alloc(table, 0);
    unsigned side;
    uint64_t hash;

    if (!c) {
        return NULL;
    }
    c->key = key_of(i, &side, &hash);
    c->port[side] = 1;
    c->port[!side] = 2;
    c->initiator = side;
    c->state = CONN_SYN_SENT;
    c->half[0].last_seen = c->half[1].last_seen = rte_rdtsc();
    return conn_insert(table, 0, c, hash);
}

static void
test_both_directions(void)
{
    struct acl_addr a = acl_addr_from_v4(0x0100000a), b = acl_addr_from_v4(0x0200000a);
    struct conn_key k1, k2;
    unsigned s1 = conn_key_make(&k1, &a, &b, 1000, 80, 6, 0);
    unsigned s2 = conn_key_make(&k2, &b, &a, 80, 1000, 6, 0);
    struct conn *c = open_one(0);
    uint64_t h = conn_key_hash(table, &k1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(s1, !s2);
    CU_ASSERT_EQUAL(memcmp(&k1, &k2, sizeof k1), 0);
    CU_ASSERT_PTR_EQUAL(conn_lookup(table, &k1, h, s1, 1, false), c);
    CU_ASSERT_PTR_EQUAL(conn_lookup(table, &k2, h, s2, 2, false), c);
    CU_ASSERT_PTR_NULL(conn_lookup(table, &k1, h, s1, 2, false)); /* another port's tuple */
    CU_ASSERT_PTR_EQUAL(open_one(0), c);                          /* no duplicate */
    conn_remove(table, 0, c);
    CU_ASSERT_PTR_NULL(conn_lookup(table, &k1, h, s1, 1, false));
    CU_ASSERT_EQUAL(conn_table_count(table), 0);
}

static void
test_full_and_recycled(void)
{
    uint32_t n = 0;

    rte_rcu_qsbr_quiescent(qsbr, 0); /* what was removed has waited long enough */
    conn_sweep(table, 0, rte_rdtsc());
    while (n < 2000 && open_one(n)) {
        n++;
    }
    CU_ASSERT_EQUAL(n, 1000); /* every entry is usable, and the table knows its bound */
    CU_ASSERT_EQUAL(conn_table_count(table), 1000);
    CU_ASSERT_EQUAL(conn_flush_port(table, 1), 1000);
    for (int i = 0; i < 100; i++) {
        conn_sweep(table, 0, rte_rdtsc() + i * rte_get_tsc_hz());
        rte_rcu_qsbr_quiescent(qsbr, 0);
    }
    CU_ASSERT_EQUAL(conn_table_count(table), 0);
    CU_ASSERT_PTR_NOT_NULL(open_one(1));
    conn_flush_port(table, 2);
}

/* While one worker does not come round, another may remove any number of connections. */
static void
test_long_grace(void)
{
    uint32_t n = 0;

    conn_table_destroy(table);
    table = conn_table_create(10000, 1, qsbr);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    for (int round = 0; round < 2; round++) {
        struct conn *c;
        for (n = 0; n < 20000 && (c = open_one(n)); n++) {
            conn_remove(table, 0, c);
            conn_sweep(table, 0, rte_rdtsc());
        }
        CU_ASSERT_EQUAL(n, 10000);
        rte_rcu_qsbr_quiescent(qsbr, 0);
        conn_sweep(table, 0, rte_rdtsc());
    }
    conn_table_destroy(table);
    table = conn_table_create(1000, 1, qsbr);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
}

static void
test_tcp_states(void)
{
    struct conn *c = open_one(7);
    unsigned from = c->initiator;

    conn_advance(c, from, 0x02, 1);
    CU_ASSERT_EQUAL(c->state, CONN_SYN_SENT);
    conn_advance(c, !from, 0x12, 2);
    CU_ASSERT_EQUAL(c->state, CONN_SYN_RECEIVED);
    conn_advance(c, from, 0x10, 3);
    CU_ASSERT_EQUAL(c->state, CONN_ESTABLISHED);
    conn_advance(c, from, 0x11, 4);
    CU_ASSERT_EQUAL(c->state, CONN_CLOSING);
    conn_advance(c, !from, 0x11, 5);
    CU_ASSERT_EQUAL(c->state, CONN_CLOSED);
    conn_advance(c, from, 0x10, 6);
    CU_ASSERT_EQUAL(c->state, CONN_CLOSED);

    c->state = CONN_ESTABLISHED; /* a reset is the end, whatever was half closed before */
    c->half[0].tcp_seen = c->half[1].tcp_seen = 0x10;
    conn_advance(c, from, 0x11, 7);
    conn_advance(c, !from, 0x14, 8);
    conn_advance(c, from, 0x10, 9);
    CU_ASSERT_EQUAL(c->state, CONN_CLOSED);
}

void
suite_conn(void)
{
    CU_pSuite s = CU_add_suite("connections", setup, teardown);

    CU_add_test(s, "both directions find one entry", test_both_directions);
    CU_add_test(s, "full, flushed, recycled", test_full_and_recycled);
    CU_add_test(s, "a long grace period", test_long_grace);
    CU_add_test(s, "tcp states", test_tcp_states);
}

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

void
suite_fdb(void)
{
    CU_pSuite s = CU_add_suite("fdb", NULL, NULL);

    CU_add_test(s, "bind, learn, move, age, flood", test_fdb);
}
