#include <config.h>

#include <stdlib.h>
#include <string.h>

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
            for (uint32_t i = 0; i < 21; i++) {
                CU_ASSERT_EQUAL(seen.of[i], i != 10);
            }
        }
    }
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

/* ---- TCP ---- */

static struct tcp_half tcp[2];

static enum tcp_verdict
say(unsigned side, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t len)
{
    struct tcp_segment s = {
        .seq = seq, .ack = ack, .len = len, .window = 1000, .flags = flags, .scale = TCP_NO_SCALE
    };

    return tcp_track(&tcp[side], &tcp[!side], &s);
}

static enum tcp_state
state(void)
{
    return tcp_state(&tcp[0], &tcp[1]);
}

static void
shake_hands(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_SYN_SENT);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 499, 100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_SYN_RECEIVED);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 500, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

static void
test_tcp_states(void)
{
    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 100, 500, 10), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 111, 500, 5), TCP_BAD_SEQUENCE); /* after its FIN */
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 500, 111, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING); /* its own FIN is not acknowledged yet */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 111, 501, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* A FIN that is not acknowledged keeps the connection open. */
static void
test_tcp_half_closed(void)
{
    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 100, 500, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 500, 110, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 111, 501, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 501, 111, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* A window of 0 may be probed with one byte at a time. */
static void
test_tcp_zero_window(void)
{
    struct tcp_segment s = { .seq = 99, .flags = TCPF_SYN, .scale = TCP_NO_SCALE };

    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    s.seq = 499;
    s.ack = 100;
    s.flags = TCPF_SYN | TCPF_ACK;
    CU_ASSERT_EQUAL(tcp_track(&tcp[1], &tcp[0], &s), TCP_PASS);
    s.seq = 100;
    s.ack = 500;
    s.flags = TCPF_ACK;
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 100, 2), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 100, 1), TCP_PASS);
    s.ack = 501;
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 501, 100, 1), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 502, 100, 1), TCP_BAD_SEQUENCE);
}

static void
test_tcp_bounds(void)
{
    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 500, 1000), TCP_PASS); /* all that was granted */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 1101, 0), TCP_BAD_SEQUENCE); /* of what was not sent */
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 1100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1000), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1000), TCP_PASS); /* again */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 99, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 2100, 499, 0), TCP_BAD_SEQUENCE); /* before its SYN */
    CU_ASSERT_EQUAL(say(0, 0, 2100, 0, 0), TCP_BAD_FLAGS);
    CU_ASSERT_EQUAL(say(0, 0x29, 2100, 500, 0), TCP_BAD_FLAGS); /* a Christmas tree */
    CU_ASSERT_EQUAL(say(0, TCPF_SYN | TCPF_FIN, 2100, 500, 0), TCP_BAD_FLAGS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

static void
test_tcp_resets(void)
{
    memset(tcp, 0, sizeof tcp);
    say(0, TCPF_SYN, 99, 0, 0);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 0, 0, 0), TCP_BAD_SEQUENCE); /* refuses nothing */
    CU_ASSERT_EQUAL(say(1, TCPF_RST | TCPF_ACK, 0, 100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);

    shake_hands();
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 900, 0, 0), TCP_PASS_ASIDE); /* for the host to challenge */
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 5000, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 500, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* A SYN may carry more than the peer then grants (RFC 7413): that moves nothing, and above all does
 * not leave the bounds the wrong way round, where everything lies between them. */
static void
test_tcp_data_past_the_grant(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 3000), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 499, 100, 0), TCP_PASS); /* and takes none of it */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5000000, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 3100, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 98, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_RST, 5000000, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_RST, 2000, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_RST, 900, 0, 0), TCP_PASS_ASIDE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 500, 1000), TCP_PASS); /* what is granted, again */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 1100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1000), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

/* A host that has forgotten the connection asks anew; only an answer to that ends the old one. */
static void
test_tcp_begins_anew(void)
{
    struct tcp_half anew[2];
    struct tcp_segment answer = {
        .seq = 7000, .ack = 9001, .window = 1000, .flags = TCPF_SYN | TCPF_ACK
    };

    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 9000, 0, 0), TCP_PASS_ASIDE);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 7000, 100, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 7000, 9001, 0), TCP_BEGINS_ANEW);
    memset(anew, 0, sizeof anew);
    tcp_begin_anew(&anew[1], &anew[0], &tcp[0], &answer);
    memcpy(tcp, anew, sizeof tcp);
    CU_ASSERT_EQUAL(state(), TCP_SYN_RECEIVED);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 9001, 7001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

static enum tcp_verdict
say_syn_ack(unsigned side, uint32_t seq, uint32_t ack, uint16_t len, uint16_t window)
{
    struct tcp_segment s = { .seq = seq,
                             .ack = ack,
                             .len = len,
                             .window = window,
                             .flags = TCPF_SYN | TCPF_ACK,
                             .scale = TCP_NO_SCALE };

    return tcp_track(&tcp[side], &tcp[!side], &s);
}

/* A SYN+ACK that comes again counts: with its data, its acknowledgment and its window. */
static void
test_tcp_syn_ack_again(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 20), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 0, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 121, 0, 10), TCP_BAD_SEQUENCE);    /* what was not sent */
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 120, 1001, 30), TCP_BAD_SEQUENCE); /* past the grant */
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 120, 1000, 30), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 120, 1501, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 120, 1500, 31), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 120, 1500, 30), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 499, 150, 0), TCP_BAD_SEQUENCE); /* a window before */
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 150, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 1500, 150, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 150, 1002, 10), TCP_BAD_SEQUENCE); /* after its FIN */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 150, 1501, 0), TCP_PASS);
}

/* Beyond two gigabytes the first number is ahead on the circle, and says nothing. */
static void
test_tcp_much(void)
{
    struct tcp_segment s = { .seq = 99, .window = 65535, .flags = TCPF_SYN, .scale = 14 };
    uint32_t end = 100;

    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    s = (struct tcp_segment){ .seq = 499, .ack = 100, .flags = TCPF_SYN | TCPF_ACK, .scale = 14 };
    s.window = 65535;
    CU_ASSERT_EQUAL(tcp_track(&tcp[1], &tcp[0], &s), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, end, 500, 0), TCP_PASS);
    for (int i = 0; i < 5; i++) {
        s = (struct tcp_segment){ .seq = 500, .ack = end, .window = 65535, .flags = TCPF_ACK };
        CU_ASSERT_EQUAL(tcp_track(&tcp[1], &tcp[0], &s), TCP_PASS);
        end += 65535u << 14;
        CU_ASSERT_EQUAL(say(0, TCPF_ACK, end + 1, 500, 0), TCP_BAD_SEQUENCE);
        CU_ASSERT_EQUAL(say(0, TCPF_ACK, end - 10, 500, 10), TCP_PASS);
        CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end + 1, 0), TCP_BAD_SEQUENCE);
        CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end - (65535u << 14) - 1, 0), TCP_BAD_SEQUENCE);
    }
}

/* What a SYN has carried past the grant may come again, with a SYN+ACK, and no more than that. */
static void
test_tcp_syn_ack_past_the_grant(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1200, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1200, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1201, 10), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 1500, 0), TCP_PASS);
}

/* Both open at once: the SYN+ACK takes back nothing that the SYN has granted. */
static void
test_tcp_simultaneous_open(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN, 499, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(0, 99, 500, 0, 1), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_SYN_RECEIVED);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1001, 1000), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1000, 1000), TCP_PASS); /* in its SYN's window */
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 1500, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 1501, 0), TCP_BAD_SEQUENCE);
}

/* ---- without the SYNs ---- */

static void
pick_up(uint32_t seq, uint32_t ack, uint16_t len)
{
    struct tcp_segment s = {
        .seq = seq, .ack = ack, .len = len, .window = 1000, .flags = TCPF_ACK
    };

    memset(tcp, 0, sizeof tcp);
    tcp_pick_up(&tcp[0], &s);
    CU_ASSERT_EQUAL(state(), TCP_SYN_SENT); /* until the other side is heard */
}

static void
test_tcp_picked_up(void)
{
    pick_up(5000, 9000, 100);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5100, 9000, 100), TCP_PASS); /* it may go on meanwhile */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5100 + 0x60000000, 9000, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000 + 0x60000000, 5200, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 5200 + 0x60000000, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(state(), TCP_SYN_SENT);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 5200, 300), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9300, 5201, 0), TCP_BAD_SEQUENCE); /* what was not sent */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5200, 9301, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5200, 9300, 60000), TCP_PASS); /* the scale is not known */
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 65200, 9300, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 9300, 65201, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 65201, 9301, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* What was picked up was a repetition: the peer has acknowledged more, before anybody looked. */
static void
test_tcp_picked_up_late(void)
{
    pick_up(5000, 9000, 100);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 6000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 6000, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 6001, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 6000, 9010, 100), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9010, 6100, 0), TCP_PASS);
}

static void
test_tcp_picked_up_ends(void)
{
    pick_up(5000, 9000, 0);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 9001, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 9000, 0, 0), TCP_PASS); /* the peer knows of no connection */
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
    pick_up(5000, 9000, 0);
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 5000, 9000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 9000, 5001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5001, 9001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
    pick_up(5000, 9000, 0); /* the other side is heard first after a FIN that it has not got yet */
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 5000, 9000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 9000, 5000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5001, 9001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9001, 5001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
    for (int opener = 0; opener < 2; opener++) { /* a new connection takes its place, either way */
        pick_up(5000, 9000, 0);
        CU_ASSERT_EQUAL(say(opener, TCPF_SYN, 700000, 0, 0), TCP_PASS_ASIDE);
        CU_ASSERT_EQUAL(say(!opener, TCPF_SYN | TCPF_ACK, 30, 700001, 0), TCP_BEGINS_ANEW);
    }
}

void
suite_conn(void)
{
    CU_pSuite s = CU_add_suite("connections", setup, teardown);

    CU_add_test(s, "both directions find one entry", test_both_directions);
    CU_add_test(s, "full, flushed, recycled", test_full_and_recycled);
    CU_add_test(s, "a long grace period", test_long_grace);
    CU_add_test(s, "a walk in pieces", test_walk_in_pieces);
    CU_add_test(s, "flushed by control", test_flush);
    CU_add_test(s, "what is counted", test_counts);
    CU_add_test(s, "tcp states", test_tcp_states);
    CU_add_test(s, "tcp half closed", test_tcp_half_closed);
    CU_add_test(s, "tcp zero window", test_tcp_zero_window);
    CU_add_test(s, "tcp bounds", test_tcp_bounds);
    CU_add_test(s, "tcp resets", test_tcp_resets);
    CU_add_test(s, "tcp data past the grant", test_tcp_data_past_the_grant);
    CU_add_test(s, "tcp begins anew", test_tcp_begins_anew);
    CU_add_test(s, "tcp SYN+ACK again", test_tcp_syn_ack_again);
    CU_add_test(s, "tcp much", test_tcp_much);
    CU_add_test(s, "tcp SYN+ACK past the grant", test_tcp_syn_ack_past_the_grant);
    CU_add_test(s, "tcp simultaneous open", test_tcp_simultaneous_open);
    CU_add_test(s, "tcp picked up in its middle", test_tcp_picked_up);
    CU_add_test(s, "tcp picked up by a repetition", test_tcp_picked_up_late);
    CU_add_test(s, "tcp picked up ends", test_tcp_picked_up_ends);
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
