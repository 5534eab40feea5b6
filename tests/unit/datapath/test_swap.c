/* Policy swaps under traffic: no packet is judged by a mixture of two policies.
 *
 *     test_swap [SWAPS]
 *
 * Policy 1 lets B out of the sender's port and stops it at the receiver's; policy 2 stops it at the
 * sender's and would let it into the receiver's.  Both deny B and both allow A; only the sender's
 * table of policy 1 with the receiver's table of policy 2, a torn swap, passes B.  What allows A is
 * the last of what a policy can say: an emergency tier passes it on, a rule in audit mode tells of
 * it, the rule that decides is applied to that port alone and names a group; and the two policies
 * number their classes differently, so that the class map of one with the tables of the other
 * denies A.  A worker forwards at full speed while this thread swaps.
 *
 * The test ends by tearing swaps on purpose, each way, and demands that it notices. */
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

#include "acl/compile.h"
#include "datapath/fdb.h"
#include "datapath/worker.h"

#define SWAPS 10000
#define N_SLOTS 16
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
static struct port_leaf leaves[2][N_PORTS];
static const struct acl_classmap *classmaps[2];
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

/* ---- two policies ---- */

/* The second has a class more, before those of the two addresses. */
#define FAR "  far: { cidrs: [10.0.0.0/32] }\n"
#define POLICY(GROUPS, B)                                                                          \
    "version: 1\n"                                                                                 \
    "groups:\n"                                                                                    \
    "  sender: { ports: [p0] }\n"                                                                  \
    "  receiver: { ports: [p1] }\n"                                                                \
    "  from: { cidrs: [10.0.0.1] }\n"                                                              \
    "  to: { cidrs: [10.0.0.2] }\n" GROUPS "tiers:\n"                                              \
    "  emergency:\n"                                                                               \
    "    - { id: on, direction: egress, peer: to, protocol: udp, action: pass }\n"                 \
    "rules:\n"                                                                                     \
    "  - { id: told, direction: egress, peer: to, protocol: udp, ports: [1000], action: drop,"     \
    " mode: audit, log: none }\n"                                                                  \
    "  - { id: a-out, direction: egress, applied_to: sender, peer: to, protocol: udp,"             \
    " ports: [1000], action: allow }\n"                                                            \
    "  - { id: a-in, direction: ingress, applied_to: receiver, peer: any, protocol: udp,"          \
    " ports: [1000], action: allow }\n"                                                            \
    "  - { id: b, direction: " B ", peer: any, protocol: udp, ports: [2000], action: allow }\n"
static const char *const texts[2] = { POLICY("", "egress, applied_to: sender"),
                                      POLICY(FAR, "ingress, applied_to: receiver") };

/* The tables of port 'p' of a policy, which is in the group of that number. */
static bool
set_tables(const struct acl_policy *policy, struct acl_compiled *c, uint32_t p, struct port_leaf *l,
           uint32_t id)
{
    size_t scope;

    if (acl_compile_scope(policy, c, &p, 1, &scope)) {
        return false;
    }
    for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
        l->table[d] = c->scopes[scope].table[d];
        l->table_id[d] = id + d;
    }
    return true;
}

static struct acl_policy *policies[2];
static struct acl_compiled *compiled[2];

/* Compiles a policy and makes its leaves. */
static bool
make_policy(int i)
{
    static const uint32_t slots[N_SLOTS] = { 2, 3, 4, 5, 6 };
    static const uint32_t default_slots[ACL_N_DIRECTIONS] = { 0, 1 };
    const struct acl_source source = { texts[i], strlen(texts[i]) };
    struct acl_compiled *c = compiled[i] = calloc(1, sizeof *c);
    struct acl_member members[4];
    struct acl_policy *policy;
    struct acl_error error;
    size_t n = 0;
    bool ok = true;

    if (!c || acl_policy_parse(&source, 1, &policy, &error)) {
        fprintf(stderr, "policy %d: %s\n", i + 1, c ? error.text : "no memory");
        return false;
    }
    policies[i] = policy;
    for (uint32_t g = N_PORTS; g < policy->n_groups; g++) {
        members[n++] = (struct acl_member){ policy->groups[g].in.prefixes[0], ACL_RAW_IN(g) };
    }
    if (acl_compile(policy, slots, default_slots, members, n, c)) {
        return false;
    }
    for (uint32_t p = 0; p < N_PORTS; p++) {
        struct port_leaf *l = &leaves[i][p];

        l->port = &ends[p].port;
        l->id = p;
        l->role = PORT_DESKTOP;
        l->mac = 0x020000000001ull + p;
        l->addrs = &addrs[p];
        l->n_addrs = 1;
        ok = ok && set_tables(policy, c, p, l, 1 + 4 * i + 2 * p);
    }
    classmaps[i] = c->map;
    return ok;
}

/* ---- swaps ---- */

static void
publish(const struct port_leaf *sender, const struct port_leaf *receiver,
        const struct acl_classmap *classes)
{
    struct snapshot *s = &snapshots[++generation % 3];

    memset(s, 0, sizeof *s);
    s->generation = generation;
    s->classes = classes;
    s->ports[SENDER] = sender;
    s->ports[RECEIVER] = receiver;
    s->port_ids[1] = RECEIVER;
    s->n_ports = 2;
    s->bindings = no_bindings;
    s->bindings_mask = 1;
    dp_publish(s);
    dp_synchronize();
}

enum torn { WHOLE, TORN_PORTS, TORN_CLASSES };

static void
swap(unsigned n, enum torn torn)
{
    for (unsigned i = 0; i < n; i++) {
        int policy = i & 1;

        /* One part first, then the other: what must never happen. */
        if (torn == TORN_PORTS) {
            publish(&leaves[policy][SENDER], &leaves[!policy][RECEIVER], classmaps[policy]);
        } else if (torn == TORN_CLASSES) {
            publish(&leaves[policy][SENDER], &leaves[policy][RECEIVER], classmaps[!policy]);
        }
        publish(&leaves[policy][SENDER], &leaves[policy][RECEIVER], classmaps[policy]);
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
                           .n_rule_slots = N_SLOTS };
    char *error = NULL;

    if (rte_eal_init(10, argv) < 0) {
        return EINVAL;
    }
    pool = rte_pktmbuf_pool_create("swap", 4095, 64, 0, 512, SOCKET_ID_ANY);
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
    if (!make_policy(0) || !make_policy(1)) {
        return EINVAL;
    }
    publish(&leaves[0][SENDER], &leaves[0][RECEIVER], classmaps[0]);
    return dp_start();
}

static uint64_t
lost_a(void)
{
    return atomic_load(&ends[SENDER].a) - atomic_load(&ends[RECEIVER].a);
}

/* Swaps that are whole: neither passes B nor loses A. */
static bool
swap_whole(unsigned n)
{
    uint64_t sent_a, lost, passed_b;
    bool ok;

    swap(n, WHOLE);
    ok = adds_up();
    dp_stop();
    sent_a = atomic_load(&ends[SENDER].a);
    lost = lost_a();
    passed_b = atomic_load(&ends[RECEIVER].b);
    printf("%u swaps, %lu packets of A and %lu of B: lost %lu of A, passed %lu of B\n", n, sent_a,
           atomic_load(&ends[SENDER].b), lost, passed_b);
    return ok && sent_a > n && !lost && !passed_b;
}

/* Torn on purpose: B passes by two ports' tables, and A is lost by another policy's classes. */
static bool
swap_torn(enum torn torn)
{
    uint64_t lost = lost_a(), passed = atomic_load(&ends[RECEIVER].b);

    dp_start();
    swap(SWAPS / 10, torn);
    dp_stop();
    lost = lost_a() - lost;
    passed = atomic_load(&ends[RECEIVER].b) - passed;
    printf("%s torn on purpose: lost %lu of A, passed %lu of B\n",
           torn == TORN_PORTS ? "ports" : "classes", lost, passed);
    return torn == TORN_PORTS ? passed > 0 : lost > 0;
}

int
main(int argc, char *argv[])
{
    bool ok;

    if (start()) {
        fprintf(stderr, "the switch does not start\n");
        return 1;
    }
    ok = swap_whole(argc > 1 ? strtoul(argv[1], NULL, 10) : SWAPS);
    ok = swap_torn(TORN_PORTS) && ok;
    ok = swap_torn(TORN_CLASSES) && ok;
    fdb_exit();
    dp_exit();
    for (int i = 0; i < 2; i++) {
        acl_compiled_destroy(compiled[i]);
        free(compiled[i]);
        acl_policy_destroy(policies[i]);
    }
    printf("%s\n", ok ? "ok" : "FAILED");
    return !ok;
}
