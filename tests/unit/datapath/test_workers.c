/* Several workers under load: three of them, on two cores, poll ten ports; both directions of every
 * connection are on different workers, and this thread publishes all the while: policies,
 * quarantine, a port that comes and goes, flushed connections, moved MACs, and also while the
 * workers sleep. What is replaced is freed at once, so a worker that still used it would be seen
 * (under ASan).
 *
 * Nothing may be lost that both policies allow; nothing may pass that both deny (policy 1 stops it
 * at the receiver, policy 2 at the sender), nor what one denies, once dp_synchronize() after it has
 * returned; the ledger adds up at every boundary; rules count exactly; and in the end every buffer
 * and every connection entry is back. */
#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "acl/table.h"
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "tests/unit/datapath/load.h"

#define N_WORKERS 3
#define N_CHANGES 384
#define LEAST_CHANGES 128
#define SECONDS 8
#define N_BUFFERS 8191
#define N_CONNECTIONS 65536 /* a worker that is not run for long holds up what others retire */
#define N_BINDINGS 64
#define N_SLOTS 64
#define PATIENCE 10000 /* times 500 us */

/* A snapshot and what it points to, except the tables. */
struct world {
    struct snapshot snapshot;
    struct port_leaf leaves[N_ENDS];
    struct acl_addr addrs[N_ENDS];
    struct binding bindings[N_BINDINGS];
};

static struct {
    struct end *ends[N_ENDS];
    uint32_t epoch[N_ENDS];
    uint16_t worker[N_ENDS];
    struct world *world;
    struct acl_table *table[ACL_N_DIRECTIONS];
    uint32_t policy; /* number of the swap; odd: policy 2 */
    bool jailed;
    uint64_t generation;
} now;

static struct rte_mempool *pool;
static struct acl_classes *classes;
static bool failed;

static void
expect(bool ok, const char *what)
{
    if (!ok) {
        printf("FAILED: %s (after %lu publications)\n", what, now.generation);
        failed = true;
    }
}

/* ---- policies ---- */

enum { SLOT_STEADY, SLOT_OTHER, SLOT_SOME, SLOT_DENIED, SLOT_DEFAULT, N_SLOT_KINDS };

static uint32_t
slot_of(unsigned policy, unsigned direction, unsigned kind)
{
    return (policy * ACL_N_DIRECTIONS + direction) * N_SLOT_KINDS + kind;
}

static struct acl_table *
make_table(unsigned policy, unsigned direction)
{
    static const struct acl_range steady[2] = { { SERVICE_STEADY, SERVICE_STEADY },
                                                { TWIN_FIRST, TWIN_LAST } };
    static const struct acl_range other = { SERVICE_OTHER, SERVICE_OTHER };
    static const struct acl_range some = { SERVICE_SOME, SERVICE_SOME };
    static const struct acl_range denied = { SERVICE_DENIED, SERVICE_DENIED };
    struct acl_table_rule rules[N_SLOT_KINDS] = {
        [SLOT_STEADY] = { .dports = steady, .n_dports = 2 },
        [SLOT_OTHER] = { .dports = &other, .n_dports = 1 },
        [SLOT_SOME] = { .dports = &some, .n_dports = 1 },
        [SLOT_DENIED] = { .dports = &denied, .n_dports = 1 },
    };
    unsigned n = SLOT_SOME;

    for (unsigned i = 0; i < SLOT_DEFAULT; i++) {
        rules[i].protocol = ACL_PROTO_ANY;
        rules[i].action = ACL_ALLOW;
        rules[i].log = ACL_LOG_NONE;
        rules[i].slot = slot_of(policy, direction, i);
    }
    if (policy == 0) {
        n++;
    }
    if ((policy == 0) == (direction == ACL_EGRESS)) { /* half of what it takes to pass */
        rules[n++] = rules[SLOT_DENIED];
    }
    return acl_table_build(rules, n, classes, NULL, slot_of(policy, direction, SLOT_DEFAULT));
}

/* ---- publishing ---- */

static void
bind_address(struct world *w, uint16_t id)
{
    uint32_t i = binding_hash(&w->addrs[id], 0);

    while (w->bindings[i % N_BINDINGS].port != DP_PORT_NONE) {
        i++;
    }
    w->bindings[i % N_BINDINGS] = (struct binding){ w->addrs[id], end_mac(id), id, 0 };
}

static void
make_leaf(struct world *w, uint16_t id)
{
    struct port_leaf *l = &w->leaves[id];

    l->port = &now.ends[id]->port;
    l->id = id;
    l->worker = now.worker[id];
    l->role = end_is_uplink(id) ? PORT_UPLINK : PORT_DESKTOP;
    l->quarantined = id == JAIL && now.jailed;
    l->epoch = now.epoch[id];
    if (l->role == PORT_DESKTOP) {
        w->addrs[id] = end_addr(id);
        l->mac = end_mac(id);
        l->addrs = &w->addrs[id];
        l->n_addrs = 1;
        bind_address(w, id);
        for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
            l->table[d] = now.table[d];
            l->table_id[d] = now.policy;
        }
    } else {
        w->snapshot.uplinks[w->snapshot.n_uplinks++] = id;
    }
    w->snapshot.ports[id] = l;
    w->snapshot.port_ids[w->snapshot.n_ports++] = id;
}

static void
publish(void)
{
    struct world *w = calloc(1, sizeof *w), *old = now.world;

    for (int i = 0; i < N_BINDINGS; i++) {
        w->bindings[i].port = DP_PORT_NONE;
    }
    for (uint16_t id = 0; id < N_ENDS; id++) {
        if (now.ends[id]) {
            make_leaf(w, id);
        }
    }
    w->snapshot.generation = ++now.generation;
    w->snapshot.bindings = w->bindings;
    w->snapshot.bindings_mask = N_BINDINGS - 1;
    now.world = w;
    dp_publish(&w->snapshot);
    dp_synchronize();
    free(old);
}

/* ---- changes ---- */

static void
swap_policy(void)
{
    struct acl_table *old[ACL_N_DIRECTIONS] = { now.table[0], now.table[1] };
    bool second = ++now.policy & 1;

    for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
        now.table[d] = make_table(second, d);
    }
    if (!second) {
        atomic_store(&load.forbid[FLOW_SOME], false);
    }
    publish();
    if (second) {
        atomic_store(&load.forbid[FLOW_SOME], true);
    }
    acl_table_destroy(old[0]);
    acl_table_destroy(old[1]);
}

static void
turn_key(void)
{
    now.jailed = !now.jailed;
    now.epoch[JAIL]++;
    if (!now.jailed) {
        atomic_store(&load.forbid[FLOW_JAIL], false);
    }
    publish();
    if (now.jailed) {
        atomic_store(&load.forbid[FLOW_JAIL], true);
    }
}

static void
open_port(uint16_t id)
{
    now.ends[id] = end_create(id);
    now.epoch[id]++;
    now.worker[id] = (id + now.epoch[id]) % N_WORKERS;
    if (!end_is_uplink(id)) {
        expect(!fdb_bind(end_mac(id), 0, id), "a MAC is bound");
    }
}

/* As control does it. */
static void
close_port(uint16_t id)
{
    struct end *e = now.ends[id];

    now.ends[id] = NULL;
    publish();
    fdb_unbind(end_mac(id), 0);
    fdb_flush_port(id);
    conn_flush_port(dp_connections(), id);
    dp_synchronize();
    end_destroy(e);
}

static void
guest_comes_or_goes(void)
{
    if (now.ends[GUEST]) {
        close_port(GUEST);
    } else {
        open_port(GUEST);
        publish();
    }
}

static bool
count_one(struct conn *c, void *n)
{
    *(unsigned *) n += conn_state(c) < CONN_N_STATES && c->initiator < 2;
    return true;
}

static void
check_ledgers(void)
{
    for (uint32_t w = 0; w < N_WORKERS; w++) {
        for (uint16_t id = 0; id < N_ENDS; id++) {
            struct ledger_page page;
            ledger_read(dp_ledger(w), id, &page);
            expect(!ledger_page_ingress_difference(&page), "what came in adds up");
            expect(!ledger_page_egress_difference(&page), "what went out adds up");
            if (page.tx_drops[TX_DROP_FULL]) {
                printf("port %u's ring was full %lu times\n", id, page.tx_drops[TX_DROP_FULL]);
                expect(false, "the rings are long enough");
            }
        }
    }
}

static void
resume(void)
{
    atomic_store(&load.paused, false);
    for (uint16_t id = 0; id < N_ENDS; id++) {
        if (now.ends[id]) {
            end_wake(now.ends[id]);
        }
    }
}

static bool
all_asleep(void)
{
    bool asleep = true;

    for (uint32_t i = 0; i < N_WORKERS; i++) {
        struct dp_worker_stats st;
        dp_worker_stats(i, &st);
        asleep = asleep && st.sleeping;
    }
    return asleep;
}

static bool
settled(void)
{
    return load_is_settled(false);
}

static bool
no_connections(void)
{
    struct conn_stats stats;

    conn_table_stats(dp_connections(), &stats);
    return !conn_table_count(dp_connections()) && !stats.unburied;
}

/* Where what is missing went. */
static void
tell_drops(void)
{
    for (uint16_t id = 0; id < N_ENDS; id++) {
        for (uint32_t w = 0; w < N_WORKERS; w++) {
            struct ledger_page page;
            ledger_read(dp_ledger(w), id, &page);
            for (int r = 0; r < N_DROP_REASONS; r++) {
                if (page.drops[r]) {
                    printf("port %u, worker %u: %lu dropped, %s\n", id, w, page.drops[r],
                           drop_reason_name(r));
                }
            }
        }
    }
}

static bool
wait_until(bool (*what)(void))
{
    for (int i = 0; i < PATIENCE && !what(); i++) {
        usleep(500);
    }
    if (what()) {
        return true;
    }
    load_is_settled(true);
    tell_drops();
    return false;
}

/* Publishing does not wait for sleepers, and they see nothing that is gone when they wake. */
static void
change_while_asleep(void)
{
    atomic_store(&load.paused, true);
    expect(wait_until(settled), "nothing was lost before a pause");
    expect(wait_until(all_asleep), "idle workers sleep");
    swap_policy();
    guest_comes_or_goes();
    turn_key();
    resume();
}

static void
change(unsigned i)
{
    unsigned n = 0;

    switch (i % 8) {
    case 0:
    case 4:
        swap_policy();
        break;
    case 1:
        turn_key();
        break;
    case 2:
        guest_comes_or_goes();
        break;
    case 3:
        conn_flush_port(dp_connections(), TWIN);
        break;
    case 5:
        fdb_learn_poll(i);
        fdb_flush_port(i & 8 ? UPLINK : UPLINK2);
        break;
    case 6:
        conn_walk(dp_connections(), 1, N_CONNECTIONS, count_one, &n);
        break;
    default:
        check_ledgers();
        break;
    }
    if (i % 64 == 63) {
        change_while_asleep();
    }
}

/* ---- the end ---- */

static uint64_t
hits(unsigned direction)
{
    uint64_t n = 0;

    for (uint32_t w = 0; w < N_WORKERS; w++) {
        for (unsigned policy = 0; policy < 2; policy++) {
            struct ledger_rule_hits h;
            ledger_read_rule(dp_ledger(w), slot_of(policy, direction, SLOT_STEADY), &h);
            n += h.packets;
        }
    }
    return n;
}

/* Every packet of a connection counts for the rules that let it in, in both directions. */
static void
check_rules(void)
{
    uint64_t expected[ACL_N_DIRECTIONS] = { 0 };

    for (uint16_t i = 0; i < load.n_flows; i++) {
        const struct flow *f = &load.flows[i];
        uint64_t n = atomic_load(&f->side[0].sent) + atomic_load(&f->side[1].sent);
        if (f->class == FLOW_STEADY || f->class == FLOW_TWIN) {
            expected[ACL_EGRESS] += end_is_uplink(f->end[0]) ? 0 : n;
            expected[ACL_INGRESS] += end_is_uplink(f->end[1]) ? 0 : n;
        }
    }
    expect(hits(ACL_EGRESS) == expected[ACL_EGRESS], "egress rules count exactly");
    expect(hits(ACL_INGRESS) == expected[ACL_INGRESS], "ingress rules count exactly");
}

static void
check_totals(void)
{
    for (uint16_t id = 0; id < N_ENDS; id++) {
        struct ledger_page sum = { 0 };
        if (id == GUEST) {
            continue; /* earlier guests' packets count for the number */
        }
        for (uint32_t w = 0; w < N_WORKERS; w++) {
            struct ledger_page page;
            ledger_read(dp_ledger(w), id, &page);
            ledger_page_add(&sum, &page);
        }
        expect(sum.received == atomic_load(&now.ends[id]->given), "all that came was counted");
        expect(sum.accepted == atomic_load(&now.ends[id]->taken), "all that went was counted");
    }
}

static bool
check_closed(struct conn *c, void *aux)
{
    (void) aux;
    if (c->key.protocol == IPPROTO_TCP &&
        (c->key.l4[0] == SERVICE_STEADY || c->key.l4[1] == SERVICE_STEADY)) {
        expect(conn_state(c) == CONN_CLOSED, "a connection that ended is closed");
    }
    return true;
}

static void
check_entries(void)
{
    struct conn_table *t = dp_connections();
    uint32_t n = 0;

    for (uint32_t w = 0; w < N_WORKERS; w++) {
        conn_sweep(t, w, 0);
    }
    for (uint32_t w = 0; w < N_WORKERS; w++) {
        while (conn_alloc(t, w)) {
            n++;
        }
    }
    expect(n == N_CONNECTIONS, "every connection entry is free again");
}

static void
check_progress(void)
{
    static const char *const names[] = { "steady", "denied", "some", "jail", "guest", "twin" };

    for (int c = 0; c < N_FLOW_CLASSES; c++) {
        uint64_t offered = atomic_load(&load.offered[c]), passed = atomic_load(&load.passed[c]);
        printf("%s: %lu packets, %lu passed\n", names[c], offered, passed);
        expect(offered > 1000 && (c == FLOW_DENIED ? !passed : passed > 1000), names[c]);
    }
    for (uint32_t i = 0; i < N_WORKERS; i++) {
        struct dp_worker_stats st;
        dp_worker_stats(i, &st);
        printf("worker %u: %lu packets, asleep %lu times\n", i, st.packets, st.sleeps);
        expect(st.packets > 1000, "every worker had work");
    }
    expect(!atomic_load(&load.violations), "nothing passed that was denied");
    printf("%lu publications, %lu violations\n", now.generation, atomic_load(&load.violations));
}

static void
finish(void)
{
    atomic_store(&load.paused, true);
    expect(wait_until(settled), "nothing was lost");
    expect(wait_until(all_asleep), "workers sleep at the end");
    check_ledgers();
    check_rules();
    check_totals();
    conn_walk(dp_connections(), 1, N_CONNECTIONS, check_closed, NULL);
    for (uint16_t id = 0; id < N_ENDS; id++) {
        conn_flush_port(dp_connections(), id);
    }
    expect(wait_until(no_connections), "flushed connections are swept");
    dp_stop();
    check_progress();
    check_entries();
    for (uint16_t id = 0; id < N_ENDS; id++) {
        end_destroy(now.ends[id]);
    }
    expect(rte_mempool_avail_count(pool) == N_BUFFERS, "every buffer is back");
}

static int
start(void)
{
    char *argv[] = { "test",     "--no-huge",      "--no-shconf",   "-m",       "256",
                     "--no-pci", "--no-telemetry", "--log-level=4", "--lcores", "0@0,1@0,2@1,3@1",
                     NULL };
    struct dp_config c = { .lcores = { 1, 2, 3 },
                           .n_workers = N_WORKERS,
                           .max_port_connections = UINT32_MAX,
                           .max_connections = N_CONNECTIONS,
                           .n_rule_slots = N_SLOTS,
                           .idle_sleep = true };
    char *error = NULL;

    if (rte_eal_init(10, argv) < 0) {
        return EINVAL;
    }
    pool = rte_pktmbuf_pool_create("load", N_BUFFERS, 64, 0, 512, SOCKET_ID_ANY);
    classes = acl_classes_create();
    c.pool = pool;
    if (!pool || load_init(pool) || dp_init(&c, &error) || fdb_init(64, N_WORKERS)) {
        fprintf(stderr, "%s\n", error ? error : "no memory");
        free(error);
        return ENOMEM;
    }
    atomic_store(&load.forbid[FLOW_DENIED], true);
    for (uint16_t id = 0; id < N_ENDS; id++) {
        open_port(id);
    }
    swap_policy();
    return dp_start();
}

int
main(void)
{
    uint64_t end;

    if (start()) {
        fprintf(stderr, "the switch does not start\n");
        return 1;
    }
    end = rte_rdtsc() + SECONDS * rte_get_tsc_hz();
    for (unsigned i = 0; i < N_CHANGES && !failed; i++) {
        change(i);
        if (i >= LEAST_CHANGES && rte_rdtsc() > end) {
            break; /* the cores are shared with others */
        }
    }
    finish();
    free(now.world);
    acl_table_destroy(now.table[0]);
    acl_table_destroy(now.table[1]);
    acl_classes_destroy(classes);
    fdb_exit();
    dp_exit();
    load_exit();
    printf("%s\n", failed ? "FAILED" : "ok");
    return failed;
}
