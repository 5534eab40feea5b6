/* VLANs: two of them that use the same addresses, an access port each way, and trunks. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/learn.h"
#include "datapath/output.h"
#include "datapath/pipeline.h"
#include "datapath/vlan.h"
#include "tests/unit/datapath/rig.h"
#include "tests/unit/datapath/suites.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10
#define UNTAGGED (-1)
#define SERVER 9 /* behind the trunk, in VLANs 10 and 20 */
#define N_BINDINGS 32

/* A10 and A20 have the MAC and the address of 1; B10 and B20 the address of 2, and MACs of their
 * own.  TRUNK carries VLAN 0 untagged, 10 and 20 tagged; UP10 is an access port; TAGGED carries 20
 * and nothing untagged. */
enum { NONE, A10, B10, A20, B20, TRUNK, UP10, TAGGED, N_PORTS };

/* What came out of a port: how many frames, and of the last one its tag, length and L4 checksum. */
struct seen {
    int n, tag;
    uint16_t len;
    bool sum_holds;
    uint8_t frame[128];
};

static struct box boxes[N_PORTS];
static struct seen seen[N_PORTS];
static struct port_leaf leaves[N_PORTS];
static struct acl_addr addrs[N_PORTS][2];
static uint64_t trunk_bits[VLAN_COUNT / 64], tagged_bits[VLAN_COUNT / 64];
static struct binding bindings[N_BINDINGS];
static struct snapshot snap;
static struct worker *w;
static struct acl_classes *classes;
static struct acl_table *allow_80;

/* ---- the world ---- */

static struct port_leaf *
make_port(uint16_t id, enum port_role role, uint16_t vlan)
{
    box_init(&boxes[id], id);
    leaves[id] = (struct port_leaf){
        .port = &boxes[id].port, .id = id, .role = role, .epoch = 1, .vlan = vlan
    };
    snap.ports[id] = &leaves[id];
    snap.port_ids[snap.n_ports++] = id;
    return &leaves[id];
}

static void
make_desktop(uint16_t id, uint16_t vlan, uint8_t mac, uint8_t address)
{
    struct port_leaf *leaf = make_port(id, PORT_DESKTOP, vlan);

    addrs[id][0] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + address));
    addrs[id][1] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + mac));
    leaf->mac = TEST_MAC(mac);
    leaf->addrs = addrs[id];
    leaf->n_addrs = mac == address ? 1 : 2;
    leaf->table[ACL_EGRESS] = leaf->table[ACL_INGRESS] = allow_80;
    for (uint16_t i = 0; i < leaf->n_addrs; i++) {
        rig_bind(bindings, N_BINDINGS - 1, leaf, &addrs[id][i]);
    }
    fdb_bind(leaf->mac, vlan, id);
}

static void
make_ports(void)
{
    make_desktop(A10, 10, 1, 1);
    make_desktop(B10, 10, 2, 2);
    make_desktop(A20, 20, 1, 1);
    make_desktop(B20, 20, 4, 2);
    trunk_bits[0] = 1ull << 10 | 1ull << 20;
    tagged_bits[0] = 1ull << 20;
    make_port(TRUNK, PORT_UPLINK, 0)->trunks = trunk_bits;
    make_port(UP10, PORT_UPLINK, 10);
    make_port(TAGGED, PORT_UPLINK, VLAN_NONE)->trunks = tagged_bits;
    fdb_bind(TEST_MAC(SERVER), 10, TRUNK);
    fdb_bind(TEST_MAC(SERVER), 20, TRUNK);
    snap.generation = 1;
    snap.bindings = bindings;
    snap.bindings_mask = N_BINDINGS - 1;
    w->snapshot = &snap;
}

static int
setup(void)
{
    struct acl_range range = { 80, 80 };
    struct acl_table_rule rule = { .dports = &range,
                                   .n_dports = 1,
                                   .protocol = 6,
                                   .action = ACL_ALLOW,
                                   .log = ACL_LOG_NONE,
                                   .slot = 1 };

    w = rig_worker_create(64);
    if (!w) {
        return 1;
    }
    classes = acl_classes_create();
    allow_80 = acl_table_build(&rule, 1, classes, NULL, 0);
    rig_unbind_all(bindings, N_BINDINGS - 1);
    make_ports();
    return 0;
}

static int
teardown(void)
{
    rig_worker_destroy(w);
    acl_table_destroy(allow_80);
    acl_classes_destroy(classes);
    return 0;
}

/* ---- frames ---- */

static struct rte_mbuf *
tagged(struct rte_mbuf *m, uint16_t tpid, uint16_t tci)
{
    uint16_t tag[2] = { rte_cpu_to_be_16(tpid), rte_cpu_to_be_16(tci) };
    uint8_t *data;

    CU_ASSERT_PTR_NOT_NULL_FATAL(rte_pktmbuf_prepend(m, 4));
    data = rte_pktmbuf_mtod(m, uint8_t *);
    memmove(data, data + 4, 12);
    memcpy(data + 12, tag, sizeof tag);
    return m;
}

static struct rte_mbuf *
q(struct rte_mbuf *m, uint16_t tci)
{
    return tagged(m, 0x8100, tci);
}

static struct rte_mbuf *
syn(uint8_t from, uint8_t to, uint16_t sport)
{
    return packet_tcp(from, to, sport, 80, TCP_SYN);
}

static bool
tcp_sum_holds(struct rte_ipv4_hdr *ip)
{
    struct rte_tcp_hdr *tcp = (void *) (ip + 1);
    uint16_t sum = tcp->cksum;

    tcp->cksum = 0;
    return rte_ipv4_udptcp_cksum(ip, tcp) == sum;
}

static void
look_at(struct seen *s, struct rte_mbuf *m)
{
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
    uint16_t l3 = 14;

    s->n++;
    s->len = rte_pktmbuf_pkt_len(m);
    s->tag = UNTAGGED;
    if (data[12] == 0x81 && data[13] == 0) {
        s->tag = data[14] << 8 | data[15];
        l3 += 4;
    }
    if (data[l3 - 2] == 8 && data[l3 - 1] == 0) {
        s->sum_holds = tcp_sum_holds((void *) (data + l3));
    }
    memcpy(s->frame, data, RTE_MIN(s->len, sizeof s->frame));
}

/* What lies in the boxes is seen, and freed; the books balance. */
static void
collect(void)
{
    memset(seen, 0, sizeof seen);
    for (uint16_t b = A10; b < N_PORTS; b++) {
        for (uint16_t i = 0; i < boxes[b].n; i++) {
            look_at(&seen[b], boxes[b].m[i]);
        }
        box_empty(&boxes[b]);
        CU_ASSERT_EQUAL(ledger_page_ingress_difference(&w->ledger.pages[b]), 0);
        CU_ASSERT_EQUAL(ledger_page_egress_difference(&w->ledger.pages[b]), 0);
    }
}

static void
send_in(uint16_t id, struct rte_mbuf *m)
{
    w->now = rte_rdtsc();
    pipeline_run(w, &leaves[id], &m, 1);
    collect();
}

static uint64_t
drops(uint16_t id, enum drop_reason reason)
{
    return w->ledger.pages[id].drops[reason];
}

/* One frame came out at 'id', with this tag, and nothing anywhere else. */
static void
expect_only(uint16_t id, int tag)
{
    for (uint16_t b = A10; b < N_PORTS; b++) {
        CU_ASSERT_EQUAL(seen[b].n, b == id);
    }
    CU_ASSERT_EQUAL(seen[id].tag, tag);
}

/* 'm' from 'id' is dropped for 'reason', and comes out nowhere. */
static void
expect_drop(uint16_t id, struct rte_mbuf *m, enum drop_reason reason)
{
    uint64_t before = drops(id, reason);

    send_in(id, m);
    CU_ASSERT_EQUAL(drops(id, reason), before + 1);
    for (uint16_t b = A10; b < N_PORTS; b++) {
        CU_ASSERT_EQUAL(seen[b].n, 0);
    }
}

/* ---- tags on the way in ---- */

static void
test_access_port(void)
{
    struct drop_record d;

    send_in(A10, syn(1, 2, 1000));
    expect_only(B10, UNTAGGED);
    while (drop_ring_pop(&w->recorder.ring, &d)) {
    }
    expect_drop(A10, q(syn(1, 2, 1000), 20), DROP_VLAN);
    CU_ASSERT_TRUE_FATAL(drop_ring_pop(&w->recorder.ring, &d));
    CU_ASSERT_EQUAL(d.vlan, 10);
    CU_ASSERT_EQUAL(d.bytes[15], 20); /* the tag is evidence */
    expect_drop(A10, q(syn(1, 2, 1000), 10), DROP_VLAN);
    expect_drop(A10, q(syn(1, 2, 1000), 4095), DROP_VLAN);
    expect_drop(UP10, q(syn(SERVER, 2, 1000), 10), DROP_VLAN);
    /* A priority tag: no VLAN is named (802.1Q-2018, 6.9); priority and DEI say nothing to us. */
    send_in(A10, q(syn(1, 2, 1000), 0xf000));
    expect_only(B10, UNTAGGED);
    CU_ASSERT_EQUAL(seen[B10].len, 54);
    CU_ASSERT_TRUE(seen[B10].sum_holds);
    send_in(A10, q(packet_arp_request(1, 2), 0));
    expect_only(A10, UNTAGGED);
}

static void
test_second_tags(void)
{
    static const uint16_t types[] = { 0x8100, 0x88a8, 0x9100 };
    struct drop_record d;

    /* Both tags are evidence. */
    expect_drop(B10, q(q(syn(2, 1, 1000), 20), 0), DROP_VLAN);
    CU_ASSERT_TRUE_FATAL(drop_ring_pop(&w->recorder.ring, &d));
    CU_ASSERT_EQUAL(d.bytes[12], 0x81);
    CU_ASSERT_EQUAL(d.bytes[16], 0x81);
    for (int i = 0; i < 3; i++) {
        if (i) { /* never first */
            expect_drop(A10, tagged(syn(1, 2, 1000), types[i], 0), DROP_VLAN);
            expect_drop(TRUNK, tagged(syn(SERVER, 2, 1000), types[i], 10), DROP_VLAN);
        }
        /* Never behind another, whichever VLANs they name. */
        for (int inner = 0; inner <= 20; inner += 10) {
            expect_drop(A10, q(tagged(syn(1, 2, 1000), types[i], inner), 0), DROP_VLAN);
            expect_drop(A10, q(tagged(syn(1, 2, 1000), types[i], inner), 10), DROP_VLAN);
            expect_drop(TRUNK, q(tagged(syn(SERVER, 2, 1000), types[i], inner), 10), DROP_VLAN);
            expect_drop(TRUNK, q(tagged(syn(SERVER, 2, 1000), types[i], inner), 0), DROP_VLAN);
        }
    }
}

static void
test_cut_short(void)
{
    uint8_t frame[18] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 0, 8, 0 };

    for (size_t n = 14; n < sizeof frame; n++) {
        expect_drop(A10, packet_raw(frame, n), DROP_MALFORMED);
    }
    expect_drop(A10, packet_raw(frame, sizeof frame), DROP_MALFORMED); /* no IPv4 header */
    frame[16] = 0x88;
    frame[17] = 0xcc;
    expect_drop(A10, packet_raw(frame, sizeof frame), DROP_ETHERTYPE);
}

static void
test_trunk(void)
{
    uint64_t bytes = w->ledger.pages[TRUNK].received_bytes;

    send_in(TRUNK, q(syn(SERVER, 2, 1100), 10));
    expect_only(B10, UNTAGGED);
    CU_ASSERT_EQUAL(w->ledger.pages[TRUNK].received_bytes, bytes + 58); /* as on the wire */
    send_in(TRUNK, q(syn(SERVER, 4, 1100), 0xa000 | 20));
    expect_only(B20, UNTAGGED);
    expect_drop(TRUNK, q(syn(SERVER, 2, 1100), 11), DROP_VLAN);
    expect_drop(TRUNK, q(syn(SERVER, 2, 1100), 4095), DROP_VLAN);
    /* What is untagged is in VLAN 0, where no desktop is, nor another uplink. */
    expect_drop(TRUNK, syn(SERVER, 2, 1100), DROP_NO_DESTINATION);
    expect_drop(TRUNK, q(syn(SERVER, 2, 1100), 0), DROP_NO_DESTINATION);
    /* In a native VLAN of its own the tag of that is refused. */
    leaves[TRUNK].vlan = 10;
    send_in(TRUNK, syn(SERVER, 2, 1101));
    expect_only(B10, UNTAGGED);
    send_in(TRUNK, q(syn(SERVER, 2, 1101), 0));
    expect_only(B10, UNTAGGED);
    expect_drop(TRUNK, q(syn(SERVER, 2, 1101), 10), DROP_VLAN);
    leaves[TRUNK].vlan = 0;
}

static void
test_no_untagged(void)
{
    expect_drop(TAGGED, syn(8, 4, 1150), DROP_VLAN);
    expect_drop(TAGGED, q(syn(8, 4, 1150), 0), DROP_VLAN);
    expect_drop(TAGGED, packet_arp_request(8, 2), DROP_VLAN);
    expect_drop(TAGGED, q(syn(8, 2, 1150), 10), DROP_VLAN);
    send_in(TAGGED, q(syn(8, 4, 1150), 20));
    expect_only(B20, UNTAGGED);
}

/* A kernel's partial checksum behind a tag. */
static void
test_partial_checksum(void)
{
    struct rte_mbuf *m = syn(SERVER, 2, 1160);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

    ((struct rte_tcp_hdr *) (ip + 1))->cksum = rte_ipv4_phdr_cksum(ip, 0);
    m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
    send_in(TRUNK, q(m, 10));
    expect_only(B10, UNTAGGED);
    CU_ASSERT_TRUE(seen[B10].sum_holds);
}

/* ---- no packet leaves its VLAN ---- */

static void
test_other_vlan(void)
{
    /* To a MAC of VLAN 20, which is allowed by policy: it goes where unknown ones go. */
    send_in(A10, syn(1, 4, 1200));
    CU_ASSERT_EQUAL(seen[B20].n, 0);
    CU_ASSERT_EQUAL(seen[TRUNK].n, 1);
    CU_ASSERT_EQUAL(seen[TRUNK].tag, 10);
    CU_ASSERT_EQUAL(seen[UP10].n, 1);
    CU_ASSERT_EQUAL(seen[UP10].tag, UNTAGGED);
    CU_ASSERT_EQUAL(seen[TAGGED].n, 0);
    /* From an uplink, too: VLAN 20's MAC is unknown in 10. */
    send_in(TRUNK, q(syn(SERVER, 4, 1200), 10));
    expect_only(UP10, UNTAGGED);
    /* A station of 20 may have the MAC of a desktop in 10, and in 10 it may not. */
    send_in(TRUNK, q(packet_tcp(2, 4, 1200, 80, TCP_SYN), 20));
    expect_only(B20, UNTAGGED);
    expect_drop(TRUNK, q(packet_tcp(2, 1, 1200, 80, TCP_SYN), 10), DROP_SPOOF_MAC);
}

/* The last check, whoever chose the port. */
static void
test_output_keeps_vlans(void)
{
    uint64_t lost = w->ledger.pages[B20].tx_drops[TX_DROP_VLAN];

    output_packet(w, &leaves[A10], &leaves[B20], syn(1, 4, 1250), 10, OUTPUT_PACKET);
    output_packet(w, &leaves[A10], &leaves[TAGGED], syn(1, 4, 1250), 10, OUTPUT_PACKET);
    output_packet(w, &leaves[A10], &leaves[TAGGED], syn(1, 4, 1250), 0, OUTPUT_PACKET);
    output_flush(w);
    collect();
    expect_only(NONE, 0);
    CU_ASSERT_EQUAL(w->ledger.pages[B20].tx_drops[TX_DROP_VLAN], lost + 1);
    CU_ASSERT_EQUAL(w->ledger.pages[TAGGED].tx_drops[TX_DROP_VLAN], 2);
}

/* The same connection in both VLANs, numbers and all. */
static void
test_same_addresses(void)
{
    send_in(A10, syn(1, SERVER, 1300));
    expect_only(TRUNK, 10);
    CU_ASSERT_EQUAL(seen[TRUNK].len, 58);
    CU_ASSERT_EQUAL(seen[TRUNK].frame[5], SERVER);
    CU_ASSERT_EQUAL(seen[TRUNK].frame[11], 1);
    CU_ASSERT_TRUE(seen[TRUNK].sum_holds);
    /* The answer is one in VLAN 10 only. */
    expect_drop(TRUNK, q(packet_tcp(SERVER, 1, 80, 1300, TCP_SYN | TCP_ACK), 20),
                DROP_INGRESS_DEFAULT);
    expect_drop(TRUNK, packet_tcp(SERVER, 1, 80, 1300, TCP_SYN | TCP_ACK), DROP_TCP_STATE);
    send_in(TRUNK, q(packet_tcp(SERVER, 1, 80, 1300, TCP_SYN | TCP_ACK), 10));
    expect_only(A10, UNTAGGED);
    send_in(A20, syn(1, SERVER, 1300));
    expect_only(TRUNK, 20);
    send_in(TRUNK, q(packet_tcp(SERVER, 1, 80, 1300, TCP_SYN | TCP_ACK), 20));
    expect_only(A20, UNTAGGED);
}

static void
test_arp(void)
{
    uint64_t probes = w->ledger.pages[A10].probes;

    send_in(A10, packet_arp_request(1, 2));
    expect_only(A10, UNTAGGED);
    CU_ASSERT_EQUAL(seen[A10].frame[27], 2);
    send_in(A20, packet_arp_request(1, 2));
    expect_only(A20, UNTAGGED);
    CU_ASSERT_EQUAL(seen[A20].frame[27], 4);
    send_in(TRUNK, q(packet_arp_request(SERVER, 2), 20));
    expect_only(TRUNK, 20);
    CU_ASSERT_EQUAL(seen[TRUNK].frame[31], 4);
    CU_ASSERT_EQUAL(w->ledger.pages[A10].probes, probes);
    /* Nobody has the address in VLAN 0, nor 10.0.0.4 in VLAN 10; uplinks may know. */
    send_in(TRUNK, packet_arp_request(SERVER, 2));
    expect_only(NONE, 0);
    send_in(UP10, packet_arp_request(SERVER, 4));
    expect_only(TRUNK, 10);
    /* An address of VLAN 20 may be claimed in 10, where 10.0.0.2's may not. */
    expect_drop(UP10, packet_arp_request(2, 4), DROP_SPOOF_MAC);
    send_in(UP10, packet_arp_request(4, 77));
    expect_only(TRUNK, 10);
}

/* A gateway that tells everyone where it is tells its VLAN. */
static void
test_flood(void)
{
    send_in(TRUNK, q(packet_arp_request(SERVER, SERVER), 10));
    for (uint16_t id = A10; id < N_PORTS; id++) {
        CU_ASSERT_EQUAL(seen[id].n, id == A10 || id == B10 || id == UP10);
    }
    send_in(UP10, packet_arp_request(8, 8));
    for (uint16_t id = A10; id < N_PORTS; id++) {
        CU_ASSERT_EQUAL(seen[id].n, id == A10 || id == B10 || id == TRUNK);
    }
    CU_ASSERT_EQUAL(seen[TRUNK].tag, 10);
    CU_ASSERT_EQUAL(seen[A10].tag, UNTAGGED);
    send_in(TAGGED, q(packet_arp_request(8, 8), 20));
    for (uint16_t id = A10; id < N_PORTS; id++) {
        CU_ASSERT_EQUAL(seen[id].n, id == A20 || id == B20 || id == TRUNK);
    }
    CU_ASSERT_EQUAL(seen[TRUNK].tag, 20);
}

/* Halves of a datagram from two VLANs are none. */
static void
test_fragments(void)
{
    struct rte_mbuf *whole = packet_tcp_data(SERVER, 2, 1400, 80, TCP_SYN, 44);
    struct drop_record d;

    send_in(TRUNK, q(packet_fragment(whole, 7, 0, 24), 10));
    send_in(TRUNK, q(packet_fragment(whole, 7, 24, 40), 20));
    expect_only(NONE, 0);
    send_in(TRUNK, q(packet_fragment(whole, 7, 24, 40), 10));
    CU_ASSERT_EQUAL(seen[B10].n, 2);
    CU_ASSERT_EQUAL(seen[B10].tag, UNTAGGED);
    frag_tick(w, rte_rdtsc() + (FRAG_SECONDS + 1) * rte_get_tsc_hz());
    rte_pktmbuf_free(whole);
    whole = packet_tcp_data(1, SERVER, 1401, 80, TCP_SYN, 44);
    send_in(A20, packet_fragment(whole, 8, 0, 24));
    send_in(A20, packet_fragment(whole, 8, 24, 40));
    CU_ASSERT_EQUAL(seen[TRUNK].n, 2);
    CU_ASSERT_EQUAL(seen[TRUNK].tag, 20);
    rte_pktmbuf_free(whole);
    while (drop_ring_pop(&w->recorder.ring, &d)) {
    }
}

/* "Port unreachable" about a packet that 1 sent in one VLAN, come in another. */
static struct rte_mbuf *
unreachable(uint16_t sport)
{
    struct rte_mbuf *m = packet_tcp(SERVER, 1, 0, 0, 0), *quoted = syn(1, SERVER, sport);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    uint8_t *icmp = (uint8_t *) (ip + 1);
    uint16_t sum;

    rte_pktmbuf_append(m, 8 + 28 - 20);
    memset(icmp, 0, 8 + 28);
    icmp[0] = 3;
    icmp[1] = 3;
    memcpy(icmp + 8, rte_pktmbuf_mtod_offset(quoted, uint8_t *, 14), 28);
    sum = ~rte_raw_cksum(icmp, 36);
    memcpy(icmp + 2, &sum, sizeof sum);
    ip->next_proto_id = 1;
    ip->total_length = RTE_BE16(20 + 36);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    rte_pktmbuf_free(quoted);
    return m;
}

static void
test_icmp_errors(void)
{
    send_in(A10, syn(1, SERVER, 1500));
    expect_only(TRUNK, 10);
    expect_drop(TRUNK, q(unreachable(1500), 20), DROP_ICMP_UNRELATED);
    send_in(TRUNK, q(unreachable(1500), 10));
    expect_only(A10, UNTAGGED);
}

static void
test_reject(void)
{
    struct acl_table_rule rule = { .protocol = 6, .action = ACL_REJECT, .slot = 2 };
    struct acl_table *reject = acl_table_build(&rule, 1, classes, NULL, 0);

    leaves[B20].table[ACL_INGRESS] = reject;
    send_in(TRUNK, q(syn(SERVER, 4, 1600), 20));
    expect_only(TRUNK, 20);
    CU_ASSERT_EQUAL(seen[TRUNK].frame[4 + 47], 0x14); /* a reset */
    leaves[B20].table[ACL_INGRESS] = allow_80;
    acl_table_destroy(reject);
}

/* Groups of addresses are a VLAN's own, like the addresses. */
static void
test_classes(void)
{
    uint32_t group = 0;
    struct acl_range range = { 80, 80 };
    struct acl_table_rule rule = { .peer_groups = &group,
                                   .n_peer_groups = 1,
                                   .dports = &range,
                                   .n_dports = 1,
                                   .protocol = 6,
                                   .action = ACL_ALLOW,
                                   .slot = 3 };
    struct acl_member member = { { addrs[A10][0], 128 }, 0 };
    struct acl_classmap *with = acl_classmap_build(classes, NULL, &member, 1);
    struct acl_classmap *without = acl_classmap_build(classes, NULL, NULL, 0);
    struct acl_table *members_only = acl_table_build(&rule, 1, classes, NULL, 0);
    const struct acl_classmap *maps[VLAN_COUNT] = { [10] = with, [20] = without };

    snap.classes = with;
    snap.vlan_classes = maps;
    snap.generation++;
    leaves[B10].table[ACL_INGRESS] = leaves[B20].table[ACL_INGRESS] = members_only;
    send_in(A10, syn(1, 2, 1700));
    expect_only(B10, UNTAGGED);
    expect_drop(A20, syn(1, 4, 1700), DROP_INGRESS_DEFAULT);
    send_in(TRUNK, q(packet_arp_request(SERVER, 2), 20));
    expect_only(TRUNK, 20);
    /* Once it is not a member any more, what it opened ends. */
    maps[20] = with;
    snap.generation++;
    send_in(A10, syn(1, 2, 1700));
    expect_only(B10, UNTAGGED);
    maps[10] = without;
    snap.generation++;
    expect_drop(A10, syn(1, 2, 1700), DROP_INGRESS_DEFAULT);
    leaves[B10].table[ACL_INGRESS] = leaves[B20].table[ACL_INGRESS] = allow_80;
    snap.classes = NULL;
    snap.vlan_classes = NULL;
    snap.generation++;
    acl_table_destroy(members_only);
    acl_classmap_destroy(with);
    acl_classmap_destroy(without);
}

/* ---- tags on the way out ---- */

/* The MTU is of what the tag does not belong to. */
static void
test_mtu(void)
{
    uint64_t lost = w->ledger.pages[TRUNK].tx_drops[TX_DROP_TOO_LONG];

    send_in(A10, packet_tcp_data(1, SERVER, 1800, 80, TCP_SYN, 1460));
    expect_only(TRUNK, 10);
    CU_ASSERT_EQUAL(seen[TRUNK].len, 1518);
    send_in(TRUNK, q(packet_tcp_data(SERVER, 2, 1800, 80, TCP_SYN, 1460), 10));
    expect_only(B10, UNTAGGED);
    CU_ASSERT_EQUAL(seen[B10].len, 1514);
    send_in(A10, packet_tcp_data(1, SERVER, 1801, 80, TCP_SYN, 1461));
    expect_only(NONE, 0);
    CU_ASSERT_EQUAL(w->ledger.pages[TRUNK].tx_drops[TX_DROP_TOO_LONG], lost + 1);
}

static void
test_shared_buffers(void)
{
    struct rte_mbuf *m = syn(1, SERVER, 1900), *clone = rte_pktmbuf_clone(m, test_pool);
    struct rte_mempool *empty = rte_pktmbuf_pool_create("none", 1, 0, 0, 2048, SOCKET_ID_ANY);
    struct rte_mbuf *last = rte_pktmbuf_alloc(empty);
    const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
    uint64_t lost = w->ledger.pages[TRUNK].tx_drops[TX_DROP_NO_BUFFER];

    /* The owner of shared bytes keeps them as they are, whichever of the two is sent. */
    output_packet(w, &leaves[A10], &leaves[TRUNK], clone, 10, OUTPUT_PACKET);
    output_flush(w);
    collect();
    expect_only(TRUNK, 10);
    CU_ASSERT_EQUAL(data[11], 1); /* where the tag would be */
    rte_mbuf_refcnt_set(m, 2);
    output_packet(w, &leaves[A10], &leaves[TRUNK], m, 20, OUTPUT_PACKET);
    output_flush(w);
    collect();
    expect_only(TRUNK, 20);
    CU_ASSERT_EQUAL(data[11], 1); /* where the tag would be */
    CU_ASSERT_EQUAL(rte_mbuf_refcnt_read(m), 1);
    /* No room before the frame. */
    m->data_off = 0;
    output_packet(w, &leaves[A10], &leaves[TRUNK], m, 20, OUTPUT_PACKET);
    output_flush(w);
    collect();
    expect_only(TRUNK, 20);
    /* ... and none for a copy. */
    m = syn(1, SERVER, 1901);
    m->data_off = 0;
    w->pool = empty;
    output_packet(w, &leaves[A10], &leaves[TRUNK], m, 20, OUTPUT_PACKET);
    output_flush(w);
    w->pool = test_pool;
    collect();
    expect_only(NONE, 0);
    CU_ASSERT_EQUAL(w->ledger.pages[TRUNK].tx_drops[TX_DROP_NO_BUFFER], lost + 1);
    rte_pktmbuf_free(last);
    rte_mempool_free(empty);
}

/* One flow in two VLANs is two, also in what is recorded of it. */
static void
test_records(void)
{
    struct drop_record d;

    while (drop_ring_pop(&w->recorder.ring, &d)) {
    }
    for (uint16_t vlan = 10; vlan <= 20; vlan += 10) {
        expect_drop(TRUNK, q(packet_tcp(SERVER, 1, 2100, 443, TCP_SYN), vlan),
                    DROP_INGRESS_DEFAULT);
        CU_ASSERT_TRUE_FATAL(drop_ring_pop(&w->recorder.ring, &d));
        CU_ASSERT_EQUAL(d.vlan, vlan);
        CU_ASSERT_EQUAL(d.peer_port, vlan == 10 ? A10 : A20);
    }
}

/* A DHCP message between station 1 and the server (RFC 2131, figure 1), with its type and a lease.
 */
static struct rte_mbuf *
dhcp(bool reply, uint8_t type)
{
    static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 51, 4, 0, 0, 1, 0, 255 };
    struct rte_mbuf *m = reply ? packet_tcp(SERVER, 1, 0, 0, 0) : packet_tcp(1, SERVER, 0, 0, 0);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    struct rte_udp_hdr *udp = (void *) (ip + 1);
    uint8_t *b = (uint8_t *) (udp + 1);
    uint16_t len = sizeof *udp + 236 + sizeof options + 3;

    rte_pktmbuf_append(m, len - 20);
    memset(udp, 0, len);
    udp->src_port = reply ? RTE_BE16(67) : RTE_BE16(68);
    udp->dst_port = reply ? RTE_BE16(68) : RTE_BE16(67);
    udp->dgram_len = rte_cpu_to_be_16(len);
    b[0] = reply ? 2 : 1;
    b[1] = 1;
    b[2] = 6;
    memcpy(b + 16, (const uint8_t[4]){ 10, 0, 0, 55 }, reply ? 4 : 0); /* yiaddr */
    memcpy(b + 28, (const uint8_t[6]){ 2, 0, 0, 0, 0, 1 }, 6);
    memcpy(b + 236, options, 4);
    memcpy(b + 240, (const uint8_t[3]){ 53, 1, type }, 3);
    memcpy(b + 243, options + 4, sizeof options - 4);
    ip->next_proto_id = 17;
    ip->total_length = rte_cpu_to_be_16(sizeof *ip + len);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    return m;
}

/* What waits until control has learned from it is in the VLAN that it came in by, still. */
static void
test_handed_back(void)
{
    struct acl_table_rule rule = { .protocol = 17, .action = ACL_ALLOW, .slot = 4 };
    struct acl_table *udp = acl_table_build(&rule, 1, classes, NULL, 0);
    struct lesson lesson;

    leaves[A10].table[ACL_EGRESS] = leaves[A20].table[ACL_EGRESS] = udp;
    leaves[A10].learns = leaves[A20].learns = true;
    send_in(A10, dhcp(false, 3));
    expect_only(TRUNK, 10);
    send_in(TRUNK, q(dhcp(true, 5), 20)); /* nobody asked in VLAN 20 */
    expect_only(NONE, 0);
    CU_ASSERT_FALSE(learner_take(w->learner, &lesson));
    send_in(TRUNK, q(dhcp(true, 5), 10));
    expect_only(NONE, 0);
    CU_ASSERT_TRUE_FATAL(learner_take(w->learner, &lesson));
    CU_ASSERT_EQUAL(lesson.port, A10);
    CU_ASSERT_EQUAL(lesson.vlan, 10);
    learner_hand_back(w->learner, &lesson);
    pipeline_hand_back(w);
    collect();
    expect_only(A10, UNTAGGED);
    leaves[A10].learns = leaves[A20].learns = false;
    leaves[A10].table[ACL_EGRESS] = leaves[A20].table[ACL_EGRESS] = allow_80;
    acl_table_destroy(udp);
}

static void
test_learning(void)
{
    send_in(TRUNK, q(syn(33, 2, 2000), 10));
    send_in(UP10, syn(34, 2, 2000));
    CU_ASSERT_EQUAL(fdb_learn_poll(0), 0);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(33), 10), TRUNK);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(33), 20), DP_PORT_NONE);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(33), 0), DP_PORT_NONE);
    CU_ASSERT_EQUAL(fdb_lookup(TEST_MAC(34), 10), UP10);
}

void
suite_vlan(void)
{
    CU_pSuite s = CU_add_suite("VLANs", setup, teardown);

    CU_add_test(s, "an access port takes no tags but for priority", test_access_port);
    CU_add_test(s, "second tags", test_second_tags);
    CU_add_test(s, "tags cut short", test_cut_short);
    CU_add_test(s, "a trunk takes its VLANs", test_trunk);
    CU_add_test(s, "a trunk without an untagged VLAN", test_no_untagged);
    CU_add_test(s, "a partial checksum behind a tag", test_partial_checksum);
    CU_add_test(s, "the other VLAN is out of reach", test_other_vlan);
    CU_add_test(s, "output keeps VLANs apart", test_output_keeps_vlans);
    CU_add_test(s, "the same addresses in two VLANs", test_same_addresses);
    CU_add_test(s, "arp", test_arp);
    CU_add_test(s, "floods", test_flood);
    CU_add_test(s, "fragments", test_fragments);
    CU_add_test(s, "icmp errors", test_icmp_errors);
    CU_add_test(s, "rejects", test_reject);
    CU_add_test(s, "groups", test_classes);
    CU_add_test(s, "the longest frames", test_mtu);
    CU_add_test(s, "shared buffers are not written to", test_shared_buffers);
    CU_add_test(s, "learning", test_learning);
    CU_add_test(s, "records", test_records);
    CU_add_test(s, "what was held is in its VLAN still", test_handed_back);
}
