#include <config.h>

#include "datapath/mcast.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_random.h>

#include "datapath/punt.h"

#define EVENT_RING 16384
#define EVENT_SHARE MCAST_PORT_GROUPS
#define PROBES 64
#define TAG_FREE 0
#define TAG_GONE 1
#define TAG_MARK 0x10000u /* with the VLAN */

enum { JOIN, LEAVE };

/* 'version' is odd while the slot changes hands; what a reader got in between is void. */
struct group {
    _Atomic uint64_t addr[2];
    _Atomic uint32_t tag;
    _Atomic uint32_t version;
    _Atomic uint64_t members[DP_MAX_PORTS / 64];
    uint32_t n_members;
};

/* A port's membership.  The worker sets 'seen'. */
struct membership {
    _Atomic uint32_t group; /* index of its slot + 1; 0: none */
    _Atomic uint32_t seen;
};

struct port_groups {
    struct membership m[MCAST_PORT_GROUPS];
    _Atomic uint32_t n;
};

const struct acl_addr mcast_routers;

static struct group *groups;
static struct port_groups *ports; /* [DP_MAX_PORTS] */
static uint32_t mask, used, max_used;
static uint64_t seed;
static struct punt *events;

int
mcast_init(uint32_t max_groups, uint32_t n_workers)
{
    uint32_t size = rte_align32pow2(max_groups * 2);

    seed = rte_rand();
    groups = calloc(size, sizeof *groups);
    ports = calloc(DP_MAX_PORTS, sizeof *ports);
    events = punt_create("mcast_events", n_workers, EVENT_RING, EVENT_SHARE);
    if (!groups || !ports || !events) {
        mcast_exit();
        return ENOMEM;
    }
    mask = size - 1;
    max_used = max_groups;
    return 0;
}

void
mcast_exit(void)
{
    punt_destroy(events);
    free(ports);
    free(groups);
    events = NULL;
    ports = NULL;
    groups = NULL;
    used = 0;
}

/* ---- groups ---- */

static uint32_t
hash_of(const struct acl_addr *a, uint16_t vlan)
{
    uint64_t h = (a->q[0] ^ seed) * 0xff51afd7ed558ccdull;

    h = (h ^ h >> 32 ^ a->q[1]) * 0x9e3779b97f4a7c15ull;
    h = (h ^ h >> 32 ^ vlan) * 0xc4ceb9fe1a85ec53ull;
    return h >> 32;
}

static uint32_t
tag_at(const struct group *g)
{
    return atomic_load_explicit(&g->tag, memory_order_acquire);
}

static struct group *
find(const struct acl_addr *a, uint16_t vlan)
{
    uint32_t h = hash_of(a, vlan);

    for (uint32_t i = 0; groups && i < PROBES; i++) {
        struct group *g = &groups[(h + i) & mask];
        uint32_t tag = tag_at(g);

        if (tag == (TAG_MARK | vlan) &&
            atomic_load_explicit(&g->addr[0], memory_order_relaxed) == a->q[0] &&
            atomic_load_explicit(&g->addr[1], memory_order_relaxed) == a->q[1]) {
            return g;
        }
        if (tag == TAG_FREE) {
            return NULL;
        }
    }
    return NULL;
}

bool
mcast_members(const struct acl_addr *a, uint16_t vlan, struct mcast_set *set)
{
    struct group *g = find(a, vlan);
    uint32_t version = g ? atomic_load_explicit(&g->version, memory_order_acquire) : 1;

    if (version % 2 == 0 && g == find(a, vlan)) {
        for (size_t i = 0; i < RTE_DIM(set->bits); i++) {
            set->bits[i] = atomic_load_explicit(&g->members[i], memory_order_relaxed);
        }
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&g->version, memory_order_relaxed) == version) {
            return true;
        }
    }
    memset(set, 0, sizeof *set); /* a group that comes or goes at this moment has nobody */
    return false;
}

/* Gives the slot to a group, or, TAG_GONE, to nobody. */
static void
hand_over(struct group *g, const struct acl_addr *a, uint32_t tag)
{
    uint32_t version = atomic_load_explicit(&g->version, memory_order_relaxed);

    atomic_store_explicit(&g->version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int i = 0; i < 2; i++) {
        atomic_store_explicit(&g->addr[i], a->q[i], memory_order_relaxed);
    }
    for (size_t i = 0; i < RTE_DIM(g->members); i++) {
        atomic_store_explicit(&g->members[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&g->tag, tag, memory_order_release);
    atomic_store_explicit(&g->version, version + 2, memory_order_release);
    g->n_members = 0;
}

static struct group *
make_group(const struct acl_addr *a, uint16_t vlan)
{
    uint32_t h = hash_of(a, vlan);

    for (uint32_t i = 0; used < max_used && i < PROBES; i++) {
        struct group *g = &groups[(h + i) & mask];

        if (tag_at(g) == TAG_FREE || tag_at(g) == TAG_GONE) {
            hand_over(g, a, TAG_MARK | vlan);
            used++;
            return g;
        }
    }
    return NULL;
}

/* A tombstone keeps probe sequences whole, but only while something may lie behind it. */
static void
drop_group(struct group *g)
{
    static const struct acl_addr none;
    uint32_t i = g - groups;

    hand_over(g, &none, TAG_GONE);
    used--;
    if (tag_at(&groups[(i + 1) & mask]) == TAG_FREE) {
        while (tag_at(&groups[i & mask]) == TAG_GONE) {
            atomic_store_explicit(&groups[i-- & mask].tag, TAG_FREE, memory_order_release);
        }
    }
}

/* ---- memberships ---- */

/* Of the port in the slot with this index + 1; 0 finds a place for one. */
static struct membership *
membership_of(uint16_t port, uint32_t group)
{
    for (int i = 0; i < MCAST_PORT_GROUPS; i++) {
        struct membership *m = &ports[port].m[i];

        if (atomic_load_explicit(&m->group, memory_order_relaxed) == group) {
            return m;
        }
    }
    return NULL;
}

static struct membership *
find_membership(const struct acl_addr *a, uint16_t vlan, uint16_t port)
{
    struct group *g = find(a, vlan);

    return g ? membership_of(port, g - groups + 1) : NULL;
}

static void
refresh(struct membership *m, uint32_t now_s)
{
    if (atomic_load_explicit(&m->seen, memory_order_relaxed) != now_s) {
        atomic_store_explicit(&m->seen, now_s, memory_order_relaxed);
    }
}

bool
mcast_join(uint32_t worker, const struct acl_addr *a, uint16_t vlan, uint16_t port, uint32_t now_s)
{
    struct punt_event e = { .addr = *a, .vlan = vlan, .port = port, .kind = JOIN };

    if (!events) {
        return false;
    }
    /* What the table says holds only when no report of this port is on its way there. */
    if (!punt_is_waiting(events, port)) {
        struct membership *m = find_membership(a, vlan, port);

        if (m) {
            refresh(m, now_s);
            return true;
        }
        if (atomic_load_explicit(&ports[port].n, memory_order_relaxed) >= MCAST_PORT_GROUPS) {
            return false;
        }
    }
    return punt_send(events, worker, &e);
}

void
mcast_leave(uint32_t worker, const struct acl_addr *a, uint16_t vlan, uint16_t port)
{
    struct punt_event e = { .addr = *a, .vlan = vlan, .port = port, .kind = LEAVE };

    if (events && (punt_is_waiting(events, port) || find_membership(a, vlan, port))) {
        punt_send(events, worker, &e); /* no place: it ages */
    }
}

/* ---- control ---- */

static void
add(const struct punt_event *e, uint32_t now_s)
{
    struct membership *m = find_membership(&e->addr, e->vlan, e->port);
    struct port_groups *p = &ports[e->port];
    struct group *g;

    if (m) {
        refresh(m, now_s);
        return;
    }
    m = membership_of(e->port, 0);
    g = m ? find(&e->addr, e->vlan) : NULL;
    g = m && !g ? make_group(&e->addr, e->vlan) : g;
    if (!g) {
        return;
    }
    atomic_store_explicit(&m->seen, now_s, memory_order_relaxed);
    atomic_store_explicit(&m->group, g - groups + 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->n, 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&g->members[e->port / 64], 1ull << e->port % 64, memory_order_relaxed);
    g->n_members++;
}

static void
drop(uint16_t port, struct membership *m)
{
    struct group *g = &groups[atomic_load_explicit(&m->group, memory_order_relaxed) - 1];

    atomic_store_explicit(&m->group, 0, memory_order_relaxed);
    atomic_fetch_sub_explicit(&ports[port].n, 1, memory_order_relaxed);
    atomic_fetch_and_explicit(&g->members[port / 64], ~(1ull << port % 64), memory_order_relaxed);
    if (!--g->n_members) {
        drop_group(g);
    }
}

static void
deal(const struct punt_event *e, void *now_s)
{
    if (e->kind == JOIN) {
        add(e, *(uint32_t *) now_s);
    } else {
        struct membership *m = find_membership(&e->addr, e->vlan, e->port);
        if (m) {
            drop(e->port, m);
        }
    }
}

void
mcast_poll(uint32_t now_s)
{
    punt_drain(events, deal, &now_s);
}

static void
for_each(uint16_t port, void (*cb)(uint16_t port, struct membership *, void *aux), void *aux)
{
    for (int i = 0; i < MCAST_PORT_GROUPS; i++) {
        struct membership *m = &ports[port].m[i];

        if (atomic_load_explicit(&m->group, memory_order_relaxed)) {
            cb(port, m, aux);
        }
    }
}

static void
age_one(uint16_t port, struct membership *m, void *now_s)
{
    uint32_t seen = atomic_load_explicit(&m->seen, memory_order_relaxed);

    if ((int32_t) (*(uint32_t *) now_s - seen) > MCAST_AGE_SECONDS) {
        drop(port, m);
    }
}

void
mcast_age(uint32_t now_s)
{
    for (uint16_t port = 0; port < DP_MAX_PORTS; port++) {
        for_each(port, age_one, &now_s);
    }
}

static void
flush_one(uint16_t port, struct membership *m, void *aux)
{
    (void) aux;
    drop(port, m);
}

void
mcast_flush_port(uint16_t port, uint32_t now_s)
{
    mcast_poll(now_s); /* what it reported last must not come after it */
    for_each(port, flush_one, NULL);
}

struct foreach_aux {
    void (*cb)(const struct mcast_entry *, void *aux);
    void *aux;
};

static void
report_one(uint16_t port, struct membership *m, void *aux_)
{
    struct foreach_aux *aux = aux_;
    struct group *g = &groups[atomic_load_explicit(&m->group, memory_order_relaxed) - 1];
    struct mcast_entry e = {
        .group.q = { atomic_load_explicit(&g->addr[0], memory_order_relaxed),
                     atomic_load_explicit(&g->addr[1], memory_order_relaxed) },
        .vlan = tag_at(g) & 0xfff,
        .port = port,
        .last_seen_s = atomic_load_explicit(&m->seen, memory_order_relaxed),
    };

    aux->cb(&e, aux->aux);
}

void
mcast_foreach(void (*cb)(const struct mcast_entry *, void *aux), void *aux)
{
    struct foreach_aux fa = { cb, aux };

    for (uint16_t port = 0; port < DP_MAX_PORTS; port++) {
        for_each(port, report_one, &fa);
    }
}
