#include <config.h>

#include "datapath/fdb.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "datapath/snapshot.h"

#define EVENT_RING 1024
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

static struct fdb_slot *slots;
static uint32_t mask, used, max_used;
static struct rte_ring *events[DP_MAX_WORKERS];
static uint32_t n_events;

static uint64_t
key_of(uint64_t mac, uint16_t vlan)
{
    return KEY_MARK | mac << 12 | (vlan & 0xfff); /* never KEY_FREE, also for MAC 0 */
}

static uint32_t
hash_of(uint64_t key)
{
    return (key * 0x9e3779b97f4a7c15ull) >> 32;
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
    for (n_events = 0; n_events < n_workers; n_events++) {
        char name[RTE_RING_NAMESIZE];
        snprintf(name, sizeof name, "fdb_events_%u", n_events);
        events[n_events] = rte_ring_create_elem(name, sizeof(struct fdb_event), EVENT_RING,
                                                rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (!events[n_events]) {
            fdb_exit();
            return ENOMEM;
        }
    }
    return 0;
}

void
fdb_exit(void)
{
    for (uint32_t i = 0; i < n_events; i++) {
        rte_ring_free(events[i]);
        events[i] = NULL;
    }
    n_events = 0;
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

void
fdb_seen(uint32_t worker, uint64_t mac, uint16_t vlan, uint16_t port, uint32_t now_s)
{
    struct fdb_slot *s = find(key_of(mac, vlan));

    if (s && (uint16_t) atomic_load_explicit(&s->port, memory_order_relaxed) == port) {
        if (atomic_load_explicit(&s->seen, memory_order_relaxed) != now_s) {
            atomic_store_explicit(&s->seen, now_s, memory_order_relaxed);
        }
        return;
    }
    struct fdb_event e = { .mac = mac, .vlan = vlan, .port = port };
    rte_ring_sp_enqueue_elem(events[worker], &e, sizeof e); /* full: it will be seen again */
}

/* Sets 'key' to 'port'.  0, or ENOSPC. */
static int
put(uint64_t key, uint32_t port, uint32_t now_s)
{
    struct fdb_slot *s = find(key), *hole = NULL;
    uint32_t h = hash_of(key);

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
static bool
learn(const struct fdb_event *e, uint32_t now_s)
{
    struct fdb_slot *s = find(key_of(e->mac, e->vlan));
    uint32_t old = s ? atomic_load_explicit(&s->port, memory_order_relaxed) : 0;

    if (s && old & BOUND) {
        return false;
    }
    return !put(key_of(e->mac, e->vlan), e->port, now_s) && s && (uint16_t) old != e->port;
}

unsigned
fdb_learn_poll(uint32_t now_s)
{
    unsigned moved = 0;

    for (uint32_t i = 0; i < n_events; i++) {
        struct fdb_event e;
        for (int n = 0; n < EVENT_RING && !rte_ring_sc_dequeue_elem(events[i], &e, sizeof e); n++) {
            moved += learn(&e, now_s);
        }
    }
    return moved;
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
    for_each_slot(flush_one, &port);
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
