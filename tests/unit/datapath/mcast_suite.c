/* Multicast: who is taken for a listener, what reaches whom, and what is not believed. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/mcast.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/suites.h"

#define UPLINKS (BIT(BENCH_UP1) | BIT(BENCH_UP2))
#define GROUP RTE_IPV4(239u, 1, 2, 3)
#define QUERY 0x11
#define V1_REPORT 0x12
#define V2_REPORT 0x16
#define V2_LEAVE 0x17
#define V3_REPORT 0x22
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD_V2_REPORT 143
enum { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW_NEW, BLOCK_OLD };

static const uint8_t group6[16] = { 0xff, 0x15, [14] = 0x12, 0x34 };

/* ---- messages: made whole, then spoiled ---- */

struct message {
    uint8_t b[512];
    uint16_t len; /* of the frame */
    uint8_t l4;
    bool v6, bad_sum;
};

static void
begin4(struct message *m, uint8_t from, uint32_t dst)
{
    struct rte_ipv4_hdr *ip = (void *) (m->b + 14);

    memset(m, 0, sizeof *m);
    memcpy(m->b, (uint8_t[]){ 1, 0, 0x5e, dst >> 16 & 0x7f, dst >> 8, dst, 2 }, 7);
    m->b[11] = from;
    m->b[12] = 8;
    ip->version_ihl = 0x46;
    ip->time_to_live = 1;
    ip->next_proto_id = 2;
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10u, 0, 0, from));
    ip->dst_addr = rte_cpu_to_be_32(dst);
    memcpy(ip + 1, "\x94\x04\0\0", 4); /* router alert */
    m->l4 = 38;
    m->len = 46;
}

static void
begin6(struct message *m, uint8_t from, const uint8_t dst[16])
{
    struct rte_ipv6_hdr *ip = (void *) (m->b + 14);

    memset(m, 0, sizeof *m);
    m->v6 = true;
    memcpy(m->b, (uint8_t[]){ 0x33, 0x33, dst[12], dst[13], dst[14], dst[15], 2 }, 7);
    m->b[11] = from;
    m->b[12] = 0x86;
    m->b[13] = 0xdd;
    ip->vtc_flow = RTE_BE32(6u << 28);
    ip->proto = 0;
    ip->hop_limits = 1;
    memcpy(ip->src_addr, (uint8_t[16]){ 0xfe, 0x80, [15] = from }, 16);
    memcpy(ip->dst_addr, dst, 16);
    memcpy(ip + 1, "\x3a\0\x05\x02\0\0\x01\0", 8); /* hop-by-hop: router alert, PadN */
    m->l4 = 62;
    m->len = 62;
}

static uint8_t *
l4(struct message *m)
{
    return m->b + m->l4;
}

/* An IGMPv1, IGMPv2 message or MLDv1 message about one group. */
static void
about(struct message *m, uint8_t from, uint8_t type, uint32_t dst, uint32_t group)
{
    begin4(m, from, dst);
    l4(m)[0] = type;
    group = rte_cpu_to_be_32(group);
    memcpy(l4(m) + 4, &group, 4);
}

static void
about6(struct message *m, uint8_t from, uint8_t type, const uint8_t dst[16],
       const uint8_t group[16])
{
    begin6(m, from, dst);
    l4(m)[0] = type;
    memcpy(l4(m) + 8, group, 16);
    m->len += 24;
}

/* An IGMPv3 or MLDv2 report without records. */
static void
report(struct message *m, uint8_t from)
{
    begin4(m, from, RTE_IPV4(224u, 0, 0, 22));
    l4(m)[0] = V3_REPORT;
}

static void
report6(struct message *m, uint8_t from)
{
    begin6(m, from, (uint8_t[16]){ 0xff, 2, [15] = 22 });
    l4(m)[0] = MLD_V2_REPORT;
    m->len += 8;
}

static void
record(struct message *m, uint8_t type, const void *group, uint8_t n_sources, uint8_t n_aux)
{
    uint8_t *p = m->b + m->len, size = m->v6 ? 16 : 4;

    p[0] = type;
    p[1] = n_aux;
    p[3] = n_sources;
    memcpy(p + 4, group, size);
    m->len += 4 + size * (1 + n_sources) + 4 * n_aux;
    l4(m)[7]++;
}

static void
record4(struct message *m, uint8_t type, uint32_t group, uint8_t n_sources, uint8_t n_aux)
{
    group = rte_cpu_to_be_32(group);
    record(m, type, &group, n_sources, n_aux);
}

static void
finish4(struct message *m)
{
    struct rte_ipv4_hdr *ip = (void *) (m->b + 14);
    uint16_t sum;

    ip->total_length = rte_cpu_to_be_16(m->len - 14);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = ~rte_raw_cksum(ip, 24);
    memset(l4(m) + 2, 0, 2);
    sum = ~rte_raw_cksum(l4(m), m->len - m->l4) ^ m->bad_sum;
    memcpy(l4(m) + 2, &sum, 2);
}

static void
finish6(struct message *m)
{
    struct rte_ipv6_hdr *ip = (void *) (m->b + 14), pseudo = *ip;
    uint16_t sum;

    ip->payload_len = rte_cpu_to_be_16(m->len - 54);
    pseudo.payload_len = rte_cpu_to_be_16(m->len - m->l4);
    pseudo.proto = 58;
    memset(l4(m) + 2, 0, 2);
    sum = rte_ipv6_udptcp_cksum(&pseudo, l4(m)) ^ m->bad_sum;
    memcpy(l4(m) + 2, &sum, 2);
}

static void
send_message(struct message *m)
{
    if (m->v6) {
        finish6(m);
    } else {
        finish4(m);
    }
    bench_send(m->b[11], packet_raw(m->b, m->len));
}

/* ... and lets control learn from it. */
static void
tell(struct message *m)
{
    send_message(m);
    bench_learn(bench->now_s);
}

static void
join(uint8_t from, uint32_t group)
{
    struct message m;

    about(&m, from, V2_REPORT, group, group);
    tell(&m);
}

static void
leave(uint8_t from, uint32_t group)
{
    struct message m;

    about(&m, from, V2_LEAVE, RTE_IPV4(224u, 0, 0, 2), group);
    tell(&m);
}

static bool
listens(uint16_t port, uint32_t group)
{
    struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(group));
    struct mcast_set set;

    mcast_members(&a, 0, &set);
    return mcast_set_has(&set, port);
}

static bool
listens6(uint16_t port, const uint8_t group[16])
{
    struct acl_addr a;
    struct mcast_set set;

    memcpy(&a, group, 16);
    mcast_members(&a, 0, &set);
    return mcast_set_has(&set, port);
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

    about(&m, from, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    tell(&m);
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
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
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
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP));
}

/* A copy passes its receiver's firewall, and the sender's before: listening is no permission. */
static void
test_policy(void)
{
    join(BENCH_MUTE, GROUP);
    CU_ASSERT_TRUE(listens(BENCH_MUTE, GROUP));
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
    CU_ASSERT_FALSE(listens(BENCH_D1, RTE_IPV4(224u, 0, 0, 251)));
}

static void
check_record(uint8_t type, uint8_t n_sources, bool before, bool after)
{
    struct message m;

    if (before) {
        join(BENCH_D1, GROUP);
    }
    report(&m, BENCH_D1);
    record4(&m, IS_EXCLUDE, GROUP + 7, 0, 0);
    record4(&m, type, GROUP, n_sources, n_sources); /* auxiliary data is passed over */
    record4(&m, IS_EXCLUDE, GROUP + 8, 0, 0);
    tell(&m);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_EQUAL(listens(BENCH_D1, GROUP), after);
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP + 7));
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP + 8));
    forget();
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP + 8));
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

    about(&m, BENCH_D1, V1_REPORT, GROUP, GROUP);
    tell(&m);
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    forget();
}

static void
test_mld(void)
{
    struct message m;

    about6(&m, BENCH_D1, MLD_REPORT, group6, group6);
    tell(&m);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_TRUE(listens6(BENCH_D1, group6));
    about6(&m, BENCH_D1, MLD_DONE, (uint8_t[16]){ 0xff, 2, [15] = 2 }, group6);
    tell(&m);
    CU_ASSERT_FALSE(listens6(BENCH_D1, group6));

    report6(&m, BENCH_D2);
    record(&m, TO_EXCLUDE, group6, 2, 1);
    record(&m, TO_EXCLUDE, (uint8_t[16]){ 0xff, 2, [11] = 1, 0xff, 0, 0, 9 }, 0, 0);
    memset(m.b + 22, 0, 16); /* from ::, before it has an address */
    tell(&m);
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    CU_ASSERT_TRUE(listens6(BENCH_D2, group6));
    CU_ASSERT_FALSE(listens6(BENCH_D2, (uint8_t[16]){ 0xff, 2, [11] = 1, 0xff, 0, 0, 9 }));
    report6(&m, BENCH_D2);
    record(&m, TO_INCLUDE, group6, 0, 0);
    tell(&m);
    CU_ASSERT_FALSE(listens6(BENCH_D2, group6));
}

/* Without an address yet, over IPv4 as well. */
static void
test_without_address(void)
{
    struct message m;

    about(&m, BENCH_D1, V2_REPORT, GROUP, GROUP);
    memset(m.b + 26, 0, 4);
    tell(&m);
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    about(&m, BENCH_D1, V2_REPORT, GROUP, GROUP);
    m.b[29] = 77;
    send_message(&m);
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
    about6(&m, BENCH_D1, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 }, (uint8_t[16]){ 0 });
    send_message(&m);
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MCAST_QUERY), 2);
    about(&m, BENCH_D1, 0x13, RTE_IPV4(224u, 0, 0, 4), 0); /* DVMRP */
    send_message(&m);
    CU_ASSERT_EQUAL(bench_drops(BENCH_D1, DROP_MCAST_QUERY), 3);
    /* A switch that stands in for a router is none. */
    about(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    memset(m.b + 26, 0, 4);
    tell(&m);
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
    CU_ASSERT_FALSE(listens(BENCH_UP2, GROUP));
    forget();
    join(BENCH_D1, GROUP); /* routers age, too */
    CU_ASSERT_TRUE(bench_got_only(UPLINKS));
    about6(&m, BENCH_UP2, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 }, group6);
    m.len += 4 + 16; /* MLDv2, with a source */
    m.b[m.l4 + 27] = 1;
    tell(&m);
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
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP + 1));
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
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    mcast_age(start + MCAST_AGE_SECONDS + 1);
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP));
    CU_ASSERT_TRUE(listens(BENCH_D2, GROUP));
    forget();
}

/* A leave and a join right behind it, before control has looked: the last word holds. */
static void
test_order(void)
{
    struct message in, out;

    about(&in, BENCH_D1, V2_REPORT, GROUP, GROUP);
    about(&out, BENCH_D1, V2_LEAVE, RTE_IPV4(224u, 0, 0, 2), GROUP);
    tell(&in);
    send_message(&out);
    tell(&in);
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    send_message(&in);
    tell(&out);
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP));
    send_message(&in);
    tell(&out);
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP));
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
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP + 100));
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP + 100 + MCAST_PORT_GROUPS));
    CU_ASSERT_TRUE(listens(BENCH_D2, GROUP));
    join(BENCH_D2, GROUP + 1);
    CU_ASSERT_TRUE(listens(BENCH_D2, GROUP + 1));
    leave(BENCH_D1, GROUP + 100);
    join(BENCH_D1, GROUP); /* one went, so there is room for one */
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    mcast_flush_port(BENCH_D1, bench->now_s);
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP));
    CU_ASSERT_TRUE(listens(BENCH_D2, GROUP));
    join(BENCH_D1, GROUP);
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    forget();
}

/* Many in one report at once, of which nothing was heard by control yet. */
static void
test_report_flood(void)
{
    struct message m;

    for (unsigned i = 0; i < 200; i++) {
        report(&m, BENCH_D1);
        for (unsigned j = 0; j < 40; j++) {
            record4(&m, TO_EXCLUDE, GROUP + i * 40 + j, 0, 0);
        }
        send_message(&m);
    }
    join(BENCH_D2, GROUP + 1000000);
    CU_ASSERT_TRUE(listens(BENCH_D2, GROUP + 1000000));
    CU_ASSERT_TRUE(listens(BENCH_D1, GROUP));
    CU_ASSERT_FALSE(listens(BENCH_D1, GROUP + 7999));
    forget();
}

struct count {
    unsigned n;
    struct mcast_entry last;
};

static void
count_one(const struct mcast_entry *e, void *count_)
{
    struct count *count = count_;

    count->n++;
    count->last = *e;
}

/* The table alone: full, emptied, full again, and it never loses one. */
static void
test_table(void)
{
    struct count count = { .n = 0 };
    struct mcast_set set;

    mcast_exit();
    CU_ASSERT_EQUAL_FATAL(mcast_init(256, 1), 0);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned port = 0; port < 8; port++) {
            for (unsigned i = 0; i < 64; i++) {
                struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(GROUP + port % 4 * 64 + i));
                CU_ASSERT_TRUE(mcast_join(0, &a, round, port, 1));
            }
            mcast_poll(1);
        }
        for (unsigned i = 0; i < 256; i++) {
            struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(GROUP + i));
            CU_ASSERT_TRUE(mcast_members(&a, round, &set));
            CU_ASSERT_EQUAL(set.bits[0], (0x11ull << i / 64));
        }
        struct acl_addr one_more = acl_addr_from_v4(rte_cpu_to_be_32(GROUP + 256));
        mcast_join(0, &one_more, round, 9, 1); /* no room in all: nobody is put out for it */
        mcast_poll(1);
        CU_ASSERT_FALSE(mcast_members(&one_more, round, &set));
        count.n = 0;
        mcast_foreach(count_one, &count);
        CU_ASSERT_EQUAL(count.n, 512);
        CU_ASSERT_EQUAL(count.last.vlan, round);
        CU_ASSERT_EQUAL(count.last.port, 7);
        mcast_age(1 + MCAST_AGE_SECONDS + 1);
        count.n = 0;
        mcast_foreach(count_one, &count);
        CU_ASSERT_EQUAL(count.n, 0);
    }
    mcast_exit();
    CU_ASSERT_EQUAL_FATAL(mcast_init(MCAST_GROUPS, 1), 0);
}

/* ---- what is not believed ---- */

/* It is dropped for the reason, whoever it comes from, and teaches nothing. */
static void
spoiled(struct message *m, enum drop_reason reason)
{
    uint8_t from = m->b[11];
    uint64_t before = bench_drops(from, reason);

    tell(m);
    CU_ASSERT_TRUE(bench_got_only(0));
    CU_ASSERT_EQUAL(bench_drops(from, reason), before + 1);
    CU_ASSERT_FALSE(listens(from, GROUP));
    CU_ASSERT_FALSE(listens6(from, group6));
}

static void
test_spoiled_igmp(void)
{
    struct message m, good;

    about(&good, BENCH_D1, V2_REPORT, GROUP, GROUP);
    m = good;
    m.b[22] = 2; /* TTL */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.bad_sum = true;
    spoiled(&m, DROP_CSUM);
    m = good;
    m.len -= 1;
    spoiled(&m, DROP_MALFORMED);
    about(&m, BENCH_D1, V2_REPORT, GROUP + 1, GROUP); /* not to the group itself */
    spoiled(&m, DROP_MCAST_INVALID);
    about(&m, BENCH_D1, V2_REPORT, RTE_IPV4(10u, 0, 0, 2), RTE_IPV4(10u, 0, 0, 2));
    spoiled(&m, DROP_MCAST_INVALID);
    about(&m, BENCH_D1, V2_LEAVE, RTE_IPV4(224u, 0, 0, 2), RTE_IPV4(10u, 0, 0, 2));
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    memcpy(m.b, (uint8_t[]){ 2, 0, 0, 0, 0, BENCH_D2 }, 6); /* to one station */
    spoiled(&m, DROP_MCAST_INVALID);
    about(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    m.len += 2; /* neither version's length */
    spoiled(&m, DROP_MALFORMED);
    about(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), 0);
    m.len += 4;
    m.b[m.l4 + 11] = 1; /* one source, which is not there */
    spoiled(&m, DROP_MALFORMED);
    about(&m, BENCH_UP1, QUERY, RTE_IPV4(224u, 0, 0, 1), RTE_IPV4(10u, 0, 0, 1));
    spoiled(&m, DROP_MCAST_INVALID);
}

static void
test_spoiled_records(void)
{
    struct message m, good;

    report(&good, BENCH_D1);
    record4(&good, TO_EXCLUDE, GROUP, 1, 1);
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
    record4(&m, TO_EXCLUDE, RTE_IPV4(10u, 0, 0, 2), 0, 0); /* the first is not believed either */
    spoiled(&m, DROP_MCAST_INVALID);
    report6(&good, BENCH_D1);
    record(&good, TO_EXCLUDE, group6, 1, 1);
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

    about6(&good, BENCH_D1, MLD_REPORT, group6, group6);
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
    m.b[57] = 200; /* an option that is longer than its header */
    spoiled(&m, DROP_MCAST_INVALID);
    m = good;
    m.b[20] = 60; /* the same options in a destination header */
    spoiled(&m, DROP_MCAST_INVALID);
    about6(&m, BENCH_D1, MLD_REPORT, (uint8_t[16]){ 0xff, 2, [15] = 1 }, group6);
    spoiled(&m, DROP_MCAST_INVALID);
    about6(&m, BENCH_UP1, MLD_REPORT, group6, group6);
    m.b[22] = 0x20; /* a global source */
    spoiled(&m, DROP_MCAST_INVALID);
    about6(&m, BENCH_UP1, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 }, (uint8_t[16]){ 0 });
    memset(m.b + 22, 0, 16); /* a router has an address */
    spoiled(&m, DROP_MCAST_INVALID);
    about6(&m, BENCH_UP1, MLD_QUERY, (uint8_t[16]){ 0xff, 2, [15] = 1 }, (uint8_t[16]){ 0 });
    m.len += 2;
    spoiled(&m, DROP_MALFORMED);
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
    CU_add_test(s, "the table", test_table);
    CU_add_test(s, "igmp that is not believed", test_spoiled_igmp);
    CU_add_test(s, "records that are not believed", test_spoiled_records);
    CU_add_test(s, "mld that is not believed", test_spoiled_mld);
}
