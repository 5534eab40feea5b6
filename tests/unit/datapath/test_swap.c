/* Policy swaps under traffic: no packet is judged by a mixture of two policies.
 *
 * Policy 1 lets B out of the sender's port and stops it at the receiver's; policy 2 stops it at the
 * sender's and would let it into the receiver's.  Both deny B and both allow A; only the sender's
 * table of policy 1 with the receiver's table of policy 2, a torn swap, passes B.  A worker
 * forwards at full speed while this thread swaps.
 *
 * The test ends by tearing swaps on purpose and demands that it notices. */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/worker.h"

#define SWAPS 10000
#define PORT_A 1000
#define PORT_B 2000
#define FLOWS 512

enum { SENDER, RECEIVER, N_PORTS };

struct traffic {
    struct dp_port port;
    _Atomic uint64_t a, b; /* packets sent (sender) or received (receiver) */
};

static struct traffic ends[N_PORTS];
static struct rte_mempool *pool;
static struct acl_classes *classes;
static struct acl_table *table_a, *table_ab;
static struct port_leaf leaves[2][N_PORTS];
static struct acl_addr addrs[N_PORTS];
static struct binding no_bindings[2] = { { .port = DP_PORT_NONE }, { .port = DP_PORT_NONE } };
static struct snapshot snapshots[3];
static uint64_t generation;

static void
count(_Atomic uint64_t *cell)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static struct rte_mbuf *
make_packet(uint32_t i)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    struct rte_udp_hdr *udp = (void *) (p + 34);

    rte_pktmbuf_append(m, 60);
    memset(p, 0, 60);
    p[0] = p[6] = 2;
    p[5] = 1 + RECEIVER;
    p[11] = 1 + SENDER;
    p[12] = 8;
    ip->version_ihl = 0x45;
    ip->total_length = RTE_BE16(46);
    ip->time_to_live = 64;
    ip->next_proto_id = 17;
    ip->src_addr = addrs[SENDER].w[3];
    ip->dst_addr = addrs[RECEIVER].w[3];
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    udp->src_port = rte_cpu_to_be_16(10000 + i / 2 % FLOWS);
    udp->dst_port = i & 1 ? RTE_BE16(PORT_B) : RTE_BE16(PORT_A);
    udp->dgram_len = RTE_BE16(26);
    return m;
}

static uint16_t
sender_rx(struct dp_port *port, struct rte_mbuf **m, uint16_t n)
{
    static uint32_t next;
    struct traffic *t = (struct traffic *) port;

    for (uint16_t i = 0; i < n; i++) {
        count(next & 1 ? &t->b : &t->a);
        m[i] = make_packet(next++);
    }
    return n;
}

static uint16_t
no_rx(struct dp_port *port, struct rte_mbuf **m, uint16_t n)
{
    (void) port;
    (void) m;
    (void) n;
    return 0;
}

static uint16_t
receiver_tx(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct traffic *t = (struct traffic *) port;

    (void) queue;
    for (uint16_t i = 0; i < n; i++) {
        const struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m[i], const void *, 34);
        count(udp->dst_port == RTE_BE16(PORT_B) ? &t->b : &t->a);
    }
    rte_pktmbuf_free_bulk(m, n);
    return n;
}

static int
no_arm(struct dp_port *port, bool on)
{
    (void) port;
    (void) on;
    return -1;
}

static const struct dp_port_ops sender_ops = {
    .type = "sender", .rx = sender_rx, .tx = receiver_tx, .arm = no_arm
};
static const struct dp_port_ops receiver_ops = {
    .type = "receiver", .rx = no_rx, .tx = receiver_tx, .arm = no_arm
};

static struct acl_table *
make_table(bool with_b)
{
    static const struct acl_range range_a = { PORT_A, PORT_A }, range_b = { PORT_B, PORT_B };
    struct acl_table_rule rules[2] = {
        { .dports = &range_a,
          .n_dports = 1,
          .protocol = 17,
          .action = ACL_ALLOW,
          .log = ACL_LOG_NONE,
          .slot = 1 },
        { .dports = &range_b,
          .n_dports = 1,
          .protocol = 17,
          .action = ACL_ALLOW,
          .log = ACL_LOG_NONE,
          .slot = 2 },
    };

    return acl_table_build(rules, with_b ? 2 : 1, classes, NULL, 0);
}

/* leaves[policy][port] */
static void
make_leaves(void)
{
    for (int policy = 0; policy < 2; policy++) {
        for (int p = 0; p < N_PORTS; p++) {
            bool with_b = (policy == 0) == (p == SENDER);
            struct port_leaf *l = &leaves[policy][p];
            l->port = &ends[p].port;
            l->id = p;
            l->role = PORT_DESKTOP;
            l->mac = 0x020000000001ull + p;
            l->addrs = &addrs[p];
            l->n_addrs = 1;
            for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
                l->table[d] = with_b ? table_ab : table_a;
                l->table_id[d] = with_b ? 2 : 1;
            }
        }
    }
}

static void
publish(const struct port_leaf *sender, const struct port_leaf *receiver)
{
    struct snapshot *s = &snapshots[++generation % 3];

    memset(s, 0, sizeof *s);
    s->generation = generation;
    s->ports[SENDER] = sender;
    s->ports[RECEIVER] = receiver;
    s->port_ids[1] = RECEIVER;
    s->n_ports = 2;
    s->bindings = no_bindings;
    s->bindings_mask = 1;
    dp_publish(s);
    dp_synchronize();
}

static void
swap(unsigned n, bool torn)
{
    for (unsigned i = 0; i < n; i++) {
        int policy = i & 1;
        if (torn) { /* one port first, then the other: what must never happen */
            publish(&leaves[policy][SENDER], &leaves[!policy][RECEIVER]);
        }
        publish(&leaves[policy][SENDER], &leaves[policy][RECEIVER]);
    }
}

/* Sent and not passed, or dropped: the ledger's word on what became of A and B together. */
static bool
adds_up(void)
{
    struct ledger_page page;

    ledger_read(dp_ledger(0), SENDER, &page);
    return !ledger_page_ingress_difference(&page) && !ledger_page_egress_difference(&page);
}

static int
start(void)
{
    char *argv[] = { "test",           "--no-huge",     "--no-shconf", "-m",  "512", "--no-pci",
                     "--no-telemetry", "--log-level=4", "--lcores",    "0,1", NULL };
    struct dp_config c = { .lcores = { 1 },
                           .n_workers = 1,
                           .max_port_connections = UINT32_MAX,
                           .max_connections = 4096,
                           .n_rule_slots = 8 };
    char *error = NULL;

    if (rte_eal_init(10, argv) < 0) {
        return EINVAL;
    }
    pool = rte_pktmbuf_pool_create("swap", 4095, 64, 0, 512, SOCKET_ID_ANY);
    classes = acl_classes_create();
    table_a = make_table(false);
    table_ab = make_table(true);
    for (int p = 0; p < N_PORTS; p++) {
        addrs[p] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 1) + p));
        ends[p].port = (struct dp_port){
            .ops = p == SENDER ? &sender_ops : &receiver_ops, .id = p, .mtu = 1500, .up = true
        };
    }
    c.pool = pool;
    if (dp_init(&c, &error) || fdb_init(64, 1)) {
        fprintf(stderr, "%s\n", error ? error : "no memory");
        free(error);
        return ENOMEM;
    }
    for (int p = 0; p < N_PORTS; p++) {
        fdb_bind(0x020000000001ull + p, 0, p);
    }
    make_leaves();
    publish(&leaves[0][SENDER], &leaves[0][RECEIVER]);
    return dp_start();
}

int
main(void)
{
    uint64_t sent_a, lost_a, passed_b;
    bool ok;

    if (start()) {
        fprintf(stderr, "the switch does not start\n");
        return 1;
    }
    swap(SWAPS, false);
    ok = adds_up();
    dp_stop();
    sent_a = atomic_load(&ends[SENDER].a);
    lost_a = sent_a - atomic_load(&ends[RECEIVER].a);
    passed_b = atomic_load(&ends[RECEIVER].b);
    printf("%d swaps, %lu packets of A and %lu of B: lost %lu of A, passed %lu of B\n", SWAPS,
           sent_a, atomic_load(&ends[SENDER].b), lost_a, passed_b);
    ok = ok && sent_a > SWAPS && !lost_a && !passed_b;

    dp_start();
    swap(SWAPS / 10, true);
    dp_stop();
    printf("torn on purpose: passed %lu of B\n", atomic_load(&ends[RECEIVER].b));
    ok = ok && atomic_load(&ends[RECEIVER].b) > 0;
    fdb_exit();
    dp_exit();
    printf("%s\n", ok ? "ok" : "FAILED");
    return !ok;
}
