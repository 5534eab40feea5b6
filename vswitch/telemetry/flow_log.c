#include <config.h>

#include "telemetry/flow_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "telemetry/flow_account.h"
#include "telemetry/flow_disk.h"
#include "telemetry/flow_names.h"
#include "telemetry/flow_store.h"
#include "timeval.h"
#include "util.h"

#define COLLECT 4096 /* ended connections a turn */
#define SWEEP 16384  /* entries, at most; less than a millisecond, for detection waits */
#define SCAN 8192    /* flows that are looked at before others may have the mutex */
#define FORGET_MS 60000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool opened;
static uint32_t hours; /* that a flow is held for */
static struct flow_names names;
static struct flow_store store;
static struct flow_account account;
static struct flow_disk disk;
static long long swept_ms, forget_ms;

static uint64_t wanted, fresh; /* refreshes that were asked for, that were made */
static uint64_t under_way;     /* the one that the present pass is for; 0: none */

/* ---- opening ---- */

int
flow_log_open(const struct flow_log_options *o)
{
    int retval;

    flow_names_init(&names);
    retval = flow_store_open(&store, &names, o->flows);
    retval = retval ? retval : flow_account_open(&account, o->table, &store);
    if (retval) {
        flow_account_close(&account);
        flow_store_close(&store);
        flow_names_destroy(&names);
        return retval;
    }
    hours = o->hours;
    wanted = fresh = under_way = 0;
    swept_ms = forget_ms = time_msec();
    flow_disk_open(&disk, o->path, &mutex, &store);
    opened = true;
    return 0;
}

void
flow_log_close(void)
{
    if (!opened) {
        return;
    }
    flow_disk_close(&disk);
    pthread_mutex_lock(&mutex);
    opened = false;
    flow_account_close(&account);
    flow_store_close(&store);
    flow_names_destroy(&names);
    pthread_mutex_unlock(&mutex);
}

/* ---- names ---- */

void
flow_log_name_port(uint16_t id, const char *name, const char *user)
{
    pthread_mutex_lock(&mutex);
    if (opened) {
        flow_names_set_port(&names, id, name, user, conn_clock());
    }
    pthread_mutex_unlock(&mutex);
}

void
flow_log_set_sessions(uint16_t id, const char *sessions)
{
    pthread_mutex_lock(&mutex);
    if (opened) {
        flow_names_set_sessions(&names, id, sessions, conn_clock());
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- telling, with the mutex ---- */

/* The part of the table that is due.  The rest of a millisecond is not lost. */
static uint32_t
entries_due(long long now)
{
    uint64_t max = conn_table_max(account.table);
    uint64_t n = max * MIN(now - swept_ms, FLOW_LOG_SWEEP_MS) / FLOW_LOG_SWEEP_MS;

    if (n) {
        swept_ms = now;
    }
    return MIN(n, SWEEP);
}

/* A pass over the whole table for who asked; what had ended by then is collected before it ends. */
static void
refresh_some(uint32_t collected)
{
    if (!under_way) {
        under_way = wanted;
        flow_account_rewind(&account);
    }
    if (flow_account_sweep(&account, SWEEP) && collected < COLLECT) {
        fresh = under_way;
        under_way = 0;
    }
}

static void
forget_old(long long now)
{
    struct timespec t;

    if (now < forget_ms) {
        return;
    }
    forget_ms = now + FORGET_MS;
    clock_gettime(CLOCK_REALTIME, &t);
    if (t.tv_sec / 3600 > hours) {
        flow_store_forget(&store, (t.tv_sec - hours * INT64_C(3600)) * UINT64_C(1000000000));
    }
}

bool
flow_log_turn(void)
{
    long long now = time_msec();
    bool more;
    uint32_t collected, n = 0;

    pthread_mutex_lock(&mutex);
    if (!opened) {
        pthread_mutex_unlock(&mutex);
        return false;
    }
    collected = flow_account_collect(&account, COLLECT);
    if (wanted != fresh) {
        refresh_some(collected);
    } else if ((n = entries_due(now))) {
        flow_account_sweep(&account, n);
    }
    forget_old(now);
    more = collected == COLLECT || n == SWEEP || wanted != fresh;
    pthread_mutex_unlock(&mutex);

    flow_disk_tick(&disk, now);
    return more;
}

void
flow_log_finish(void)
{
    pthread_mutex_lock(&mutex);
    if (opened) {
        flow_account_finish(&account);
    }
    pthread_mutex_unlock(&mutex);
}

uint64_t
flow_log_refresh(void)
{
    pthread_mutex_lock(&mutex);
    uint64_t refresh = ++wanted;
    pthread_mutex_unlock(&mutex);
    return refresh;
}

bool
flow_log_is_fresh(uint64_t refresh)
{
    pthread_mutex_lock(&mutex);
    bool is = fresh >= refresh && disk.loaded;
    pthread_mutex_unlock(&mutex);
    return is;
}

/* ---- asking ---- */

struct found {
    uint64_t last_ns;
    uint32_t slot;
};

static bool
selects(const struct flow_filter *f, const struct flow_look *look)
{
    return (!f->port || !strcmp(f->port, look->port)) &&
           (!f->peer_port || !strcmp(f->peer_port, look->peer_port)) &&
           (!f->by_peer || acl_prefix_contains(&f->peer, look->peer)) &&
           look->last_ns >= f->from_ns && (!f->to_ns || look->first_ns <= f->to_ns);
}

static int
newest_first(const void *a_, const void *b_)
{
    const struct found *a = a_, *b = b_;

    if (a->last_ns != b->last_ns) {
        return a->last_ns < b->last_ns ? 1 : -1;
    }
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

/* The slots of what the filter selects. */
static size_t
find(const struct flow_filter *f, struct found **foundp)
{
    size_t n = 0, allocated = 0;
    uint32_t slot = 1;
    bool more = true;

    *foundp = NULL;
    while (more) {
        pthread_mutex_lock(&mutex);
        for (uint32_t end = slot + SCAN; opened && slot < end && slot <= store.used; slot++) {
            struct flow_look look;

            if (!flow_store_look(&store, slot, &look) || !selects(f, &look)) {
                continue;
            }
            if (n == allocated) {
                *foundp = x2nrealloc(*foundp, &allocated, sizeof **foundp);
            }
            (*foundp)[n++] = (struct found){ look.last_ns, slot };
        }
        more = opened && slot <= store.used;
        pthread_mutex_unlock(&mutex);
    }
    return n;
}

/* Copies it, if the slot still holds such a flow. */
static bool
fetch(const struct flow_filter *f, uint32_t slot, struct flow_row *row)
{
    struct flow_look look;

    pthread_mutex_lock(&mutex);
    bool ok = opened && flow_store_look(&store, slot, &look) && selects(f, &look) &&
              flow_store_get(&store, slot, row);
    pthread_mutex_unlock(&mutex);
    return ok;
}

bool
flow_log_query(const struct flow_filter *f, flow_visit *cb, void *aux)
{
    struct found *found;
    struct flow_row row;
    size_t n = find(f, &found);
    bool truncated = f->limit && n > f->limit;

    if (n) {
        qsort(found, n, sizeof *found, newest_first);
    }
    for (size_t i = 0; i < n && !(truncated && i >= f->limit); i++) {
        if (fetch(f, found[i].slot, &row)) {
            cb(&row, aux);
        }
    }
    free(found);
    return truncated;
}

void
flow_log_budget(struct flow_budget *b)
{
    *b = (struct flow_budget){ .capacity = 0 };
    pthread_mutex_lock(&mutex);
    if (opened) {
        uint64_t told_ns;

        b->capacity = store.capacity;
        b->held = store.held;
        b->put_out = store.put_out;
        b->lost = conn_uncollected(account.table) + account.unnamed;
        flow_store_oldest(&store, &told_ns, &b->oldest_ns);
        b->storing = disk.storing;
        memcpy(b->gaps, disk.gaps, sizeof b->gaps);
        b->n_gaps = disk.n_gaps;
    }
    pthread_mutex_unlock(&mutex);
}
