#include <config.h>

#include "telemetry/stream.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/port.h"
#include "telemetry/detect.h"
#include "telemetry/drop_log.h"
#include "telemetry/flow_log.h"
#include "telemetry/reasons.h"

#define BUSY_WAIT_MS 2
#define IDLE_WAIT_MS 10
#define UNSAID_EVERY_MS 1000
#define BITE 4096 /* records of one ring a turn; the mutex is free between turns */
#define EVERYTHING                                                                                 \
    (1u << 20) /* more than a ring holds, yet an end when a worker keeps filling it */

struct totals {
    uint64_t suppressed, lost;
};

/* What the rings' counts were when a port got its present name, and what has been said since. */
struct account {
    struct totals base, said;
};

/* One mutex over all of it: nothing here is on the packet path, and the workers do not take it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct stream_source sources[DP_MAX_WORKERS];
static size_t n_sources;
static struct account (*accounts)[N_DROP_REASONS]; /* [DP_MAX_PORTS] */

static pthread_t thread;
static pthread_cond_t stopping;
static bool stop;

static struct totals
count_unsaid(uint16_t port, unsigned reason)
{
    struct totals t = { 0, 0 };

    for (size_t i = 0; i < n_sources; i++) {
        const struct drop_unsaid *u = &sources[i].unsaid[port * N_DROP_REASONS + reason];
        t.suppressed += atomic_load_explicit(&u->suppressed, memory_order_relaxed);
        t.lost += atomic_load_explicit(&u->lost, memory_order_relaxed);
    }
    return t;
}

static bool
say_port(uint16_t port)
{
    bool said = false;

    for (unsigned reason = 0; reason < N_DROP_REASONS; reason++) {
        struct account *a = &accounts[port][reason];
        struct totals t = count_unsaid(port, reason);

        t.suppressed -= a->base.suppressed;
        t.lost -= a->base.lost;
        if (t.suppressed != a->said.suppressed || t.lost != a->said.lost) {
            detect_unsaid(port, t.suppressed - a->said.suppressed + t.lost - a->said.lost);
            a->said = t;
            drop_log_add_unsaid(port, reason, t.suppressed, t.lost);
            said = true;
        }
    }
    return said;
}

static bool
say_all(void)
{
    bool said = false;

    for (unsigned port = 0; port < DP_MAX_PORTS; port++) {
        /* A port without a name has never been in a snapshot. */
        if (!drop_log_port_is(port, "")) {
            said |= say_port(port);
        }
    }
    return said;
}

static void
look_at_sketches(uint32_t now_s)
{
    uint32_t number = sketch_number(now_s);

    for (uint16_t port = 0; port < DP_MAX_PORTS; port++) {
        uint64_t present = 0, before = 0;

        for (size_t i = 0; i < n_sources; i++) {
            const struct sketch *s = sources[i].sketches ? &sources[i].sketches[port] : NULL;

            if (s) {
                detect_sketch(port, s, now_s);
                present += sketch_packets(s, number);
                before += sketch_packets(s, number - 1);
            }
        }
        detect_rate(port, present, before, now_s);
    }
}

/* Takes up to 'limit' records of each ring. */
static bool
drain(uint32_t limit)
{
    struct drop_record record;
    struct drop_names names;
    bool any = false;

    for (size_t i = 0; i < n_sources; i++) {
        for (uint32_t n = 0; n < limit && drop_ring_pop(sources[i].ring, &record); n++) {
            detect_record(drop_log_add_record(&record, &names), &record, &names);
            any = true;
        }
    }
    return any;
}

static uint64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static void
wait_ms(unsigned ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000l;
    t.tv_sec += t.tv_nsec / 1000000000l;
    t.tv_nsec %= 1000000000l;
    pthread_cond_timedwait(&stopping, &mutex, &t);
}

static void *
telemetry_main(void *aux)
{
    unsigned pause = BUSY_WAIT_MS;
    uint64_t say_at = now_ms() + UNSAID_EVERY_MS;

    (void) aux;
    pthread_mutex_lock(&mutex);
    while (!stop) {
        bool added = drain(BITE);

        if (now_ms() >= say_at) {
            added |= say_all();
            look_at_sketches((uint32_t) (now_ms() / 1000));
            say_at = now_ms() + UNSAID_EVERY_MS;
        }
        drop_log_commit();
        detect_turn((uint32_t) (now_ms() / 1000));
        pthread_mutex_unlock(&mutex); /* The journal of flows has its own. */
        added |= flow_log_turn();
        pthread_mutex_lock(&mutex);
        pause = added ? BUSY_WAIT_MS : pause * 2;
        pause = pause < IDLE_WAIT_MS ? pause : IDLE_WAIT_MS;
        if (!stop) {
            wait_ms(detect_pause(pause));
        }
    }
    drain(EVERYTHING);
    say_all();
    drop_log_commit();
    detect_turn((uint32_t) (now_ms() / 1000));
    pthread_mutex_unlock(&mutex);
    flow_log_finish();
    return NULL;
}

/* Signals are the control thread's business. */
static int
start_thread(void)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    int error;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&stopping, &attr);
    pthread_condattr_destroy(&attr);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(&thread, NULL, telemetry_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!error) {
        pthread_setname_np(thread, "telemetry");
    }
    return error;
}

int
stream_start(const struct stream_source *s, size_t n)
{
    int error;

    if (n > DP_MAX_WORKERS) {
        return EINVAL;
    }
    accounts = calloc(DP_MAX_PORTS, sizeof *accounts);
    if (!accounts) {
        return ENOMEM;
    }
    memcpy(sources, s, n * sizeof *s);
    n_sources = n;
    stop = false;
    error = start_thread();
    if (error) {
        n_sources = 0;
        free(accounts);
        accounts = NULL;
    }
    return error;
}

void
stream_stop(void)
{
    if (!accounts) {
        return;
    }
    pthread_mutex_lock(&mutex);
    stop = true;
    pthread_cond_signal(&stopping);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&stopping);

    pthread_mutex_lock(&mutex);
    n_sources = 0;
    free(accounts);
    accounts = NULL;
    pthread_mutex_unlock(&mutex);
}

/* Under a new name the counts begin at 0: closes the account of the old one. */
static void
change_account(uint16_t port)
{
    if (!drop_log_port_is(port, "")) {
        say_port(port);
    }
    for (unsigned reason = 0; reason < N_DROP_REASONS; reason++) {
        accounts[port][reason].base = count_unsaid(port, reason);
        accounts[port][reason].said = (struct totals){ 0, 0 };
    }
}

void
stream_set_port(uint16_t id, const char *name, const char *user)
{
    if (id >= DP_MAX_PORTS) {
        return;
    }
    pthread_mutex_lock(&mutex);
    if (accounts) {
        drain(EVERYTHING); /* what the rings hold was dropped under the old name */
        if (!drop_log_port_is(id, name)) {
            change_account(id);
        }
    }
    drop_log_name_port(id, name, user);
    pthread_mutex_unlock(&mutex);
}

void
stream_set_sessions(uint16_t id, uint32_t slot, const char *sessions)
{
    pthread_mutex_lock(&mutex);
    if (accounts) {
        drain(EVERYTHING); /* what the rings hold may have the slot before the present one */
    }
    drop_log_set_sessions(id, slot, sessions);
    pthread_mutex_unlock(&mutex);
}

void
stream_correct(uint16_t id, const char *session, const struct drop_correction *what)
{
    pthread_mutex_lock(&mutex);
    if (accounts) {
        drain(EVERYTHING);
        drop_log_correct(id, session, what); /* the thread commits it */
        detect_correct(id, session, what);
    }
    pthread_mutex_unlock(&mutex);
}

void
stream_set_rules(const uint32_t *slots, const char *const *rule_ids, size_t n)
{
    pthread_mutex_lock(&mutex);
    if (accounts) {
        drain(EVERYTHING);
    }
    for (size_t i = 0; i < n; i++) {
        drop_log_name_rule(slots[i], rule_ids[i]);
    }
    pthread_mutex_unlock(&mutex);
}
