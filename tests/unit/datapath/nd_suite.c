/* Neighbour discovery: who may say what of whom, and what is too short to say anything. */
#include <config.h>

#include <netinet/in.h>
#include <string.h>

#include <CUnit/CUnit.h>

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
send_nd(const struct nd *nd)
{
    struct test_ip6 v6 = { .smac = TEST_MAC(nd->from),
                           .dmac = nd->to ? TEST_MAC(nd->to) : 0x333300000001ull,
                           .src = { .b = { 0xfe, 0x80, [15] = nd->src } },
                           .dst = { .b = { 0xff, 2, [15] = 1 } },
                           .protocol = IPPROTO_ICMPV6,
                           .hop_limit = nd->hop_limit };

    if (!nd->src) {
        v6.src = (struct acl_addr){ .q = { 0 } };
    }
    if (nd->to) {
        v6.dst = (struct acl_addr){ .b = { 0xfe, 0x80, [15] = nd->to } };
    }
    bench_send(port_of(nd->from), packet_at_edge(packet_ip6(&v6, nd->b, nd->n)));
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

void
suite_nd(void)
{
    CU_pSuite s = CU_add_suite("neighbour discovery", bench_open, bench_close);

    CU_add_test(s, "nobody speaks with a desktop's address", test_senders);
    CU_add_test(s, "nor of another's", test_targets);
    CU_add_test(s, "link-layer addresses", test_link_layer_addresses);
    CU_add_test(s, "what is cut short", test_cut_short);
    CU_add_test(s, "lengths of options", test_option_lengths);
}
