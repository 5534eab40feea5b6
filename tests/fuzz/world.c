#include <config.h>

#include "tests/fuzz/world.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

#include "acl/table.h"
#include "datapath/conn_private.h"
#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/pipeline.h"
#include "datapath/record.h"
#include "datapath/learn.h"
#include "datapath/relation.h"

/* What it covers itself says nothing about the product. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

#define BUFFERS 1023
#define CONNECTIONS 64

struct acl_addr world_addr[N_PORTS][WORLD_ADDRS];
struct worker *world;
struct world_output world_out[WORLD_OUTPUTS];

static unsigned n_out;
static struct dp_port ports[N_PORTS];
static struct port_leaf leaves[N_PORTS];
static struct binding bindings[32];
static struct snapshot snapshot;
static struct rte_rcu_qsbr *qsbr;
static struct acl_table *table[ACL_N_DIRECTIONS];

void
world_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    __builtin_trap();
}

static uint16_t
keep(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    (void) queue;
    for (uint16_t i = 0; i < n; i++) {
        CHECK(n_out < WORLD_OUTPUTS);
        world_out[n_out++] = (struct world_output){ .port = port->id, .m = m[i] };
    }
    return n;
}

static const struct dp_port_ops ops = { .type = "box", .tx = keep };

static void
bind_address(uint16_t id, const struct acl_addr *a)
{
    uint32_t i = binding_hash(a, 0);

    while (bindings[i & 31].port != DP_PORT_NONE) {
        i++;
    }
    bindings[i & 31] = (struct binding){ .addr = *a, .mac = WORLD_MAC(id), .port = id };
}

static void
make_port(uint16_t id, enum port_role role)
{
    ports[id] = (struct dp_port){ .ops = &ops, .id = id, .mtu = 1500, .up = true };
    leaves[id] = (struct port_leaf){ .port = &ports[id], .id = id, .role = role, .epoch = 1 };
    if (role == PORT_DESKTOP) {
        leaves[id].mac = WORLD_MAC(id);
        leaves[id].learns = true;
        leaves[id].addrs = world_addr[id];
        leaves[id].n_addrs = WORLD_ADDRS;
        leaves[id].table[ACL_EGRESS] = table[ACL_EGRESS];
        leaves[id].table[ACL_INGRESS] = table[ACL_INGRESS];
        for (int i = 0; i < WORLD_ADDRS; i++) {
            bind_address(id, &world_addr[id][i]);
        }
    } else {
        snapshot.uplinks[snapshot.n_uplinks++] = id;
    }
    snapshot.ports[id] = &leaves[id];
    snapshot.port_ids[snapshot.n_ports++] = id;
    fdb_bind(WORLD_MAC(id), 0, id);
}

static void
make_tables(enum world_policy policy)
{
    static const struct acl_range web = { 80, 80 }, dns = { 53, 53 }, echo = { 8 << 8, 8 << 8 },
                                  echo6 = { 128 << 8, 128 << 8 };
    const struct acl_table_rule anything = { .protocol = ACL_PROTO_ANY,
                                             .action = ACL_ALLOW,
                                             .log = ACL_LOG_NONE };
    const struct acl_table_rule client[] = {
        { .dports = &web, .n_dports = 1, .protocol = 6, .action = ACL_ALLOW },
        { .dports = &dns, .n_dports = 1, .protocol = 17, .action = ACL_ALLOW },
        { .dports = &echo, .n_dports = 1, .protocol = 1, .action = ACL_ALLOW },
        { .dports = &echo6, .n_dports = 1, .protocol = 58, .action = ACL_ALLOW },
    };
    struct acl_classes *classes = acl_classes_create();

    if (policy == WORLD_ANYTHING) {
        table[ACL_EGRESS] = acl_table_build(&anything, 1, classes, NULL, 0);
        table[ACL_INGRESS] = acl_table_build(&anything, 1, classes, NULL, 0);
    } else {
        table[ACL_EGRESS] = acl_table_build(client, 4, classes, NULL, 0);
        table[ACL_INGRESS] = acl_table_build(client, 0, classes, NULL, 0);
    }
    CHECK(table[ACL_EGRESS] && table[ACL_INGRESS]);
    acl_classes_destroy(classes);
}

static void
start_eal(void)
{
    static char *argv[] = { "fuzz",     "--no-huge",     "--no-shconf",    "-m", "64",
                            "--no-pci", "--log-level=4", "--no-telemetry", NULL };

    CHECK(rte_eal_init(8, argv) >= 0);
}

static void
make_worker(void)
{
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(3), 64);
    CHECK(qsbr && !rte_rcu_qsbr_init(qsbr, 3));
    rte_rcu_qsbr_thread_register(qsbr, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    world = rte_zmalloc(NULL, sizeof *world, 64);
    CHECK(world);
    world->tx = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *world->tx, 64);
    world->passed = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *world->passed, 64);
    world->pool =
        rte_pktmbuf_pool_create("fuzz", BUFFERS, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    world->conns = conn_table_create(CONNECTIONS, 1, qsbr);
    world->conn_quota = CONNECTIONS;
    world->frags = frag_table_create();
    CHECK(world->tx && world->passed && world->pool && world->conns && world->frags);
    CHECK(!recorder_init(&world->recorder));
    CHECK(!ledger_init(&world->ledger, DP_MAX_PORTS, 16));
    CHECK(!fdb_init(64, 1));
    world->rates = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *world->rates, 64);
    world->relations = relations_create();
    world->learner = learner_create(0);
    CHECK(world->rates && world->relations && world->learner);
    world->now = 1000 * rte_get_tsc_hz();
}

void
world_init(enum world_policy policy)
{
    __lsan_disable(); /* it does not find pointers that lie in the EAL's memory */
    start_eal();
    make_worker();
    make_tables(policy);
    __lsan_enable();
    for (int i = 0; i < 32; i++) {
        bindings[i].port = DP_PORT_NONE;
    }
    for (uint16_t id = DESK1; id < N_PORTS; id++) {
        struct acl_addr global = { .b = { 0xfd, [15] = id } }, local = { .b = { 0xfe, 0x80 } };
        local.b[15] = id;
        world_addr[id][0] = acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 0) + id));
        world_addr[id][1] = global;
        world_addr[id][2] = local;
        make_port(id, id < UPLINK1 ? PORT_DESKTOP : PORT_UPLINK);
    }
    snapshot.generation = 1;
    snapshot.bindings = bindings;
    snapshot.bindings_mask = 31;
    world->snapshot = &snapshot;
}

bool
world_is_addr(unsigned port, const uint8_t addr[16])
{
    for (int i = 0; i < WORLD_ADDRS; i++) {
        if (!memcmp(world_addr[port][i].b, addr, 16)) {
            return true;
        }
    }
    return false;
}

static void
free_outputs(void)
{
    while (n_out) {
        rte_pktmbuf_free(world_out[--n_out].m);
    }
}

static void
check_ledgers(void)
{
    for (uint16_t id = DESK1; id < N_PORTS; id++) {
        const struct ledger_page *page = &world->ledger.pages[id];
        CHECK(!ledger_page_ingress_difference(page));
        CHECK(!ledger_page_egress_difference(page));
    }
}

unsigned
world_send(uint16_t port, const uint8_t *bytes, size_t n, bool tight)
{
    struct rte_mbuf *m;
    uint16_t room;
    uint8_t *end;

    free_outputs();
    m = rte_pktmbuf_alloc(world->pool);
    CHECK(m);
    room = m->buf_len;
    CHECK(n <= rte_pktmbuf_tailroom(m));
    memcpy(rte_pktmbuf_append(m, n), bytes, n);
    end = rte_pktmbuf_mtod_offset(m, uint8_t *, n);
    if (tight) {
        m->buf_len = m->data_off + n;
        ASAN_POISON_MEMORY_REGION(end, room - m->buf_len);
    }
    world->now += rte_get_tsc_hz() / 1000;
    pipeline_run(world, &leaves[port], &m, 1);
    if (tight) { /* also when it is the pool's again */
        m->buf_len = room;
        ASAN_UNPOISON_MEMORY_REGION(end, (uint8_t *) m->buf_addr + room - end);
    }
    check_ledgers();
    return n_out;
}

void
world_wait(unsigned ms)
{
    world->now += rte_get_tsc_hz() / 1000 * ms;
    frag_tick(world, world->now);
    conn_sweep(world->conns, 0, world->now);
    rte_rcu_qsbr_quiescent(qsbr, 0);
}

static bool
remove_it(struct conn *c, void *aux)
{
    (void) aux;
    conn_remove(world->conns, 0, c);
    return true;
}

/* What control would do with lessons, short of heeding them. */
static void
take_lessons(void)
{
    struct lesson lesson;

    while (learner_take(world->learner, &lesson)) {
        if (lesson.held) {
            learner_hand_back(world->learner, &lesson);
        }
    }
    pipeline_hand_back(world);
    for (uint16_t id = DESK1; id < N_PORTS; id++) {
        relations_forget(world->relations, id);
    }
}

void
world_reset(void)
{
    struct drop_record d;

    take_lessons();
    free_outputs();
    if (conn_table_count(world->conns)) {
        conn_walk(world->conns, 1, UINT32_MAX, remove_it, NULL);
    }
    world->now += (FRAG_SECONDS + 1) * rte_get_tsc_hz();
    frag_tick(world, world->now);
    rte_rcu_qsbr_quiescent(qsbr, 0);
    conn_recycle(world->conns, 0);
    while (drop_ring_pop(&world->recorder.ring, &d)) {
    }
    check_ledgers();
    for (uint16_t id = DESK1; id < N_PORTS; id++) {
        CHECK(!world->ledger.pages[id].held);
        CHECK(!conn_table_of_port(world->conns, id));
    }
    CHECK(rte_mempool_avail_count(world->pool) == BUFFERS);
}

struct conn *
world_conn(const struct acl_addr *a, uint16_t aport, const struct acl_addr *b, uint16_t bport,
           uint8_t protocol)
{
    struct conn_key key;
    unsigned side = conn_key_make(&key, a, b, aport, bport, protocol, 0);
    struct conn *c = NULL;

    for (uint16_t id = DESK1; id < N_PORTS && !c; id++) {
        c = conn_lookup(world->conns, &key, conn_key_hash(world->conns, &key), side, id, true);
    }
    return c;
}

#pragma clang attribute pop
