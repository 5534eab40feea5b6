/* One connection entry, two workers at the same moment: what the load of test_workers makes happen
 * now and then, here up to fifty thousand times.  Both threads meet, act at once, and meet again
 * before the outcome is looked at. */
#include <config.h>

#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "datapath/conn.h"
#include "datapath/judge.h"

#define ROUNDS 50000
#define SECONDS 3 /* at most, of each: cores may be shared with others who spin */
#define MAX 256
#define N_SNAPSHOTS 4
#define SPINS 200 /* before the other thread may need our core */

static struct rte_rcu_qsbr *qsbr;
static struct conn_table *table;
static _Atomic uint32_t met;
static _Atomic unsigned failures;
static _Atomic bool done[2];

static void
expect(bool ok, const char *what)
{
    if (!ok && atomic_fetch_add(&failures, 1) < 10) {
        printf("FAILED: %s\n", what);
    }
}

/* Returns when both threads have come here. */
static void
meet(uint32_t *n)
{
    *n += 2;
    atomic_fetch_add(&met, 1);
    for (unsigned spins = 1; atomic_load_explicit(&met, memory_order_acquire) < *n; spins++) {
        if (spins % SPINS == 0) {
            sched_yield();
        }
    }
}

static uint64_t
make_key(uint32_t i, struct conn_key *k, unsigned *side)
{
    struct acl_addr a = acl_addr_from_v4(0x0100000a), b = acl_addr_from_v4(0x0200000a);

    *side = conn_key_make(k, &a, &b, 1000 + (i & 0x7fff), 80, IPPROTO_TCP, 0);
    return conn_key_hash(table, k);
}

static struct conn *
open_one(uint32_t worker, uint32_t i, uint16_t port)
{
    struct conn *c = conn_alloc(table, worker);
    unsigned side;
    uint64_t hash;

    if (!c) {
        return NULL;
    }
    hash = make_key(i, &c->key, &side);
    atomic_store(&c->port[side], port);
    atomic_store(&c->port[!side], 2);
    c->initiator = side;
    atomic_store(&c->half[0].last_seen, rte_rdtsc());
    return conn_insert(table, worker, c, hash);
}

static void
rest(uint32_t worker)
{
    conn_sweep(table, worker, rte_rdtsc());
    rte_rcu_qsbr_quiescent(qsbr, worker);
}

/* ---- both open the same connection ---- */

static struct conn *opened[2];

static void
race_open(uint32_t me, uint32_t i, uint32_t *n)
{
    opened[me] = open_one(me, i, 1);
    meet(n);
    if (me == 0) {
        expect(opened[0] && opened[0] == opened[1], "both openers get one entry");
        expect(conn_table_count(table) == 1, "one entry counts");
    }
    meet(n);
    if (opened[0]) {
        conn_remove(table, me, opened[0]); /* both, too */
    }
    meet(n);
    if (me == 0) {
        expect(conn_table_count(table) == 0, "it was removed once");
    }
    meet(n);
}

/* ---- both advance its state ---- */

static struct conn *shared;

/* An open connection of which each side has sent up to 1000. */
static void
establish(struct conn *c)
{
    const struct tcp_segment syn = { .seq = 999, .window = 65535, .flags = TCPF_SYN };
    const struct tcp_segment syn_ack = {
        .seq = 999, .ack = 1000, .window = 65535, .flags = TCPF_SYN | TCPF_ACK
    };
    const struct tcp_segment ack = { .seq = 1000, .ack = 1000, .window = 65535, .flags = TCPF_ACK };
    struct tcp_half *a = &c->half[c->initiator].tcp, *b = &c->half[!c->initiator].tcp;

    tcp_track(a, b, &syn);
    tcp_track(b, a, &syn_ack);
    tcp_track(a, b, &ack);
}

/* What both sides say at once is all noted, as each writes only what it says itself. */
static void
race_advance(uint32_t me, uint32_t i, uint32_t *n)
{
    static const uint8_t flags[][2] = {
        { TCPF_ACK, TCPF_ACK | TCPF_RST },
        { TCPF_ACK | TCPF_FIN, TCPF_ACK | TCPF_FIN }, /* FINs that cross */
        { TCPF_ACK | TCPF_FIN, TCPF_ACK | TCPF_RST },
    };
    struct tcp_segment s = { .seq = 1000, .ack = 1000, .window = 65535, .flags = flags[i % 3][me] };
    struct tcp_half *mine, *peers;

    if (me == 0) {
        shared = open_one(0, i, 1);
        establish(shared);
    }
    meet(n);
    mine = &shared->half[me ? !shared->initiator : shared->initiator].tcp;
    peers = &shared->half[me ? shared->initiator : !shared->initiator].tcp;
    expect(tcp_track(mine, peers, &s) == TCP_PASS, "what crosses passes");
    meet(n);
    if (i % 3 == 1) { /* each acknowledges the other's FIN */
        s = (struct tcp_segment){ .seq = 1001, .ack = 1001, .window = 65535, .flags = TCPF_ACK };
        expect(tcp_track(mine, peers, &s) == TCP_PASS, "and its acknowledgments");
    }
    meet(n);
    if (me == 0) {
        expect(conn_state(shared) == CONN_CLOSED, "what both sides ended is closed");
        conn_remove(table, 0, shared);
    }
}

/* ---- both judge it, by two snapshots ---- */

static struct port_leaf leaves[N_SNAPSHOTS][2];
static struct snapshot snapshots[N_SNAPSHOTS];

/* Everything that a verdict by a snapshot consists of tells the snapshot. */
static void
make_snapshot(uint64_t generation)
{
    unsigned n = generation % N_SNAPSHOTS;
    struct snapshot *s = &snapshots[n];

    s->generation = generation;
    for (uint16_t i = 0; i < 2; i++) {
        leaves[n][i] = (struct port_leaf){ .id = 1 + i,
                                           .epoch = generation,
                                           .table_id = { generation, generation } };
        s->ports[1 + i] = &leaves[n][i];
    }
}

static void
judge_by(const struct snapshot *s, struct conn *c)
{
    struct judgement j = { .rule_slot = { s->generation, s->generation },
                           .class = { ACL_CLASS_NONE, ACL_CLASS_NONE } };
    uint32_t slot[2];

    if (judge_stands(s, c, slot)) {
        expect(slot[0] == s->generation && slot[1] == s->generation,
               "a verdict that stands is wholly this snapshot's");
    } else if (conn_claim(c, s->generation)) {
        judge_note(s, &j, c);
    }
}

static void
race_judge(uint32_t me, uint32_t i, uint32_t *n)
{
    uint64_t generation = i / 4 + 2; /* of the newer */

    if (me == 0) {
        if (i % 4 == 0) {
            make_snapshot(generation);
        }
        if (i == 0) {
            make_snapshot(1);
            shared = open_one(0, 0, 1);
        }
    }
    meet(n);
    for (int k = 0; k < 8; k++) {
        judge_by(&snapshots[(generation - (me ^ (i & 1))) % N_SNAPSHOTS], shared);
    }
    meet(n);
    expect(!(atomic_load(&shared->generation) & CONN_BUSY), "claims end");
}

/* ---- workers reuse entries while control flushes a port ---- */

static void
race_flush(uint32_t me, uint32_t i, uint32_t *n)
{
    struct conn *doomed = open_one(me, 2 * i + me, 9);

    (void) n;
    if (doomed) {
        conn_remove(table, me, doomed);
    }
    rest(me);
    struct conn *c = open_one(me, 2 * i + me, 1);
    if (c) {
        for (int k = 0; k < 20; k++) {
            rte_pause();
        }
        expect(atomic_load(&c->life) == CONN_LIVE, "a flush spares other ports' connections");
        conn_remove(table, me, c);
    }
}

/* ---- */

typedef void race(uint32_t me, uint32_t i, uint32_t *n);
static race *present;
static _Atomic uint32_t last; /* round */

static int
run(void *me_)
{
    uint64_t end = rte_rdtsc() + SECONDS * rte_get_tsc_hz();
    uint32_t me = (uintptr_t) me_, n = 0;

    rte_rcu_qsbr_thread_register(qsbr, me);
    rte_rcu_qsbr_thread_online(qsbr, me);
    for (uint32_t i = 0; i <= atomic_load(&last); i++) {
        if (me == 0 && i < atomic_load(&last) && rte_rdtsc() > end) {
            atomic_store(&last, i); /* the other hears of it in this round, in which they meet */
        }
        present(me, i, &n);
        rest(me);
    }
    rte_rcu_qsbr_thread_offline(qsbr, me);
    rte_rcu_qsbr_thread_unregister(qsbr, me);
    atomic_store(&done[me], true);
    return 0;
}

static void
hold(const char *name, race *r, bool flush)
{
    unsigned before = atomic_load(&failures);

    atomic_store(&met, 0);
    atomic_store(&last, ROUNDS - 1);
    atomic_store(&done[0], false);
    atomic_store(&done[1], false);
    present = r;
    for (uintptr_t i = 0; i < 2; i++) {
        rte_eal_remote_launch(run, (void *) i, 1 + i);
    }
    while (flush && !(atomic_load(&done[0]) && atomic_load(&done[1]))) {
        conn_flush_port(table, 9);
    }
    rte_eal_mp_wait_lcore();
    if (r == race_judge) {
        conn_remove(table, 0, shared);
    }
    for (uint32_t w = 0; w < 2; w++) {
        for (int i = 0; i < 500; i++) { /* sweeps are a millisecond apart */
            conn_sweep(table, w, rte_rdtsc());
            rte_delay_us(20);
        }
    }
    expect(conn_table_count(table) == 0, "nothing is left");
    printf("%s: %u failures\n", name, atomic_load(&failures) - before);
}

/* Every entry can be had again. */
static void
check_entries(void)
{
    uint32_t n = 0;

    for (uint32_t w = 0; w < 2; w++) {
        while (conn_alloc(table, w)) {
            n++;
        }
    }
    expect(n == MAX, "every entry is free again");
}

int
main(void)
{
    char *argv[] = { "test",     "--no-huge",     "--no-shconf", "-m",          "64",
                     "--no-pci", "--log-level=4", "--lcores",    "0@0,1@0,2@1", "--no-telemetry",
                     NULL };

    if (rte_eal_init(10, argv) < 0) {
        fprintf(stderr, "EAL does not start\n");
        return 1;
    }
    qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(4), 64);
    rte_rcu_qsbr_init(qsbr, 4);
    table = conn_table_create(MAX, 2, qsbr);
    hold("open", race_open, false);
    hold("advance", race_advance, false);
    hold("judge", race_judge, false);
    hold("flush", race_flush, true);
    check_entries();
    conn_table_destroy(table);
    rte_free(qsbr);
    printf("%s\n", atomic_load(&failures) ? "FAILED" : "ok");
    return atomic_load(&failures) != 0;
}
