/* DHCP messages: what they bind and end, and that nothing is made of those that are cut short. */
#include <config.h>

#include <netinet/in.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/dhcp.h"
#include "datapath/learn.h"
#include "datapath/pipeline.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

enum { SERVER = 200 }; /* behind BENCH_UP1 */
#define GROUP_MAC 0x333300010002ull

/* ---- messages ---- */

/* A payload that grows. */
struct data {
    uint8_t b[600];
    uint16_t n;
};

static void
add(struct data *d, const void *bytes, uint16_t n)
{
    memcpy(d->b + d->n, bytes, n);
    d->n += n;
}
#define ADD(DATA, ...) add(DATA, (uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static const uint8_t type4[] = { 53, 1, 5 }; /* DHCPACK */
static const uint8_t lease4[] = { 51, 4, 0, 1, 2, 3 }, requested4[] = { 50, 4, 10, 0, 0, 88 };
#define LEASE4_SECONDS 0x010203u

/* DHCPv4 as far as its options, from 10.0.0.'ciaddr', which is given 10.0.0.77. */
static struct data
head4(uint8_t op, uint8_t ciaddr)
{
    struct data d = { .n = 240 };

    d.b[0] = op;
    d.b[1] = 1;
    d.b[2] = 6;
    memcpy(d.b + 4, (uint8_t[]){ 0x11, 0x22, 0x33, 0x44 }, 4);
    memcpy(d.b + 12, (uint8_t[]){ 10, 0, 0, ciaddr }, 4);
    memcpy(d.b + 16, (uint8_t[]){ 10, 0, 0, 77 }, 4);
    test_store_mac(d.b + 28, 0x0a0b0c0d0e0full);
    memcpy(d.b + 236, (uint8_t[]){ 0x63, 0x82, 0x53, 0x63 }, 4);
    return d;
}

static struct data
ack4(void)
{
    struct data d = head4(2, 0);

    add(&d, type4, sizeof type4);
    add(&d, lease4, sizeof lease4);
    ADD(&d, 255);
    return d;
}

static struct data
head6(uint8_t type)
{
    struct data d = { .n = 0 };

    ADD(&d, type, 0x12, 0x34, 0x56);
    return d;
}

/* Options are closed by what they turn out to hold. */
static uint16_t
open6(struct data *d, uint8_t code, uint8_t head)
{
    uint16_t at = d->n;

    ADD(d, 0, code, 0, head);
    memset(d->b + d->n, 0xff, head); /* looks like no option */
    d->n += head;
    return at;
}

static void
close6(struct data *d, uint16_t at)
{
    d->b[at + 3] = d->n - at - 4;
}

#define PREFERRED 0x01, 0x01, 0x01, 0x01
#define VALID 0x02, 0x03, 0x04, 0x05
#define VALID_SECONDS 0x02030405u

static void
address6(struct data *d, uint8_t last)
{
    ADD(d, 0, 5, 0, 24, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last, PREFERRED, VALID);
}

enum { IA_NA = 3, IA_NA_HEAD = 12, IA_TA = 4, IA_TA_HEAD = 4 };

/* fd00::'last' in an IA_NA. */
static struct data
lease6(uint8_t type, uint8_t last)
{
    struct data d = head6(type);
    uint16_t ia = open6(&d, IA_NA, IA_NA_HEAD);

    address6(&d, last);
    close6(&d, ia);
    return d;
}

/* ---- what is read ---- */

static struct rte_mbuf *
udp4(const struct data *d, bool request)
{
    const struct test_udp u = { .smac = TEST_MAC(SERVER),
                                .dmac = TEST_MAC(BENCH_D1),
                                .src = RTE_IPV4(10u, 0, 0, SERVER),
                                .dst = RTE_IPV4(10u, 0, 0, BENCH_D1),
                                .sport = request ? 68 : 67,
                                .dport = request ? 67 : 68 };

    return packet_udp(&u, d->b, d->n);
}

static struct rte_mbuf *
udp6(const struct data *d, uint8_t from, uint64_t dmac, struct acl_addr dst, bool request)
{
    const struct test_ip6 v6 = { .smac = TEST_MAC(from),
                                 .dmac = dmac,
                                 .src = { .b = { 0xfe, 0x80, [15] = from } },
                                 .dst = dst,
                                 .protocol = IPPROTO_UDP,
                                 .hop_limit = 64 };
    uint16_t n = 8 + d->n;
    uint8_t b[700] = { 2, request ? 34 : 35, 2, request ? 35 : 34, n >> 8, n };

    memcpy(b + 8, d->b, d->n);
    return packet_ip6(&v6, b, n);
}

static struct rte_mbuf *
udp6_to(uint8_t to, const struct data *d, bool request)
{
    return udp6(d, SERVER, TEST_MAC(to), (struct acl_addr){ .b = { 0xfe, 0x80, [15] = to } },
                request);
}

static bool
parse(struct rte_mbuf *m, struct dhcp_message *d)
{
    struct pkt p = { .m = packet_at_edge(m) };
    bool ok;

    CU_ASSERT_EQUAL_FATAL(pkt_parse(&p), DROP_NONE);
    CU_ASSERT_TRUE(p.flags & PKT_DHCP);
    ok = dhcp_parse(&p, d);
    rte_pktmbuf_free(p.m);
    return ok;
}

static bool
parse4(const struct data *data, bool request, struct dhcp_message *d)
{
    return parse(udp4(data, request), d);
}

static bool
parse6(const struct data *data, bool request, struct dhcp_message *d)
{
    return parse(udp6_to(BENCH_D1, data, request), d);
}

/* It says nothing about addresses. */
static void
binds_nothing(bool parsed, const struct dhcp_message *d)
{
    CU_ASSERT_TRUE(parsed);
    CU_ASSERT_EQUAL(d->kind, DHCP_OTHER);
    CU_ASSERT_EQUAL(d->n_leases, 0);
}

/* ... of 10.0.0.'last', or fd00::'last'. */
static void
speaks_of(const struct dhcp_message *d, enum dhcp_kind kind, uint8_t last, uint32_t seconds)
{
    CU_ASSERT_EQUAL(d->kind, kind);
    CU_ASSERT_EQUAL_FATAL(d->n_leases, 1);
    CU_ASSERT_EQUAL(d->lease[0].addr.b[15], last);
    CU_ASSERT_EQUAL(d->lease[0].seconds, seconds);
}

/* ---- DHCPv4 ---- */

static void
test_ack(void)
{
    struct data m = ack4();
    struct dhcp_message d;

    CU_ASSERT_TRUE(parse4(&m, false, &d));
    speaks_of(&d, DHCP_BINDS, 77, LEASE4_SECONDS);
    CU_ASSERT_EQUAL(d.id, 0x11223344);
    CU_ASSERT_EQUAL(d.chaddr, 0x0a0b0c0d0e0full);
    m = head4(2, 0); /* the answer to DHCPINFORM has no time */
    add(&m, type4, sizeof type4);
    binds_nothing(parse4(&m, false, &d), &d);
    m = ack4();
    m.b[242] = 2; /* an offer */
    binds_nothing(parse4(&m, false, &d), &d);
    m = ack4();
    m.b[0] = 1; /* who asks gives nothing */
    binds_nothing(parse4(&m, true, &d), &d);
}

static void
test_release_and_decline(void)
{
    struct data m = head4(1, 66);
    struct dhcp_message d;

    ADD(&m, 53, 1, 7);
    CU_ASSERT_TRUE(parse4(&m, true, &d));
    speaks_of(&d, DHCP_ENDS, 66, 0);
    CU_ASSERT_EQUAL(d.ciaddr.b[15], 66);
    m.b[0] = 2; /* a server lets go of nothing in a client's place */
    binds_nothing(parse4(&m, false, &d), &d);
    m = head4(1, 66);
    ADD(&m, 53, 1, 4);
    binds_nothing(parse4(&m, true, &d), &d); /* it declines what? */
    add(&m, requested4, sizeof requested4);
    CU_ASSERT_TRUE(parse4(&m, true, &d));
    speaks_of(&d, DHCP_ENDS, 88, 0);
}

static void
test_options(void)
{
    struct dhcp_message d;
    struct data m = head4(2, 0);

    ADD(&m, 0, 0, 12, 0, 0, 12, 3, 53, 1, 1); /* padding, one that is empty, a name */
    add(&m, type4, sizeof type4);
    ADD(&m, 0);
    add(&m, lease4, sizeof lease4);
    CU_ASSERT_TRUE(parse4(&m, false, &d)); /* and no end option */
    speaks_of(&d, DHCP_BINDS, 77, LEASE4_SECONDS);
    m = head4(2, 0);
    add(&m, type4, sizeof type4);
    ADD(&m, 255);
    add(&m, lease4, sizeof lease4); /* after the end */
    binds_nothing(parse4(&m, false, &d), &d);
    m = head4(2, 0);
    add(&m, type4, sizeof type4);
    ADD(&m, 51, 3, 0, 1, 2);
    binds_nothing(parse4(&m, false, &d), &d);
    m = head4(2, 0);
    ADD(&m, 53, 2, 5, 5);
    add(&m, lease4, sizeof lease4);
    binds_nothing(parse4(&m, false, &d), &d);
    m = head4(1, 66);
    ADD(&m, 53, 1, 4, 50, 3, 10, 0, 0);
    binds_nothing(parse4(&m, true, &d), &d);
}

/* Wherever it ends, it is no message, or one that binds nothing: what is whole comes last. */
static void
test_cut_short(void)
{
    struct data m = head4(2, 0);
    struct dhcp_message d;

    add(&m, type4, sizeof type4);
    add(&m, lease4, sizeof lease4);
    for (uint16_t whole = m.n--; m.n > 0; m.n--) {
        bool between = m.n == whole - sizeof lease4 || m.n == 240;
        CU_ASSERT_EQUAL(parse4(&m, false, &d), between);
        CU_ASSERT_EQUAL(d.kind, DHCP_OTHER);
        CU_ASSERT_EQUAL(d.n_leases, 0);
    }
    m = ack4();
    m.b[244] = 100; /* an option that lies */
    CU_ASSERT_FALSE(parse4(&m, false, &d));
}

static void
test_no_dhcp(void)
{
    static const uint8_t at[] = { 0, 1, 2, 236, 239 };
    struct dhcp_message d;

    for (size_t i = 0; i < sizeof at; i++) {
        struct data m = ack4();

        m.b[at[i]] ^= 3;
        CU_ASSERT_FALSE(parse4(&m, false, &d));
        CU_ASSERT_EQUAL(d.n_leases, 0);
    }
}

/* ---- DHCPv6 ---- */

static void
test_reply6(void)
{
    enum { SOLICIT = 1, REQUEST = 3, REPLY = 7, RELEASE = 8, DECLINE = 9, RELAY_FORWARD = 12 };
    struct data m = lease6(REPLY, 5);
    struct dhcp_message d;

    CU_ASSERT_TRUE(parse6(&m, false, &d));
    speaks_of(&d, DHCP_BINDS, 5, VALID_SECONDS);
    CU_ASSERT_EQUAL(d.id, 0x123456);
    binds_nothing(parse6(&m, true, &d), &d); /* who asks gives nothing */
    for (uint8_t type = RELEASE; type <= DECLINE; type++) {
        m.b[0] = type;
        CU_ASSERT_TRUE(parse6(&m, true, &d));
        speaks_of(&d, DHCP_ENDS, 5, 0);
        binds_nothing(parse6(&m, false, &d), &d); /* nor does a server let go */
    }
    m.b[0] = 2; /* advertise */
    binds_nothing(parse6(&m, false, &d), &d);
    m.b[0] = REQUEST;
    binds_nothing(parse6(&m, true, &d), &d);
    for (uint8_t type = RELAY_FORWARD; type <= RELAY_FORWARD + 1; type++) {
        m.b[0] = type;
        for (int request = 0; request < 2; request++) {
            binds_nothing(parse6(&m, request, &d), &d);
            CU_ASSERT_TRUE(d.relayed);
        }
    }
}

static void
test_options6(void)
{
    struct dhcp_message d;
    struct data m = head6(7);
    uint16_t ia;

    ADD(&m, 0, 1, 0, 3, 0, 5, 0);      /* a client's identifier, like the head of an address */
    ia = open6(&m, IA_TA, IA_TA_HEAD); /* temporary */
    ADD(&m, 0, 13, 0, 2, 0, 0);        /* its status */
    address6(&m, 1);
    close6(&m, ia);
    ia = open6(&m, IA_NA, IA_NA_HEAD);
    for (uint8_t i = 2; i < 7; i++) {
        address6(&m, i);
    }
    close6(&m, ia);
    CU_ASSERT_TRUE(parse6(&m, false, &d));
    CU_ASSERT_EQUAL(d.n_leases, DHCP_MAX_LEASES);
    for (int i = 0; i < DHCP_MAX_LEASES; i++) {
        CU_ASSERT_EQUAL(d.lease[i].addr.b[15], i + 1);
    }
    m = head6(7);
    address6(&m, 1);                /* in no IA */
    ia = open6(&m, 25, IA_NA_HEAD); /* a prefix's */
    address6(&m, 2);
    close6(&m, ia);
    ia = open6(&m, 17, 0); /* a vendor's own */
    address6(&m, 3);
    close6(&m, ia);
    CU_ASSERT_TRUE(parse6(&m, false, &d));
    CU_ASSERT_EQUAL(d.n_leases, 0);
}

static void
test_cut_short6(void)
{
    struct dhcp_message d;
    struct data m = lease6(7, 5);
    const uint16_t whole = m.n, ia = 4, address = ia + 4 + IA_NA_HEAD;

    for (m.n--; m.n > 0; m.n--) {
        CU_ASSERT_EQUAL(parse6(&m, false, &d), m.n >= 4);
        CU_ASSERT_EQUAL(d.n_leases, 0);
    }
    m.n = whole;
    m.b[ia + 3]++; /* the IA is longer than the message */
    CU_ASSERT_TRUE(parse6(&m, false, &d));
    CU_ASSERT_EQUAL(d.n_leases, 0);
    m = lease6(7, 5);
    m.b[ia + 3]--; /* the address is longer than its IA */
    CU_ASSERT_TRUE(parse6(&m, false, &d));
    CU_ASSERT_EQUAL(d.n_leases, 0);
    m = lease6(7, 5);
    m.b[address + 3]--; /* an address without all of its times */
    CU_ASSERT_TRUE(parse6(&m, false, &d));
    CU_ASSERT_EQUAL(d.n_leases, 0);
    m = head6(7);
    ADD(&m, 0, IA_NA, 0, IA_NA_HEAD - 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    CU_ASSERT_TRUE(parse6(&m, false, &d));
    CU_ASSERT_EQUAL(d.n_leases, 0);
}

/* What lies behind the end of the UDP packet is none of it. */
static void
test_udp_length(void)
{
    struct data m = lease6(7, 5);
    struct rte_mbuf *packet = udp6_to(BENCH_D1, &m, false);
    struct dhcp_message d;

    rte_pktmbuf_mtod(packet, uint8_t *)[59]--;
    CU_ASSERT_TRUE(parse(packet, &d));
    CU_ASSERT_EQUAL(d.n_leases, 0);
}

/* ---- a lease by DHCPv6 ---- */

static void
ask6(uint8_t id)
{
    const struct data m = head6(3);

    bench_send(id, udp6(&m, id, GROUP_MAC,
                        (struct acl_addr){ .b = { 0xff, 2, [13] = 1, [15] = 2 } }, true));
}

static void
test_held6(void)
{
    struct data m = lease6(7, 5), other = lease6(7, 5);
    struct lesson lesson;

    other.b[3]++;
    ask6(BENCH_D1);
    CU_ASSERT_TRUE(bench_got[BENCH_UP1]);
    bench_send(BENCH_UP1, udp6_to(BENCH_D2, &m, false));     /* another desktop */
    bench_send(BENCH_UP1, udp6_to(BENCH_D1, &other, false)); /* another transaction */
    CU_ASSERT_FALSE(learner_take(bench->learner, &lesson));
    bench_send(BENCH_UP1, udp6_to(BENCH_D1, &m, false));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lesson));
    CU_ASSERT_EQUAL(lesson.kind, LESSON_LEASE);
    CU_ASSERT_EQUAL(lesson.port, BENCH_D1);
    CU_ASSERT_EQUAL(lesson.n_leases, 1);
    CU_ASSERT_EQUAL(lesson.lease[0].addr.b[15], 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lesson.held);
    learner_hand_back(bench->learner, &lesson);
    pipeline_hand_back(bench);
    CU_ASSERT_PTR_NOT_NULL(bench_first(BENCH_D1));
    m.b[0] = 8; /* it lets go of it */
    bench_send(BENCH_D1, udp6(&m, BENCH_D1, GROUP_MAC,
                              (struct acl_addr){ .b = { 0xff, 2, [13] = 1, [15] = 2 } }, true));
    CU_ASSERT_TRUE_FATAL(learner_take(bench->learner, &lesson));
    CU_ASSERT_EQUAL(lesson.kind, LESSON_RELEASE);
    CU_ASSERT_PTR_NULL(lesson.held);
}

/* A desktop is no relay, and says in fragments nothing that could not be read. */
static void
test_no_relay(void)
{
    const struct acl_addr servers = { .b = { 0xff, 2, [13] = 1, [15] = 2 } };
    uint64_t drops = bench_drops(BENCH_D1, DROP_SPOOF_DHCP);

    for (uint8_t type = 12; type <= 13; type++) { /* Relay-forward, Relay-reply */
        struct data m = head6(type);

        m.n = 34;
        bench_send(BENCH_D1, udp6(&m, BENCH_D1, GROUP_MAC, servers, true));
        CU_ASSERT_TRUE(bench_got_only(0));
    }
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_DHCP), drops + 2);
    struct data m = head6(1);
    bench_send(BENCH_D1, udp6(&m, BENCH_D1, GROUP_MAC, servers, true));
    CU_ASSERT_FALSE(bench_got_only(0));
    m.n = 3;
    bench_send(BENCH_D1, udp6(&m, BENCH_D1, GROUP_MAC, servers, true));
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MALFORMED), 1);
}

static int
setup(void)
{
    int failed = bench_open();

    for (uint16_t id = BENCH_D1; id <= BENCH_D2; id++) { /* nobody may open anything to them */
        bench_leaf[id].learns = true;
        bench_leaf[id].table[ACL_INGRESS] = bench_leaf[BENCH_MUTE].table[ACL_INGRESS];
    }
    bench_publish();
    return failed;
}

void
suite_dhcp(void)
{
    CU_pSuite s = CU_add_suite("dhcp", setup, bench_close);

    CU_add_test(s, "an acknowledgment binds", test_ack);
    CU_add_test(s, "a release and a decline end", test_release_and_decline);
    CU_add_test(s, "options", test_options);
    CU_add_test(s, "what is cut short", test_cut_short);
    CU_add_test(s, "what is no dhcp", test_no_dhcp);
    CU_add_test(s, "dhcpv6 by type and direction", test_reply6);
    CU_add_test(s, "dhcpv6 options", test_options6);
    CU_add_test(s, "dhcpv6 that is cut short", test_cut_short6);
    CU_add_test(s, "the end of the udp packet", test_udp_length);
    CU_add_test(s, "a dhcpv6 lease is held", test_held6);
    CU_add_test(s, "a desktop is no relay", test_no_relay);
}
