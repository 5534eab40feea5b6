/* Multicast: who is taken for a listener, and what reaches whom. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/mcast.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/messages.h"
#include "tests/unit/datapath/suites.h"

#define UPLINKS (BIT(BENCH_UP1) | BIT(BENCH_UP2))
#define GROUP RTE_IPV4(239u, 1, 2, 3)
static const uint8_t group6[16] = { 0xff, 0x15, [14] = 0x12, 0x34 };

static void
join(uint8_t from, uint32_t group)
{
    struct message m;

    message_about4(&m, from, V2_REPORT, group, group);
    message_tell(&m);
}

static void
leave(uint8_t from, uint32_t group)
{
    struct message m;

    message_about4(&m, from, V2_LEAVE, RTE_IPV4(224u, 0, 0, 2), group);
    message_tell(&m);
}

static void
stream(uint8_t from, uint32_t group)
{
    bench_send(from, packet_datagram(from, 0x01005e000000ull | (group & 0x7fffff), group, 9));
}

static void
query(uint8_t from)
{
    struct message m;

    message_about4(&m, from, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    message_tell(&m);
}

static void
forget(void)
{
    bench->now_s += 1000;
    mcast_age(bench->now_s);
}

/* ---- who listens ---- */

static void
test_join_and_leave(void)
{
    stream(BENCH_UP1, GROUP); /* nobody listens: it goes to the other uplink, as ever */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    join(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS)); /* never to other desktops */
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    stream(BENCH_UP1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_UP2)));
    stream(BENCH_UP1, GROUP + 1);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    stream(BENCH_UP1, GROUP ^ 1 << 23); /* another group at the same MAC address */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    stream(BENCH_D2, GROUP);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1) | UPLINKS));
    leave(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    stream(BENCH_UP1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    leave(BENCH_D1, GROUP);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP));
}

/* A copy passes its receiver's firewall, and the sender's before: listening is no permission. */
static void
test_policy(void)
{
    join(BENCH_MUTE, GROUP);
    CU_ASSERT_TRUE(message_heard4(BENCH_MUTE, GROUP));
    join(BENCH_D1, GROUP);
    stream(BENCH_UP1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_UP2)));
    stream(BENCH_MUTE, GROUP);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_MUTE, DROP_EGRESS_DEFAULT), 1);
    forget();
}

static void
test_nowhere(void)
{
    uint64_t before = bench_drops(BENCH_UP1, DROP_NO_DESTINATION);

    bench_leaf[BENCH_UP2].quarantined = true;
    stream(BENCH_UP1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_UP1, DROP_NO_DESTINATION), before + 1);
    bench_leaf[BENCH_UP2].quarantined = false;
}

static void
test_link_groups(void)
{
    stream(BENCH_UP1, RTE_IPV4(224u, 0, 0, 251));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_D1) | BIT(BENCH_D2) | BIT(BENCH_UP2)));
    stream(BENCH_UP1, RTE_IPV4(224u, 0, 1, 1));
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    join(BENCH_D1, RTE_IPV4(224u, 0, 0, 251)); /* goes to the routers, and takes no place */
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, RTE_IPV4(224u, 0, 0, 251)));
}

static void
check_record(uint8_t type, uint8_t n_sources, bool before, bool after)
{
    struct message m;

    if (before) {
        join(BENCH_D1, GROUP);
    }
    message_report4(&m, BENCH_D1);
    message_record4(&m, IS_EXCLUDE, GROUP + 7, 0, 0);
    message_record4(&m, type, GROUP, n_sources, n_sources); /* auxiliary data is passed over */
    message_record4(&m, IS_EXCLUDE, GROUP + 8, 0, 0);
    message_tell(&m);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_EQUAL(message_heard4(BENCH_D1, GROUP), after);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP + 7));
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP + 8));
    forget();
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP + 8));
}

static void
test_igmp_v3(void)
{
    static const struct {
        uint8_t type, n_sources;
        bool from_nothing, from_member;
    } cases[] = {
        { IS_INCLUDE, 0, false, false }, { IS_INCLUDE, 2, true, true },
        { IS_EXCLUDE, 0, true, true },   { IS_EXCLUDE, 3, true, true },
        { TO_INCLUDE, 0, false, false }, { TO_INCLUDE, 1, true, true },
        { TO_EXCLUDE, 0, true, true },   { ALLOW_NEW, 1, true, true },
        { ALLOW_NEW, 0, false, true },   { BLOCK_OLD, 1, false, true },
        { 7, 1, false, true }, /* unknown */
    };

    for (size_t i = 0; i < RTE_DIM(cases); i++) {
        check_record(cases[i].type, cases[i].n_sources, false, cases[i].from_nothing);
        check_record(cases[i].type, cases[i].n_sources, true, cases[i].from_member);
    }
}

static void
test_old_versions(void)
{
    struct message m;

    message_about4(&m, BENCH_D1, V1_REPORT, GROUP, GROUP);
    message_tell(&m);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    forget();
}

static void
test_mld(void)
{
    struct message m;

    message_about6(&m, BENCH_D1, MLD_REPORT, group6, group6);
    message_tell(&m);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_TRUE(message_heard6(BENCH_D1, group6));
    message_about6(&m, BENCH_D1, MLD_DONE, (uint8_t[16]){ 0xff, 2, [15] = 2 }, group6);
    message_tell(&m);
    CU_ASSERT_FALSE(message_heard6(BENCH_D1, group6));

    message_report6(&m, BENCH_D2);
    message_record(&m, TO_EXCLUDE, group6, 2, 1);
    message_record(&m, TO_EXCLUDE, (uint8_t[16]){ 0xff, 2, [11] = 1, 0xff, 0, 0, 9 }, 0, 0);
    memset(m.b + 22, 0, 16); /* from ::, before it has an address */
    message_tell(&m);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_TRUE(message_heard6(BENCH_D2, group6));
    CU_ASSERT_FALSE(message_heard6(BENCH_D2, (uint8_t[16]){ 0xff, 2, [11] = 1, 0xff, 0, 0, 9 }));
    message_report6(&m, BENCH_D2);
    message_record(&m, TO_INCLUDE, group6, 0, 0);
    message_tell(&m);
    CU_ASSERT_FALSE(message_heard6(BENCH_D2, group6));
}

/* Without an address yet, over IPv4 as well. */
static void
test_without_address(void)
{
    struct message m;

    message_about4(&m, BENCH_D1, V2_REPORT, GROUP, GROUP);
    memset(m.b + 26, 0, 4);
    message_tell(&m);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    message_about4(&m, BENCH_D1, V2_REPORT, GROUP, GROUP);
    m.b[29] = 77;
    message_send(&m);
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_SPOOF_IP), 1);
    forget();
}

static void
test_vlans_apart(void)
{
    struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(GROUP));
    struct mcast_set set;

    CU_ASSERT_TRUE(mcast_join(0, &a, 5, BENCH_D1, bench->now_s));
    mcast_poll(bench->now_s);
    CU_ASSERT_TRUE(mcast_members(&a, 5, &set));
    CU_ASSERT_FALSE(mcast_members(&a, 0, &set));
    stream(BENCH_UP1, GROUP); /* untagged */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    forget();
}

/* ---- queries and routers ---- */

static void
test_queries(void)
{
    struct message m;

    query(BENCH_D1);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MCAST_QUERY), 1);
    message_about6(&m, BENCH_D1, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 }, (uint8_t[16]){ 0 });
    message_send(&m);
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MCAST_QUERY), 2);
    message_about4(&m, BENCH_D1, 0x13, RTE_IPV4(224u, 0, 0, 4), 0); /* DVMRP */
    message_send(&m);
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MCAST_QUERY), 3);
    /* A switch that stands in for a router is none. */
    message_about4(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    memset(m.b + 26, 0, 4);
    message_tell(&m);
    join(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    query(BENCH_UP1);
    CU_ASSERT_TRUE(
        bench_got_only(BIT(BENCH_D1) | BIT(BENCH_D2) | BIT(BENCH_MUTE) | BIT(BENCH_UP2)));
    join(BENCH_D1, GROUP); /* now it is known where the router is */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1)));
    stream(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    join(BENCH_UP2, GROUP); /* a host behind an uplink: no business of desktops, nor learned */
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP1)));
    CU_ASSERT_FALSE(message_heard4(BENCH_UP2, GROUP));
    forget();
    join(BENCH_D1, GROUP); /* routers age, too */
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    message_about6(&m, BENCH_UP2, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 }, group6);
    m.len += 4 + 16; /* MLDv2, with a source */
    m.b[m.l4 + 27] = 1;
    message_tell(&m);
    join(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    forget();
}

static void
test_quarantine(void)
{
    join(BENCH_D1, GROUP);
    bench_leaf[BENCH_D1].quarantined = true;
    stream(BENCH_UP1, GROUP);
    CU_ASSERT_TRUE(bench_got_only(BIT(BENCH_UP2)));
    query(BENCH_UP1);
    CU_ASSERT_EQUAL(bench_got[BENCH_D1], 0);
    join(BENCH_D1, GROUP + 1);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_QUARANTINE), 1);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP + 1));
    bench_leaf[BENCH_D1].quarantined = false;
    forget();
}

/* ---- ageing and limits ---- */

static void
test_ageing(void)
{
    uint32_t start = bench->now_s;

    join(BENCH_D1, GROUP);
    join(BENCH_D2, GROUP);
    bench->now_s = start + MCAST_AGE_SECONDS - 1;
    join(BENCH_D2, GROUP); /* still there */
    mcast_age(start + MCAST_AGE_SECONDS);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    mcast_age(start + MCAST_AGE_SECONDS + 1);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP));
    CU_ASSERT_TRUE(message_heard4(BENCH_D2, GROUP));
    forget();
}

/* A leave and a join right behind it, before control has looked: the last word holds. */
static void
test_order(void)
{
    struct message in, out;

    message_about4(&in, BENCH_D1, V2_REPORT, GROUP, GROUP);
    message_about4(&out, BENCH_D1, V2_LEAVE, RTE_IPV4(224u, 0, 0, 2), GROUP);
    message_tell(&in);
    message_send(&out);
    message_tell(&in);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    message_send(&in);
    message_tell(&out);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP));
    message_send(&in);
    message_tell(&out);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP));
}

static void
test_port_limit(void)
{
    uint64_t *refused = &bench->ledger.pages[BENCH_D1].groups_refused;

    join(BENCH_D2, GROUP);
    for (unsigned i = 0; i < 5000; i++) {
        join(BENCH_D1, GROUP + 100 + i);
        CU_ASSERT_TRUE(bench_got_only(UPLINKS)); /* whatever we keep, routers hear of it */
    }
    CU_ASSERT_EQUAL(*refused, 5000 - MCAST_PORT_GROUPS);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP + 100));
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP + 100 + MCAST_PORT_GROUPS));
    CU_ASSERT_TRUE(message_heard4(BENCH_D2, GROUP));
    join(BENCH_D2, GROUP + 1);
    CU_ASSERT_TRUE(message_heard4(BENCH_D2, GROUP + 1));
    leave(BENCH_D1, GROUP + 100);
    join(BENCH_D1, GROUP); /* one went, so there is room for one */
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    mcast_flush_port(BENCH_D1, bench->now_s);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP));
    CU_ASSERT_TRUE(message_heard4(BENCH_D2, GROUP));
    join(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    forget();
}

/* Many in one report at once, of which nothing was heard by control yet. */
static void
test_report_flood(void)
{
    struct message m;

    for (unsigned i = 0; i < 200; i++) {
        message_report4(&m, BENCH_D1);
        for (unsigned j = 0; j < 40; j++) {
            message_record4(&m, TO_EXCLUDE, GROUP + i * 40 + j, 0, 0);
        }
        message_send(&m);
    }
    join(BENCH_D2, GROUP + 1000000);
    CU_ASSERT_TRUE(message_heard4(BENCH_D2, GROUP + 1000000));
    CU_ASSERT_TRUE(message_heard4(BENCH_D1, GROUP));
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP + 7999));
    forget();
}

/* What a port reported last, and control has not looked at yet, is not the next port's. */
static void
test_flush(void)
{
    struct message m;

    join(BENCH_D1, GROUP);
    message_about4(&m, BENCH_D1, V2_REPORT, GROUP + 1, GROUP + 1);
    message_send(&m);
    mcast_flush_port(BENCH_D1, bench->now_s);
    mcast_poll(bench->now_s);
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP));
    CU_ASSERT_FALSE(message_heard4(BENCH_D1, GROUP + 1));
}

void
suite_mcast(void)
{
    CU_pSuite s = CU_add_suite("multicast", bench_open, bench_close);

    CU_add_test(s, "join and leave", test_join_and_leave);
    CU_add_test(s, "listening is no permission", test_policy);
    CU_add_test(s, "without a listener it goes nowhere", test_nowhere);
    CU_add_test(s, "the link's groups go to all", test_link_groups);
    CU_add_test(s, "igmp v3 records", test_igmp_v3);
    CU_add_test(s, "igmp v1", test_old_versions);
    CU_add_test(s, "mld", test_mld);
    CU_add_test(s, "a host without an address", test_without_address);
    CU_add_test(s, "vlans are apart", test_vlans_apart);
    CU_add_test(s, "queries and routers", test_queries);
    CU_add_test(s, "quarantine", test_quarantine);
    CU_add_test(s, "ageing", test_ageing);
    CU_add_test(s, "the last word holds", test_order);
    CU_add_test(s, "a port has a limit of groups", test_port_limit);
    CU_add_test(s, "a flood of reports", test_report_flood);
    CU_add_test(s, "a flushed port", test_flush);
}
