#include <config.h>

#include "tests/unit/datapath/bench.h"

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/learn.h"
#include "datapath/mcast.h"
#include "datapath/pipeline.h"
#include "datapath/record.h"
#include "datapath/relation.h"
#include "datapath/storm.h"
#include "tests/unit/datapath/suites.h"

#define BOX 64
#define BINDINGS 32

struct box {
    struct dp_port port;
    struct rte_mbuf *m[BOX];
    unsigned n;
};

struct worker *bench;
struct port_leaf bench_leaf[BENCH_END];
unsigned bench_got[BENCH_END];

static struct box boxes[BENCH_END];
static struct acl_addr addrs[BENCH_END][2];
static struct binding bindings[BINDINGS];
static struct snapshot snapshots[2], *current;
static struct rte_rcu_qsbr *qsbr;
static struct acl_classes *classes;
static struct acl_table *allow_all, *deny_all;

static uint16_t
box_tx(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct box *b = (struct box *) port;

    (void) queue;
    for (uint16_t i = 0; i < n; i++) {
        CU_ASSERT_FATAL(b->n < BOX);
        b->m[b->n++] = m[i];
    }
    return n;
}

static const struct dp_port_ops box_ops = { .type = "box", .tx = box_tx };

static void
bind_address(uint16_t id, const struct acl_addr *a)
{
    uint32_t i = binding_hash(a, 0);

    while (bindings[i % BINDINGS].port != DP_PORT_NONE) {
        i++;
    }
    bindings[i % BINDINGS] = (struct binding){ .addr = *a, .mac = TEST_MAC(id), .port = id };
}

static void
make_port(uint16_t id)
{
    bool desktop = id < BENCH_UP1;
    struct port_leaf *leaf = &bench_leaf[id];

    boxes[id] = (struct box){ .port = { .ops = &box_ops, .id = id, .mtu = 1500, .up = true } };
    *leaf = (struct port_leaf){
        .port = &boxes[id].port, .id = id, .role = desktop ? PORT_DESKTOP : PORT_UPLINK, .epoch = 1
    };
    if (!desktop) {
        return;
    }
    addrs[id][0] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + id));
    addrs[id][1] = (struct acl_addr){ .b = { 0xfe, 0x80, [15] = id } };
    leaf->mac = TEST_MAC(id);
    leaf->addrs = addrs[id];
    leaf->n_addrs = 2;
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        leaf->table[i] = id == BENCH_MUTE ? deny_all : allow_all;
        leaf->table_id[i] = 1 + (id == BENCH_MUTE);
    }
    for (int i = 0; i < 2; i++) {
        bind_address(id, &addrs[id][i]);
    }
    fdb_bind(TEST_MAC(id), 0, id);
}

void
bench_publish(void)
{
    struct snapshot *next = current == &snapshots[0] ? &snapshots[1] : &snapshots[0];

    memset(next, 0, sizeof *next);
    next->generation = current ? current->generation + 1 : 1;
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        next->ports[id] = &bench_leaf[id];
        next->port_ids[next->n_ports++] = id;
    }
    next->uplinks[next->n_uplinks++] = BENCH_UP1;
    next->uplinks[next->n_uplinks++] = BENCH_UP2;
    next->bindings = bindings;
    next->bindings_mask = BINDINGS - 1;
    bench->snapshot = current = next;
}

int
bench_open(void)
{
    struct acl_table_rule all = {
        .action = ACL_ALLOW, .log = ACL_LOG_NONE, .slot = 1, .protocol = ACL_PROTO_ANY
    };

    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(2), 64);
    rte_rcu_qsbr_init(qsbr, 2);
    rte_rcu_qsbr_thread_register(qsbr, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    bench = rte_zmalloc(NULL, sizeof *bench, 64);
    bench->tx = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *bench->tx, 64);
    bench->pool = test_pool;
    bench->now = rte_rdtsc();
    bench->conns = conn_table_create(1000, 1, qsbr);
    bench->conn_quota = 100;
    bench->frags = frag_table_create();
    bench->relations = relations_create();
    bench->learner = learner_create(0);
    bench->rates = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *bench->rates, 64);
    classes = acl_classes_create();
    allow_all = acl_table_build(&all, 1, classes, NULL, 0);
    deny_all = acl_table_build(&all, 0, classes, NULL, 0);
    for (int i = 0; i < BINDINGS; i++) {
        bindings[i].port = DP_PORT_NONE;
    }
    if (recorder_init(&bench->recorder) || ledger_init(&bench->ledger, DP_MAX_PORTS, 16) ||
        fdb_init(4096, 1) || mcast_init(MCAST_GROUPS, 1)) {
        return 1;
    }
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        make_port(id);
    }
    bench_publish();
    return 0;
}

static void
empty_boxes(void)
{
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        rte_pktmbuf_free_bulk(boxes[id].m, boxes[id].n);
        boxes[id].n = 0;
    }
}

int
bench_close(void)
{
    empty_boxes();
    current = NULL;
    mcast_exit();
    fdb_exit();
    ledger_destroy(&bench->ledger);
    recorder_destroy(&bench->recorder);
    rte_free(bench->rates);
    frag_table_destroy(bench->frags);
    learner_destroy(bench->learner);
    relations_destroy(bench->relations);
    conn_table_destroy(bench->conns);
    acl_table_destroy(allow_all);
    acl_table_destroy(deny_all);
    acl_classes_destroy(classes);
    rte_free(bench->tx);
    rte_free(bench);
    rte_free(qsbr);
    return 0;
}

void
bench_learn(uint32_t now_s)
{
    bench->now_s = now_s;
    fdb_learn_poll(now_s);
    mcast_poll(now_s);
}

void
bench_wait(double seconds)
{
    bench->now += (uint64_t) (seconds * (double) rte_get_tsc_hz());
}

void
bench_send(uint16_t id, struct rte_mbuf *m)
{
    empty_boxes();
    pipeline_run(bench, &bench_leaf[id], &m, 1);
    for (uint16_t b = BENCH_D1; b < BENCH_END; b++) {
        bench_got[b] = boxes[b].n;
        CU_ASSERT_EQUAL(ledger_page_ingress_difference(&bench->ledger.pages[b]), 0);
        CU_ASSERT_EQUAL(ledger_page_egress_difference(&bench->ledger.pages[b]), 0);
    }
}

bool
bench_got_only(unsigned set)
{
    for (uint16_t id = BENCH_D1; id < BENCH_END; id++) {
        if (bench_got[id] != (set >> id & 1)) {
            return false;
        }
    }
    return true;
}

const struct rte_mbuf *
bench_first(uint16_t id)
{
    return boxes[id].n ? boxes[id].m[0] : NULL;
}

uint64_t
bench_drops(uint16_t id, enum drop_reason reason)
{
    return bench->ledger.pages[id].drops[reason];
}

bool
bench_record(struct drop_record *d)
{
    return drop_ring_pop(&bench->recorder.ring, d);
}
