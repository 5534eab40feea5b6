/* From connections to flows: what a real table of connections has carried is told once, however
 * looks at it and ends fall together. */
#include <config.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "acl/policy.h"
#include "telemetry/flow_account.h"
#include "tests/unit/telemetry/flow_suites.h"
#include "util.h"

#define MAX_CONNS 1024
#define WAITING 128 /* an eighth */
#define UPLINK 9    /* has no name */

static struct rte_rcu_qsbr *qsbr;
static struct conn_table *table;
static struct flow_names names;
static struct flow_store store;
static struct flow_account account;

static int
setup(void)
{
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(3), 64);
    if (!qsbr || rte_rcu_qsbr_init(qsbr, 3)) {
        return 1;
    }
    rte_rcu_qsbr_thread_register(qsbr, 0);
    return 0;
}

/* The clock counts from the machine's start, which may be later than the hours that tests go back.
 */
uint64_t __real_conn_clock(void);
uint64_t __wrap_conn_clock(void);

uint64_t
__wrap_conn_clock(void)
{
    return __real_conn_clock() + 7200 * conn_clock_hz();
}

static int
teardown(void)
{
    rte_free(qsbr);
    return 0;
}

static void
begin(void)
{
    rte_rcu_qsbr_thread_online(qsbr, 0);
    table = conn_table_create(MAX_CONNS, 1, qsbr);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    flow_names_init(&names);
    CU_ASSERT_EQUAL_FATAL(flow_store_open(&store, &names, 1000), 0);
    CU_ASSERT_EQUAL_FATAL(flow_account_open(&account, table, &store), 0);
    flow_names_set_port(&names, 1, "desk1", "anna", conn_clock());
    flow_names_set_port(&names, 2, "desk2", "ben", conn_clock());
}

static void
end(void)
{
    flow_account_close(&account);
    flow_store_close(&store);
    flow_names_destroy(&names);
    conn_table_destroy(table);
    rte_rcu_qsbr_thread_offline(qsbr, 0);
}

/* ---- the worker ---- */

/* desk1's n-th UDP connection to 10.0.0.200:53 behind port 'to'. */
static struct conn *
open_to(uint16_t sport, uint16_t to)
{
    struct acl_addr src = acl_addr_from_v4(0x0100000a), dst = acl_addr_from_v4(0xc800000a);
    struct conn *c = conn_alloc(table, 0);
    unsigned side;

    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    side = conn_key_make(&c->key, &src, &dst, sport, 53, 17, 0);
    c->initiator = side;
    c->opened = conn_clock();
    c->port[side] = 1;
    c->port[!side] = to;
    c->rule_slot[0] = c->rule_slot[1] = UINT32_MAX;
    c->half[0].last_seen = c->half[1].last_seen = c->opened;
    c = conn_insert(table, 0, c, conn_key_hash(table, &c->key));
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

static struct conn *
open_one(uint16_t sport)
{
    return open_to(sport, UPLINK);
}

static void
pass(struct conn *c, bool answer, uint64_t packets, uint64_t bytes)
{
    struct conn_half *half = &c->half[answer ? !c->initiator : c->initiator];

    half->last_seen = conn_clock();
    half->packets += packets;
    half->bytes += bytes;
}

/* What has been removed has waited long enough. */
static void
recycle(void)
{
    rte_rcu_qsbr_quiescent(qsbr, 0);
    conn_sweep(table, 0, conn_clock());
}

static void
look(void)
{
    flow_account_rewind(&account);
    CU_ASSERT_TRUE(flow_account_sweep(&account, MAX_CONNS + 1));
}

/* ---- what was told ---- */

static struct flow_row
the_flow(const char *port)
{
    return flow_of(&store, port, !strcmp(port, "desk2") ? 1 : 200);
}

static void
expect(const char *port, uint64_t connections, uint64_t out, uint64_t in)
{
    struct flow_row row = the_flow(port);

    CU_ASSERT_EQUAL(row.connections, connections);
    CU_ASSERT_EQUAL(row.packets_out, out);
    CU_ASSERT_EQUAL(row.bytes_out, 100 * out);
    CU_ASSERT_EQUAL(row.packets_in, in);
    CU_ASSERT_EQUAL(row.bytes_in, 1000 * in);
}

static void
test_looks_and_end(void)
{
    struct conn *c;

    begin();
    look();
    CU_ASSERT_EQUAL(store.held, 0);
    c = open_one(1);
    pass(c, false, 1, 100);
    look();
    expect("desk1", 1, 1, 0);
    CU_ASSERT_EQUAL(the_flow("desk1").answered, 0);
    look();
    expect("desk1", 1, 1, 0);
    pass(c, true, 2, 2000);
    pass(c, false, 3, 300);
    look();
    look();
    expect("desk1", 1, 4, 2);
    CU_ASSERT_EQUAL(the_flow("desk1").answered, 1);
    pass(c, true, 1, 1000);
    conn_remove(table, 0, c);
    look();                 /* it lives no more, and has not been collected */
    pass(c, false, 1, 100); /* a burst that had looked it up before it ended */
    recycle();
    CU_ASSERT_EQUAL(flow_account_collect(&account, 1000), 1);
    CU_ASSERT_EQUAL(flow_account_collect(&account, 1000), 0);
    look();
    expect("desk1", 1, 5, 3);
    CU_ASSERT_EQUAL(the_flow("desk1").answered, 1);
    CU_ASSERT_EQUAL(the_flow("desk1").service, 53);
    CU_ASSERT_EQUAL(the_flow("desk1").protocol, 17);
    CU_ASSERT_EQUAL(the_flow("desk1").direction, ACL_EGRESS);
    CU_ASSERT_STRING_EQUAL(the_flow("desk1").user, "anna");
    CU_ASSERT_STRING_EQUAL(the_flow("desk1").peer_port, "");
    CU_ASSERT_EQUAL(store.held, 1); /* none of the uplink's */
    end();
}

/* One packet each way between two looks, again and again in the same entries. */
static void
test_short_ones(void)
{
    begin();
    for (uint32_t i = 0; i < 10 * MAX_CONNS; i++) {
        struct conn *c = open_one(i);

        pass(c, false, 1, 100);
        pass(c, true, 1, 1000);
        conn_remove(table, 0, c);
        recycle();
        if (i % 100 == 99) {
            CU_ASSERT_EQUAL(flow_account_collect(&account, 1000), 100);
        }
    }
    flow_account_collect(&account, 1000);
    expect("desk1", 10 * MAX_CONNS, 10 * MAX_CONNS, 10 * MAX_CONNS);
    CU_ASSERT_EQUAL(the_flow("desk1").answered, 10 * MAX_CONNS);
    CU_ASSERT_EQUAL(conn_uncollected(table), 0);
    end();
}

/* Nobody collects: the table goes on, and what is not told is counted. */
static void
test_lost_ones(void)
{
    struct conn *c;

    begin();
    for (uint32_t i = 0; i < 3 * MAX_CONNS; i++) {
        c = open_one(i);
        pass(c, false, 1, 100);
        if (i % 1000 == 0) {
            look(); /* told by a look, and then lost: nothing is told twice */
        }
        conn_remove(table, 0, c);
        recycle();
    }
    CU_ASSERT_EQUAL(conn_uncollected(table), 3 * MAX_CONNS - WAITING);
    CU_ASSERT_EQUAL(flow_account_collect(&account, 1000), WAITING);
    /* 0 is among those collected, 1000, 2000 and 3000 are not. */
    expect("desk1", WAITING + 3, WAITING + 3, 0);
    /* The entries of the lost ones are others by now. */
    c = open_one(1);
    pass(c, false, 1, 100);
    look();
    expect("desk1", WAITING + 4, WAITING + 4, 0);
    for (uint32_t i = 1; i < MAX_CONNS; i++) {
        open_one(1000 + i); /* every entry can be had */
    }
    CU_ASSERT_EQUAL(conn_table_count(table), MAX_CONNS);
    end();
}

static void
test_between_desktops(void)
{
    struct conn *c;

    begin();
    flow_names_set_sessions(&names, 1, "3 carl\n", conn_clock());
    c = open_to(1, 2);
    pass(c, false, 2, 200);
    pass(c, true, 1, 1000);
    flow_names_set_sessions(&names, 1, "4 dora\n", conn_clock()); /* after the last packet */
    look();
    CU_ASSERT_EQUAL(store.held, 2);
    expect("desk1", 1, 2, 1);
    CU_ASSERT_STRING_EQUAL(the_flow("desk1").peer_port, "desk2");
    CU_ASSERT_STRING_EQUAL(the_flow("desk1").sessions, "3 carl\n");
    struct flow_row other = the_flow("desk2");
    CU_ASSERT_EQUAL(other.direction, ACL_INGRESS);
    CU_ASSERT_EQUAL(other.service, 53);
    CU_ASSERT_EQUAL(other.packets_out, 1);
    CU_ASSERT_EQUAL(other.bytes_out, 1000);
    CU_ASSERT_EQUAL(other.packets_in, 2);
    CU_ASSERT_EQUAL(other.bytes_in, 200);
    CU_ASSERT_STRING_EQUAL(other.peer_port, "desk1");
    CU_ASSERT_STRING_EQUAL(other.sessions, "");
    end();
}

/* The port has gone, and another one has its number, before the connection is told. */
static void
test_number_used_again(void)
{
    struct conn *c;

    begin();
    c = open_one(1);
    pass(c, false, 1, 100);
    conn_flush_port(table, 1);
    flow_names_set_port(&names, 1, "desk7", "eva", conn_clock());
    c = open_one(2);
    pass(c, false, 2, 200);
    look();
    for (int i = 0; i < 100; i++) { /* a sweep buries what was flushed */
        conn_sweep(table, 0, conn_clock() + i * conn_clock_hz());
        rte_rcu_qsbr_quiescent(qsbr, 0);
    }
    flow_account_collect(&account, 1000);
    expect("desk1", 1, 1, 0);
    expect("desk7", 1, 2, 0);
    CU_ASSERT_STRING_EQUAL(the_flow("desk7").user, "eva");
    CU_ASSERT_EQUAL(account.unnamed, 0);
    end();
}

/* A connection counts in every hour in which it has packets. */
static void
test_hours(void)
{
    unsigned hours[2] = { 0, 0 };
    struct flow_row row;
    struct conn *c;

    begin();
    c = open_one(1);
    pass(c, false, 1, 100);
    pass(c, true, 1, 1000);
    c->half[0].last_seen = c->half[1].last_seen = conn_clock() - 3700 * conn_clock_hz();
    look();
    pass(c, false, 5, 500);
    look();
    pass(c, false, 5, 500);
    look();
    CU_ASSERT_EQUAL_FATAL(store.held, 2);
    for (uint32_t slot = 1; slot <= 2; slot++) {
        CU_ASSERT_FATAL(flow_store_get(&store, slot, &row));
        CU_ASSERT_EQUAL(row.hour, row.last_ns / FLOW_NS_PER_HOUR);
        CU_ASSERT_EQUAL(row.connections, 1);
        CU_ASSERT_EQUAL(row.answered, 1);
        CU_ASSERT_EQUAL(row.packets_out, slot == 1 ? 1 : 10);
        hours[slot - 1] = row.hour;
    }
    CU_ASSERT_TRUE(hours[1] - hours[0] == 1 || hours[1] - hours[0] == 2);
    end();
}

/* What nothing would tell any more when the workers have stopped. */
static void
test_finish(void)
{
    struct conn *live, *retired, *flushed, *ended;

    begin();
    live = open_one(1);
    retired = open_one(2);
    flushed = open_one(3);
    ended = open_one(4);
    pass(live, false, 1, 100);
    pass(retired, false, 10, 1000);
    pass(flushed, false, 100, 10000);
    pass(ended, false, 1000, 100000);
    conn_remove(table, 0, ended);
    recycle();
    conn_remove(table, 0, retired);
    CU_ASSERT_TRUE(conn_flush(table, flushed));
    flow_account_finish(&account);
    expect("desk1", 4, 1111, 0);
    end();
}

/* ---- a worker and who accounts, at once ---- */

#define ROUNDS 200000
#define OPEN 64

static _Atomic bool worker_done;
static _Atomic uint64_t collected;
static uint64_t sent, opened;

static void *
work(void *aux)
{
    struct conn *open[OPEN] = { NULL };
    uint64_t ended = 0;
    unsigned seed = 7;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        unsigned n = rand_r(&seed) % OPEN;

        if (!open[n]) {
            open[n] = open_one(i % 60000);
            opened++;
        }
        pass(open[n], false, 1, 100);
        sent++;
        if (rand_r(&seed) % 4 == 0) {
            conn_remove(table, 0, open[n]);
            open[n] = NULL;
            ended++;
        }
        do { /* none is to be lost */
            recycle();
        } while (ended - atomic_load(&collected) > WAITING / 2);
    }
    rte_rcu_qsbr_thread_offline(qsbr, 0);
    atomic_store(&worker_done, true);
    return aux;
}

static void
test_at_once(void)
{
    pthread_t worker;

    begin();
    sent = opened = 0;
    atomic_store(&collected, 0);
    atomic_store(&worker_done, false);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&worker, NULL, work, NULL), 0);
    while (!atomic_load(&worker_done)) {
        atomic_fetch_add(&collected, flow_account_collect(&account, 50));
        flow_account_sweep(&account, 100);
    }
    pthread_join(worker, NULL);
    flow_account_finish(&account);
    CU_ASSERT_EQUAL(conn_uncollected(table), 0);
    expect("desk1", opened, sent, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    end();
}

CU_SuiteInfo
flow_account_suite(void)
{
    static CU_TestInfo tests[] = {
        { "looks, and the end", test_looks_and_end },
        { "short connections", test_short_ones },
        { "connections that are lost", test_lost_ones },
        { "between desktops", test_between_desktops },
        { "a number used again", test_number_used_again },
        { "hours", test_hours },
        { "the end of the switch", test_finish },
        { "a worker and who accounts, at once", test_at_once },
        CU_TEST_INFO_NULL,
    };
    return (CU_SuiteInfo){ "flows of connections", setup, teardown, NULL, NULL, tests };
}
