#include <config.h>

#include "datapath/worker.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "datapath/cell.h"
#include "datapath/grace.h"
#include "datapath/frag.h"
#include "datapath/learn.h"
#include "datapath/output.h"
#include "datapath/pipeline.h"
#include "datapath/record.h"
#include "datapath/relation.h"
#include "datapath/reset.h"
#include "datapath/storm.h"
#include "datapath/worker_private.h"

#define IDLE_POLLS 2000        /* empty rounds before a worker sleeps */
#define SLEEP_MS 100           /* at most: connections still have to age */
#define SLEEP_UNWATCHED_US 250 /* when some port has no descriptor to wait on */

_Atomic(const struct snapshot *) dp_snapshot_current;

static struct worker *workers;
static uint32_t n_workers;
static struct rte_rcu_qsbr *qsbr;
static struct conn_table *conns;
static struct relations *relations;
static _Atomic bool stopping;
static bool idle_sleep;
/* The two clocks at dp_init(): what the TSC's rate is said to be is not exact enough for hours. */
static uint64_t began_tsc, began_us;

static uint64_t
monotonic_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static int
worker_init(struct worker *w, const struct dp_config *c, uint32_t index)
{
    w->index = index;
    w->lcore = c->lcores[index];
    w->pool = c->pool;
    w->conns = conns;
    w->conn_quota = c->max_port_connections;
    w->pick_up = c->pick_up_midstream;
    w->frags = frag_table_create();
    w->relations = relations;
    w->learner = learner_create(index);
    w->rates = rte_zmalloc("rates", DP_MAX_PORTS * sizeof *w->rates, 64);
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->passed = rte_zmalloc("passed", DP_MAX_PORTS * sizeof *w->passed, 64);
    w->tx = rte_zmalloc("tx_buffers", DP_MAX_PORTS * sizeof *w->tx, 64);
    if (w->wake_fd < 0 || !w->tx || !w->passed || !w->frags || !w->learner || !w->rates ||
        recorder_init(&w->recorder) || capture_ring_init(&w->capture)) {
        return ENOMEM;
    }
    return ledger_init(&w->ledger, DP_MAX_PORTS, c->n_rule_slots);
}

int
dp_init(const struct dp_config *c, char **error)
{
    uint32_t n_readers = c->n_workers + 2; /* control and telemetry walk the connections */
    size_t size = rte_rcu_qsbr_get_memsize(n_readers);

    began_tsc = rte_rdtsc();
    began_us = monotonic_us();
    n_workers = c->n_workers;
    idle_sleep = c->idle_sleep;
    qsbr = rte_zmalloc("qsbr", size, 64);
    workers = rte_zmalloc("workers", n_workers * sizeof *workers, 64);
    if (!qsbr || !workers || rte_rcu_qsbr_init(qsbr, n_readers)) {
        goto no_memory;
    }
    conns = conn_table_create(c->max_connections, n_workers, qsbr);
    relations = relations_create();
    if (!conns || !relations) {
        goto no_memory;
    }
    for (uint32_t i = 0; i < n_workers; i++) {
        if (worker_init(&workers[i], c, i)) {
            goto no_memory;
        }
    }
    return 0;

no_memory:
    dp_exit();
    if (asprintf(error, "not enough memory for %u connections and %u workers", c->max_connections,
                 c->n_workers) < 0) {
        *error = NULL;
    }
    return ENOMEM;
}

void
dp_exit(void)
{
    for (uint32_t i = 0; workers && i < n_workers; i++) {
        ledger_destroy(&workers[i].ledger);
        recorder_destroy(&workers[i].recorder);
        capture_ring_destroy(&workers[i].capture);
        frag_table_destroy(workers[i].frags);
        learner_destroy(workers[i].learner);
        rte_free(workers[i].rates);
        rte_free(workers[i].tx);
        rte_free(workers[i].passed);
        if (workers[i].wake_fd > 0) {
            close(workers[i].wake_fd);
        }
    }
    conn_table_destroy(conns);
    relations_destroy(relations);
    rte_free(workers);
    rte_free(qsbr);
    conns = NULL;
    relations = NULL;
    workers = NULL;
    qsbr = NULL;
}

void
worker_observe(struct worker *w, const struct snapshot *s)
{
    memset(w, 0, sizeof *w);
    w->snapshot = s;
    w->conns = conns;
    w->relations = relations;
    w->conn_quota = workers[0].conn_quota;
    w->pick_up = workers[0].pick_up;
    w->now = rte_rdtsc();
    w->now_s = w->now / rte_get_tsc_hz();
}

/* A new snapshot may give the worker other ports. */
static void
take_snapshot(struct worker *w, const struct snapshot *s)
{
    w->snapshot = s;
    rota_clear(&w->rota);
    for (uint16_t i = 0; s && i < s->n_ports; i++) {
        if (s->ports[s->port_ids[i]]->worker == w->index) {
            rota_add(&w->rota, s->port_ids[i]);
        }
    }
    frag_forget(w);
    atomic_store_explicit(&w->generation, s ? s->generation : 0, memory_order_release);
}

/* One burst of one port, between two boundaries of the ledger. */
static uint16_t
poll_port(void *w_, uint16_t id)
{
    struct worker *w = w_;
    const struct port_leaf *leaf = w->snapshot->ports[id];
    struct rte_mbuf *m[DP_BURST];
    uint16_t n;

    profile_begin(&w->profile);
    n = leaf->port->ops->rx(leaf->port, m, DP_BURST);
    profile_received(&w->profile, n);
    profile_end(&w->profile, STAGE_RECEIVE);
    if (n) {
        uint64_t begin = rte_rdtsc();
        w->now = begin;
        w->now_s = begin / rte_get_tsc_hz();
        ledger_enter(&w->ledger);
        pipeline_run(w, leaf, m, n);
        ledger_leave(&w->ledger);
        cell_add(&w->bursts, 1);
        cell_add(&w->packets, n);
        cell_add(&w->busy_cycles, rte_rdtsc() - begin);
        w->profile.on = false; /* what goes on from elsewhere is not of a burst */
    }
    return n;
}

/* What control has learned from goes on. */
static void
take_back(struct worker *w)
{
    w->now = rte_rdtsc();
    w->now_s = w->now / rte_get_tsc_hz();
    ledger_enter(&w->ledger);
    pipeline_hand_back(w);
    ledger_leave(&w->ledger);
}

static uint32_t
poll_round(struct worker *w)
{
    const struct snapshot *s = atomic_load_explicit(&dp_snapshot_current, memory_order_acquire);
    uint32_t n;

    /* Also by generation: a new snapshot may lie where an old one was. */
    if (s != w->snapshot ||
        (s && s->generation != atomic_load_explicit(&w->generation, memory_order_relaxed))) {
        take_snapshot(w, s);
    }
    n = rota_round(&w->rota, rte_rdtsc(), poll_port, w);
    if (learn_is_handed_back(w->learner)) {
        take_back(w);
        n++;
    }
    if (atomic_load_explicit(&w->reset_job, memory_order_relaxed)) {
        n += reset_send(w);
    }
    cell_add(&w->polls, 1);
    return n;
}

/* Arms every port.  Returns how many descriptors to wait on; '*timed' when some port has none. */
static nfds_t
arm_ports(struct worker *w, struct pollfd *fds, bool *timed)
{
    nfds_t n = 0;

    fds[n++] = (struct pollfd){ .fd = w->wake_fd, .events = POLLIN };
    for (uint16_t i = 0; i < w->rota.n; i++) {
        struct dp_port *port = w->snapshot->ports[w->rota.ids[i]]->port;
        int fd = port->ops->arm(port, true);
        if (fd >= 0) {
            fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
        } else if (atomic_load_explicit(&port->up, memory_order_relaxed)) {
            *timed = true;
        }
    }
    return n;
}

static void
disarm_ports(struct worker *w)
{
    for (uint16_t i = 0; i < w->rota.n; i++) {
        struct dp_port *port = w->snapshot->ports[w->rota.ids[i]]->port;
        port->ops->arm(port, false);
    }
}

/* Packets that came between the last poll and the arming would not wake us: poll once more. */
static void
worker_sleep(struct worker *w)
{
    struct pollfd fds[DP_MAX_PORTS + 1];
    bool timed = false;
    nfds_t n;

    /* The quiescent state just reported let go of the last one. */
    take_snapshot(w, atomic_load_explicit(&dp_snapshot_current, memory_order_acquire));
    n = arm_ports(w, fds, &timed);

    if (!poll_round(w)) {
        struct timespec wait = { .tv_nsec =
                                     timed ? SLEEP_UNWATCHED_US * 1000l : SLEEP_MS * 1000000l };
        uint64_t drained;
        record_tick_all(w); /* rounds are rare from now on */
        cell_add(&w->sleeps, 1);
        rte_rcu_qsbr_thread_offline(qsbr, w->index);
        atomic_store_explicit(&w->sleeping, true, memory_order_seq_cst);
        ppoll(fds, n, &wait, NULL);
        atomic_store_explicit(&w->sleeping, false, memory_order_relaxed);
        rte_rcu_qsbr_thread_online(qsbr, w->index);
        if (fds[0].revents && read(w->wake_fd, &drained, sizeof drained) < 0) {
            /* Somebody else's wake-up was folded into an earlier one. */
        }
        /* What was current before the sleep may be gone: leaves are looked at afresh. */
        take_snapshot(w, atomic_load_explicit(&dp_snapshot_current, memory_order_acquire));
    }
    disarm_ports(w);
}

static int
worker_main(void *arg)
{
    struct worker *w = arg;

    rte_rcu_qsbr_thread_register(qsbr, w->index);
    rte_rcu_qsbr_thread_online(qsbr, w->index);
    atomic_store(&w->cpu, (unsigned) sched_getcpu());
    while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
        uint32_t n = poll_round(w);
        uint64_t now;
        if (n) {
            w->idle_polls = 0;
        } else {
            w->idle_polls++;
        }
        record_tick(w);
        now = rte_rdtsc();
        frag_tick(w, now);
        conn_sweep(w->conns, w->index, now);
        rte_rcu_qsbr_quiescent(qsbr, w->index);
        if (idle_sleep && w->idle_polls > IDLE_POLLS) {
            worker_sleep(w);
        }
    }
    rte_rcu_qsbr_thread_offline(qsbr, w->index);
    rte_rcu_qsbr_thread_unregister(qsbr, w->index);
    return 0;
}

int
dp_start(void)
{
    atomic_store(&stopping, false);
    for (uint32_t i = 0; i < n_workers; i++) {
        int error = rte_eal_remote_launch(worker_main, &workers[i], workers[i].lcore);
        if (error) {
            return -error;
        }
    }
    return 0;
}

void
dp_wake(uint32_t i)
{
    uint64_t one = 1;

    if (write(workers[i].wake_fd, &one, sizeof one) < 0) {
        /* The counter is at its limit: a wake-up is pending anyway. */
    }
}

static void
wake_all(void)
{
    for (uint32_t i = 0; i < n_workers; i++) {
        dp_wake(i);
    }
}

void
dp_stop(void)
{
    atomic_store(&stopping, true);
    wake_all();
    for (uint32_t i = 0; i < n_workers; i++) {
        rte_eal_wait_lcore(workers[i].lcore);
    }
}

void
dp_publish(const struct snapshot *s)
{
    atomic_store_explicit(&dp_snapshot_current, s, memory_order_seq_cst);
    wake_all();
}

void
dp_synchronize(void)
{
    uint64_t token = rte_rcu_qsbr_start(qsbr);

    while (!grace_passed(qsbr, token)) {
        sched_yield(); /* the worker may share our core */
    }
}

uint32_t
dp_now_s(void)
{
    return rte_rdtsc() / rte_get_tsc_hz();
}

bool
dp_picks_up_midstream(void)
{
    return workers[0].pick_up;
}

uint32_t
dp_max_port_connections(void)
{
    return workers[0].conn_quota;
}

uint32_t
dp_n_workers(void)
{
    return n_workers;
}

void
dp_worker_stats(uint32_t i, struct dp_worker_stats *st)
{
    struct worker *w = &workers[i];

    *st = (struct dp_worker_stats){
        .lcore = w->lcore,
        .cpu = atomic_load(&w->cpu),
        .polls = atomic_load_explicit(&w->polls, memory_order_relaxed),
        .bursts = atomic_load_explicit(&w->bursts, memory_order_relaxed),
        .packets = atomic_load_explicit(&w->packets, memory_order_relaxed),
        .busy_cycles = atomic_load_explicit(&w->busy_cycles, memory_order_relaxed),
        .sleeps = atomic_load_explicit(&w->sleeps, memory_order_relaxed),
        .sleeping = atomic_load(&w->sleeping),
        .generation = atomic_load_explicit(&w->generation, memory_order_acquire),
        .profiled = atomic_load_explicit(&w->profile.packets, memory_order_relaxed),
    };
    for (int s = 0; s < N_STAGES; s++) {
        st->stage_cycles[s] = atomic_load_explicit(&w->profile.cycles[s], memory_order_relaxed);
    }
}

struct ledger *
dp_ledger(uint32_t i)
{
    return &workers[i].ledger;
}

struct learner *
dp_learner(uint32_t i)
{
    return workers[i].learner;
}

void
dp_forget_port(uint16_t port)
{
    relations_forget(relations, port);
    for (uint32_t i = 0; i < n_workers; i++) {
        atomic_store_explicit(&workers[i].passed[port], 0, memory_order_relaxed);
    }
}

bool
dp_last_passed(uint16_t port, uint64_t *ago_us)
{
    uint64_t last = 0, now;

    for (uint32_t i = 0; i < n_workers; i++) {
        uint64_t passed = atomic_load_explicit(&workers[i].passed[port], memory_order_relaxed);

        last = passed > last ? passed : last;
    }
    now = rte_rdtsc();
    *ago_us = now > last
                  ? (uint64_t) ((double) (now - last) * (double) (monotonic_us() - began_us) /
                                (double) (now - began_tsc))
                  : 0;
    return last != 0;
}

uint32_t
dp_send_resets(uint32_t i, const struct reset *resets, uint32_t n)
{
    struct reset_job job = { .resets = resets, .n = n };

    atomic_store_explicit(&workers[i].reset_job, &job, memory_order_release);
    dp_wake(i);
    while (!atomic_load_explicit(&job.done, memory_order_acquire)) {
        sched_yield(); /* the worker may share our core */
    }
    return job.sent;
}

struct drop_ring *
dp_drop_ring(uint32_t i)
{
    return &workers[i].recorder.ring;
}

const struct drop_unsaid *
dp_drop_unsaid(uint32_t i)
{
    return workers[i].recorder.unsaid;
}

struct capture_ring *
dp_capture_ring(uint32_t i)
{
    return &workers[i].capture;
}

const struct sketch *
dp_sketches(uint32_t i)
{
    return workers[i].recorder.sketches;
}

struct conn_table *
dp_connections(void)
{
    return conns;
}
