#include <config.h>

#include "tests/unit/datapath/bench.h"

#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/learn.h"
#include "datapath/mcast.h"
#include "datapath/pipeline.h"
#include "datapath/reset.h"
#include "datapath/storm.h"
#include "tests/unit/datapath/rig.h"
#include "tests/unit/datapath/suites.h"

#define BINDINGS 32

struct worker *bench;
struct port_leaf bench_leaf[BENCH_END];
unsigned bench_got[BENCH_END];

static struct box boxes[BENCH_END];
static struct acl_addr addrs[BENCH_END][2];
static struct binding bindings[BINDINGS];
static struct snapshot snapshots[2], *current;
static struct acl_classes *classes;
static struct acl_table *allow_all, *deny_all;

static void
make_port(uint16_t id)
{
    bool desktop = id < BENCH_UP1;
    struct port_leaf *leaf = &bench_leaf[id];

    box_init(&boxes[id], id);
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
        rig_bind(bindings, BINDINGS - 1, leaf, &addrs[id][i]);
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
        next->captures |= bench_leaf[id].capture != CAPTURE_OFF;
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

    bench = rig_worker_create(4096);
    classes = acl_classes_create();
    allow_all = acl_table_build(&all, 1, classes, NULL, 0);
    deny_all = acl_table_build(&all, 0, classes, NULL, 0);
    rig_unbind_all(bindings, BINDINGS - 1);
    if (!bench || mcast_init(MCAST_GROUPS, 1)) {
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
        box_empty(&boxes[id]);
    }
}

int
bench_close(void)
{
    empty_boxes();
    current = NULL;
    mcast_exit();
    rig_worker_destroy(bench);
    acl_table_destroy(allow_all);
    acl_table_destroy(deny_all);
    acl_classes_destroy(classes);
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

static void
look_at_boxes(void)
{
    for (uint16_t b = BENCH_D1; b < BENCH_END; b++) {
        bench_got[b] = boxes[b].n;
        CU_ASSERT_EQUAL(ledger_page_ingress_difference(&bench->ledger.pages[b]), 0);
        CU_ASSERT_EQUAL(ledger_page_egress_difference(&bench->ledger.pages[b]), 0);
    }
}

void
bench_send(uint16_t id, struct rte_mbuf *m)
{
    empty_boxes();
    pipeline_run(bench, &bench_leaf[id], &m, 1);
    look_at_boxes();
}

uint32_t
bench_resets(const struct reset *resets, uint32_t n)
{
    struct reset_job job = { .resets = resets, .n = n };
    uint64_t now = bench->now;

    empty_boxes();
    atomic_store(&bench->reset_job, &job);
    while (atomic_load(&bench->reset_job)) {
        reset_send(bench);
    }
    CU_ASSERT_TRUE(atomic_load(&job.done));
    bench->now = now; /* it stands still */
    look_at_boxes();
    return job.sent;
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

void
bench_takes(uint16_t id, uint16_t n)
{
    boxes[id].takes = n;
}

bool
bench_record(struct drop_record *d)
{
    return drop_ring_pop(&bench->recorder.ring, d);
}
