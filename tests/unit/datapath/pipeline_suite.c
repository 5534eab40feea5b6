/* The pipeline as a whole: two desktops and an uplink whose ports keep what they are given. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/pipeline.h"
#include "datapath/record.h"
#include "tests/unit/datapath/rig.h"
#include "tests/unit/datapath/suites.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10
enum { NONE, DESK1, DESK2, UPLINK, N_PORTS };

static struct box boxes[N_PORTS];
static struct port_leaf leaves[N_PORTS];
static struct acl_addr addrs[N_PORTS];
static struct binding bindings[16];
static struct snapshot snapshots[2], *snap;
static struct worker *w;
static struct acl_classes *classes;
static struct acl_table *allow_80, *deny_all;

static struct acl_table *
make_table(uint16_t port)
{
    struct acl_range range = { port, port };
    struct acl_table_rule rule = { .dports = &range,
                                   .n_dports = 1,
                                   .protocol = 6,
                                   .action = ACL_ALLOW,
                                   .log = ACL_LOG_NONE,
                                   .slot = 1 };

    return acl_table_build(&rule, port ? 1 : 0, classes, NULL, 0);
}

static void
make_port(uint16_t id, enum port_role role)
{
    box_init(&boxes[id], id);
    leaves[id] = (struct port_leaf){ .port = &boxes[id].port, .id = id, .role = role, .epoch = 1 };
    if (role == PORT_DESKTOP) {
        addrs[id] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + id));
        leaves[id].mac = TEST_MAC(id);
        leaves[id].addrs = &addrs[id];
        leaves[id].n_addrs = 1;
        leaves[id].table[ACL_EGRESS] = allow_80;
        leaves[id].table[ACL_INGRESS] = deny_all;
        rig_bind(bindings, 15, &leaves[id], &addrs[id]);
    }
    fdb_bind(TEST_MAC(id), 0, id);
}

static void
publish(void)
{
    struct snapshot *next = snap == &snapshots[0] ? &snapshots[1] : &snapshots[0];

    memset(next, 0, sizeof *next);
    next->generation = snap ? snap->generation + 1 : 1;
    for (uint16_t id = DESK1; id < N_PORTS; id++) {
        next->ports[id] = &leaves[id];
        next->port_ids[next->n_ports++] = id;
    }
    next->uplinks[next->n_uplinks++] = UPLINK;
    next->bindings = bindings;
    next->bindings_mask = 15;
    w->snapshot = snap = next;
}

static int
setup(void)
{
    w = rig_worker_create(64);
    if (!w) {
        return 1;
    }
    classes = acl_classes_create();
    allow_80 = make_table(80);
    deny_all = make_table(0);
    rig_unbind_all(bindings, 15);
    make_port(DESK1, PORT_DESKTOP);
    make_port(DESK2, PORT_DESKTOP);
    make_port(UPLINK, PORT_UPLINK);
    publish();
    return 0;
}

static int
teardown(void)
{
    rig_worker_destroy(w);
    acl_table_destroy(allow_80);
    acl_table_destroy(deny_all);
    acl_classes_destroy(classes);
    return 0;
}

/* Sends one packet in at 'id'; returns how many came out at 'out' and frees them. */
static int
send_in(uint16_t id, struct rte_mbuf *m, uint16_t out)
{
    int n;

    w->now = rte_rdtsc();
    pipeline_run(w, &leaves[id], &m, 1);
    n = boxes[out].n;
    for (uint16_t b = DESK1; b < N_PORTS; b++) {
        box_empty(&boxes[b]);
        CU_ASSERT_EQUAL(ledger_page_ingress_difference(&w->ledger.pages[b]), 0);
        CU_ASSERT_EQUAL(ledger_page_egress_difference(&w->ledger.pages[b]), 0);
    }
    return n;
}

static uint64_t
drops(uint16_t id, enum drop_reason reason)
{
    return w->ledger.pages[id].drops[reason];
}

static void
drain_records(void)
{
    struct drop_record d;

    while (drop_ring_pop(&w->recorder.ring, &d)) {
    }
}

static void
test_allowed_and_reply(void)
{
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 4000, 80, TCP_SYN), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 4000, TCP_SYN | TCP_ACK), DESK1),
                    1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 4001, TCP_ACK), DESK1), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_INGRESS_DEFAULT), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 4000, 443, TCP_SYN), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_EGRESS_DEFAULT), 1);
    CU_ASSERT_EQUAL(w->ledger.rules[1].packets, 2);
    /* Allowed, but it opens nothing. */
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 4002, 80, TCP_ACK), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_TCP_STATE), 1);
    drain_records();
}

static void
test_scan_is_recorded(void)
{
    struct drop_record d;

    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, DESK2, 4000, 445, TCP_SYN), DESK2), 0);
    CU_ASSERT_TRUE_FATAL(drop_ring_pop(&w->recorder.ring, &d));
    CU_ASSERT_EQUAL(d.port, DESK1);
    CU_ASSERT_EQUAL(d.peer_port, DESK2);
    CU_ASSERT_EQUAL(d.dport, 445);
    CU_ASSERT_EQUAL(d.reason, DROP_EGRESS_DEFAULT);
    CU_ASSERT_EQUAL(d.count, 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, DESK2, 4009, 445, TCP_SYN), DESK2), 0);
    CU_ASSERT_FALSE(drop_ring_pop(&w->recorder.ring, &d)); /* a repeat waits to be merged */
    /* Port 80 passes the sender's table and stops at the receiver's. */
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, DESK2, 4000, 80, TCP_SYN), DESK2), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_INGRESS_DEFAULT), 1);
    drain_records();
}

static void
test_spoofs(void)
{
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK2, UPLINK, 1, 80, TCP_SYN), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_SPOOF_MAC), 1);
    struct rte_mbuf *m = packet_tcp(DESK1, UPLINK, 1, 80, TCP_SYN);
    rte_pktmbuf_mtod(m, uint8_t *)[29] = 77;
    CU_ASSERT_EQUAL(send_in(DESK1, m, UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_SPOOF_IP), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(DESK1, DESK2, 1, 80, TCP_SYN), DESK2), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_SPOOF_MAC), 1);
    m = packet_arp_request(DESK1, UPLINK);
    rte_pktmbuf_mtod(m, uint8_t *)[31] = 99; /* claims 10.0.0.99 */
    CU_ASSERT_EQUAL(send_in(DESK1, m, UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_SPOOF_ARP), 1);
    m = packet_arp_request(DESK1, UPLINK);
    rte_pktmbuf_mtod(m, uint8_t *)[27] = 99; /* is at another MAC than it sends from */
    CU_ASSERT_EQUAL(send_in(DESK1, m, UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_SPOOF_ARP), 2);
    drain_records();
}

static void
test_arp(void)
{
    uint64_t probes = w->ledger.pages[DESK1].probes;

    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, DESK2), DESK1), 1);
    CU_ASSERT_EQUAL(w->ledger.pages[DESK1].probes, probes + 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 200), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_arp_request(UPLINK, DESK1), UPLINK), 1);
    drain_records();
}

/* Records of this port and reason, which are taken out of the ring with all others. */
static unsigned
recorded(uint16_t id, enum drop_reason reason)
{
    struct drop_record r;
    unsigned n = 0;

    record_tick_all(w);
    while (drop_ring_pop(&w->recorder.ring, &r)) {
        n += r.port == id && r.reason == reason;
    }
    return n;
}

/* Whom a desktop asks for that nobody here has: its own business, until there are many. */
static void
test_strangers(void)
{
    uint64_t probes = w->ledger.pages[DESK1].probes;

    recorded(DESK1, DROP_PROBE);
    memset(&w->recorder.sketches[DESK1], 0, sizeof *w->recorder.sketches);
    leaves[DESK1].table[ACL_EGRESS] = deny_all;
    for (unsigned i = 0; i < SKETCH_STRANGERS; i++) {
        CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 100 + i), UPLINK), 1);
        CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 100 + i), UPLINK), 1);
    }
    CU_ASSERT_EQUAL(recorded(DESK1, DROP_PROBE), 0);
    CU_ASSERT_EQUAL(w->ledger.pages[DESK1].probes, probes);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 150), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 151), UPLINK), 1);
    CU_ASSERT_EQUAL(recorded(DESK1, DROP_PROBE), 2);
    CU_ASSERT_EQUAL(w->ledger.pages[DESK1].probes, probes + 2);
    /* The uplink asks for whom it wants. */
    probes = w->ledger.pages[UPLINK].probes;
    for (unsigned i = 0; i < 10; i++) {
        send_in(UPLINK, packet_arp_request(UPLINK, 100 + i), DESK1);
    }
    CU_ASSERT_EQUAL(w->ledger.pages[UPLINK].probes, probes);
    leaves[DESK1].table[ACL_EGRESS] = allow_80;
}

/* Where nobody is, somebody answers, and what is sent there is told, whatever the policy. */
static void
test_decoys(void)
{
    struct acl_prefix decoys[2];

    CU_ASSERT_FATAL(acl_prefix_parse("10.0.0.192/27", &decoys[0]));
    CU_ASSERT_FATAL(acl_prefix_parse("10.0.0.2", &decoys[1])); /* DESK2's: it is bound */
    snap->decoys = decoys;
    snap->n_decoys = 2;
    recorded(DESK1, DROP_PROBE);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 200), DESK1), 1);
    CU_ASSERT_EQUAL(recorded(DESK1, DROP_PROBE), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, 200, 1, 80, TCP_SYN), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_DECOY), 1);
    CU_ASSERT_EQUAL(recorded(DESK1, DROP_DECOY), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 191), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_arp_request(UPLINK, 200), UPLINK), 0);
    send_in(DESK1, packet_tcp(DESK1, DESK2, 1, 81, TCP_SYN), DESK2);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_DECOY), 1);
    snap->n_decoys = 0;
    drain_records();
}

static void
test_full_port(void)
{
    boxes[DESK1].takes = boxes[DESK2].takes = 0;
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_arp_request(UPLINK, UPLINK), DESK1), 0);
    boxes[DESK1].takes = boxes[DESK2].takes = UINT16_MAX;
    CU_ASSERT_EQUAL(w->ledger.pages[DESK1].tx_drops[TX_DROP_FULL], 1);
    CU_ASSERT_EQUAL(w->ledger.pages[UPLINK].tx_drops_caused, 2);
    w->ledger.pages[UPLINK].tx_drops_caused = 0;
}

/* A copy that cannot be made is lost at its destination, and counted there. */
static void
test_no_buffer(void)
{
    struct rte_mempool *pool = w->pool, *empty;
    struct rte_mbuf *last;

    empty = rte_pktmbuf_pool_create("empty", 1, 0, 0, 2048, SOCKET_ID_ANY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(empty);
    last = rte_pktmbuf_alloc(empty);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_arp_request(UPLINK, UPLINK), DESK1), 1);
    w->pool = empty;
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_arp_request(UPLINK, UPLINK), DESK1), 0);
    CU_ASSERT_EQUAL(w->ledger.pages[DESK1].tx_drops[TX_DROP_NO_BUFFER], 1);
    CU_ASSERT_EQUAL(w->ledger.pages[UPLINK].tx_drops_caused, 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_arp_request(UPLINK, UPLINK), DESK2), 1);
    w->pool = pool;
    rte_pktmbuf_free(last);
    rte_mempool_free(empty);
}

/* ---- fragments of an allowed connection's SYN, 20 bytes of header and 44 of data ---- */

static struct rte_mbuf *whole;

static int
send_fragment(uint16_t id, uint16_t off, uint16_t len)
{
    return send_in(DESK1, packet_fragment(whole, id, off, len), UPLINK);
}

static uint64_t
held(void)
{
    return w->ledger.pages[DESK1].held;
}

/* UPLINK's SYN and ACK with this acknowledgment. */
static struct rte_mbuf *
acknowledging(uint16_t dport, uint16_t ack)
{
    struct rte_mbuf *m = packet_tcp(UPLINK, DESK1, 80, dport, TCP_SYN | TCP_ACK);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
    struct rte_tcp_hdr *tcp = (void *) (ip + 1);

    tcp->recv_ack = rte_cpu_to_be_32(ack);
    tcp->cksum = 0;
    tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
    return m;
}

static void
test_fragments_pass_whole(void)
{
    uint64_t denied = drops(DESK1, DROP_EGRESS_DEFAULT);

    whole = packet_tcp_data(DESK1, UPLINK, 7000, 80, TCP_SYN, 44);
    CU_ASSERT_EQUAL(send_fragment(1, 0, 24), 0);
    CU_ASSERT_EQUAL(send_fragment(1, 48, 16), 0);
    CU_ASSERT_EQUAL(held(), 2);
    CU_ASSERT_EQUAL(send_fragment(1, 0, 24), 0); /* an exact duplicate */
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAG_OVERLAP), 1);
    CU_ASSERT_EQUAL(send_fragment(1, 24, 24), 3);
    CU_ASSERT_EQUAL(held(), 0);
    rte_pktmbuf_free(whole);
    /* All of its data was noted: the answer may acknowledge it. */
    CU_ASSERT_EQUAL(send_in(UPLINK, acknowledging(7000, 1001 + 44 + 1), DESK1), 0);
    CU_ASSERT_EQUAL(send_in(UPLINK, acknowledging(7000, 1001 + 44), DESK1), 1);
    whole = packet_tcp_data(DESK1, UPLINK, 7001, 22, TCP_SYN, 44);
    CU_ASSERT_EQUAL(send_fragment(2, 24, 40), 0); /* the last one first */
    CU_ASSERT_EQUAL(send_fragment(2, 0, 24), 0);
    CU_ASSERT_EQUAL(held(), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_EGRESS_DEFAULT), denied + 2);
    rte_pktmbuf_free(whole);
    drain_records();
}

static void
test_fragments_that_deceive(void)
{
    uint64_t overlaps = drops(DESK1, DROP_FRAG_OVERLAP);

    whole = packet_tcp_data(DESK1, UPLINK, 7002, 80, TCP_SYN, 44);
    CU_ASSERT_EQUAL(send_fragment(3, 0, 24), 0);
    CU_ASSERT_EQUAL(send_fragment(3, 16, 16), 0); /* RFC 3128, RFC 5722 */
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAG_OVERLAP), overlaps + 2);
    CU_ASSERT_EQUAL(send_fragment(3, 24, 40), 0); /* nothing of it any more */
    CU_ASSERT_EQUAL(send_fragment(3, 0, 24), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAG_OVERLAP), overlaps + 4);
    CU_ASSERT_EQUAL(send_fragment(6, 48, 16), 0); /* the earlier one comes later */
    CU_ASSERT_EQUAL(send_fragment(6, 24, 32), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAG_OVERLAP), overlaps + 6);
    CU_ASSERT_EQUAL(send_fragment(4, 0, 16), 0); /* its flags are in the second: RFC 1858 */
    CU_ASSERT_EQUAL(send_fragment(4, 16, 48), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAGMENT), 2);
    CU_ASSERT_EQUAL(held(), 0);
    rte_pktmbuf_mtod(whole, uint8_t *)[60] ^= 1; /* the checksum is over all of them */
    CU_ASSERT_EQUAL(send_fragment(5, 0, 24), 0);
    CU_ASSERT_EQUAL(send_fragment(5, 24, 40), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_CSUM), 2);
    rte_pktmbuf_free(whole);
    drain_records();
}

static void
test_fragments_do_not_pile_up(void)
{
    whole = packet_tcp_data(DESK1, UPLINK, 7003, 80, TCP_SYN, 44);
    /* The two refused ones of the test before are still remembered. */
    for (uint16_t id = 100; id < 100 + FRAG_PORT_ENTRIES; id++) {
        CU_ASSERT_EQUAL(send_fragment(id, 0, 24), 0);
    }
    CU_ASSERT_EQUAL(held(), FRAG_PORT_ENTRIES - 2);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAG_LIMIT), 2);
    snap->ports[DESK1] = NULL; /* the port goes */
    frag_forget(w);
    snap->ports[DESK1] = &leaves[DESK1];
    CU_ASSERT_EQUAL(held(), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_FRAG_TIMEOUT), FRAG_PORT_ENTRIES - 2);
    CU_ASSERT_EQUAL(send_fragment(200, 0, 24), 0);
    frag_tick(w, rte_rdtsc());
    CU_ASSERT_EQUAL(held(), 1);
    frag_tick(w, rte_rdtsc() + (FRAG_SECONDS + 1) * rte_get_tsc_hz());
    CU_ASSERT_EQUAL(held(), 0);
    rte_pktmbuf_free(whole);
    drain_records();
}

/* ---- connections ---- */

static void
test_quota(void)
{
    w->conn_quota = conn_table_of_port(w->conns, DESK1) + 1;
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8000, 80, TCP_SYN), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8001, 80, TCP_SYN), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_CONN_QUOTA), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8000, 80, TCP_SYN), UPLINK), 1);
    w->conn_quota = 100;
    drain_records();
}

/* With the option, an allowed ACK opens what began before the switch did; nothing else does. */
static void
test_pick_up(void)
{
    uint64_t tcp_state = drops(DESK1, DROP_TCP_STATE);

    w->pick_up = true;
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8600, 80, TCP_ACK | 1), UPLINK), 0);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8600, 80, TCP_ACK | 4), UPLINK), 0);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8600, 80, TCP_ACK | 2), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_TCP_STATE), tcp_state + 3);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 8600, TCP_ACK), DESK1), 0);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8600, 443, TCP_ACK), UPLINK), 0);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8600, 80, TCP_ACK), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 8600, TCP_ACK), DESK1), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8600, 80, TCP_ACK | 1), UPLINK), 1);
    w->pick_up = false;
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8601, 80, TCP_ACK), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_TCP_STATE), tcp_state + 4);
    drain_records();
}

/* Whatever is allowed by its protocol number is a connection by its addresses. */
static void
test_other_protocols(void)
{
    struct acl_table_rule rule = { .protocol = 132, .action = ACL_ALLOW, .slot = 2 };
    struct acl_table *sctp = acl_table_build(&rule, 1, classes, NULL, 0);
    struct rte_mbuf *m[2];

    for (int i = 0; i < 2; i++) {
        struct rte_ipv4_hdr *ip;
        m[i] = i ? packet_tcp(UPLINK, DESK1, 80, 8300, TCP_ACK)
                 : packet_tcp(DESK1, UPLINK, 8300, 80, TCP_ACK);
        ip = rte_pktmbuf_mtod_offset(m[i], struct rte_ipv4_hdr *, 14);
        ip->next_proto_id = 132;
        ip->hdr_checksum = 0;
        ip->hdr_checksum = rte_ipv4_cksum(ip);
    }
    leaves[DESK1].table[ACL_EGRESS] = sctp;
    leaves[DESK1].table_id[ACL_EGRESS] = 3;
    publish();
    CU_ASSERT_EQUAL(send_in(DESK1, m[0], UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, m[1], DESK1), 1);
    leaves[DESK1].table[ACL_EGRESS] = allow_80;
    leaves[DESK1].table_id[ACL_EGRESS] = 1;
    publish();
    acl_table_destroy(sctp);
    drain_records();
}

static void
test_out_of_bounds(void)
{
    uint64_t outside = drops(UPLINK, DROP_TCP_SEQUENCE);
    struct rte_mbuf *m;

    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8100, 80, TCP_SYN), UPLINK), 1);
    m = packet_tcp(UPLINK, DESK1, 80, 8100, TCP_SYN | TCP_ACK);
    rte_pktmbuf_mtod(m, uint8_t *)[50] ^= 1; /* its checksum */
    CU_ASSERT_EQUAL(send_in(UPLINK, m, DESK1), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_CSUM), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 8100, TCP_ACK), DESK1), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_TCP_STATE), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 8100, TCP_SYN | TCP_ACK), DESK1),
                    1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8100, 80, TCP_ACK), UPLINK), 1);
    m = packet_tcp(UPLINK, DESK1, 80, 8100, TCP_ACK);
    rte_pktmbuf_mtod(m, uint8_t *)[38] = 0x77; /* its number */
    CU_ASSERT_EQUAL(send_in(UPLINK, m, DESK1), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_TCP_SEQUENCE), outside + 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8100, 80, 0x29), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_TCP_FLAGS), 1);
    drain_records();
}

/* "Port unreachable" about a packet of DESK1's from 'sport' to UPLINK's port 80, in its TCP header
 * the number 'seq'. */
static struct rte_mbuf *
unreachable(uint16_t sport, uint8_t seq)
{
    struct rte_mbuf *about = packet_tcp(DESK1, UPLINK, sport, 80, TCP_ACK);
    struct rte_mbuf *m = packet_tcp(UPLINK, DESK1, 0, 0, 0);
    uint8_t *p, *q = rte_pktmbuf_mtod(about, uint8_t *);
    struct rte_ipv4_hdr *ip;
    uint16_t sum;

    q[41] = seq;
    rte_pktmbuf_append(m, 16);
    p = rte_pktmbuf_mtod(m, uint8_t *);
    ip = (void *) (p + 14);
    ip->next_proto_id = 1;
    ip->total_length = rte_cpu_to_be_16(20 + 8 + 28);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    memset(p + 34, 0, 8);
    p[34] = p[35] = 3;
    memcpy(p + 42, q + 14, 28);
    sum = ~rte_raw_cksum(p + 34, 36);
    memcpy(p + 36, &sum, 2);
    rte_pktmbuf_free(about);
    return m;
}

static void
test_icmp_errors(void)
{
    struct rte_mbuf *m;

    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 8200, 80, TCP_SYN), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, unreachable(8200, 0xe8), DESK1), 1); /* 1000 = 0x3e8 */
    CU_ASSERT_EQUAL(send_in(UPLINK, unreachable(8201, 0xe8), DESK1), 0); /* nobody's */
    CU_ASSERT_EQUAL(send_in(UPLINK, unreachable(8200, 0xf0), DESK1), 0); /* not in flight */
    m = unreachable(8200, 0xe8);
    rte_pktmbuf_mtod(m, uint8_t *)[33] = DESK2; /* to another than whose packet it was */
    CU_ASSERT_EQUAL(send_in(UPLINK, m, DESK1), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_ICMP_UNRELATED), 3);
    m = unreachable(8200, 0xe8);
    rte_pktmbuf_mtod(m, uint8_t *)[36] ^= 1;
    CU_ASSERT_EQUAL(send_in(UPLINK, m, DESK1), 0); /* its checksum */
    CU_ASSERT_EQUAL(send_in(DESK2, unreachable(8200, 0xe8), DESK1), 0);
    drain_records();
}

static void
test_tightening_cuts(void)
{
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 5000, 80, TCP_SYN), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 5000, TCP_SYN | TCP_ACK), DESK1),
                    1);
    publish(); /* nothing changed: it lives on */
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 5000, 80, TCP_ACK), UPLINK), 1);
    leaves[DESK1].table[ACL_EGRESS] = deny_all;
    leaves[DESK1].table_id[ACL_EGRESS] = 2;
    publish();
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 5000, TCP_ACK), DESK1), 0);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 5000, 80, TCP_ACK), UPLINK), 0);
    leaves[DESK1].table[ACL_EGRESS] = allow_80;
    leaves[DESK1].table_id[ACL_EGRESS] = 1;
    publish();
    drain_records();
}

static void
test_no_table_denies(void)
{
    leaves[DESK1].table[ACL_EGRESS] = NULL;
    leaves[DESK1].table_id[ACL_EGRESS] = 4;
    publish();
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 5100, 80, TCP_SYN), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_NO_POLICY), 1);
    leaves[DESK1].table[ACL_EGRESS] = allow_80;
    leaves[DESK1].table_id[ACL_EGRESS] = 1;
    publish();
    drain_records();
}

static void
test_quarantine_cuts(void)
{
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 6000, 80, TCP_SYN), UPLINK), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 6000, TCP_SYN | TCP_ACK), DESK1),
                    1);
    leaves[DESK1].quarantined = true;
    leaves[DESK1].epoch++;
    publish();
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 6000, 80, TCP_ACK), UPLINK), 0);
    CU_ASSERT_EQUAL(drops(DESK1, DROP_QUARANTINE), 1);
    CU_ASSERT_EQUAL(send_in(UPLINK, packet_tcp(UPLINK, DESK1, 80, 6000, TCP_ACK), DESK1), 0);
    CU_ASSERT_EQUAL(drops(UPLINK, DROP_QUARANTINE_PEER), 1);
    CU_ASSERT_EQUAL(send_in(DESK1, packet_arp_request(DESK1, 200), UPLINK), 0);
    leaves[DESK1].quarantined = false;
    leaves[DESK1].epoch++;
    publish();
    drain_records();
}

/* ---- two workers judge one connection ---- */

/* A worker that finds the verdict claimed by another, or written by a newer snapshot than its own,
 * judges for itself and writes nothing. */
static void
test_claimed_verdict_is_left_alone(void)
{
    struct acl_addr peer = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, UPLINK)));
    struct conn_key key;
    struct conn *c;
    unsigned side;

    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 4100, 80, TCP_SYN), UPLINK), 1);
    side = conn_key_make(&key, &addrs[DESK1], &peer, 4100, 80, 6, 0);
    c = conn_lookup(w->conns, &key, conn_key_hash(w->conns, &key), side, DESK1, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    const uint64_t others[] = { snap->generation | CONN_BUSY, snap->generation + 10 };
    for (size_t i = 0; i < RTE_DIM(others); i++) {
        publish();
        atomic_store(&c->epoch[side], 99); /* what it rests on is not ours */
        atomic_store(&c->rule_slot[0], 77);
        atomic_store(&c->generation, others[i]);
        CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 4100, 80, TCP_SYN), UPLINK), 1);
        CU_ASSERT_EQUAL(atomic_load(&c->generation), others[i]);
        CU_ASSERT_EQUAL(atomic_load(&c->rule_slot[0]), 77);
        CU_ASSERT_EQUAL(atomic_load(&c->epoch[side]), 99);
    }
    conn_settle(c, 0); /* free for all: now it is ours */
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 4100, 80, TCP_SYN), UPLINK), 1);
    CU_ASSERT_EQUAL(atomic_load(&c->generation), snap->generation);
    CU_ASSERT_EQUAL(atomic_load(&c->rule_slot[0]), 1);
    conn_remove(w->conns, 0, c);
}

void
suite_pipeline(void)
{
    CU_pSuite s = CU_add_suite("pipeline", setup, teardown);

    CU_add_test(s, "allowed out, its reply in, nothing else", test_allowed_and_reply);
    CU_add_test(s, "a scan is recorded", test_scan_is_recorded);
    CU_add_test(s, "spoofs", test_spoofs);
    CU_add_test(s, "arp is answered, probes counted", test_arp);
    CU_add_test(s, "arp for strangers is a probe when it is for many", test_strangers);
    CU_add_test(s, "decoys", test_decoys);
    CU_add_test(s, "what a full port cannot take is counted", test_full_port);
    CU_add_test(s, "a copy without a buffer is counted", test_no_buffer);
    CU_add_test(s, "fragments pass when all are there", test_fragments_pass_whole);
    CU_add_test(s, "fragments that deceive", test_fragments_that_deceive);
    CU_add_test(s, "fragments do not pile up", test_fragments_do_not_pile_up);
    CU_add_test(s, "a port has a quota of connections", test_quota);
    CU_add_test(s, "tcp in its middle, picked up or not", test_pick_up);
    CU_add_test(s, "other protocols are connections, too", test_other_protocols);
    CU_add_test(s, "tcp out of bounds", test_out_of_bounds);
    CU_add_test(s, "icmp errors", test_icmp_errors);
    CU_add_test(s, "a claimed verdict is left alone", test_claimed_verdict_is_left_alone);
    CU_add_test(s, "a tightened policy cuts live connections", test_tightening_cuts);
    CU_add_test(s, "a port without a table denies", test_no_table_denies);
    CU_add_test(s, "quarantine cuts live connections", test_quarantine_cuts);
}
