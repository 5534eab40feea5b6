#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "datapath/conn.h"
#include "tests/unit/datapath/suites.h"

static struct rte_rcu_qsbr *qsbr;
static struct conn_table *table;

static int
setup(void)
{
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(3), 64);
    rte_rcu_qsbr_init(qsbr, 3);
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

/* Where its key lies, or, with the same 'where' for all, in the same two buckets. */
static struct conn *
open_at(uint32_t i, const uint64_t *where)
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
    c->half[0].last_seen = c->half[1].last_seen = rte_rdtsc();
    return conn_insert(table, 0, c, where ? *where : hash);
}

static struct conn *
open_one(uint32_t i)
{
    return open_at(i, NULL);
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
    CU_ASSERT_EQUAL(conn_table_of_port(table, 1), 1);
    conn_remove(table, 0, c);
    CU_ASSERT_EQUAL(conn_table_of_port(table, 1), 0);
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

/* As many lookups at once, some of them in vain, find what one at a time does; also where an entry
 * of the same tuple, but of other ports, comes first. */
static void
test_bulk(void)
{
    struct conn_probe probes[64] = { 0 };
    struct conn *twin, *none;
    unsigned side;
    uint64_t hash;

    conn_table_destroy(table);
    table = conn_table_create(1000, 1, qsbr);
    none = open_one(64);
    twin = open_one(7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(none);
    CU_ASSERT_PTR_NOT_NULL_FATAL(twin);
    twin->port[0] += 10;
    twin->port[1] += 10;
    for (uint32_t i = 0; i < 64; i++) {
        probes[i].key = key_of(i, &side, &hash);
        probes[i].side = side;
        if (i % 3) {
            CU_ASSERT_PTR_NOT_EQUAL(open_one(i), twin);
        }
    }
    conn_remove(table, 0, none);
    probes[63].key = key_of(64, &side, &hash);
    conn_lookup_bulk(table, probes, 64, 1, false);
    for (uint32_t i = 0; i < 64; i++) {
        struct conn_probe *p = &probes[i];

        CU_ASSERT_EQUAL(p->hash, conn_key_hash(table, &p->key));
        CU_ASSERT_PTR_EQUAL(p->conn, conn_lookup(table, &p->key, p->hash, p->side, 1, false));
        CU_ASSERT_EQUAL(p->conn != NULL, i % 3 && i != 63);
        CU_ASSERT_PTR_NOT_EQUAL(p->conn, twin);
    }
}

/* ---- what control sees and ends ---- */

struct seen {
    unsigned of[32]; /* by the initiator's port less 1000 */
    unsigned n, stop_at;
};

static bool
see(struct conn *c, void *seen_)
{
    struct seen *seen = seen_;

    seen->of[c->key.l4[c->initiator] - 1000]++;
    return ++seen->n != seen->stop_at;
}

static void
check_seen(const struct seen *seen)
{
    for (uint32_t i = 0; i < 21; i++) {
        CU_ASSERT_EQUAL(seen->of[i], i != 10);
    }
}

/* However a walk is cut up, by entries that are looked at or by those that are taken, it sees each
 * connection once. */
static void
test_walk_in_pieces(void)
{
    struct conn *gone = NULL;

    conn_table_destroy(table);
    table = conn_table_create(1000, 1, qsbr);
    for (uint32_t i = 0; i < 21; i++) {
        struct conn *c = open_one(i);
        gone = i == 10 ? c : gone;
    }
    conn_remove(table, 0, gone);
    for (uint32_t piece = 1; piece < 1100; piece += 36) {
        for (uint32_t take = 1; take < 30; take += 7) {
            struct seen seen = { .n = 0 };
            uint32_t next = 0, rounds = 0;
            do {
                seen.stop_at = seen.n + take;
                next = conn_walk(table, next, piece, see, &seen);
            } while (next && ++rounds < 2000);
            CU_ASSERT_EQUAL(next, 0);
            check_seen(&seen);
        }
    }
}

static void
test_walk_of_all(void)
{
    struct seen seen = { .n = 0 };

    conn_walk_all(table, see, &seen);
    check_seen(&seen);
    seen = (struct seen){ .stop_at = 3 };
    conn_walk_all(table, see, &seen);
    CU_ASSERT_EQUAL(seen.n, 3);
}

static bool
flush_even(struct conn *c, void *n)
{
    if (c->key.l4[c->initiator] % 2 == 0) {
        *(unsigned *) n += conn_flush(table, c);
        CU_ASSERT_FALSE(conn_flush(table, c)); /* once */
    }
    return true;
}

static void
sweep_all(void)
{
    for (int i = 0; i < 3; i++) { /* the second one reads what the first has counted */
        rte_rcu_qsbr_quiescent(qsbr, 0);
        conn_sweep(table, 0, rte_rdtsc() + (i + 1) * rte_get_tsc_hz() / 100);
    }
}

/* A flushed connection is gone at once for packets and for every count, and its entry after the
 * next sweep. */
static void
test_flush(void)
{
    struct conn_stats stats;
    unsigned side, n = 0;
    uint64_t hash, id;
    struct conn_key key;
    struct conn *c;

    conn_walk(table, 1, 1000, flush_even, &n);
    CU_ASSERT_EQUAL(n, 10); /* of 21, less the one that was removed */
    CU_ASSERT_EQUAL(conn_table_count(table), 10);
    CU_ASSERT_EQUAL(conn_table_of_port(table, 1), 10);
    key = key_of(2, &side, &hash);
    CU_ASSERT_PTR_NULL(conn_lookup(table, &key, hash, side, 1, false));
    key = key_of(3, &side, &hash);
    c = conn_lookup(table, &key, hash, side, 1, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    id = conn_id(table, c);
    conn_table_stats(table, &stats);
    CU_ASSERT_EQUAL(stats.unburied, 10);
    CU_ASSERT_PTR_NOT_NULL(open_one(2)); /* again, beside the dead one */
    CU_ASSERT_EQUAL(conn_table_count(table), 11);
    sweep_all();
    conn_table_stats(table, &stats);
    CU_ASSERT_EQUAL(stats.unburied, 0);
    CU_ASSERT_EQUAL(stats.states[CONN_SYN_SENT], 11);
    conn_remove(table, 0, c);
    sweep_all();
    n = 0;
    while ((c = open_one(1000 + n))) { /* the entry becomes another one, with another id */
        CU_ASSERT_NOT_EQUAL(conn_id(table, c), id);
        n++;
    }
    CU_ASSERT_EQUAL(n, 990);
    conn_table_destroy(table);
    table = conn_table_create(1000, 1, qsbr);
}

/* What went for its age, and what made room, is counted. */
static void
test_counts(void)
{
    uint64_t later = rte_rdtsc() + 31 * rte_get_tsc_hz();
    const uint64_t where = 0x1234567800000000;
    struct conn_stats stats;
    struct conn *c = NULL;

    CU_ASSERT_PTR_NOT_NULL(open_one(1));
    conn_sweep(table, 0, later);
    conn_table_stats(table, &stats);
    CU_ASSERT_EQUAL(stats.expired, 1);
    CU_ASSERT_EQUAL(conn_table_count(table), 0);
    CU_ASSERT_EQUAL(conn_timeout_s(CONN_SYN_SENT, false), 30);
    CU_ASSERT_EQUAL(conn_timeout_s(CONN_SYN_SENT, true), 5);
    for (uint32_t i = 0; i < 16; i++) { /* two full buckets */
        c = open_at(i, &where);
        CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    }
    CU_ASSERT_PTR_NULL(open_at(16, &where));
    c->half[0].tcp.said = TCP_SAID_RST;
    CU_ASSERT_PTR_NOT_NULL(open_at(16, &where));
    CU_ASSERT_PTR_NULL(open_at(17, &where));
    conn_table_stats(table, &stats);
    CU_ASSERT_EQUAL(stats.evicted, 1);
    conn_table_destroy(table);
    table = conn_table_create(1000, 1, qsbr);
    for (uint32_t i = 0; i < 875; i++) {
        CU_ASSERT_FALSE(conn_under_pressure(table));
        open_one(i);
    }
    open_one(875);
    CU_ASSERT_TRUE(conn_under_pressure(table));
    CU_ASSERT_TRUE(conn_table_bytes(table) > 1000 * sizeof(struct conn));
    conn_table_destroy(table);
    table = conn_table_create(1000, 1, qsbr);
}

void
suite_conn(void)
{
    CU_pSuite s = CU_add_suite("connections", setup, teardown);

    CU_add_test(s, "both directions find one entry", test_both_directions);
    CU_add_test(s, "full, flushed, recycled", test_full_and_recycled);
    CU_add_test(s, "a long grace period", test_long_grace);
    CU_add_test(s, "lookups of a burst", test_bulk);
    CU_add_test(s, "a walk in pieces", test_walk_in_pieces);
    CU_add_test(s, "a walk of all", test_walk_of_all);
    CU_add_test(s, "flushed by control", test_flush);
    CU_add_test(s, "what is counted", test_counts);
}
