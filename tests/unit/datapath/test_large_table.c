/* A table of two million connections, filled by the packet path: every one of them is found again,
 * what is established goes on when it is full, and what is new is refused. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/frag.h"
#include "datapath/pipeline.h"
#include "datapath/record.h"
#include "tests/unit/datapath/suites.h"

#define MAX 2000000u
#define SPORTS 60000u /* a server */
#define FIRST_SERVER 100
#define N_SERVERS ((MAX + SPORTS - 1) / SPORTS)
#define BURST 32
enum { NONE, DESK, UPLINK };

struct rte_mempool *test_pool;

static struct dp_port ports[UPLINK + 1];
static struct port_leaf leaves[UPLINK + 1];
static struct acl_addr desk_address;
static struct binding bindings[4];
static struct snapshot snapshot = { .generation = 1, .bindings = bindings, .bindings_mask = 3 };
static struct acl_classes *classes;
static struct acl_table *allow_80, *deny_all;
static struct rte_rcu_qsbr *qsbr;
static struct worker *w;
static uint64_t got[UPLINK + 1];
static uint64_t now; /* TSC: time passes when the test says so */
static int failures;

static void
expect(bool ok, const char *what)
{
    if (!ok) {
        printf("FAILED: %s\n", what);
        failures++;
    }
}

static uint16_t
take_all(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    (void) queue;
    got[port - ports] += n;
    rte_pktmbuf_free_bulk(m, n);
    return n;
}

static const struct dp_port_ops ops = { .type = "sink", .tx = take_all };

/* ---- the switch: a desktop that may ask port 80 of everybody, and an uplink ---- */

static struct acl_table *
make_table(bool allows)
{
    struct acl_range range = { 80, 80 };
    struct acl_table_rule rule = { .dports = &range,
                                   .n_dports = 1,
                                   .protocol = 6,
                                   .action = ACL_ALLOW,
                                   .log = ACL_LOG_NONE,
                                   .slot = 1 };

    return acl_table_build(&rule, allows, classes, NULL, 0);
}

static void
make_port(uint16_t id, enum port_role role)
{
    ports[id] = (struct dp_port){ .ops = &ops, .id = id, .mtu = 1500, .up = true };
    leaves[id] = (struct port_leaf){ .port = &ports[id], .id = id, .role = role, .epoch = 1 };
    snapshot.ports[id] = &leaves[id];
    snapshot.port_ids[snapshot.n_ports++] = id;
}

static void
make_ports(void)
{
    for (size_t i = 0; i < RTE_DIM(bindings); i++) {
        bindings[i].port = DP_PORT_NONE;
    }
    make_port(DESK, PORT_DESKTOP);
    make_port(UPLINK, PORT_UPLINK);
    snapshot.uplinks[snapshot.n_uplinks++] = UPLINK;
    desk_address = acl_addr_from_v4(RTE_BE32(0x0a000000 + DESK));
    leaves[DESK].mac = TEST_MAC(DESK);
    leaves[DESK].addrs = &desk_address;
    leaves[DESK].n_addrs = 1;
    leaves[DESK].table[ACL_EGRESS] = allow_80;
    leaves[DESK].table[ACL_INGRESS] = deny_all;
    bindings[binding_hash(&desk_address, 0) & 3] =
        (struct binding){ .addr = desk_address, .mac = TEST_MAC(DESK), .port = DESK };
    fdb_bind(TEST_MAC(DESK), 0, DESK);
    for (uint32_t x = 0; x < N_SERVERS + 1; x++) {
        fdb_bind(TEST_MAC(FIRST_SERVER + x), 0, UPLINK);
    }
}

static bool
start(void)
{
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(3), 64);
    w = rte_zmalloc(NULL, sizeof *w, 64);
    classes = acl_classes_create();
    if (!qsbr || !w || !classes || rte_rcu_qsbr_init(qsbr, 3)) {
        return false;
    }
    rte_rcu_qsbr_thread_register(qsbr, 0);
    rte_rcu_qsbr_thread_online(qsbr, 0);
    w->tx = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->tx, 64);
    w->passed = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->passed, 64);
    w->pool = test_pool;
    w->conns = conn_table_create(MAX, 1, qsbr);
    w->conn_quota = UINT32_MAX;
    w->rates = rte_zmalloc(NULL, DP_MAX_PORTS * sizeof *w->rates, 64);
    w->frags = frag_table_create();
    w->snapshot = &snapshot;
    allow_80 = make_table(true);
    deny_all = make_table(false);
    if (!w->tx || !w->rates || !w->conns || !w->frags || !allow_80 || !deny_all ||
        recorder_init(&w->recorder) || ledger_init(&w->ledger, DP_MAX_PORTS, 16) ||
        fdb_init(256, 1)) {
        return false;
    }
    make_ports();
    return true;
}

static void
stop(void)
{
    fdb_exit();
    ledger_destroy(&w->ledger);
    recorder_destroy(&w->recorder);
    frag_table_destroy(w->frags);
    conn_table_destroy(w->conns);
    acl_table_destroy(allow_80);
    acl_table_destroy(deny_all);
    acl_classes_destroy(classes);
    rte_free(w->tx);
    rte_free(w);
    rte_free(qsbr);
}

/* ---- traffic ---- */

/* The n-th connection, as the desktop sends it or as the server answers. */
static struct rte_mbuf *
segment(uint16_t from, uint32_t n, uint8_t flags)
{
    uint8_t server = FIRST_SERVER + n / SPORTS;
    uint16_t sport = 1024 + n % SPORTS;

    return from == DESK ? packet_tcp(DESK, server, sport, 80, flags)
                        : packet_tcp(server, DESK, 80, sport, flags);
}

static bool
passes(uint16_t from, uint32_t n, uint8_t flags)
{
    struct rte_mbuf *m = segment(from, n, flags);
    uint16_t to = from == DESK ? UPLINK : DESK;
    uint64_t before = got[to];

    w->now = now;
    pipeline_run(w, &leaves[from], &m, 1);
    return got[to] == before + 1;
}

static void
open_all(uint32_t from, uint32_t to)
{
    struct rte_mbuf *m[BURST];

    for (uint32_t n = from; n < to;) {
        uint16_t in_burst = RTE_MIN(to - n, (uint32_t) BURST);

        for (uint16_t i = 0; i < in_burst; i++) {
            m[i] = segment(DESK, n++, TCPF_SYN);
        }
        w->now = now;
        pipeline_run(w, &leaves[DESK], m, in_burst);
    }
}

/* A call sweeps 256 of the 524,288 buckets and is due once a millisecond; what it removes waits for
 * a quiet state.  Takes two seconds of the test's own time beside the 'seconds' before. */
static void
sweep(uint64_t seconds)
{
    uint64_t hz = rte_get_tsc_hz();

    now += seconds * hz;
    for (uint32_t i = 0; i < 2048 + 2; i++) {
        now += hz / 1000 + 1;
        rte_rcu_qsbr_quiescent(qsbr, 0);
        conn_sweep(w->conns, 0, now);
    }
}

static bool
count_one(struct conn *c, void *n)
{
    (void) c;
    ++*(uint32_t *) n;
    return true;
}

/* ---- the test ---- */

static void
fill(void)
{
    for (uint32_t n = 0; n < 2; n++) {
        expect(passes(DESK, n, TCPF_SYN) && passes(UPLINK, n, TCPF_SYN | TCPF_ACK) &&
                   passes(DESK, n, TCPF_ACK),
               "a connection is established");
    }
    open_all(2, MAX);
    expect(conn_table_count(w->conns) == MAX, "two million connections are in the table");
    expect(conn_table_of_port(w->conns, DESK) == MAX, "all of them are the desktop's");
    expect(got[UPLINK] == MAX + 2, "each first packet was sent on");
    expect(!ledger_page_drops(&w->ledger.pages[DESK]), "none was dropped");
}

static void
use_when_full(void)
{
    const uint64_t *drops = w->ledger.pages[DESK].drops;

    expect(!passes(DESK, MAX, TCPF_SYN), "a new connection is refused");
    expect(drops[DROP_CONN_FULL] == 1, "... as conn-full");
    expect(passes(DESK, 0, TCPF_ACK) && passes(UPLINK, 0, TCPF_ACK), "an established one goes on");
    for (uint32_t n = 2; n < MAX; n += 997) {
        if (!passes(UPLINK, n, TCPF_SYN | TCPF_ACK)) {
            expect(false, "each of them is found when its answer comes");
            break;
        }
    }
    expect(drops[DROP_CONN_FULL] == 1, "nothing else is refused");
}

/* What is closed makes room at once; who is not answered, soon. */
static void
make_room(void)
{
    expect(passes(DESK, 1, TCPF_RST), "an established one is reset");
    sweep(0);
    expect(conn_table_count(w->conns) == MAX - 1, "a closed connection makes room");
    expect(passes(DESK, MAX, TCPF_SYN), "for a new one");
    expect(!passes(DESK, MAX + 1, TCPF_SYN), "for one");
    sweep(6);
    expect(passes(DESK, 0, TCPF_ACK), "an established one stays");
    expect(!conn_under_pressure(w->conns) && conn_table_count(w->conns) > MAX / 2,
           "as many as have to go, of those that were not answered");
}

static void
age(void)
{
    sweep(31);
    expect(conn_table_count(w->conns) == 1, "what was not answered has gone");
    expect(passes(DESK, 0, TCPF_ACK), "the established one stays");
}

static void
walk(void)
{
    uint32_t n = 0, next = 0, live = conn_table_count(w->conns);

    do {
        next = conn_walk(w->conns, next, 1u << 16, count_one, &n);
    } while (next);
    expect(n == live, "a walk by page sees all that live");
}

int
main(void)
{
    char *argv[] = { "test",     "--no-huge",     "--no-shconf",    "-m", "1024",
                     "--no-pci", "--log-level=4", "--no-telemetry", NULL };

    if (rte_eal_init(8, argv) < 0) {
        fprintf(stderr, "EAL does not start\n");
        return 1;
    }
    test_pool =
        rte_pktmbuf_pool_create("test", 1023, 64, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    if (!test_pool || !start()) {
        fprintf(stderr, "no memory for the test\n");
        return 1;
    }
    now = rte_rdtsc();
    printf("%zu bytes, %.1f a connection\n", conn_table_bytes(w->conns),
           (double) conn_table_bytes(w->conns) / MAX);
    fill();
    walk();
    use_when_full();
    make_room();
    walk();
    age();
    stop();
    rte_mempool_free(test_pool);
    rte_eal_cleanup();
    printf(failures ? "%d failures\n" : "ok\n", failures);
    return failures != 0;
}
