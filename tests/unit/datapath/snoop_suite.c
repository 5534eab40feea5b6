/* IGMP and MLD that is not believed: it is dropped whole, and teaches nothing. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>

#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/messages.h"
#include "tests/unit/datapath/suites.h"

#define GROUP RTE_IPV4(239u, 1, 2, 3)

static const uint8_t group6[16] = { 0xff, 0x15, [14] = 0x12, 0x34 };

/* It is dropped for the reason, whoever it comes from, and teaches nothing. */
static void
spoiled(struct message *m, enum drop_reason reason)
{
    uint8_t from = m->b[11];
    uint64_t before = bench_drops(from, reason);

    message_tell(m);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(from, reason), before + 1);
    CU_ASSERT_FALSE(message_heard4(from, GROUP));
    CU_ASSERT_FALSE(message_heard6(from, group6));
}

static void
test_spoiled_igmp(void)
{
    struct message m, good;

    message_about4(&good, BENCH_D1, V2_REPORT, GROUP, GROUP);
    m = good;
    m.b[22] = 2; /* TTL */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.bad_sum = true;
    spoiled(&m, DROP_CSUM);
    m = good;
    m.len -= 1;
    spoiled(&m, DROP_MALFORMED);
    message_about4(&m, BENCH_D1, V2_REPORT, GROUP + 1, GROUP); /* not to the group itself */
    spoiled(&m, DROP_MCAST_INVALID);
    message_about4(&m, BENCH_D1, V2_REPORT, RTE_IPV4(10u, 0, 0, 2), RTE_IPV4(10u, 0, 0, 2));
    spoiled(&m, DROP_MCAST_INVALID);
    message_about4(&m, BENCH_D1, V2_LEAVE, RTE_IPV4(224u, 0, 0, 2), RTE_IPV4(10u, 0, 0, 2));
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    memcpy(m.b, (uint8_t[]){ 2, 0, 0, 0, 0, BENCH_D2 }, 6); /* to one station */
    spoiled(&m, DROP_MCAST_INVALID);
    message_about4(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    m.len += 2; /* neither version's length */
    spoiled(&m, DROP_MALFORMED);
    message_about4(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    m.len += 4;
    m.b[m.l4 + 11] = 1; /* one source, which is not there */
    spoiled(&m, DROP_MALFORMED);
    message_about4(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), RTE_IPV4(10u, 0, 0, 1));
    spoiled(&m, DROP_MCAST_INVALID);
}

static void
test_spoiled_records(void)
{
    struct message m, good;

    message_report4(&good, BENCH_D1);
    message_record4(&good, TO_EXCLUDE, GROUP, 1, 1);
    for (uint16_t cut = 1; cut < 16; cut++) {
        m = good;
        m.len -= cut;
        spoiled(&m, DROP_MALFORMED);
    }
    m = good;
    m.b[m.l4 + 7] = 2; /* a record more than there is */
    spoiled(&m, DROP_MALFORMED);
    m = good;
    m.b[m.l4 + 6] = m.b[m.l4 + 7] = 0xff;
    spoiled(&m, DROP_MALFORMED);
    m = good;
    m.b[m.l4 + 10] = m.b[m.l4 + 11] = 0xff; /* sources */
    spoiled(&m, DROP_MALFORMED);
    m = good;
    m.b[m.l4 + 9] = 0xff; /* auxiliary data */
    spoiled(&m, DROP_MALFORMED);
    m = good;
    message_record4(&m, TO_EXCLUDE, RTE_IPV4(10u, 0, 0, 2), 0,
                    0); /* the first is not believed either */
    spoiled(&m, DROP_MCAST_INVALID);
    message_report6(&good, BENCH_D1);
    message_record(&good, TO_EXCLUDE, group6, 1, 1);
    for (uint16_t cut = 1; cut < 40; cut++) {
        m = good;
        m.len -= cut;
        spoiled(&m, DROP_MALFORMED);
    }
}

static void
test_spoiled_mld(void)
{
    struct message m, good;

    message_about6(&good, BENCH_D1, MLD_REPORT, group6, group6);
    m = good;
    m.b[21] = 255; /* hop limit */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.bad_sum = true;
    spoiled(&m, DROP_CSUM);
    m = good;
    m.len -= 1;
    spoiled(&m, DROP_MALFORMED);
    m = good;
    memcpy(m.b + 56, "\x01\x04\0\0\0\0", 6); /* padding where the router alert was */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.b[59] = 1; /* another router alert's value */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.b[57] = 4; /* a router alert of another length */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.b[57] = 200; /* an option that is longer than its header */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.b[20] = 60; /* the same options in a destination header */
    spoiled(&m, DROP_MCAST_INVALID);
    message_about6(&m, BENCH_D1, MLD_REPORT, (uint8_t[16]){ 0xff, 2, [15] = 1 }, group6);
    spoiled(&m, DROP_MCAST_INVALID);
    message_about6(&m, BENCH_UP1, MLD_REPORT, group6, group6);
    m.b[22] = 0x20; /* a global source */
    spoiled(&m, DROP_MCAST_INVALID);
    message_about6(&m, BENCH_UP1, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 },
                   (uint8_t[16]){ 0 });
    memset(m.b + 22, 0, 16); /* a router has an address */
    spoiled(&m, DROP_MCAST_INVALID);
    message_about6(&m, BENCH_UP1, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 },
                   (uint8_t[16]){ 0 });
    m.len += 2;
    spoiled(&m, DROP_MALFORMED);
}

void
suite_snoop(void)
{
    CU_pSuite s = CU_add_suite("igmp and mld", bench_open, bench_close);

    CU_add_test(s, "igmp that is not believed", test_spoiled_igmp);
    CU_add_test(s, "records that are not believed", test_spoiled_records);
    CU_add_test(s, "mld that is not believed", test_spoiled_mld);
}
