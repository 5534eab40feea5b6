/* What is learned by DHCP, and how: leases are held until they are in force, and answers, also
 * those to groups, pass when they were asked for. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/learn.h"
#include "datapath/pipeline.h"
#include "datapath/relation.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define EVERYBODY 0xffffffffu
#define SSDP RTE_IPV4(239u, 255, 255, 250)
#define HOST(ID) RTE_IPV4(10u, 0, 0, ID)
#define GROUP_MAC 0xffffffffffffull
enum { SERVER = 200 }; /* behind BENCH_UP1 */
enum { OFFER = 2, REQUEST = 3, ACK = 5, RELEASE = 7 };

/* ---- packets ---- */

struct dhcp {
    uint8_t op, type, chaddr, xid, yiaddr, ciaddr, giaddr; /* addresses by their last byte */
};

static uint16_t
fill_dhcp(uint8_t b[300], const struct dhcp *d)
{
    static const uint8_t magic[] = { 0x63, 0x82, 0x53, 0x63 }, ten[] = { 10, 0, 0 };
    uint8_t *o = b + 240;

    memset(b, 0, 300);
    b[0] = d->op;
    b[1] = 1;
    b[2] = 6;
    b[7] = d->xid;
    if (d->ciaddr) {
        memcpy(b + 12, ten, 3);
        b[15] = d->ciaddr;
    }
    if (d->yiaddr) {
        memcpy(b + 16, ten, 3);
        b[19] = d->yiaddr;
    }
    b[27] = d->giaddr;
    test_store_mac(b + 28, TEST_MAC(d->chaddr));
    memcpy(b + 236, magic, 4);
    memcpy(o, (uint8_t[]){ 53, 1, d->type, 51, 4, 0, 0, 0x0e, 0x10, 255 }, 10);
    return 250;
}

static struct rte_mbuf *
asks(uint8_t id, const struct dhcp *d)
{
    const struct test_udp u = { .smac = TEST_MAC(id),
                                .dmac = GROUP_MAC,
                                .src = d->ciaddr == id ? HOST(id) : 0,
                                .dst = EVERYBODY,
                                .sport = 68,
                                .dport = 67 };
    uint8_t b[300];

    return packet_udp(&u, b, fill_dhcp(b, d));
}

static struct rte_mbuf *
says(uint8_t type, uint8_t id, uint8_t xid, uint8_t yiaddr)
{
    const struct dhcp d = { .op = 2, .type = type, .chaddr = id, .xid = xid, .yiaddr = yiaddr };
    const struct test_udp u = { .smac = TEST_MAC(SERVER),
                                .dmac = TEST_MAC(id),
                                .src = HOST(SERVER),
                                .dst = HOST(yiaddr),
                                .sport = 67,
                                .dport = 68 };
    uint8_t b[300];

    return packet_udp(&u, b, fill_dhcp(b, &d));
}

static struct rte_mbuf *
gives(uint8_t id, uint8_t xid, uint8_t yiaddr)
{
    return says(ACK, id, xid, yiaddr);
}

static void
ask(uint8_t id, uint8_t xid)
{
    const struct dhcp d = { .op = 1, .type = REQUEST, .chaddr = id, .xid = xid };

    bench_send(id, asks(id, &d));
}

/* ---- DHCP ---- */

static struct acl_table *const *
deny(void)
{
    return (struct acl_table *const *) bench_leaf[BENCH_MUTE].table;
}

static int
setup(void)
{
    int failed = bench_open();

    bench_leaf[BENCH_D1].learns = bench_leaf[BENCH_D2].learns = true;
    for (uint16_t id = BENCH_D1; id <= BENCH_D2; id++) { /* nobody may open anything to them */
        bench_leaf[id].table[ACL_INGRESS] = deny()[ACL_INGRESS];
    }
    bench_publish();
    return failed;
}

static uint64_t
held(void)
{
    return bench->ledger.pages[BENCH_UP1].held;
}

static void
hand_back(const struct lesson *lesson)
{
    learner_hand_back(bench->learner, lesson);
    CU_ASSERT_TRUE(learn_is_handed_back(bench->learner));
    bench_send(BENCH_D1, packet_arp_request(BENCH_D2, BENCH_D2)); /* empties the boxes */
    CU_ASSERT_TRUE(bench_got_only(0));
    pipeline_hand_back(bench);
    CU_ASSERT_FALSE(learn_is_handed_back(bench->learner));
    CU_ASSERT_EQUAL(ledger_page_ingress_difference(&bench->ledger.pages[BENCH_UP1]), 0);
}

static void
test_lease_is_held(void)
{
    struct lesson lesson;

    ask(BENCH_D1, 1);
    CU_ASSERT_TRUE(bench_got[BENCH_UP1]);
    bench_send(BENCH_UP1, gives(BENCH_D1, 1, 77));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(held(), 1);
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lesson));
    CU_ASSERT_EQUAL(lesson.kind, LESSON_LEASE);
    CU_ASSERT_EQUAL(lesson.port, BENCH_D1);
    CU_ASSERT_EQUAL(lesson.n_leases, 1);
    CU_ASSERT_EQUAL(lesson.lease[0].seconds, 3600);
    CU_ASSERT_EQUAL(lesson.lease[0].addr.w[3], RTE_BE32(HOST(77)));
    hand_back(&lesson);
    CU_ASSERT_EQUAL(held(), 0);
    CU_ASSERT_PTR_NOT_NULL(bench_first(BENCH_D1));
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
}

/* It binds nothing, so nothing waits for it. */
static void
test_offer(void)
{
    struct lesson lesson;

    ask(BENCH_D1, 30);
    bench_send(BENCH_UP1, says(OFFER, BENCH_D1, 30, 77));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
}

/* Judged again when it goes on. */
static void
test_lease_is_judged_again(void)
{
    struct lesson lesson;
    uint64_t denied = bench_drops(BENCH_UP1, DROP_QUARANTINE_PEER);

    ask(BENCH_D1, 2);
    bench_send(BENCH_UP1, gives(BENCH_D1, 2, 77));
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lesson));
    bench_leaf[BENCH_D1].quarantined = true;
    bench_publish();
    hand_back(&lesson);
    CU_ASSERT_EQUAL(held(), 0);
    CU_ASSERT_PTR_NULL(bench_first(BENCH_D1));
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_QUARANTINE_PEER), denied + 1);
    bench_leaf[BENCH_D1].quarantined = false;
    bench_publish();
}

static void
test_only_what_was_asked(void)
{
    struct lesson lesson;

    ask(BENCH_D1, 3);
    bench_send(BENCH_UP1, gives(BENCH_D1, 4, 77)); /* another transaction */
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_UP1, gives(BENCH_D2, 3, 77)); /* another desktop */
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_D2, gives(BENCH_D1, 3, 77)); /* nor from a desktop */
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_wait(RELATION_SECONDS + 1);
    bench_send(BENCH_UP1, gives(BENCH_D1, 3, 77)); /* too late */
    CU_ASSERT_TRUE(bench_got_only(0));
    ask(BENCH_MUTE, 5);
    bench_send(BENCH_UP1, gives(BENCH_MUTE, 5, 77)); /* it may not ask */
    CU_ASSERT_TRUE(bench_got_only(0));
    ask(BENCH_D1, 6);
    struct rte_mbuf *m = gives(BENCH_D1, 6, 77);
    rte_pktmbuf_mtod(m, uint8_t *)[100] ^= 1; /* its checksum */
    bench_send(BENCH_UP1, m);
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_CSUM), 1);
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
    CU_ASSERT_EQUAL(held(), 0);
}

/* Neither in fragments, of which only the first is read, nor to another port than a client's. */
static void
test_answers_elsewhere(void)
{
    const struct dhcp d = { .op = 1, .type = REQUEST, .chaddr = BENCH_D1, .xid = 20 };
    const struct dhcp answer = {
        .op = 2, .type = ACK, .chaddr = BENCH_D1, .xid = 20, .yiaddr = 77
    };
    struct test_udp u = { .smac = TEST_MAC(BENCH_D1),
                          .dmac = GROUP_MAC,
                          .dst = EVERYBODY,
                          .src = HOST(BENCH_D1),
                          .sport = 1000,
                          .dport = 67 };
    struct rte_mbuf *whole = gives(BENCH_D1, 20, 77);
    uint16_t n = rte_pktmbuf_data_len(whole) - 34;
    struct lesson lesson;
    uint8_t b[300];

    ask(BENCH_D1, 20);
    for (uint16_t off = 0; off < n; off += 248) {
        struct rte_mbuf *m = packet_fragment(whole, 1, off, RTE_MIN(248, n - off));
        memcpy(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(whole, void *), 12);
        bench_send(BENCH_UP1, m);
        CU_ASSERT_TRUE(bench_got_only(0));
    }
    rte_pktmbuf_free(whole);
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
    bench_send(BENCH_D1, packet_udp(&u, b, fill_dhcp(b, &d)));
    CU_ASSERT_TRUE(bench_got[BENCH_UP1]);
    u = (struct test_udp){ .smac = TEST_MAC(SERVER),
                           .dmac = TEST_MAC(BENCH_D1),
                           .src = HOST(SERVER),
                           .dst = HOST(BENCH_D1),
                           .sport = 67,
                           .dport = 1000 };
    bench_send(BENCH_UP1, packet_udp(&u, b, fill_dhcp(b, &answer)));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
}

/* A port that does not learn gets the answer at once. */
static void
test_without_learning(void)
{
    struct lesson lesson;

    bench_leaf[BENCH_D1].learns = false;
    ask(BENCH_D1, 7);
    bench_send(BENCH_UP1, gives(BENCH_D1, 7, BENCH_D1));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
    bench_leaf[BENCH_D1].learns = true;
}

/* A renewal is a connection like any other, whose answer teaches all the same. */
static void
test_renewal(void)
{
    const struct dhcp d = {
        .op = 1, .type = REQUEST, .chaddr = BENCH_D1, .xid = 11, .ciaddr = BENCH_D1
    };
    const struct test_udp u = { .smac = TEST_MAC(BENCH_D1),
                                .dmac = TEST_MAC(SERVER),
                                .src = HOST(BENCH_D1),
                                .dst = HOST(SERVER),
                                .sport = 68,
                                .dport = 67 };
    uint32_t connections = conn_table_count(bench->conns);
    struct lesson lesson;
    uint8_t b[300];

    bench_send(BENCH_D1, packet_udp(&u, b, fill_dhcp(b, &d)));
    CU_ASSERT_TRUE(bench_got[BENCH_UP1]);
    CU_ASSERT_EQUAL(conn_table_count(bench->conns), connections + 1);
    bench_send(BENCH_UP1, gives(BENCH_D1, 12, BENCH_D1)); /* its connection's, but not asked for */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
    bench_send(BENCH_UP1, gives(BENCH_D1, 11, BENCH_D1));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lesson));
    CU_ASSERT_EQUAL(lesson.lease[0].addr.w[3], RTE_BE32(HOST(BENCH_D1)));
    hand_back(&lesson);
    CU_ASSERT_PTR_NOT_NULL(bench_first(BENCH_D1));
}

/* In whose name a request is must be there to be read. */
static void
test_unreadable_request(void)
{
    struct dhcp d = { .op = 1, .type = REQUEST, .chaddr = BENCH_D2, .xid = 9, .ciaddr = BENCH_D1 };
    struct rte_mbuf *whole = asks(BENCH_D1, &d), *m = asks(BENCH_D1, &d);
    uint64_t fragments = bench_drops(BENCH_D1, DROP_FRAGMENT);
    uint64_t malformed = bench_drops(BENCH_D1, DROP_MALFORMED);
    uint16_t all = rte_pktmbuf_data_len(whole) - 34;

    bench_send(BENCH_D1, packet_fragment(whole, 1, 0, 64));
    bench_send(BENCH_D1, packet_fragment(whole, 1, 64, all - 64));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_FRAGMENT), fragments + 2);
    rte_pktmbuf_mtod(m, uint8_t *)[42 + 244] = 200; /* an option goes past the end */
    bench_send(BENCH_D1, m);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MALFORMED), malformed + 1);
    rte_pktmbuf_free(whole);
}

static void
test_in_anothers_name(void)
{
    struct dhcp d = { .op = 1, .type = REQUEST, .chaddr = BENCH_D2, .xid = 8 };

    bench_send(BENCH_D1, asks(BENCH_D1, &d));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_DHCP), 1);
    d = (struct dhcp){ .op = 1, .type = REQUEST, .chaddr = BENCH_D1, .xid = 8, .giaddr = 9 };
    bench_send(BENCH_D1, asks(BENCH_D1, &d));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_DHCP), 2);
    d = (struct dhcp){ .op = 1, .type = RELEASE, .chaddr = BENCH_D1, .xid = 8, .ciaddr = BENCH_D2 };
    bench_send(BENCH_D1, asks(BENCH_D1, &d));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_DHCP), 3);
    CU_ASSERT_TRUE(bench_got_only(0));
}

static void
test_release(void)
{
    const struct dhcp d = {
        .op = 1, .type = RELEASE, .chaddr = BENCH_D1, .xid = 9, .ciaddr = BENCH_D1
    };
    struct lesson lesson;

    bench_send(BENCH_D1, asks(BENCH_D1, &d));
    CU_ASSERT_TRUE(bench_got[BENCH_UP1]); /* it is not held */
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lesson));
    CU_ASSERT_EQUAL(lesson.kind, LESSON_RELEASE);
    CU_ASSERT_EQUAL(lesson.lease[0].addr.w[3], RTE_BE32(HOST(BENCH_D1)));
    CU_ASSERT_PTR_NULL(lesson.held);
}

static void
test_too_many_held(void)
{
    static struct lesson lessons[1100];
    unsigned n = 0, sent = 0;

    ask(BENCH_D1, 10);
    while (!bench_drops(BENCH_UP1, DROP_LEARN_LIMIT) && sent++ < 2000) {
        bench_send(BENCH_UP1, gives(BENCH_D1, 10, 77));
    }
    CU_ASSERT_EQUAL(held(), sent - 1);
    CU_ASSERT_TRUE(held() > 100 && held() < 1100);
    while (n < 1100 && learner_take(bench->learner, &lessons[n])) {
        n++;
    }
    CU_ASSERT_EQUAL(n, sent - 1);
    /* Those that are under way count: there is room for all of them on the way back. */
    bench_send(BENCH_UP1, gives(BENCH_D1, 10, 77));
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_LEARN_LIMIT), 2);
    bench_leaf[BENCH_D1].quarantined = true; /* a box has no room for so many */
    bench_publish();
    for (unsigned i = 0; i < n; i++) {
        learner_hand_back(bench->learner, &lessons[i]);
    }
    pipeline_hand_back(bench);
    CU_ASSERT_EQUAL(held(), 0);
    bench_leaf[BENCH_D1].quarantined = false;
    bench_publish();
    bench_send(BENCH_UP1, gives(BENCH_D1, 10, 77)); /* there is room again */
    CU_ASSERT_EQUAL(held(), 1);
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lessons[0]));
    hand_back(&lessons[0]);
}

/* ---- other groups ---- */

static struct rte_mbuf *
answer(uint32_t src, uint16_t sport, uint16_t dport)
{
    const struct test_udp u = { .smac = TEST_MAC(SERVER),
                                .dmac = TEST_MAC(BENCH_D1),
                                .src = src,
                                .dst = HOST(BENCH_D1),
                                .sport = sport,
                                .dport = dport };

    return packet_udp(&u, "here", 4);
}

static void
test_answers_to_a_group(void)
{
    const struct test_udp u = { .smac = TEST_MAC(BENCH_D1),
                                .dmac = 0x01005e7ffffaull,
                                .src = HOST(BENCH_D1),
                                .dst = SSDP,
                                .sport = 5000,
                                .dport = 1900 };

    bench_send(BENCH_UP1, answer(HOST(SERVER), 1900, 5000));
    CU_ASSERT_TRUE(bench_got_only(0)); /* not asked yet */
    bench_send(BENCH_D1, packet_udp(&u, "who?", 4));
    CU_ASSERT_TRUE(bench_got[BENCH_UP1]);
    bench_send(BENCH_UP1, answer(HOST(SERVER), 1900, 5000));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    bench_send(BENCH_UP2, answer(HOST(SERVER + 1), 1900, 5000)); /* many may answer */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1)));
    struct rte_mbuf *m = answer(HOST(SERVER), 1900, 5000);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    ip->dst_addr = rte_cpu_to_be_32(HOST(99)); /* to nobody, at D1's MAC */
    bench_send(BENCH_UP1, m);
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_UP1, answer(HOST(SERVER), 1901, 5000));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_send(BENCH_UP1, answer(HOST(SERVER), 1900, 5001));
    CU_ASSERT_TRUE(bench_got_only(0));
    bench_leaf[BENCH_D1].table[ACL_EGRESS] = deny()[ACL_EGRESS];
    bench_publish();
    bench_send(BENCH_UP1, answer(HOST(SERVER), 1900, 5000));
    CU_ASSERT_TRUE(bench_got_only(0)); /* it may not be asked */
    bench_leaf[BENCH_D1].table[ACL_EGRESS] = bench_leaf[BENCH_D2].table[ACL_EGRESS];
    bench_publish();
    bench_wait(RELATION_SECONDS + 1);
    bench_send(BENCH_UP1, answer(HOST(SERVER), 1900, 5000));
    CU_ASSERT_TRUE(bench_got_only(0));
}

/* A port that asks much crowds out only what it asked itself. */
static void
test_relations_by_port(void)
{
    struct relations *r = relations_create();

    relation_note(r, 1, relation_key(1, 2, 3), 100);
    relation_note(r, 2, relation_key(1, 2, 3), 100);
    for (int i = 0; i < RELATIONS_PER_PORT; i++) {
        relation_note(r, 1, relation_key(1, 2, 100 + i), 101 + i);
        relation_note(r, 1, relation_key(1, 2, 100 + i), 101 + i);
    }
    CU_ASSERT_FALSE(relation_holds(r, 1, relation_key(1, 2, 3), 200));
    CU_ASSERT_TRUE(relation_holds(r, 1, relation_key(1, 2, 100), 200));
    CU_ASSERT_TRUE(relation_holds(r, 2, relation_key(1, 2, 3), 200));
    CU_ASSERT_FALSE(relation_holds(r, 2, relation_key(2, 1, 3), 200));
    relations_forget(r, 2);
    CU_ASSERT_FALSE(relation_holds(r, 2, relation_key(1, 2, 3), 200));
    relations_destroy(r);
}

/* ---- how many lessons ---- */

static void
lets_go(uint8_t id)
{
    const struct dhcp d = { .op = 1, .type = RELEASE, .chaddr = id, .xid = 9, .ciaddr = id };

    bench_send(id, asks(id, &d));
}

/* How many lessons come of 'n' releases. */
static unsigned
lessons_of(uint8_t id, unsigned n)
{
    struct lesson lesson;
    unsigned taken = 0;

    while (n-- > 0) {
        lets_go(id);
        taken += learner_take(bench->learner, &lesson);
    }
    return taken;
}

/* A burst, then one a second; time that gives a part of one is not lost, and silence saves up no
 * more than a burst. */
static void
test_rate(void)
{
    enum { BURST = 16 };
    unsigned taken = 0;

    bench_wait(1000);
    CU_ASSERT_EQUAL(lessons_of(BENCH_D1, 40), BURST);
    CU_ASSERT_EQUAL(lessons_of(BENCH_D2, 1), 1); /* each port has its own */
    for (int i = 0; i < 40; i++) {
        bench_wait(0.3);
        taken += lessons_of(BENCH_D1, 1);
    }
    CU_ASSERT_TRUE(taken == 12 || taken == 11);
    for (int i = 0; i < 20; i++) { /* with some left over each time */
        bench_wait(2);
        CU_ASSERT_EQUAL(lessons_of(BENCH_D1, 1), 1);
    }
    CU_ASSERT_EQUAL(lessons_of(BENCH_D1, 40), BURST - 1);
    bench_wait(1000);
    CU_ASSERT_EQUAL(lessons_of(BENCH_D1, 40), BURST);
    bench_wait(1000);
}

/* What a desktop says while it is quarantined, or what did not arrive as it was sent. */
static void
test_release_is_not_believed(void)
{
    const struct dhcp d = {
        .op = 1, .type = RELEASE, .chaddr = BENCH_D1, .xid = 9, .ciaddr = BENCH_D1
    };
    struct rte_mbuf *m = asks(BENCH_D1, &d);

    rte_pktmbuf_mtod(m, uint8_t *)[100] ^= 1;
    bench_send(BENCH_D1, m);
    bench_leaf[BENCH_D1].quarantined = true;
    bench_publish();
    CU_ASSERT_EQUAL(lessons_of(BENCH_D1, 1), 0);
    bench_leaf[BENCH_D1].quarantined = false;
    bench_publish();
    CU_ASSERT_EQUAL(lessons_of(BENCH_D1, 1), 1);
}

void
suite_learn(void)
{
    CU_pSuite s = CU_add_suite("learn", setup, bench_close);

    CU_add_test(s, "a lease is held until it is in force", test_lease_is_held);
    CU_add_test(s, "an offer is not held", test_offer);
    CU_add_test(s, "and judged again then", test_lease_is_judged_again);
    CU_add_test(s, "answers only to what was asked", test_only_what_was_asked);
    CU_add_test(s, "nor in fragments, nor to another port", test_answers_elsewhere);
    CU_add_test(s, "nothing is held without learning", test_without_learning);
    CU_add_test(s, "a renewal", test_renewal);
    CU_add_test(s, "DHCP in another's name", test_in_anothers_name);
    CU_add_test(s, "DHCP in whose name cannot be read", test_unreadable_request);
    CU_add_test(s, "a release", test_release);
    CU_add_test(s, "more leases than there is room for", test_too_many_held);
    CU_add_test(s, "answers to a group", test_answers_to_a_group);
    CU_add_test(s, "relations are each port's own", test_relations_by_port);
    CU_add_test(s, "how many lessons a port gives", test_rate);
    CU_add_test(s, "releases that are not believed", test_release_is_not_believed);
}
