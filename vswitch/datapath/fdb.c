#include <config.h>

#include "datapath/fdb.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_random.h>

#include "datapath/punt.h"
#include "datapath/snapshot.h"

#define EVENT_RING 4096
#define EVENT_SHARE 128 /* 6,400 new stations a second, if control looks every 20 ms */
#define PROBES 64
#define KEY_FREE 0
#define KEY_GONE UINT64_MAX
#define KEY_MARK (1ull << 60)
#define BOUND 0x80000000u

/* The writer sets the port before the key; a reader looks at the key before and after the port,
 * since the slot may have been given to another key in between. */
struct fdb_slot {
    _Atomic uint64_t key;
    _Atomic uint32_t port; /* BOUND | port */
    _Atomic uint32_t seen;
};

/* Written by control, read by the port's worker. */
struct fdb_port {
    _Atomic uint32_t learned, limit;
};

static struct fdb_slot *slots;
static uint32_t mask, used, max_used;
static uint64_t seed;
static struct fdb_port ports[DP_MAX_PORTS];
static struct punt *events;

static uint64_t
key_of(uint64_t mac, uint16_t vlan)
{
    return KEY_MARK | mac << 12 | (vlan & 0xfff); /* never KEY_FREE, also for MAC 0 */
}

/* Nobody outside knows the seed, so nobody can aim at the places of one station. */
static uint32_t
hash_of(uint64_t key)
{
    uint64_t h = (key ^ seed) * 0xff51afd7ed558ccdull;

    return ((h ^ h >> 32) * 0x9e3779b97f4a7c15ull) >> 32;
}

int
fdb_init(uint32_t max_entries, uint32_t n_workers)
{
    uint32_t size = rte_align32pow2(max_entries * 2);

    slots = calloc(size, sizeof *slots);
    if (!slots) {
        return ENOMEM;
    }
    mask = size - 1;
    max_used = max_entries;
    seed = rte_rand();
    for (int i = 0; i < DP_MAX_PORTS; i++) {
        atomic_store(&ports[i].learned, 0);
        atomic_store(&ports[i].limit, UINT32_MAX);
    }
    events = punt_create("fdb_events", n_workers, EVENT_RING, EVENT_SHARE);
    if (!events) {
        fdb_exit();
        return ENOMEM;
    }
    return 0;
}

void
fdb_exit(void)
{
    punt_destroy(events);
    events = NULL;
    used = 0;
    free(slots);
    slots = NULL;
}

static struct fdb_slot *
find(uint64_t key)
{
    uint32_t h = hash_of(key);

    for (uint32_t i = 0; i < PROBES; i++) {
        struct fdb_slot *s = &slots[(h + i) & mask];
        uint64_t k = atomic_load_explicit(&s->key, memory_order_acquire);
        if (k == key) {
            return s;
        }
        if (k == KEY_FREE) {
            return NULL;
        }
    }
    return NULL;
}

uint16_t
fdb_lookup(uint64_t mac, uint16_t vlan)
{
    uint64_t key = key_of(mac, vlan);
    struct fdb_slot *s = find(key);
    uint32_t port = s ? atomic_load_explicit(&s->port, memory_order_acquire) : DP_PORT_NONE;

    return s && atomic_load_explicit(&s->key, memory_order_relaxed) == key ? (uint16_t) port
                                                                           : DP_PORT_NONE;
}

static bool
is_full(uint16_t port)
{
    return atomic_load_explicit(&ports[port].learned, memory_order_relaxed) >=
           atomic_load_explicit(&ports[port].limit, memory_order_relaxed);
}

bool
fdb_seen(uint32_t worker, uint64_t mac, uint16_t vlan, uint16_t port, uint32_t now_s)
{
    struct fdb_slot *s = find(key_of(mac, vlan));

    if (s && (uint16_t) atomic_load_explicit(&s->port, memory_order_relaxed) == port) {
        if (atomic_load_explicit(&s->seen, memory_order_relaxed) != now_s) {
            atomic_store_explicit(&s->seen, now_s, memory_order_relaxed);
        }
        return true;
    }
    if (is_full(port)) {
        return false;
    }
    struct punt_event e = { .addr.q[0] = mac, .vlan = vlan, .port = port };
    punt_send(events, worker, &e); /* no place: it will be seen again */
    return true;
}

/* Counts the entry's change from one port to another, as far as it is a learned one there. */
static void
account(uint32_t from, uint32_t to)
{
    if (!(from & BOUND)) {
        atomic_fetch_sub_explicit(&ports[from].learned, 1, memory_order_relaxed);
    }
    if (!(to & BOUND)) {
        atomic_fetch_add_explicit(&ports[to].learned, 1, memory_order_relaxed);
    }
}

/* Sets 'key' to 'port'.  0, or ENOSPC. */
static int
put(uint64_t key, uint32_t port, uint32_t now_s)
{
    struct fdb_slot *s = find(key), *hole = NULL;
    uint32_t h = hash_of(key);
    bool fresh = !s;

    if (!s && used >= max_used && !(port & BOUND)) {
        return ENOSPC;
    }
    for (uint32_t i = 0; !s && i < PROBES; i++) {
        struct fdb_slot *c = &slots[(h + i) & mask];
        uint64_t k = atomic_load_explicit(&c->key, memory_order_relaxed);
        if (k == KEY_GONE || k == KEY_FREE) {
            hole = c;
            break;
        }
    }
    if (!s && !hole) {
        return ENOSPC;
    }
    if (!s) {
        s = hole;
        used++;
    }
    account(fresh ? BOUND : atomic_load_explicit(&s->port, memory_order_relaxed), port);
    atomic_store_explicit(&s->port, port, memory_order_release);
    atomic_store_explicit(&s->seen, now_s, memory_order_relaxed);
    atomic_store_explicit(&s->key, key, memory_order_release);
    return 0;
}

/* A tombstone keeps probe sequences whole, but only while something may lie behind it. */
static void
drop_slot(struct fdb_slot *s)
{
    uint32_t i = s - slots;

    account(atomic_load_explicit(&s->port, memory_order_relaxed), BOUND);
    atomic_store_explicit(&s->key, KEY_GONE, memory_order_release);
    used--;
    if (atomic_load_explicit(&slots[(i + 1) & mask].key, memory_order_relaxed) != KEY_FREE) {
        return;
    }
    while (atomic_load_explicit(&slots[i & mask].key, memory_order_relaxed) == KEY_GONE) {
        atomic_store_explicit(&slots[i-- & mask].key, KEY_FREE, memory_order_release);
    }
}

int
fdb_bind(uint64_t mac, uint16_t vlan, uint16_t port)
{
    struct fdb_slot *s = find(key_of(mac, vlan));

    if (s) {
        uint32_t old = atomic_load_explicit(&s->port, memory_order_relaxed);
        if (old & BOUND && (uint16_t) old != port) {
            return EEXIST;
        }
    }
    return put(key_of(mac, vlan), BOUND | port, 0);
}

void
fdb_unbind(uint64_t mac, uint16_t vlan)
{
    struct fdb_slot *s = find(key_of(mac, vlan));

    if (s) {
        drop_slot(s);
    }
}

/* A MAC that is bound to a desktop is never learned elsewhere. */
struct learning {
    uint32_t now_s;
    unsigned moved;
};

static void
learn(const struct punt_event *e, void *learning_)
{
    struct learning *learning = learning_;
    uint64_t key = key_of(e->addr.q[0], e->vlan);
    struct fdb_slot *s = find(key);
    uint32_t old = s ? atomic_load_explicit(&s->port, memory_order_relaxed) : DP_PORT_NONE;

    if (!(s && old & BOUND) && (old == e->port || !is_full(e->port)) &&
        !put(key, e->port, learning->now_s) && s) {
        learning->moved += old != e->port;
    }
}

unsigned
fdb_learn_poll(uint32_t now_s)
{
    struct learning learning = { .now_s = now_s };

    punt_drain(events, learn, &learning);
    return learning.moved;
}

static void
for_each_slot(void (*cb)(struct fdb_slot *, uint64_t key, void *aux), void *aux)
{
    for (uint32_t i = 0; slots && i <= mask; i++) {
        uint64_t key = atomic_load_explicit(&slots[i].key, memory_order_relaxed);
        if (key != KEY_FREE && key != KEY_GONE) {
            cb(&slots[i], key, aux);
        }
    }
}

static void
age_one(struct fdb_slot *s, uint64_t key, void *now_)
{
    uint32_t now_s = *(uint32_t *) now_;
    uint32_t seen = atomic_load_explicit(&s->seen, memory_order_relaxed);

    (void) key;
    if (!(atomic_load_explicit(&s->port, memory_order_relaxed) & BOUND) &&
        (int32_t) (now_s - seen) > FDB_AGE_SECONDS) {
        drop_slot(s);
    }
}

void
fdb_age(uint32_t now_s)
{
    for_each_slot(age_one, &now_s);
}

static void
flush_one(struct fdb_slot *s, uint64_t key, void *port)
{
    (void) key;
    if (atomic_load_explicit(&s->port, memory_order_relaxed) == *(uint16_t *) port) {
        drop_slot(s);
    }
}

void
fdb_flush_port(uint16_t port)
{
    fdb_set_limit(port, 0);
    for_each_slot(flush_one, &port);
}

void
fdb_set_limit(uint16_t port, uint32_t max_learned)
{
    atomic_store_explicit(&ports[port].limit, max_learned, memory_order_relaxed);
}

uint32_t
fdb_learned(uint16_t port)
{
    return atomic_load_explicit(&ports[port].learned, memory_order_relaxed);
}

struct foreach_aux {
    void (*cb)(const struct fdb_entry *, void *aux);
    void *aux;
};

static void
report_one(struct fdb_slot *s, uint64_t key, void *aux_)
{
    struct foreach_aux *aux = aux_;
    uint32_t port = atomic_load_explicit(&s->port, memory_order_relaxed);
    struct fdb_entry e = {
        .mac = key >> 12 & MAC_MASK,
        .vlan = key & 0xfff,
        .port = (uint16_t) port,
        .bound = port & BOUND,
        .last_seen_s = atomic_load_explicit(&s->seen, memory_order_relaxed),
    };

    aux->cb(&e, aux->aux);
}

void
fdb_foreach(void (*cb)(const struct fdb_entry *, void *aux), void *aux)
{
    struct foreach_aux fa = { cb, aux };

    for_each_slot(report_one, &fa);
}
