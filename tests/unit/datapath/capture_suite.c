/* What is captured of a port: each packet once, with what became of it. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "acl/table.h"
#include "datapath/conn_tcp.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define EVERYONE 0xffffffffffffull
#define ALL_HOSTS RTE_IPV4(255u, 255, 255, 255)

static uint16_t next_port = 5000;

/* The oldest record, which is taken; outcome UINT8_MAX: there is none. */
static struct capture_record
taken(uint8_t *bytes)
{
    const struct capture_record *r = capture_ring_peek(&bench->capture);
    struct capture_record copy = { .outcome = UINT8_MAX };

    if (r) {
        copy = *r;
        if (bytes) {
            memcpy(bytes, r + 1, r->captured);
        }
        capture_ring_pop(&bench->capture);
    }
    return copy;
}

static bool
is(const struct capture_record *r, uint16_t port, bool to_port, enum capture_outcome outcome,
   uint16_t peer)
{
    return r->port == port && r->to_port == to_port && r->outcome == outcome && r->peer == peer &&
           r->generation == bench->snapshot->generation && r->wall_ns > 1700000000000000000;
}

static bool
nothing_more(void)
{
    return taken(NULL).outcome == UINT8_MAX;
}

static void
capture(unsigned set, enum capture_mode mode)
{
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        bench_leaf[id].capture = set >> id & 1 ? mode : CAPTURE_OFF;
        bench_leaf[id].snaplen = CAPTURE_SNAPLEN_MAX;
    }
    bench_publish();
    while (!nothing_more()) {
    }
}

/* A connection of its own. */
static struct rte_mbuf *
syn(uint8_t from, uint8_t to)
{
    return packet_tcp(from, to, next_port++, 80, TCPF_SYN);
}

static void
test_nothing(void)
{
    capture(0, CAPTURE_OFF);
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    bench_send(BENCH_MUTE, syn(BENCH_MUTE, BENCH_D2));
    CU_ASSERT_TRUE(nothing_more());
    capture(BIT(BENCH_UP1), CAPTURE_ALL); /* which has no part in it */
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    bench_send(BENCH_MUTE, syn(BENCH_MUTE, BENCH_D2));
    CU_ASSERT_TRUE(nothing_more());
}

static void
test_passed(void)
{
    struct rte_mbuf *m = syn(BENCH_D1, BENCH_D2);
    uint32_t length = rte_pktmbuf_pkt_len(m);
    uint8_t sent[2048], bytes[2048];
    struct capture_record r;

    memcpy(sent, rte_pktmbuf_mtod(m, void *), length);
    capture(BIT(BENCH_D1) | BIT(BENCH_D2), CAPTURE_ALL);
    bench_send(BENCH_D1, m);
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_PASSED, BENCH_D2));
    CU_ASSERT_EQUAL(r.n_to, 1);
    CU_ASSERT_EQUAL(r.length, length);
    CU_ASSERT_EQUAL(r.captured, length);
    CU_ASSERT_FALSE(memcmp(bytes, sent, length));
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, true, CAPTURED_PASSED, BENCH_D1));
    CU_ASSERT_FALSE(r.made);
    CU_ASSERT_FALSE(memcmp(bytes, sent, length));
    CU_ASSERT_TRUE(nothing_more());
}

static void
test_snaplen(void)
{
    struct rte_mbuf *m = syn(BENCH_D1, BENCH_D2);
    uint32_t length = rte_pktmbuf_pkt_len(m);
    struct capture_record r;

    capture(BIT(BENCH_D1), CAPTURE_ALL);
    bench_leaf[BENCH_D1].snaplen = 20;
    bench_send(BENCH_D1, m);
    r = taken(NULL);
    CU_ASSERT_EQUAL(r.captured, 20);
    CU_ASSERT_EQUAL(r.length, length);
}

/* By policy, on the sender's side and on the other. */
static void
test_denied(void)
{
    struct capture_record r;

    capture(BIT(BENCH_MUTE) | BIT(BENCH_D2), CAPTURE_ALL);
    bench_send(BENCH_MUTE, syn(BENCH_MUTE, BENCH_D2));
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_MUTE, false, CAPTURED_DROPPED, BENCH_D2));
    CU_ASSERT_EQUAL(r.reason, DROP_EGRESS_DEFAULT);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, true, CAPTURED_DROPPED, BENCH_MUTE));
    CU_ASSERT_EQUAL(r.reason, DROP_EGRESS_DEFAULT);
    bench_send(BENCH_D2, syn(BENCH_D2, BENCH_MUTE));
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, false, CAPTURED_DROPPED, BENCH_MUTE));
    CU_ASSERT_EQUAL(r.reason, DROP_INGRESS_DEFAULT);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_MUTE, true, CAPTURED_DROPPED, BENCH_D2));
    CU_ASSERT_TRUE(nothing_more());
}

/* What the guard drops never gets as far as a destination, but has one. */
static void
test_guarded(void)
{
    struct capture_record r;

    capture(BIT(BENCH_D1) | BIT(BENCH_D2), CAPTURE_ALL);
    bench_send(BENCH_D1, syn(BENCH_MUTE, BENCH_D2));
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_DROPPED, BENCH_D2));
    CU_ASSERT_EQUAL(r.reason, DROP_SPOOF_MAC);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, true, CAPTURED_DROPPED, BENCH_D1));
    bench_send(BENCH_D1, packet_raw("short", 5));
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_DROPPED, DP_PORT_NONE));
    CU_ASSERT_EQUAL(r.captured, 5);
    CU_ASSERT_TRUE(nothing_more());
}

/* It was forwarded, and its record says that nobody took it. */
static void
test_full(void)
{
    struct capture_record r;

    capture(BIT(BENCH_D1) | BIT(BENCH_D2), CAPTURE_ALL);
    bench_takes(BENCH_D2, 0);
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    bench_takes(BENCH_D2, UINT16_MAX);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_TX_DROPPED, BENCH_D2));
    CU_ASSERT_EQUAL(r.reason, TX_DROP_FULL);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, true, CAPTURED_TX_DROPPED, BENCH_D1));
    CU_ASSERT_TRUE(nothing_more());
}

static void
test_too_long(void)
{
    struct capture_record r;

    capture(BIT(BENCH_D1) | BIT(BENCH_D2), CAPTURE_ALL);
    bench_leaf[BENCH_D2].port->mtu = 30;
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    bench_leaf[BENCH_D2].port->mtu = 1500;
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_TX_DROPPED, BENCH_D2));
    CU_ASSERT_EQUAL(r.reason, TX_DROP_TOO_LONG);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, true, CAPTURED_TX_DROPPED, BENCH_D1));
    CU_ASSERT_TRUE(nothing_more());
}

static void
test_only_dropped(void)
{
    struct capture_record r;

    capture(BIT(BENCH_D1) | BIT(BENCH_D2), CAPTURE_DROPPED);
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, BENCH_D2));
    CU_ASSERT_TRUE(nothing_more());
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_MUTE));
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_DROPPED, BENCH_MUTE));
    bench_takes(BENCH_D2, 0);
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    bench_takes(BENCH_D2, UINT16_MAX);
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D2, true, CAPTURED_TX_DROPPED, BENCH_D1));
    r = taken(NULL);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_TX_DROPPED, BENCH_D2));
    CU_ASSERT_TRUE(nothing_more());
}

static void
test_answered(void)
{
    uint8_t bytes[2048];
    struct capture_record r;

    capture(BIT(BENCH_D1), CAPTURE_ALL);
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, BENCH_D2));
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_ANSWERED, DP_PORT_NONE));
    CU_ASSERT_EQUAL(bytes[21], 1); /* a request yet */
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_D1, true, CAPTURED_PASSED, BENCH_D1));
    CU_ASSERT_TRUE(r.made);
    CU_ASSERT_EQUAL(bytes[21], 2);
    bench_send(BENCH_D1, packet_arp_request(BENCH_D1, BENCH_D1)); /* is it there twice? */
    r = taken(NULL);
    CU_ASSERT_EQUAL(r.outcome, CAPTURED_PASSED); /* an announcement, to both uplinks */
    CU_ASSERT_EQUAL(r.n_to, 2);
    CU_ASSERT_TRUE(nothing_more());
}

/* Once for its sender, however many get it, and for each of these; whose firewall keeps it from
 * them is told, too. */
static void
test_flood(void)
{
    unsigned received = 0, withheld = 0;
    struct capture_record r;

    capture(UINT32_MAX, CAPTURE_ALL);
    bench_takes(BENCH_UP2, 0);
    bench_send(BENCH_D1, packet_datagram(BENCH_D1, EVERYONE, ALL_HOSTS, 4711));
    bench_takes(BENCH_UP2, UINT16_MAX);
    for (r = taken(NULL); r.port != BENCH_D1; r = taken(NULL)) {
        CU_ASSERT_TRUE(is(&r, BENCH_MUTE, true, CAPTURED_DROPPED, BENCH_D1));
        CU_ASSERT_EQUAL(r.reason, DROP_INGRESS_DEFAULT);
        withheld++;
    }
    CU_ASSERT_EQUAL(withheld, 1);
    CU_ASSERT_EQUAL(r.outcome, CAPTURED_PASSED);
    CU_ASSERT_FALSE(r.to_port);
    CU_ASSERT_EQUAL(r.n_to, 3);
    for (r = taken(NULL); r.outcome != UINT8_MAX; r = taken(NULL)) {
        CU_ASSERT_TRUE(r.to_port && r.peer == BENCH_D1 && !(received >> r.port & 1));
        CU_ASSERT_EQUAL(r.outcome, r.port == BENCH_UP2 ? CAPTURED_TX_DROPPED : CAPTURED_PASSED);
        received |= BIT(r.port);
    }
    CU_ASSERT_EQUAL(received, BIT(BENCH_D2) | BIT(BENCH_UP1) | BIT(BENCH_UP2));
}

/* As they came, once their datagram is judged. */
static void
test_fragments(void)
{
    uint8_t payload[800] = { 0 };
    struct test_udp udp = { TEST_MAC(BENCH_D1),
                            TEST_MAC(BENCH_D2),
                            RTE_IPV4(10u, 0, 0, BENCH_D1),
                            RTE_IPV4(10u, 0, 0, BENCH_D2),
                            6000,
                            6001 };
    struct rte_mbuf *whole = packet_udp(&udp, payload, sizeof payload);
    struct capture_record r;

    capture(BIT(BENCH_D1) | BIT(BENCH_D2), CAPTURE_ALL);
    bench_send(BENCH_D1, packet_fragment(whole, 9, 0, 504));
    CU_ASSERT_TRUE(nothing_more());
    bench_send(BENCH_D1, packet_fragment(whole, 9, 504, 304));
    for (int i = 0; i < 4; i++) {
        r = taken(NULL);
        CU_ASSERT_EQUAL(r.outcome, CAPTURED_PASSED);
        CU_ASSERT_EQUAL(r.port, i < 2 ? BENCH_D1 : BENCH_D2);
    }
    CU_ASSERT_TRUE(nothing_more());
    rte_pktmbuf_free(whole);

    udp.sport = 6002; /* no connection knows better where it goes than its MAC says */
    whole = packet_udp(&udp, payload, sizeof payload);
    test_store_mac(rte_pktmbuf_mtod(whole, void *), TEST_MAC(BENCH_MUTE));
    bench_send(BENCH_D1, packet_fragment(whole, 10, 0, 504));
    bench_send(BENCH_D1, packet_fragment(whole, 10, 504, 304));
    for (int i = 0; i < 2; i++) {
        r = taken(NULL);
        CU_ASSERT_TRUE(is(&r, BENCH_D1, false, CAPTURED_DROPPED, BENCH_MUTE));
        CU_ASSERT_TRUE(r.length > 300);
    }
    CU_ASSERT_TRUE(nothing_more());
    rte_pktmbuf_free(whole);
}

/* The tag that was taken off is there again; and one that is put on. */
static void
test_tagged(void)
{
    static uint64_t trunks[VLAN_COUNT / 64] = { 1u << 10 };
    static const uint8_t tag[] = { 0x81, 0x00, 0, 10 };
    struct rte_mbuf *m = syn(9, 8);
    uint8_t frame[2048], bytes[2048];
    uint32_t n = rte_pktmbuf_pkt_len(m);
    struct capture_record r;

    memcpy(frame, rte_pktmbuf_mtod(m, void *), 12);
    memcpy(frame + 12, tag, 4);
    memcpy(frame + 16, rte_pktmbuf_mtod_offset(m, void *, 12), n - 12);
    rte_pktmbuf_free(m);
    capture(BIT(BENCH_UP1) | BIT(BENCH_UP2), CAPTURE_ALL);
    bench_leaf[BENCH_UP1].trunks = bench_leaf[BENCH_UP2].trunks = trunks;
    bench_send(BENCH_UP1, packet_raw(frame, n + 4));
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_UP1, false, CAPTURED_PASSED, BENCH_UP2));
    CU_ASSERT_EQUAL(r.length, n + 4);
    CU_ASSERT_FALSE(memcmp(bytes, frame, n + 4));
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_UP2, true, CAPTURED_PASSED, BENCH_UP1));
    CU_ASSERT_EQUAL(r.length, n + 4);
    CU_ASSERT_FALSE(memcmp(bytes, frame, n + 4));
    bench_leaf[BENCH_UP1].snaplen = 14; /* in the midst of the tag */
    bench_takes(BENCH_UP2, 0);
    bench_send(BENCH_UP1, packet_raw(frame, n + 4));
    bench_takes(BENCH_UP2, UINT16_MAX);
    r = taken(bytes);
    CU_ASSERT_TRUE(is(&r, BENCH_UP1, false, CAPTURED_TX_DROPPED, BENCH_UP2));
    CU_ASSERT_EQUAL(r.captured, 14);
    CU_ASSERT_FALSE(memcmp(bytes, frame, 14));
    bench_leaf[BENCH_UP1].trunks = bench_leaf[BENCH_UP2].trunks = NULL;
}

/* The packets pass all the same, and what the copies lack is counted. */
static void
test_ring_full(void)
{
    struct rte_mbuf *m = syn(BENCH_D1, BENCH_D2);
    uint64_t room = CAPTURE_RING_BYTES / 128, lost, got = 0;

    capture(BIT(BENCH_D1), CAPTURE_ALL);
    bench_leaf[BENCH_D1].snaplen = 64;
    CU_ASSERT_TRUE(rte_pktmbuf_pkt_len(m) <= 64);
    rte_pktmbuf_free(m);
    lost = atomic_load(&bench->capture.lost[BENCH_D1]);
    for (uint64_t i = 0; i < room + 10; i++) {
        bench_send(BENCH_D1, packet_tcp(BENCH_D1, BENCH_MUTE, 7, 80, TCPF_SYN));
    }
    lost = atomic_load(&bench->capture.lost[BENCH_D1]) - lost;
    CU_ASSERT_TRUE(lost == 10 || lost == 11); /* what is left at its end may be too short */
    while (!nothing_more()) {
        got++;
    }
    CU_ASSERT_EQUAL(got + lost, room + 10);
    bench_send(BENCH_D1, syn(BENCH_D1, BENCH_D2));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D2)));
    CU_ASSERT_EQUAL(taken(NULL).outcome, CAPTURED_PASSED);
    capture(0, CAPTURE_OFF);
}

void
suite_capture(void)
{
    CU_pSuite s = CU_add_suite("capture", bench_open, bench_close);

    CU_add_test(s, "without a capture, no copy", test_nothing);
    CU_add_test(s, "what passes, at both ends", test_passed);
    CU_add_test(s, "snaplen", test_snaplen);
    CU_add_test(s, "what policy denies, at both ends", test_denied);
    CU_add_test(s, "what the guard drops", test_guarded);
    CU_add_test(s, "a full destination", test_full);
    CU_add_test(s, "too long for its destination", test_too_long);
    CU_add_test(s, "only what is dropped", test_only_dropped);
    CU_add_test(s, "what the switch answers", test_answered);
    CU_add_test(s, "a flood", test_flood);
    CU_add_test(s, "fragments", test_fragments);
    CU_add_test(s, "VLAN tags", test_tagged);
    CU_add_test(s, "a full ring", test_ring_full);
}
