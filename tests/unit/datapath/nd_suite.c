/* Neighbour discovery: who may say what of whom, what is too short to say anything, and what is
 * learned from it. */
#include <config.h>

#include <netinet/in.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_mbuf.h>

#include "datapath/fdb.h"
#include "datapath/learn.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

enum { RS = 133, RA, NS, NA, REDIRECT };
enum { SOURCE = 1, TARGET = 2, MTU = 5, NONCE = 14 };
enum { ROUTER = 200, HOST = 201, NOBODY = 99 }; /* the first two are behind BENCH_UP1 */
#define UPLINKS (BIT(BENCH_UP1) | BIT(BENCH_UP2))

struct nd {
    uint8_t from, to; /* stations; 'to' 0: all of them */
    uint8_t src;      /* fe80::'src'; 0: :: */
    uint8_t hop_limit;
    bool bad_sum, atomic; /* atomic: behind a fragment header that makes no fragment */
    uint16_t n;
    uint8_t b[256];
};

/* Without options.  'target' is fe80::'target'. */
static struct nd
message(uint8_t type, uint8_t from, uint8_t target)
{
    static const uint16_t sizes[] = { 8, 16, 24, 24, 40 };
    struct nd nd = { .from = from, .src = from, .hop_limit = 255, .n = sizes[type - RS] };

    nd.b[0] = type;
    if (type >= NS) {
        memcpy(nd.b + 8, (uint8_t[16]){ 0xfe, 0x80, [15] = target }, 16);
    }
    return nd;
}

/* One more option of 8 bytes, with the MAC of 'station' in it. */
static void
add_option(struct nd *nd, uint8_t type, uint8_t station)
{
    nd->b[nd->n] = type;
    nd->b[nd->n + 1] = 1;
    test_store_mac(nd->b + nd->n + 2, TEST_MAC(station));
    nd->n += 8;
}

static struct nd
with_option(uint8_t type, uint8_t from, uint8_t target, uint8_t option, uint8_t station)
{
    struct nd nd = message(type, from, target);

    add_option(&nd, option, station);
    return nd;
}

static uint16_t
port_of(uint8_t station)
{
    return station < BENCH_UP1 ? station : BENCH_UP1;
}

static void
put_fragment_header(struct rte_mbuf *m)
{
    static const uint8_t header[8] = { IPPROTO_ICMPV6, [7] = 1 };
    uint16_t len = rte_pktmbuf_data_len(m);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

    rte_pktmbuf_append(m, sizeof header);
    memmove(p + 54 + sizeof header, p + 54, len - 54);
    memcpy(p + 54, header, sizeof header);
    p[19] += sizeof header;
    p[20] = IPPROTO_FRAGMENT;
}

static void
send_nd(const struct nd *nd)
{
    struct test_ip6 v6 = { .smac = TEST_MAC(nd->from),
                           .dmac = nd->to ? TEST_MAC(nd->to) : 0x333300000001ull,
                           .src = { .b = { 0xfe, 0x80, [15] = nd->src } },
                           .dst = { .b = { 0xff, 2, [15] = 1 } },
                           .protocol = IPPROTO_ICMPV6,
                           .hop_limit = nd->hop_limit };
    struct rte_mbuf *m;

    if (!nd->src) {
        v6.src = (struct acl_addr){ .q = { 0 } };
    }
    if (nd->to) {
        v6.dst = (struct acl_addr){ .b = { 0xfe, 0x80, [15] = nd->to } };
    }
    m = packet_ip6(&v6, nd->b, nd->n);
    rte_pktmbuf_mtod(m, uint8_t *)[56] ^= nd->bad_sum;
    if (nd->atomic) {
        put_fragment_header(m);
    }
    bench_send(port_of(nd->from), packet_at_edge(m));
}

static void
passes(struct nd nd, unsigned where)
{
    send_nd(&nd);
    CU_ASSERT_TRUE(bench_got_only(where));
}

static void
refused(struct nd nd, enum drop_reason reason)
{
    uint64_t before = bench_drops(port_of(nd.from), reason);

    send_nd(&nd);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(port_of(nd.from), reason), before + 1);
}

#define ALL_BUT_ASKER (BIT(BENCH_D1) | BIT(BENCH_D2) | BIT(BENCH_MUTE) | BIT(BENCH_UP2))

/* ---- who says so ---- */

/* An uplink says nothing with a desktop's address, and of none's. */
static void
test_senders(void)
{
    struct nd nd;

    passes(message(NS, BENCH_D1, NOBODY), UPLINKS);
    passes(message(NS, ROUTER, NOBODY), BIT(BENCH_UP2));
    for (uint8_t type = RS; type <= REDIRECT; type++) {
        nd = message(type, ROUTER, NOBODY);
        nd.src = BENCH_D2;
        refused(nd, DROP_SPOOF_ND);
        nd.src = ROUTER;
        nd.hop_limit = 254;
        refused(nd, DROP_SPOOF_ND);
        nd.hop_limit = 255;
        nd.b[1] = 1; /* there is no such code */
        refused(nd, DROP_SPOOF_ND);
    }
    nd = message(NS, BENCH_D1, NOBODY);
    nd.src = BENCH_D2;
    refused(nd, DROP_SPOOF_IP);
}

static void
test_targets(void)
{
    struct nd nd = message(REDIRECT, ROUTER, HOST);

    passes(message(NA, BENCH_D1, BENCH_D1), UPLINKS);
    refused(message(NA, BENCH_D1, BENCH_D2), DROP_SPOOF_ND);
    refused(message(NA, BENCH_D1, NOBODY), DROP_SPOOF_ND);
    passes(message(NA, ROUTER, ROUTER), ALL_BUT_ASKER);
    refused(message(NA, ROUTER, BENCH_D1), DROP_SPOOF_ND);
    nd.to = BENCH_D1;
    passes(nd, BIT(BENCH_D1));
    nd = message(REDIRECT, ROUTER, BENCH_D2); /* how desktops reach each other is not its to say */
    nd.to = BENCH_D1;
    refused(nd, DROP_SPOOF_ND);
    refused(message(REDIRECT, BENCH_D1, BENCH_D1), DROP_RA);
    refused(message(RA, BENCH_D1, 0), DROP_RA);
}

/* ---- options ---- */

/* The link-layer address is the sender's, or at least no desktop's. */
static void
test_link_layer_addresses(void)
{
    struct nd nd;

    for (uint8_t option = SOURCE; option <= TARGET; option++) {
        passes(with_option(NS, BENCH_D1, NOBODY, option, BENCH_D1), UPLINKS);
        refused(with_option(NS, BENCH_D1, NOBODY, option, BENCH_D2), DROP_SPOOF_ND);
        refused(with_option(NS, BENCH_D1, NOBODY, option, HOST), DROP_SPOOF_ND);
        refused(with_option(NA, BENCH_D1, BENCH_D1, option, BENCH_D2), DROP_SPOOF_ND);
        refused(with_option(RS, BENCH_D1, 0, option, BENCH_D2), DROP_SPOOF_ND);
        passes(with_option(NA, ROUTER, HOST, option, HOST), ALL_BUT_ASKER);
        for (uint8_t type = RS; type <= REDIRECT; type++) {
            refused(with_option(type, ROUTER, HOST, option, BENCH_D1), DROP_SPOOF_ND);
        }
    }
    passes(with_option(NS, BENCH_D1, NOBODY, NONCE, BENCH_D2), UPLINKS); /* is no address */
    nd = with_option(NS, BENCH_D1, NOBODY, NONCE, BENCH_D2);
    add_option(&nd, SOURCE, BENCH_D1);
    passes(nd, UPLINKS);
    add_option(&nd, SOURCE, BENCH_D2); /* each is looked at */
    refused(nd, DROP_SPOOF_ND);
    /* Nor does the switch answer it, about another desktop. */
    refused(with_option(NS, BENCH_D1, BENCH_D2, SOURCE, BENCH_D2), DROP_SPOOF_ND);
    passes(with_option(NS, BENCH_D1, BENCH_D2, SOURCE, BENCH_D1), BIT(BENCH_D1));
}

static void
test_cut_short(void)
{
    for (uint8_t type = RS; type <= REDIRECT; type++) {
        struct nd nd = with_option(type, ROUTER, HOST, SOURCE, ROUTER);

        for (uint16_t whole = nd.n--; nd.n >= 8; nd.n--) {
            if (nd.n != whole - 8) {
                refused(nd, DROP_MALFORMED);
            }
        }
    }
}

static void
test_option_lengths(void)
{
    struct nd nd = with_option(NS, BENCH_D1, NOBODY, MTU, 0);

    nd.b[25] = 0; /* RFC 4861, 4.6: it would never end */
    refused(nd, DROP_MALFORMED);
    nd.b[25] = 2; /* longer than the message */
    refused(nd, DROP_MALFORMED);
    add_option(&nd, SOURCE, BENCH_D2); /* inside of that one, now that it is there */
    passes(nd, UPLINKS);
    nd.b[25] = 1;
    refused(nd, DROP_SPOOF_ND);
    nd.b[25] = 255;
    refused(nd, DROP_MALFORMED);
}

/* ---- what is learned ---- */

static bool
learns(struct nd nd, struct lesson *lesson)
{
    send_nd(&nd);
    return learner_take(bench->learner, lesson);
}

/* Its checksum is wrong. */
static bool
learns_spoiled(struct nd nd, struct lesson *lesson)
{
    nd.bad_sum = true;
    return learns(nd, lesson);
}

static void
test_claim_and_defence(void)
{
    struct nd claim = message(NS, BENCH_D1, 77), other = message(NS, BENCH_D2, 77);
    struct nd defence = message(NA, HOST, 77);
    struct lesson lesson;
    unsigned n = 0;

    while (learner_take(bench->learner, &lesson)) {
    }
    claim.src = other.src = 0;
    bench_wait(1000);
    CU_ASSERT_TRUE_FATAL(learns(claim, &lesson));
    CU_ASSERT_TRUE(bench_got_only(UPLINKS)); /* others may have it */
    CU_ASSERT_EQUAL(lesson.kind, LESSON_CLAIM);
    CU_ASSERT_EQUAL(lesson.port, BENCH_D1);
    CU_ASSERT_EQUAL(lesson.addr.b[15], 77);
    CU_ASSERT_TRUE_FATAL(learns(defence, &lesson));
    CU_ASSERT_EQUAL(lesson.kind, LESSON_DEFENCE);
    CU_ASSERT_EQUAL(lesson.addr.b[15], 77);
    CU_ASSERT_FALSE(learns_spoiled(claim, &lesson));
    CU_ASSERT_FALSE(learns_spoiled(defence, &lesson));
    for (int i = 0; i < 100; i++) {
        n += learns(claim, &lesson);
    }
    CU_ASSERT_EQUAL(n, 15);                 /* with the first one: a burst */
    CU_ASSERT_TRUE(learns(other, &lesson)); /* is not in its way */
    n = 0;
    for (int i = 0; i < 200; i++) {
        n += learns(defence, &lesson);
    }
    CU_ASSERT_EQUAL(n, 127); /* behind an uplink there are many */
    CU_ASSERT_FALSE(learns(message(NS, BENCH_D2, 78), &lesson)); /* it has an address: a question */
    bench_wait(1000);
    claim.from = HOST; /* behind an uplink they settle it among themselves */
    CU_ASSERT_FALSE(learns(claim, &lesson));
    defence.to = BENCH_D1; /* an answer to a question */
    CU_ASSERT_FALSE(learns(defence, &lesson));
}

static void
add_prefix(struct nd *ra, uint8_t len, uint8_t flags, uint8_t seconds, uint8_t number)
{
    uint8_t *o = ra->b + ra->n;

    memset(o, 0, 32);
    memcpy(o, (uint8_t[]){ 3, 4, len, flags, 0, 0, 0, seconds }, 8);
    o[16] = 0xfd;
    o[23] = number;
    ra->n += 32;
}

static void
test_router(void)
{
    enum { AUTONOMOUS = 0xc0, ON_LINK = 0x80 };
    struct nd ra = message(RA, ROUTER, 0);
    struct lesson lesson;

    ra.b[6] = 7;
    ra.b[7] = 8;
    add_prefix(&ra, 64, ON_LINK, 98, 1); /* no address is to be formed of it */
    add_prefix(&ra, 129, AUTONOMOUS, 99, 2);
    add_prefix(&ra, 64, AUTONOMOUS, 99, 3);
    add_option(&ra, MTU, 0);
    add_prefix(&ra, 48, AUTONOMOUS, 100, 4);
    CU_ASSERT_FALSE(learns_spoiled(ra, &lesson));
    CU_ASSERT_TRUE_FATAL(learns(ra, &lesson));
    CU_ASSERT_EQUAL(lesson.kind, LESSON_ROUTER);
    CU_ASSERT_EQUAL(lesson.seconds, 7 * 256 + 8);
    CU_ASSERT_EQUAL(lesson.addr.b[15], ROUTER);
    CU_ASSERT_EQUAL(lesson.n_leases, 2);
    CU_ASSERT_EQUAL(lesson.prefix_len[0], 64);
    CU_ASSERT_EQUAL(lesson.lease[0].seconds, 99);
    CU_ASSERT_EQUAL(lesson.lease[0].addr.b[7], 3);
    CU_ASSERT_EQUAL(lesson.prefix_len[1], 48);
    CU_ASSERT_EQUAL(lesson.lease[1].seconds, 100);
    ra = message(RA, ROUTER, 0);
    for (int i = 0; i < DHCP_MAX_LEASES + 2; i++) {
        add_prefix(&ra, 64, AUTONOMOUS, 99, i);
    }
    CU_ASSERT_TRUE_FATAL(learns(ra, &lesson));
    CU_ASSERT_EQUAL(lesson.n_leases, DHCP_MAX_LEASES);
    CU_ASSERT_FALSE(learns(message(RA, BENCH_D1, 0), &lesson));
}

/* RFC 6980, of every port: behind a fragment header, also one that makes no fragment (RFC 6946), it
 * teaches neither addresses, nor routers, nor where a MAC is. */
static void
test_atomic_fragments(void)
{
    enum { STRANGER = 202 };
    struct nd claim = message(NS, BENCH_D1, 77), defence = message(NA, STRANGER, 77);
    struct nd ra = message(RA, STRANGER, 0);
    struct lesson lesson;

    bench_wait(1000);
    claim.src = 0;
    claim.atomic = defence.atomic = ra.atomic = true;
    refused(claim, DROP_FRAGMENT);
    refused(defence, DROP_FRAGMENT);
    refused(ra, DROP_FRAGMENT);
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
    bench_learn(1);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(STRANGER), 0), DP_PORT_NONE);
    ra.atomic = false;
    CU_ASSERT_TRUE(learns(ra, &lesson)); /* whole it would have */
    bench_learn(2);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(STRANGER), 0), BENCH_UP1);
}

/* RFC 4861, 4.1 and 4.3; RFC 3590: what may come from ::, and that nothing else does. */
static void
test_without_address(void)
{
    for (unsigned type = 1; type < 256; type++) {
        const struct test_ip6 v6 = { .smac = TEST_MAC(BENCH_D1),
                                     .dmac = 0x333300000002ull,
                                     .dst = { .b = { 0xff, 2, [15] = 2 } },
                                     .protocol = 58,
                                     .hop_limit = 255 };
        uint8_t b[32] = { type };
        uint64_t before = bench_drops(BENCH_D1, DROP_SPOOF_IP);
        bool may = type == 131 || type == 132 || type == 133 || type == 135 || type == 143;

        bench_wait(10);
        bench_send(BENCH_D1, packet_ip6(&v6, b, sizeof b));
        CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_IP) == before, may);
    }
}

void
suite_nd(void)
{
    CU_pSuite s = CU_add_suite("neighbour discovery", bench_open, bench_close);

    CU_add_test(s, "nobody speaks with a desktop's address", test_senders);
    CU_add_test(s, "nor of another's", test_targets);
    CU_add_test(s, "link-layer addresses", test_link_layer_addresses);
    CU_add_test(s, "what is cut short", test_cut_short);
    CU_add_test(s, "lengths of options", test_option_lengths);
    CU_add_test(s, "claims and their defence", test_claim_and_defence);
    CU_add_test(s, "routers and their prefixes", test_router);
    CU_add_test(s, "who has no address says little", test_without_address);
    CU_add_test(s, "atomic fragments teach nothing", test_atomic_fragments);
}
