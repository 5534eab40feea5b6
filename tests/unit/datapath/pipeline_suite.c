/* The pipeline as a whole: two desktops and an uplink whose ports keep what they are given. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/pipeline.h"
#include "datapath/record.h"
#include "tests/unit/datapath/suites.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10
enum { NONE, DESK1, DESK2, UPLINK, N_PORTS };

struct box {
    struct dp_port port;
    struct rte_mbuf *got[64];
    uint16_t n;
};

static struct box boxes[N_PORTS];
static struct port_leaf leaves[N_PORTS];
static struct acl_addr addrs[N_PORTS];
static struct binding bindings[16];
static struct snapshot snapshots[2], *snap;
static struct worker *w;
static struct rte_rcu_qsbr *qsbr;
static struct acl_classes *classes;
static struct acl_table *allow_80, *deny_all;

static uint16_t
box_tx(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct box *b = (struct box *) port;

    (void) queue;
    for (uint16_t i = 0; i < n; i++) {
        b->got[b->n++ % 64] = m[i];
    }
    return n;
}

static const struct dp_port_ops box_ops = { .type = "box", .tx = box_tx };

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
bind_address(uint16_t id)
{
    uint32_t i = binding_hash(&addrs[id]);

    while (bindings[i & 15].port != DP_PORT_NONE) {
        i++;
    }
    bindings[i & 15] = (struct binding){ .addr = addrs[id], .mac = leaves[id].mac, .port = id };
}

static void
make_port(uint16_t id, enum port_role role)
{
    boxes[id] = (struct box){ .port = { .ops = &box_ops, .id = id, .mtu = 1500, .up = true } };
    leaves[id] = (struct port_leaf){ .port = &boxes[id].port, .id = id, .role = role, .epoch = 1 };
    if (role == PORT_DESKTOP) {
        addrs[id] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10, 0, 0, 0) + id));
        leaves[id].mac = TEST_MAC(id);
        leaves[id].addrs = &addrs[id];
        leaves[id].n_addrs = 1;
        leaves[id].table[ACL_EGRESS] = allow_80;
        leaves[id].table[ACL_INGRESS] = deny_all;
        bind_address(id);
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
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(2), 64);
    rte_rcu_qsbr_init(qsbr, 2);
    rte_rcu_qsbr_thread_register(qsbr, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    w = rte_zmalloc(NULL, sizeof *w, 64);
    w->tx = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->tx, 64);
    w->pool = test_pool;
    w->conns = conn_table_create(1000, 1, qsbr);
    classes = acl_classes_create();
    allow_80 = make_table(80);
    deny_all = make_table(0);
    for (int i = 0; i < 16; i++) {
        bindings[i].port = DP_PORT_NONE;
    }
    if (recorder_init(&w->recorder) || ledger_init(&w->ledger, DP_MAX_PORTS, 16) ||
        fdb_init(64, 1)) {
        return 1;
    }
    make_port(DESK1, PORT_DESKTOP);
    make_port(DESK2, PORT_DESKTOP);
    make_port(UPLINK, PORT_UPLINK);
    publish();
    return 0;
}

static int
teardown(void)
{
    fdb_exit();
    ledger_destroy(&w->ledger);
    recorder_destroy(&w->recorder);
    conn_table_destroy(w->conns);
    acl_table_destroy(allow_80);
    acl_table_destroy(deny_all);
    acl_classes_destroy(classes);
    rte_free(w->tx);
    rte_free(w);
    rte_free(qsbr);
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
        rte_pktmbuf_free_bulk(boxes[b].got, boxes[b].n);
        boxes[b].n = 0;
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

static void
test_tightening_cuts(void)
{
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 5000, 80, TCP_SYN), UPLINK), 1);
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
test_quarantine_cuts(void)
{
    CU_ASSERT_EQUAL(send_in(DESK1, packet_tcp(DESK1, UPLINK, 6000, 80, TCP_SYN), UPLINK), 1);
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

void
suite_pipeline(void)
{
    CU_pSuite s = CU_add_suite("pipeline", setup, teardown);

    CU_add_test(s, "allowed out, its reply in, nothing else", test_allowed_and_reply);
    CU_add_test(s, "a scan is recorded", test_scan_is_recorded);
    CU_add_test(s, "spoofs", test_spoofs);
    CU_add_test(s, "arp is answered, probes counted", test_arp);
    CU_add_test(s, "a copy without a buffer is counted", test_no_buffer);
    CU_add_test(s, "a tightened policy cuts live connections", test_tightening_cuts);
    CU_add_test(s, "quarantine cuts live connections", test_quarantine_cuts);
}
