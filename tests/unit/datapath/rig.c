#include <config.h>

#include "tests/unit/datapath/rig.h"

#include <CUnit/CUnit.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/learn.h"
#include "datapath/record.h"
#include "datapath/relation.h"
#include "tests/unit/datapath/suites.h"

/* ---- the worker ---- */

static struct rte_rcu_qsbr *qsbr;

struct worker *
rig_worker_create(uint32_t stations)
{
    struct worker *w = rte_zmalloc(NULL, sizeof *w, 64);

    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(3), 64);
    rte_rcu_qsbr_init(qsbr, 3);
    rte_rcu_qsbr_thread_register(qsbr, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    w->tx = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->tx, 64);
    w->passed = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->passed, 64);
    w->pool = test_pool;
    w->now = rte_rdtsc();
    w->conns = conn_table_create(1000, 1, qsbr);
    w->conn_quota = 100;
    w->frags = frag_table_create();
    w->relations = relations_create();
    w->learner = learner_create(0);
    w->rates = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->rates, 64);
    if (recorder_init(&w->recorder) || capture_ring_init(&w->capture) ||
        ledger_init(&w->ledger, DP_MAX_PORTS, 16) || fdb_init(stations, 1)) {
        return NULL;
    }
    return w;
}

void
rig_worker_destroy(struct worker *w)
{
    fdb_exit();
    ledger_destroy(&w->ledger);
    capture_ring_destroy(&w->capture);
    recorder_destroy(&w->recorder);
    rte_free(w->rates);
    frag_table_destroy(w->frags);
    learner_destroy(w->learner);
    relations_destroy(w->relations);
    conn_table_destroy(w->conns);
    rte_free(w->passed);
    rte_free(w->tx);
    rte_free(w);
    rte_free(qsbr);
}

void
rig_quiesce(void)
{
    rte_rcu_qsbr_quiescent(qsbr, 0);
}

/* ---- ports ---- */

static uint16_t
box_tx(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct box *b = (struct box *) port;

    (void) queue;
    n = RTE_MIN(n, b->takes);
    for (uint16_t i = 0; i < n; i++) {
        CU_ASSERT_FATAL(b->n < BOX_ROOM);
        b->m[b->n++] = m[i];
    }
    return n;
}

void
box_init(struct box *b, uint16_t id)
{
    static const struct dp_port_ops ops = { .type = "box", .tx = box_tx };

    *b = (struct box){ .port = { .ops = &ops, .id = id, .mtu = 1500, .up = true },
                       .takes = UINT16_MAX };
}

void
box_empty(struct box *b)
{
    rte_pktmbuf_free_bulk(b->m, b->n);
    b->n = 0;
}

/* ---- bindings ---- */

void
rig_unbind_all(struct binding *bindings, uint32_t mask)
{
    for (uint32_t i = 0; i <= mask; i++) {
        bindings[i].port = DP_PORT_NONE;
    }
}

void
rig_bind(struct binding *bindings, uint32_t mask, const struct port_leaf *leaf,
         const struct acl_addr *a)
{
    uint32_t i = binding_hash(a, leaf->vlan);

    while (bindings[i & mask].port != DP_PORT_NONE) {
        i++;
    }
    bindings[i & mask] =
        (struct binding){ .addr = *a, .mac = leaf->mac, .port = leaf->id, .vlan = leaf->vlan };
}
