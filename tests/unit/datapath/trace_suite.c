/* Tracing agrees with what happens: random packets are traced, then sent in, and the pipeline has
 * to do what the trace said, by ledger, by what comes out where, and by the rule in the record. */
#include <config.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "acl/table.h"
#include "datapath/conn_tcp.h"
#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/learn.h"
#include "datapath/pipeline.h"
#include "datapath/relation.h"
#include "datapath/trace.h"
#include "tests/unit/datapath/bench.h"
#include "tests/unit/datapath/rig.h"
#include "tests/unit/datapath/suites.h"

enum { HOST = 8, N_HOSTS = 32 }; /* behind the uplinks, even ones behind the first */
enum { LAX, STRICT, CLOSED, N_TABLES };
#define EVERYBODY 0xffffffffffffull
#define VLAN 7

static struct acl_classes *classes;
static struct acl_table *tables[N_TABLES];
static struct trace trace;
static unsigned seen[N_DROP_REASONS], fates[5], trackings[5], rules;

static unsigned
any(unsigned n)
{
    return (unsigned) random() % n;
}

/* ---- the bench ---- */

static struct acl_table *
make_table(const struct acl_table_rule *r, size_t n)
{
    return acl_table_build(r, n, classes, NULL, 9);
}

static int
setup(void)
{
    static const struct acl_range web = { 80, 80 }, dns = { 53, 53 }, no = { 81, 81 },
                                  rst = { 82, 82 }, seen_only = { 83, 83 },
                                  echo = { 8 << 8, 8 << 8 };
    const struct acl_table_rule strict[] = {
        { .dports = &seen_only, .n_dports = 1, .protocol = 6, .audit = true, .slot = 2 },
        { .dports = &no, .n_dports = 1, .protocol = 6, .slot = 3 },
        { .dports = &rst, .n_dports = 1, .protocol = 6, .action = ACL_REJECT, .slot = 4 },
        { .dports = &web, .n_dports = 1, .protocol = 6, .action = ACL_ALLOW, .slot = 5 },
        { .dports = &seen_only, .n_dports = 1, .protocol = 6, .action = ACL_ALLOW, .slot = 5 },
        { .dports = &dns, .n_dports = 1, .protocol = 17, .action = ACL_ALLOW, .slot = 6 },
        { .dports = &echo, .n_dports = 1, .protocol = 1, .action = ACL_ALLOW, .slot = 7 },
    };
    const struct acl_table_rule lax = { .protocol = ACL_PROTO_ANY, .action = ACL_ALLOW, .slot = 1 };

    if (bench_open()) {
        return 1;
    }
    classes = acl_classes_create();
    tables[LAX] = make_table(&lax, 1);
    tables[STRICT] = make_table(strict, RTE_DIM(strict));
    tables[CLOSED] = make_table(&lax, 0);
    bench->conn_quota = 4;
    return 0;
}

static int
teardown(void)
{
    for (int i = 0; i < N_TABLES; i++) {
        acl_table_destroy(tables[i]);
    }
    acl_classes_destroy(classes);
    return bench_close();
}

/* Another policy, a quarantine, a port in another VLAN: what control may publish. */
static void
change_something(void)
{
    static uint64_t trunk[VLAN_COUNT / 64] = { 1u << VLAN };
    static uint32_t epoch = 1, id = 10;
    struct port_leaf *leaf = &bench_leaf[BENCH_D1 + any(BENCH_END - BENCH_D1)];

    if (!any(5)) { /* nobody knows any more where whoever is behind it is */
        fdb_flush_port(BENCH_UP1);
        fdb_set_limit(BENCH_UP1, UINT32_MAX);
    }
    leaf->quarantined = !any(6);
    leaf->epoch = ++epoch;
    if (leaf->role == PORT_UPLINK) {
        leaf->trunks = any(2) ? trunk : NULL;
        leaf->vlan = any(8) ? 0 : VLAN_NONE;
    } else {
        leaf->learns = any(2);
        leaf->audits = !any(6);
        leaf->audits_default = !any(6);
        for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
            leaf->table[i] = any(30) ? tables[any(3) ? LAX : any(N_TABLES)] : NULL;
            leaf->table_id[i] = ++id;
        }
    }
    bench_publish();
}

/* What control does with lessons, short of heeding them. */
static void
go_on(uint32_t now_s)
{
    struct lesson lesson;
    struct drop_record d;

    while (learner_take(bench->learner, &lesson)) {
        if (lesson.held) {
            learner_hand_back(bench->learner, &lesson);
        }
    }
    pipeline_hand_back(bench);
    while (bench_record(&d)) {
    }
    bench_wait(0.2);
    rig_quiesce();
    frag_tick(bench, bench->now);
    conn_sweep(bench->conns, 0, bench->now);
    bench_learn(now_s);
}

/* ---- packets ---- */

static uint8_t
station(void)
{
    static const uint8_t all[] = { BENCH_D1,   BENCH_D1, BENCH_D2, BENCH_D2,
                                   BENCH_MUTE, HOST,     HOST,     HOST + 1 };

    return any(6) ? all[any(RTE_DIM(all))] : HOST + any(N_HOSTS);
}

static struct rte_mbuf *
random_tcp(uint8_t from, uint8_t to)
{
    static const uint8_t flags[] = { TCPF_SYN,
                                     TCPF_SYN,
                                     TCPF_SYN | TCPF_ACK,
                                     TCPF_ACK,
                                     TCPF_FIN | TCPF_ACK,
                                     TCPF_RST,
                                     TCPF_RST | TCPF_ACK,
                                     0,
                                     TCPF_SYN | TCPF_FIN };
    uint16_t a = 1000 + any(2), b = 80 + any(5);
    bool back = any(2);
    struct rte_mbuf *m =
        packet_tcp_data(from, to, back ? b : a, back ? a : b, flags[any(RTE_DIM(flags))], any(3));

    if (!any(12)) { /* a checksum or a number that is wrong */
        rte_pktmbuf_mtod(m, uint8_t *)[any(2) ? 50 : 40]++;
    }
    return m;
}

static struct rte_mbuf *
random_udp(uint8_t from, uint8_t to)
{
    static const uint16_t ports[] = { 53, 53, 54, 68, 67, 4789, 1900 };
    uint16_t a = 1000 + any(2), b = ports[any(RTE_DIM(ports))];
    bool back = any(2);
    struct test_udp u = { TEST_MAC(from),
                          any(6) ? TEST_MAC(to) : EVERYBODY,
                          RTE_IPV4(10u, 0, 0, from),
                          RTE_IPV4(10u, 0, 0, to),
                          back ? b : a,
                          back ? a : b };

    if (b == 67 || b == 68) {
        u.sport = b;
        u.dport = 67 + 68 - b;
    }
    return packet_udp(&u, "12345678", any(9));
}

/* What a desktop asks of a DHCP server, and what it gets. */
static struct rte_mbuf *
random_dhcp(uint8_t from, uint8_t to)
{
    uint8_t d[250] = { any(2) ? 2 : 1, 1, 6 };
    bool reply = d[0] == 2;
    struct test_udp u = { TEST_MAC(from),
                          any(2) ? TEST_MAC(to) : EVERYBODY,
                          reply || any(2) ? RTE_IPV4(10u, 0, 0, from) : 0,
                          reply ? RTE_IPV4(10u, 0, 0, to) : UINT32_MAX,
                          reply ? 67 : 68,
                          reply ? 68 : 67 };

    d[4] = any(2);
    memcpy(d + 16, (uint8_t[]){ 10, 0, 0, reply ? to : 0 }, 4);
    test_store_mac(d + 28, TEST_MAC(reply ? to : from) + !any(6));
    memcpy(d + 236,
           (uint8_t[]){ 0x63, 0x82, 0x53, 0x63, 53, 1, reply ? 5 : 3, 51, 4, 0, 0, 1, 0, 255 }, 14);
    return packet_udp(&u, d, sizeof d);
}

static struct rte_mbuf *
random_icmp(uint8_t from, uint8_t to)
{
    static const uint8_t types[] = { 8, 8, 0, 3, 3, 3, 13, 5 };
    struct rte_mbuf *m = packet_tcp_data(from, to, 1000, 80, TCPF_ACK, 40);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    struct rte_mbuf *quoted = packet_tcp(to, from, 1000 + any(2), 80 + any(2), TCPF_SYN);
    uint8_t *icmp = (uint8_t *) (ip + 1);
    uint16_t sum;

    ip->next_proto_id = IPPROTO_ICMP;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    memset(icmp, 0, 60);
    icmp[0] = types[any(RTE_DIM(types))];
    icmp[5] = 1;
    if (icmp[0] == 3) {
        memcpy(icmp + 8, rte_pktmbuf_mtod_offset(quoted, uint8_t *, 14), 40);
    }
    rte_pktmbuf_free(quoted);
    sum = (uint16_t) ~rte_raw_cksum(icmp, 60);
    memcpy(icmp + 2, &sum, 2);
    return m;
}

static struct acl_addr
link_local(uint8_t station)
{
    return (struct acl_addr){ .b = { 0xfe, 0x80, [15] = station } };
}

/* Echoes, neighbour discovery, listener reports. */
static struct rte_mbuf *
random_icmp6(uint8_t from, uint8_t to)
{
    static const uint8_t types[] = { 128, 129, 133, 134, 135, 135, 136, 137, 130, 131, 1 };
    struct test_ip6 v6 = { TEST_MAC(from),   any(2) ? TEST_MAC(to) : 0x333300000001ull,
                           link_local(from), link_local(to),
                           IPPROTO_ICMPV6,   any(8) ? 255 : 64 };
    uint8_t icmp[48] = { types[any(RTE_DIM(types))] };
    struct acl_addr target = link_local(any(3) ? to : from);

    if (v6.dmac >> 40 == 0x33) {
        v6.dst = (struct acl_addr){ .b = { 0xff, 2, [15] = 1 } };
    }
    if (!any(6)) {
        v6.src = (struct acl_addr){ .b = { 0 } };
    }
    if (icmp[0] >= 130 && icmp[0] <= 131) {
        v6.hop_limit = 1;
        target = (struct acl_addr){ .b = { 0xff, 0x12, [15] = 9 } };
        return packet_ip6(&v6, icmp, 24);
    }
    memcpy(icmp + 8, &target, 16);
    memcpy(icmp + 24, (uint8_t[]){ any(2) + 1, 1 }, 2);
    test_store_mac(icmp + 26, TEST_MAC(any(4) ? from : to));
    return packet_ip6(&v6, icmp, any(8) ? 32 : 16);
}

static struct rte_mbuf *
random_arp(uint8_t from, uint8_t to)
{
    uint8_t p[60] = { [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 + any(2) };

    test_store_mac(p, any(3) ? EVERYBODY : TEST_MAC(to));
    test_store_mac(p + 6, TEST_MAC(from));
    test_store_mac(p + 22, TEST_MAC(any(8) ? from : to));
    memcpy(p + 28, (uint8_t[]){ 10, 0, 0, any(8) ? from : 0 }, 4);
    memcpy(p + 38, (uint8_t[]){ 10, 0, 0, any(6) ? to : from }, 4);
    return packet_raw(p, sizeof p);
}

static struct rte_mbuf *
random_group(uint8_t from)
{
    static const uint32_t groups[] = { RTE_IPV4(239u, 1, 1, 1), RTE_IPV4(224u, 0, 0, 251),
                                       UINT32_MAX };
    uint32_t dst = groups[any(RTE_DIM(groups))];

    return packet_datagram(from,
                           dst == UINT32_MAX ? EVERYBODY : 0x01005e000000ull | (dst & 0x7fffff),
                           dst, any(2) ? 53 : 1900);
}

/* Queries and reports, with a router alert. */
static struct rte_mbuf *
random_igmp(uint8_t from)
{
    bool query = any(2);
    uint32_t dst = query ? RTE_IPV4(224u, 0, 0, 1) : RTE_IPV4(239u, 1, 1, any(3));
    uint8_t p[46] = { [12] = 8, 0, 0x46, 0, 0, 32, [22] = 1, IPPROTO_IGMP, [34] = 0x94, 4, 0, 0 };
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    uint16_t sum;

    test_store_mac(p, 0x01005e000000ull | (dst & 0x7fffff));
    test_store_mac(p + 6, TEST_MAC(from));
    ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10u, 0, 0, from));
    ip->dst_addr = rte_cpu_to_be_32(dst);
    sum = (uint16_t) ~rte_raw_cksum(ip, 24);
    memcpy(&ip->hdr_checksum, &sum, 2);
    p[38] = query ? 0x11 : 0x16;
    if (!query) {
        memcpy(p + 42, &ip->dst_addr, 4);
    }
    sum = (uint16_t) ~rte_raw_cksum(p + 38, 8);
    memcpy(p + 40, &sum, 2);
    return packet_raw(p, sizeof p);
}

static struct rte_mbuf *
random_fragment(uint8_t from, uint8_t to)
{
    static uint16_t id;
    struct rte_mbuf *whole = packet_tcp_data(from, to, 1000, 80, TCPF_SYN, 100), *piece;

    piece = packet_fragment(whole, ++id, any(2) ? 0 : 40, 40);
    rte_pktmbuf_free(whole);
    return piece;
}

static struct rte_mbuf *
random_packet(uint8_t from, uint8_t to)
{
    switch (any(14)) {
    case 0:
        return random_arp(from, to);
    case 1:
        return random_udp(from, to);
    case 2:
        return random_icmp(from, to);
    case 3:
        return random_icmp6(from, to);
    case 4:
        return random_group(from);
    case 5:
        return random_fragment(from, to);
    case 6:
        return random_dhcp(from, to);
    case 7:
        return random_igmp(from);
    default:
        return random_tcp(from, to);
    }
}

static void
put_tag(struct rte_mbuf *m, uint16_t vid)
{
    uint8_t *b = (uint8_t *) rte_pktmbuf_prepend(m, 4);

    memmove(b, b + 4, 12);
    memcpy(b + 12, (uint8_t[]){ any(8) ? 0x81 : 0x88, any(8) ? 0 : 0xa8, vid >> 8, vid & 0xff }, 4);
}

/* Now and then it is tagged, cut short, or has a byte changed. */
static struct rte_mbuf *
spoil(struct rte_mbuf *m)
{
    uint16_t len = rte_pktmbuf_data_len(m);

    if (!any(20)) {
        put_tag(m, any(3) ? VLAN : any(4));
    }
    if (!any(40)) {
        rte_pktmbuf_trim(m, any(len));
    } else if (!any(30)) {
        rte_pktmbuf_mtod(m, uint8_t *)[any(len)] ^= 1 << any(8);
    }
    return m;
}

/* ---- what was said, and what was done ---- */

static bool
nothing_came_out(uint16_t but)
{
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        if (id != but && bench_got[id]) {
            return false;
        }
    }
    return true;
}

static bool
came_out_as_said(void)
{
    unsigned set = 0;

    for (uint16_t i = 0; i < trace.n_to; i++) {
        set |= trace.to[i].lost == N_TX_DROP_REASONS ? BIT(trace.to[i].port) : 0;
    }
    return bench_got_only(set);
}

static bool
dropped_for(const struct ledger_page *before, const struct ledger_page *now,
            enum drop_reason reason)
{
    for (int i = 0; i < N_DROP_REASONS; i++) {
        if (now->drops[i] - before->drops[i] != (i == (int) reason && i)) {
            return false;
        }
    }
    return true;
}

/* The record's rule, where there is one of this very packet. */
static bool
record_agrees(void)
{
    struct drop_record d;

    while (bench_record(&d)) {
        if (d.reason != trace.reason || d.repeat) {
            continue;
        }
        rules++;
        if (trace.stage == TRACE_POLICY ? d.rule_slot != trace.judgement.denial.rule_slot ||
                                              d.peer_port != trace.judgement.denial.peer_port
                                        : d.rule_slot != UINT32_MAX) {
            return false;
        }
    }
    return true;
}

static bool
agrees(const struct ledger_page *before, const struct ledger_page *now, uint16_t from)
{
    uint64_t held = now->held - before->held;

    if (trace.fragment || (trace.fate == TRACE_HELD && trace.stage == TRACE_FRAGMENT)) {
        return trace.fate == TRACE_DROPPED && trace.stage <= TRACE_GUARD && !held
                   ? now->drops[trace.reason] - before->drops[trace.reason] == 1
                   : held == 1 && nothing_came_out(0);
    }
    switch (trace.fate) {
    case TRACE_DROPPED: /* a reject is answered */
        return dropped_for(before, now, trace.reason) && record_agrees() &&
               ((trace.judged && trace.judgement.reject) || nothing_came_out(0));
    case TRACE_FORWARDED:
        return dropped_for(before, now, DROP_NONE) && came_out_as_said();
    case TRACE_ANSWERED:
        return now->consumed - before->consumed == 1 && bench_got[from] == 1 &&
               nothing_came_out(from) && now->probes - before->probes == trace.probe;
    case TRACE_CONSUMED:
        return now->consumed - before->consumed == 1 && nothing_came_out(0);
    case TRACE_HELD:
    default:
        return held == 1 && nothing_came_out(0);
    }
}

/* Everything that a trace could have changed: counters of connections and ports, and what workers
 * have to tell. */
struct state {
    struct ledger_page pages[BENCH_END];
    uint32_t n_conns;
    uint64_t relations;
    bool lessons;
};

static uint64_t
relations_digest(void)
{
    uint64_t digest = 0;

    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        for (int i = 0; i < RELATIONS_PER_PORT; i++) {
            const struct relation *r = &bench->relations->slot[id][i];

            digest = (digest * 31 + r->key) * 31 + r->until;
        }
    }
    return digest;
}

static void
look_at(struct state *s)
{
    memset(s, 0, sizeof *s);
    memcpy(s->pages, bench->ledger.pages, sizeof s->pages);
    s->n_conns = conn_table_count(bench->conns);
    s->relations = relations_digest();
    s->lessons = learn_is_handed_back(bench->learner);
}

static void
say(unsigned i, uint16_t from)
{
    printf("packet %u from port %u: fate %d, stage %d, reason %s, tracking %d\n", i, from,
           trace.fate, trace.stage, drop_reason_name(trace.reason), trace.tracking);
}

static void
trace_and_send(unsigned i)
{
    uint8_t station_from = station();
    uint16_t uplink = BENCH_UP1 + (any(20) ? station_from % 2 : any(2));
    uint16_t from = station_from >= HOST || !any(30) ? uplink : station_from;
    struct rte_mbuf *m = spoil(random_packet(any(40) ? station_from : station(), station()));
    struct rte_mbuf *copy = rte_pktmbuf_copy(m, test_pool, 0, UINT32_MAX);
    struct state before, after;
    bool good;

    look_at(&before);
    trace_run(bench, &bench_leaf[from], bench_leaf[from].vlan, false, copy, &trace);
    look_at(&after);
    rte_pktmbuf_free(copy);
    CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof before), 0);
    bench_send(from, m);
    good = agrees(&before.pages[from], &bench->ledger.pages[from], from);
    CU_ASSERT_TRUE(good);
    if (!good) {
        say(i, from);
    }
    seen[trace.reason] += !trace.fragment;
    fates[trace.fate]++;
    trackings[trace.tracking]++;
}

static void
test_agreement(void)
{
    static const enum drop_reason reasons[] = {
        DROP_MALFORMED,      DROP_ETHERTYPE,
        DROP_VLAN,           DROP_SPOOF_MAC,
        DROP_SPOOF_IP,       DROP_SPOOF_ARP,
        DROP_SPOOF_ND,       DROP_SPOOF_DHCP,
        DROP_DHCP_SERVER,    DROP_RA,
        DROP_QUARANTINE,     DROP_QUARANTINE_PEER,
        DROP_EGRESS_RULE,    DROP_EGRESS_DEFAULT,
        DROP_INGRESS_RULE,   DROP_INGRESS_DEFAULT,
        DROP_NO_POLICY,      DROP_TCP_STATE,
        DROP_TCP_FLAGS,      DROP_TCP_SEQUENCE,
        DROP_ICMP_UNRELATED, DROP_CONN_QUOTA,
        DROP_NO_DESTINATION, DROP_HAIRPIN,
        DROP_CSUM,           DROP_MCAST_QUERY,
    };

    srandom(7);
    memset(seen, 0, sizeof seen);
    for (unsigned i = 0; i < 60000; i++) {
        if (!any(25)) {
            change_something();
        }
        trace_and_send(i);
        go_on(i / 100);
    }
    for (size_t i = 0; i < RTE_DIM(reasons); i++) {
        CU_ASSERT(seen[reasons[i]] > 3);
        if (seen[reasons[i]] <= 3) {
            printf("%s: seen %u times\n", drop_reason_name(reasons[i]), seen[reasons[i]]);
        }
    }
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(fates[i] > 3 && trackings[i] > 3);
    }
    CU_ASSERT(rules > 1000);
}

/* ---- frames that are not all there ---- */

static void
trace_frame(uint16_t from, bool fill, struct rte_mbuf *m)
{
    trace_run(bench, &bench_leaf[from], bench_leaf[from].vlan, fill, m, &trace);
    rte_pktmbuf_free(m);
}

static void
test_fill(void)
{
    struct rte_mbuf *m = packet_tcp(BENCH_D1, BENCH_D2, 1000, 80, TCPF_SYN);

    rte_pktmbuf_mtod(m, uint8_t *)[50]++;
    rte_mbuf_refcnt_update(m, 1);
    trace_frame(BENCH_D1, false, m);
    CU_ASSERT_EQUAL(trace.reason, DROP_CSUM);
    CU_ASSERT_EQUAL(trace.stage, TRACE_CONNECTION);
    trace_frame(BENCH_D1, true, m);
    CU_ASSERT_EQUAL(trace.fate, TRACE_FORWARDED);
    CU_ASSERT_EQUAL(trace.tracking, TRACE_OPENS);
    CU_ASSERT_EQUAL(trace.to[0].port, BENCH_D2);
}

/* What the first fragment says of its datagram. */
static void
test_first_fragment(void)
{
    struct rte_mbuf *whole = packet_tcp_data(BENCH_MUTE, BENCH_D2, 1000, 80, TCPF_SYN, 100);

    trace_frame(BENCH_MUTE, false, packet_fragment(whole, 1, 0, 40));
    CU_ASSERT_TRUE(trace.fragment);
    CU_ASSERT_EQUAL(trace.fate, TRACE_DROPPED);
    CU_ASSERT_EQUAL(trace.reason, DROP_EGRESS_DEFAULT);
    CU_ASSERT_EQUAL(trace.pkt.dport, 80);
    trace_frame(BENCH_MUTE, false, packet_fragment(whole, 1, 40, 40));
    CU_ASSERT_FALSE(trace.fragment);
    CU_ASSERT_EQUAL(trace.fate, TRACE_HELD);
    rte_pktmbuf_free(whole);
}

static CU_TestInfo tests[] = {
    { "a checksum that is filled in", test_fill },
    { "the first fragment speaks for its datagram", test_first_fragment },
    { "what is said is what is done", test_agreement },
    CU_TEST_INFO_NULL,
};

void
suite_trace(void)
{
    CU_SuiteInfo suites[] = {
        { .pName = "trace", .pInitFunc = setup, .pCleanupFunc = teardown, .pTests = tests },
        CU_SUITE_INFO_NULL
    };

    CU_register_suites(suites);
}
