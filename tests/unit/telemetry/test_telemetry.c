#include <config.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "telemetry/drop_log.h"
#include "telemetry/drop_ring.h"
#include "telemetry/ledger.h"
#include "telemetry/reasons.h"
#include "telemetry/store.h"
#include "telemetry/stream.h"
#include "tests/unit/telemetry/suites.h"

static void
test_reasons_have_names(void)
{
    for (int i = 0; i < N_DROP_REASONS; i++) {
        const char *name = drop_reason_name(i);
        CU_ASSERT(strlen(name) > 1);
        CU_ASSERT(strlen(drop_reason_text(i)) > 1);
        CU_ASSERT_EQUAL(drop_reason_from_name(name), i);
    }
    CU_ASSERT_STRING_EQUAL(tx_drop_reason_name(TX_DROP_FULL), "tx-full");
}

static void
test_reasons_outside_the_range(void)
{
    CU_ASSERT_STRING_EQUAL(drop_reason_name(N_DROP_REASONS), "?");
    CU_ASSERT_STRING_EQUAL(drop_reason_text(1000), "?");
    CU_ASSERT_STRING_EQUAL(tx_drop_reason_name(N_TX_DROP_REASONS), "?");
    CU_ASSERT_EQUAL(drop_reason_from_name("no such"), DROP_NONE);
}

static void
test_ledger_adds_up(void)
{
    struct ledger_page a = { .received = 10,
                             .originated = 2,
                             .forwarded = 5,
                             .consumed = 1,
                             .held = 1,
                             .offered = 7,
                             .accepted = 4 };
    struct ledger_page sum = a;

    a.drops[DROP_LAND] = 2;
    a.drops[DROP_PROBE] = 3;
    a.tx_drops[TX_DROP_TOO_LONG] = 3;
    CU_ASSERT_EQUAL(ledger_page_ingress_difference(&a), 0);
    CU_ASSERT_EQUAL(ledger_page_egress_difference(&a), 0);
    CU_ASSERT_EQUAL(ledger_page_ingress_difference(&sum), 5);
    CU_ASSERT_EQUAL(ledger_page_egress_difference(&sum), 3);

    ledger_page_add(&sum, &a);
    CU_ASSERT_EQUAL(sum.received, 20);
    CU_ASSERT_EQUAL(ledger_page_drops(&sum), 5);
    CU_ASSERT_EQUAL(ledger_page_tx_drops(&sum), 3);
}

struct writer {
    struct ledger ledger;
    atomic_bool stop;
};

/* A worker that is hardly ever between bursts, and breaks the equation inside of them. */
static void *
write_ledger(void *aux)
{
    struct writer *w = aux;
    struct ledger_page *p = &w->ledger.pages[1];

    while (!atomic_load(&w->stop)) {
        ledger_enter(&w->ledger);
        __atomic_fetch_add(&p->received, 3, __ATOMIC_RELAXED);
        __atomic_fetch_add(&p->forwarded, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&p->drops[N_DROP_REASONS - 1], 2, __ATOMIC_RELAXED);
        __atomic_fetch_add(&w->ledger.rules[2].packets, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&w->ledger.rules[2].bytes, 64, __ATOMIC_RELAXED);
        ledger_leave(&w->ledger);
        for (volatile int i = 0; i < 100; i++) {
            /* A look at the next port. */
        }
    }
    return NULL;
}

static void
test_ledger_reads_at_boundaries(void)
{
    struct writer w = { .stop = false };
    struct ledger_page page;
    struct ledger_rule_hits hits;
    pthread_t thread;
    unsigned wrong = 0;

    CU_ASSERT_EQUAL_FATAL(ledger_init(&w.ledger, 2, 3), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, write_ledger, &w), 0);
    uint64_t last = 0;
    for (int moved = 0; moved < 50;) {
        ledger_read(&w.ledger, 1, &page);
        moved += page.received != last;
        last = page.received;
        wrong += ledger_page_ingress_difference(&page) != 0;
        ledger_read_rule(&w.ledger, 2, &hits);
        wrong += hits.bytes != hits.packets * 64;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);

    ledger_read(&w.ledger, 1, &page);
    CU_ASSERT(page.received > 0);
    ledger_read(&w.ledger, 2, &page);
    CU_ASSERT_EQUAL(page.received, 0);
    ledger_read_rule(&w.ledger, 3, &hits);
    CU_ASSERT_EQUAL(hits.packets, 0);
    ledger_destroy(&w.ledger);
    ledger_destroy(NULL);
}

static void
test_ring_fills_and_empties(void)
{
    struct drop_ring ring;
    struct drop_record record;

    CU_ASSERT_EQUAL_FATAL(drop_ring_init(&ring, 4), 0);
    ring.head = ring.tail = UINT32_MAX - 1; /* the counters wrap on the way */
    CU_ASSERT_FALSE(drop_ring_pop(&ring, &record));
    for (int i = 0; i < 4; i++) {
        struct drop_record *r = drop_ring_reserve(&ring);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        r->count = i;
        drop_ring_push(&ring);
    }
    CU_ASSERT_PTR_NULL(drop_ring_reserve(&ring));
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT(drop_ring_pop(&ring, &record));
        CU_ASSERT_EQUAL(record.count, i);
    }
    CU_ASSERT_FALSE(drop_ring_pop(&ring, &record));
    drop_ring_destroy(&ring);
    drop_ring_destroy(NULL);
}

static void
test_store_names_stay_with_their_events(void)
{
    struct store s = { .first = 0 };
    struct drop_event e;
    struct drop_record r = { .port = 3, .peer_port = 4, .rule_slot = 70, .count = 1 };

    CU_ASSERT_EQUAL_FATAL(store_open(&s, 1), 0);
    store_name_port(&s, 3, "desk3", "anna");
    store_name_port(&s, 4, "desk4", "");
    store_name_rule(&s, 70, "no-smb");
    store_add_record(&s, &r);
    store_name_port(&s, 3, "other", "bert");
    store_name_port(&s, 4, "", "");
    store_name_rule(&s, 70, "");
    r.rule_slot = UINT32_MAX;
    store_add_record(&s, &r);

    CU_ASSERT_FATAL(store_next(&s, 0, &e));
    CU_ASSERT_EQUAL(e.n, 1);
    CU_ASSERT_STRING_EQUAL(e.port, "desk3");
    CU_ASSERT_STRING_EQUAL(e.user, "anna");
    CU_ASSERT_STRING_EQUAL(e.peer_port, "desk4");
    CU_ASSERT_STRING_EQUAL(e.rule, "no-smb");
    CU_ASSERT_EQUAL(e.record.count, 1);
    CU_ASSERT_FATAL(store_next(&s, 1, &e));
    CU_ASSERT_STRING_EQUAL(e.port, "other");
    CU_ASSERT_STRING_EQUAL(e.peer_port, "");
    CU_ASSERT_STRING_EQUAL(e.rule, "");
    CU_ASSERT_FALSE(store_next(&s, 2, &e));

    store_close(&s);
    store_name_port(&s, 3, "", "");
    free(s.rules);
}

static void
test_store_forgets_the_oldest(void)
{
    struct store s = { .first = 0 };
    struct drop_event e;
    struct drop_record r = { .port = 1, .peer_port = DP_PORT_NONE };

    CU_ASSERT_EQUAL_FATAL(store_open(&s, 1), 0);
    CU_ASSERT_EQUAL(store_oldest(&s), 0);
    store_name_port(&s, 1, "desk1", "u");
    for (unsigned i = 0; i < STORE_EVENTS + 10; i++) {
        r.sport = i;
        store_add_record(&s, &r);
    }
    CU_ASSERT_EQUAL(s.newest, STORE_EVENTS + 10);
    CU_ASSERT_EQUAL(store_oldest(&s), 11);
    CU_ASSERT_FATAL(store_next(&s, 3, &e)); /* a gap: 4 to 10 are gone */
    CU_ASSERT_EQUAL(e.n, 11);
    CU_ASSERT_EQUAL(e.record.sport, 10);
    store_close(&s);
    store_name_port(&s, 1, "", "");
}

static void
expect_sessions(const struct store *s, uint64_t n, const char *sessions, const char *of_peer)
{
    struct drop_event e;

    CU_ASSERT_FATAL(store_next(s, n - 1, &e));
    CU_ASSERT_EQUAL(e.n, n);
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_RECORD);
    CU_ASSERT_STRING_EQUAL(e.sessions, sessions);
    CU_ASSERT_STRING_EQUAL(e.peer_sessions, of_peer);
}

/* What was told stays, and an event says that it was wrong; what is told later is right. */
static void
test_store_corrects(void)
{
    struct store s = { .first = 0 };
    struct drop_record r = { .port = 3, .peer_port = 4, .wall_ns = 1000, .user_slot = 5 };
    struct drop_correction begun = { .from_ns = 900, .to_ns = 2000 },
                           ended = { .from_ns = 1500, .to_ns = 1600, .withdrawn = true };
    struct drop_event e;

    CU_ASSERT_EQUAL_FATAL(store_open(&s, 1), 0);
    store_name_port(&s, 3, "desk3", "");
    store_name_port(&s, 4, "desk4", "");
    store_set_sessions(&s, 3, 5, "7 anna\n");
    store_add_record(&s, &r);
    store_set_sessions(&s, 3, 6, "7 anna\n8 ben\n");
    CU_ASSERT(store_add_correction(&s, 3, "8 ben\n", &begun));
    CU_ASSERT_EQUAL(s.newest, 2);
    expect_sessions(&s, 1, "7 anna\n", "");
    CU_ASSERT_FATAL(store_next(&s, 1, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_CORRECTION);
    CU_ASSERT_STRING_EQUAL(e.port, "desk3");
    CU_ASSERT_STRING_EQUAL(e.sessions, "8 ben\n");
    CU_ASSERT_EQUAL(e.correction.from_ns, 900);
    CU_ASSERT_EQUAL(e.correction.to_ns, 2000);
    CU_ASSERT_FALSE(e.correction.withdrawn);

    store_add_record(&s, &r); /* late */
    expect_sessions(&s, 3, "7 anna\n8 ben\n", "");
    r.wall_ns = 899;
    store_add_record(&s, &r);
    expect_sessions(&s, 4, "7 anna\n", "");
    r.wall_ns = 2000;
    store_add_record(&s, &r);
    expect_sessions(&s, 5, "7 anna\n", "");
    store_set_sessions(&s, 3, 7, "8 ben\n");
    CU_ASSERT(store_add_correction(&s, 3, "7 anna\n", &ended));
    CU_ASSERT_EQUAL(s.newest, 6);
    r.wall_ns = 1550;
    store_add_record(&s, &r);
    expect_sessions(&s, 7, "8 ben\n", "");
    r.user_slot = 7; /* stamped since: right as it is */
    store_add_record(&s, &r);
    expect_sessions(&s, 8, "8 ben\n", "");
    r.user_slot = 0; /* of nobody */
    r.wall_ns = 1000;
    store_add_record(&s, &r);
    expect_sessions(&s, 9, "8 ben\n", "");

    /* Only what was told can be wrong: of the port itself, or of others for it. */
    begun.from_ns = 2001;
    CU_ASSERT(store_add_correction(&s, 3, "9 eva\n", &begun));
    CU_ASSERT(store_add_correction(&s, 5, "9 eva\n", &begun));
    CU_ASSERT_EQUAL(s.newest, 9);
    begun.from_ns = 2000;
    CU_ASSERT(store_add_correction(&s, 4, "9 eva\n", &begun));
    CU_ASSERT_EQUAL(s.newest, 10);
    CU_ASSERT_FALSE(store_add_correction(&s, DP_MAX_PORTS, "9 eva\n", &begun));
    store_close(&s);
    for (uint32_t i = 0; i < STORE_SLOTS; i++) {
        store_set_sessions(&s, 3, 0, "");
    }
    store_name_port(&s, 3, "", "");
    store_name_port(&s, 4, "", "");
}

#define RING_RECORDS 64

struct plant {
    struct drop_ring rings[2];
    struct drop_unsaid *unsaid[2];
    struct stream_source sources[2];
};

static atomic_uint wakes;

static void
count_wake(void *aux)
{
    atomic_fetch_add((atomic_uint *) aux, 1);
}

static void
plant_start(struct plant *p)
{
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(drop_ring_init(&p->rings[i], RING_RECORDS), 0);
        p->unsaid[i] = calloc(DP_MAX_PORTS * N_DROP_REASONS, sizeof *p->unsaid[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(p->unsaid[i]);
        p->sources[i] = (struct stream_source){ &p->rings[i], p->unsaid[i], NULL };
    }
    atomic_store(&wakes, 0);
    CU_ASSERT_EQUAL_FATAL(drop_log_open(NULL, 0, count_wake, &wakes), 0);
    CU_ASSERT_EQUAL_FATAL(stream_start(p->sources, 2), 0);
}

static void
plant_stop(struct plant *p)
{
    stream_stop();
    drop_log_close();
    for (int i = 0; i < 2; i++) {
        drop_ring_destroy(&p->rings[i]);
        free(p->unsaid[i]);
    }
}

static bool
push(struct drop_ring *ring, uint16_t port, uint32_t count)
{
    struct drop_record *r = drop_ring_reserve(ring);

    if (r) {
        *r = (struct drop_record){
            .port = port, .peer_port = DP_PORT_NONE, .count = count, .rule_slot = UINT32_MAX
        };
        drop_ring_push(ring);
    }
    return r;
}

static bool
wait_event(uint64_t after, struct drop_event *e)
{
    for (int i = 0; i < 3000; i++) {
        struct drop_position at = { drop_log_epoch(), after };

        if (drop_log_next(&at, e)) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

static void
test_stream_delivers_from_every_ring(void)
{
    struct plant p;
    struct drop_event e;
    uint64_t sum[2] = { 0, 0 };

    stream_set_port(1, "desk1", "anna");
    plant_start(&p);
    CU_ASSERT_NOT_EQUAL(drop_log_epoch(), 0);
    for (unsigned i = 0; i < 1000; i++) {
        while (!push(&p.rings[i & 1], 1 + (i & 1), i)) {
            usleep(1000);
        }
    }
    for (unsigned n = 0; n < 1000; n++) {
        CU_ASSERT_FATAL(wait_event(n, &e));
        CU_ASSERT_EQUAL(e.n, n + 1);
        CU_ASSERT_STRING_EQUAL(e.port, e.record.port == 1 ? "desk1" : "");
        sum[e.record.port - 1] += e.record.count;
    }
    CU_ASSERT_EQUAL(sum[0], 249500);
    CU_ASSERT_EQUAL(sum[1], 250000);
    CU_ASSERT_EQUAL(drop_log_newest().n, 1000);
    CU_ASSERT_EQUAL(drop_log_oldest().n, 0);
    CU_ASSERT(atomic_load(&wakes) > 0);
    plant_stop(&p);
    stream_set_port(1, "", "");
}

static void
push_slot(struct plant *p, uint32_t slot)
{
    struct drop_record *r = drop_ring_reserve(&p->rings[0]);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    *r = (struct drop_record){
        .port = 3, .peer_port = 4, .count = 1, .rule_slot = UINT32_MAX, .user_slot = slot
    };
    drop_ring_push(&p->rings[0]);
}

/* Whoever was there when it was dropped, though it is told later. */
static void
test_stream_knows_sessions(void)
{
    static const char *const want[] = { "7 anna\n", "7 anna\n", "7 anna\n9 ben\n", "", "" };
    struct plant p;
    struct drop_event e;

    stream_set_port(3, "desk3", "");
    stream_set_sessions(4, 2, "1 eva\n");
    plant_start(&p);
    stream_set_sessions(3, 5, "7 anna\n");
    push_slot(&p, 5);
    stream_set_sessions(3, 6, "7 anna\n9 ben\n");
    push_slot(&p, 5); /* by a worker that has the old snapshot still */
    push_slot(&p, 6);
    push_slot(&p, 0);
    push_slot(&p, 99);
    for (unsigned n = 0; n < 5; n++) {
        CU_ASSERT_FATAL(wait_event(n, &e));
        CU_ASSERT_STRING_EQUAL(e.sessions, want[n]);
        CU_ASSERT_STRING_EQUAL(e.peer_sessions, "1 eva\n");
    }
    plant_stop(&p);
    for (int i = 0; i < STORE_SLOTS; i++) {
        stream_set_sessions(3, 0, "");
        stream_set_sessions(4, 0, "");
    }
    stream_set_port(3, "", "");
}

/* What a ring holds has been dropped before, and is told before the correction. */
static void
test_stream_corrects(void)
{
    struct drop_correction what = { .from_ns = 0, .to_ns = UINT64_MAX };
    struct plant p;
    struct drop_event e;

    stream_set_port(3, "desk3", "");
    stream_correct(3, "7 anna\n", &what); /* nothing runs yet */
    plant_start(&p);
    push_slot(&p, 0);
    stream_set_sessions(3, 5, "7 anna\n");
    stream_correct(3, "7 anna\n", &what);
    CU_ASSERT_FATAL(wait_event(0, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_RECORD);
    CU_ASSERT_STRING_EQUAL(e.sessions, "");
    CU_ASSERT_FATAL(wait_event(1, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_CORRECTION);
    CU_ASSERT_STRING_EQUAL(e.sessions, "7 anna\n");
    push_slot(&p, 0);
    CU_ASSERT_FATAL(wait_event(2, &e));
    CU_ASSERT_STRING_EQUAL(e.sessions, "7 anna\n");
    plant_stop(&p);
    for (int i = 0; i < STORE_SLOTS; i++) {
        stream_set_sessions(3, 0, "");
    }
    stream_set_port(3, "", "");
}

static void
test_stream_says_what_has_no_record(void)
{
    struct plant p;
    struct drop_event e;

    plant_start(&p);
    stream_set_port(7, "desk7", "eva");
    for (int i = 0; i < 2; i++) {
        atomic_store(&p.unsaid[i][7 * N_DROP_REASONS + DROP_LAND].suppressed, 100);
        atomic_store(&p.unsaid[i][7 * N_DROP_REASONS + DROP_LAND].lost, 5 + i);
    }
    CU_ASSERT_FATAL(wait_event(0, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_UNSAID);
    CU_ASSERT_STRING_EQUAL(e.port, "desk7");
    CU_ASSERT_EQUAL(e.unsaid.reason, DROP_LAND);
    CU_ASSERT_EQUAL(e.unsaid.suppressed, 200);
    CU_ASSERT_EQUAL(e.unsaid.lost, 11);
    sleep(2);
    CU_ASSERT_EQUAL(drop_log_newest().n, 1); /* nothing new, nothing said */
    plant_stop(&p);
    stream_set_port(7, "", "");
}

static void
test_stream_settles_the_account_of_a_reused_port(void)
{
    struct plant p;
    struct drop_event e;
    struct drop_unsaid *u;

    plant_start(&p);
    u = &p.unsaid[0][9 * N_DROP_REASONS + DROP_VLAN];
    stream_set_port(9, "old", "");
    atomic_store(&u->suppressed, 40);
    push(&p.rings[0], 9, 1);
    stream_set_port(9, "new", ""); /* at once: the ring still holds old's record */
    CU_ASSERT_FATAL(wait_event(0, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_RECORD);
    CU_ASSERT_STRING_EQUAL(e.port, "old");
    CU_ASSERT_FATAL(wait_event(1, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_UNSAID);
    CU_ASSERT_STRING_EQUAL(e.port, "old");
    CU_ASSERT_EQUAL(e.unsaid.suppressed, 40);
    atomic_store(&u->suppressed, 43);
    CU_ASSERT_FATAL(wait_event(2, &e));
    CU_ASSERT_STRING_EQUAL(e.port, "new");
    CU_ASSERT_EQUAL(e.unsaid.suppressed, 3);
    plant_stop(&p);
    stream_set_port(9, "", "");
}

int
main(void)
{
    CU_TestInfo tests[] = {
        { "every reason has a name", test_reasons_have_names },
        { "reasons outside the range", test_reasons_outside_the_range },
        { "the ledger adds up", test_ledger_adds_up },
        { "the ledger is read at burst boundaries", test_ledger_reads_at_boundaries },
        { "a ring fills and empties", test_ring_fills_and_empties },
        { "names stay with their events", test_store_names_stay_with_their_events },
        { "the store forgets the oldest", test_store_forgets_the_oldest },
        { "the store corrects whose records are", test_store_corrects },
        { "the stream delivers from every ring", test_stream_delivers_from_every_ring },
        { "the stream knows sessions", test_stream_knows_sessions },
        { "the stream corrects whose records are", test_stream_corrects },
        { "the stream says what has no record", test_stream_says_what_has_no_record },
        { "a reused port begins at 0", test_stream_settles_the_account_of_a_reused_port },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "telemetry", NULL, NULL, NULL, NULL, tests },
                              detect_suite(),
                              drop_log_suite(),
                              CU_SUITE_INFO_NULL };
    int failed = 1;

    if (CU_initialize_registry() || CU_register_suites(suites)) {
        return 1;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures() || CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    return failed;
}
