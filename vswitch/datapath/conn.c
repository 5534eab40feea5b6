#include <config.h>

#include "datapath/conn.h"

#include <emmintrin.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_random.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "datapath/conn_private.h"
#include "datapath/grace.h"

#define TRIES 8 /* to insert an entry whose rivals come and go */

_Static_assert(sizeof(struct conn_key) == 40, "the key is compact");
_Static_assert(offsetof(struct conn, table_id) == 64, "what every packet needs is one cache line");
_Static_assert(offsetof(struct conn, half) == 128, "what a verdict rests on is one cache line");
_Static_assert(sizeof(struct conn) == 256, "an entry is four cache lines");

struct conn_table *
conn_table_create(uint32_t max, uint32_t n_workers, struct rte_rcu_qsbr *qsbr)
{
    struct conn_table *t = rte_zmalloc("conn_table", sizeof *t, 64);

    if (!t) {
        return NULL;
    }
    t->qsbr = qsbr;
    t->max = max;
    t->n_workers = n_workers;
    t->bucket_mask = rte_align32pow2(RTE_MAX(max / 4, 16u)) - 1;
    for (int i = 0; i < 4; i++) {
        t->seed[i] = rte_rand() | 1;
    }
    t->buckets = rte_zmalloc("conn_buckets", (t->bucket_mask + 1ul) * sizeof *t->buckets, 64);
    t->entries = rte_zmalloc("conn_entries", (max + 1ul) * sizeof *t->entries, 64);
    t->free = rte_ring_create("conn_free", rte_align32pow2(max + 1), SOCKET_ID_ANY, 0);
    if (!t->buckets || !t->entries || !t->free) {
        conn_table_destroy(t);
        return NULL;
    }
    for (uintptr_t i = 1; i <= max; i++) { /* index 0 means an empty slot */
        rte_ring_enqueue(t->free, (void *) i);
    }
    for (uint32_t w = 0; w < n_workers; w++) {
        t->workers[w].sweep = (uint64_t) (t->bucket_mask + 1) * w / n_workers;
    }
    /* Both are offline, but for the walks of the control thread and of who collects. */
    rte_rcu_qsbr_thread_register(qsbr, n_workers);
    rte_rcu_qsbr_thread_register(qsbr, n_workers + 1);
    return t;
}

void
conn_table_destroy(struct conn_table *t)
{
    if (t) {
        conn_collect_end(t);
        rte_ring_free(t->free);
        rte_free(t->entries);
        rte_free(t->buckets);
        rte_free(t);
    }
}

size_t
conn_table_bytes(const struct conn_table *t)
{
    return sizeof *t + (t->bucket_mask + 1ul) * sizeof *t->buckets +
           (t->max + 1ul) * sizeof *t->entries + rte_ring_get_memsize(rte_ring_get_size(t->free));
}

uint32_t
conn_table_max(const struct conn_table *t)
{
    return t->max;
}

uint32_t
conn_table_count(const struct conn_table *t)
{
    int64_t n = -atomic_load_explicit(&t->flushed, memory_order_relaxed);

    for (uint32_t w = 0; w < t->n_workers; w++) {
        n += atomic_load_explicit(&t->workers[w].live, memory_order_relaxed);
    }
    return n < 0 ? 0 : n;
}

uint32_t
conn_table_of_port(const struct conn_table *t, uint16_t port)
{
    /* A connection may be flushed in the moment before it has been counted. */
    int32_t n = atomic_load_explicit(&t->of_port[port], memory_order_relaxed);

    return n < 0 ? 0 : n;
}

/* Folded 64x64 multiplication keyed by secret words: fast, and unlike a CRC a guest cannot find
 * collisions for it without the seed. */
static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128) a * b;
    return (uint64_t) p ^ (uint64_t) (p >> 64);
}

uint64_t
conn_key_hash(const struct conn_table *t, const struct conn_key *k)
{
    uint64_t tail = (uint64_t) k->l4[0] << 48 | (uint64_t) k->l4[1] << 32 |
                    (uint32_t) k->vlan << 8 | k->protocol;
    uint64_t h = mix(k->addr[0].q[1] ^ t->seed[0], k->addr[1].q[1] ^ t->seed[1]);

    if (!acl_addr_is_v4(&k->addr[0])) {
        h ^= mix(k->addr[0].q[0] ^ t->seed[2], k->addr[1].q[0] ^ h);
    }
    return mix(h ^ t->seed[3], tail ^ t->seed[2]);
}

static bool
matches(const struct conn *c, const struct conn_key *key, unsigned side, uint16_t in_port,
        bool unfiltered)
{
    uint16_t port = atomic_load_explicit(&c->port[side], memory_order_relaxed);

    return (port == in_port || (port == DP_PORT_NONE && unfiltered)) &&
           !memcmp(&c->key, key, sizeof *key) &&
           atomic_load_explicit(&c->life, memory_order_acquire) == CONN_LIVE;
}

/* Which slots of the bucket have this signature, as bits.  An empty one may be among them. */
static unsigned
slots_with(const struct conn_bucket *b, uint32_t signature)
{
    const __m128 *pair = (const __m128 *) b->slot;
    const __m128i wanted = _mm_set1_epi32((int) signature);
    unsigned mask = 0;

    for (int i = 0; i < CONN_BUCKET_SLOTS / 4; i++) { /* the upper halves of four slots */
        __m128 upper = _mm_shuffle_ps(pair[2 * i], pair[2 * i + 1], _MM_SHUFFLE(3, 1, 3, 1));
        __m128i equal = _mm_cmpeq_epi32(_mm_castps_si128(upper), wanted);

        mask |= (unsigned) _mm_movemask_ps(_mm_castsi128_ps(equal)) << 4 * i;
    }
    return mask;
}

/* Entries that may be the ones, by their signature, one after the other. */
struct candidates {
    uint64_t hash;
    unsigned mask;  /* slots of the bucket that are still to be looked at */
    unsigned which; /* how many buckets have been begun */
};

/* NULL: that were all. */
static struct conn *
next_candidate(const struct conn_table *t, struct candidates *c)
{
    uint32_t signature = conn_signature(c->hash);

    while (c->mask || c->which < 2) {
        const struct conn_bucket *b;
        uint64_t slot;

        if (!c->mask) {
            c->mask = slots_with(conn_bucket(t, c->hash, c->which++), signature);
            continue;
        }
        b = conn_bucket(t, c->hash, c->which - 1);
        slot = atomic_load_explicit(&b->slot[__builtin_ctz(c->mask)], memory_order_acquire);
        c->mask &= c->mask - 1;
        if (slot >> 32 == signature && (uint32_t) slot) {
            return &t->entries[(uint32_t) slot];
        }
    }
    return NULL;
}

struct conn *
conn_lookup(const struct conn_table *t, const struct conn_key *key, uint64_t hash, unsigned side,
            uint16_t in_port, bool unfiltered)
{
    struct candidates candidates = { .hash = hash };
    struct conn *c = next_candidate(t, &candidates);

    while (c && !matches(c, key, side, in_port, unfiltered)) {
        c = next_candidate(t, &candidates);
    }
    return c;
}

/* What a packet reads and writes of its connection. */
static void
prefetch_entry(const struct conn *c, unsigned side)
{
    rte_prefetch0(c);
    __builtin_prefetch(&c->half[side], 1, 3);
    rte_prefetch0(&c->half[!side]);
}

void
conn_lookup_bulk(const struct conn_table *t, struct conn_probe *probes, unsigned n,
                 uint16_t in_port, bool unfiltered)
{
    for (unsigned i = 0; i < n; i++) {
        probes[i].hash = conn_key_hash(t, &probes[i].key);
        rte_prefetch0(conn_bucket(t, probes[i].hash, 0));
        rte_prefetch0(conn_bucket(t, probes[i].hash, 1));
    }
    for (unsigned i = 0; i < n; i++) {
        probes[i].conn = next_candidate(t, &(struct candidates){ .hash = probes[i].hash });
        if (probes[i].conn) {
            prefetch_entry(probes[i].conn, probes[i].side);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        struct conn_probe *p = &probes[i];

        if (p->conn && !matches(p->conn, &p->key, p->side, in_port, unfiltered)) {
            p->conn = conn_lookup(t, &p->key, p->hash, p->side, in_port, unfiltered);
        }
    }
}

struct conn *
conn_alloc(struct conn_table *t, uint32_t worker)
{
    struct conn_worker *w = &t->workers[worker];

    if (!w->n_cached) {
        w->n_cached = rte_ring_dequeue_burst(t->free, (void **) w->cache, CONN_CACHE / 2, NULL);
        if (!w->n_cached) {
            return NULL;
        }
    }
    struct conn *c = &t->entries[w->cache[--w->n_cached]];
    /* Control looks at every entry's life, and at the rest of those that live. */
    atomic_store_explicit(&c->life, CONN_FREE, memory_order_relaxed);
    atomic_store_explicit(&c->flushed, 0, memory_order_relaxed);
    atomic_store_explicit(&c->generation, 0, memory_order_relaxed);
    memset(c->half, 0, sizeof c->half);
    c->serial++;
    return c;
}

static void
give_back(struct conn_table *t, uint32_t worker, uint32_t index)
{
    struct conn_worker *w = &t->workers[worker];

    if (w->n_cached == CONN_CACHE) {
        w->n_cached -= rte_ring_enqueue_burst(t->free, (void **) &w->cache[CONN_CACHE / 2],
                                              CONN_CACHE / 2, NULL);
    }
    w->cache[w->n_cached++] = index;
}

void
conn_retire(struct conn_table *t, uint32_t worker, struct conn *c)
{
    struct conn_worker *w = &t->workers[worker];
    uint32_t index = c - t->entries;

    c->retired_next = 0;
    c->retired_token = rte_rcu_qsbr_start(t->qsbr);
    if (w->retired_first) {
        t->entries[w->retired_last].retired_next = index;
    } else {
        w->retired_first = index;
    }
    w->retired_last = index;
}

void
conn_recycle(struct conn_table *t, uint32_t worker)
{
    struct conn_worker *w = &t->workers[worker];

    while (w->retired_first) {
        uint32_t index = w->retired_first;
        if (!grace_passed(t->qsbr, t->entries[index].retired_token)) {
            return;
        }
        w->retired_first = t->entries[index].retired_next;
        if (!conn_leave(t, worker, index)) {
            give_back(t, worker, index);
        }
    }
}

static bool
take_slot(struct conn_table *t, uint64_t hash, uint64_t value)
{
    struct conn_bucket *b[2] = { conn_bucket(t, hash, 0), conn_bucket(t, hash, 1) };
    int used[2] = { 0, 0 };

    for (int w = 0; w < 2; w++) {
        for (int i = 0; i < CONN_BUCKET_SLOTS; i++) {
            used[w] += !!atomic_load_explicit(&b[w]->slot[i], memory_order_relaxed);
        }
    }
    for (int n = 0; n < 2; n++) { /* the emptier of the two first */
        struct conn_bucket *c = b[(used[1] < used[0]) ^ n];
        for (int i = 0; i < CONN_BUCKET_SLOTS; i++) {
            uint64_t empty = 0;
            if (!atomic_load_explicit(&c->slot[i], memory_order_relaxed) &&
                atomic_compare_exchange_strong(&c->slot[i], &empty, value)) {
                return true;
            }
        }
    }
    return false;
}

static void
clear_slot(struct conn_table *t, const struct conn *c)
{
    uint64_t value = (uint64_t) c->signature << 32 | (uint32_t) (c - t->entries);
    uint64_t hash = (uint64_t) c->signature << 32 | c->hash_low;

    for (int w = 0; w < 2; w++) {
        struct conn_bucket *b = conn_bucket(t, hash, w);
        for (int i = 0; i < CONN_BUCKET_SLOTS; i++) {
            uint64_t v = value;
            if (atomic_compare_exchange_strong(&b->slot[i], &v, 0)) {
                return;
            }
        }
    }
}

/* An uplink that is not known yet may be any. */
static bool
same_port(const struct conn *a, const struct conn *b, unsigned side)
{
    uint16_t x = atomic_load(&a->port[side]), y = atomic_load(&b->port[side]);

    return x == y || x == DP_PORT_NONE || y == DP_PORT_NONE;
}

/* What the n-th of the slots where 'c' may lie has: another entry for the same connection, or
 * NULL. */
static struct conn *
twin(const struct conn_table *t, const struct conn *c, uint64_t hash, unsigned n)
{
    struct conn_bucket *b = conn_bucket(t, hash, n / CONN_BUCKET_SLOTS);
    uint64_t slot = atomic_load(&b->slot[n % CONN_BUCKET_SLOTS]);
    struct conn *o = &t->entries[(uint32_t) slot];

    return (uint32_t) slot && slot >> 32 == c->signature && o != c &&
                   !memcmp(&o->key, &c->key, sizeof o->key) && same_port(o, c, 0) &&
                   same_port(o, c, 1)
               ? o
               : NULL;
}

/* Whether 'c' has to give way to 'o'; if not, 'o' does or did. */
static bool
yields(const struct conn *c, struct conn *o)
{
    uint8_t life = CONN_TENTATIVE;

    if (o > c) {
        return !atomic_compare_exchange_strong(&o->life, &life, CONN_DEAD) && life == CONN_LIVE;
    }
    life = atomic_load(&o->life);
    return life == CONN_LIVE || life == CONN_TENTATIVE;
}

/* Two workers may insert one connection at the same moment (a simultaneous open).  Each is
 * tentative until it has looked for the other; at least one finds the other.  A live one wins; of
 * two tentative ones the lower index does: the higher one gives way when it finds the lower, and is
 * ended before it can become live when the lower finds it.  Exactly one survives. */
static struct conn *
settle(const struct conn_table *t, struct conn *c, uint64_t hash)
{
    uint8_t life;

    for (unsigned n = 0; n < 2 * CONN_BUCKET_SLOTS; n++) {
        struct conn *o = twin(t, c, hash, n);
        if (o && yields(c, o)) {
            return o;
        }
    }
    life = CONN_TENTATIVE;
    if (atomic_compare_exchange_strong(&c->life, &life, CONN_LIVE)) {
        return c;
    }
    for (unsigned n = 0; n < 2 * CONN_BUCKET_SLOTS; n++) {
        struct conn *o = twin(t, c, hash, n);
        if (o && atomic_load(&o->life) != CONN_DEAD) {
            return o; /* it came after the first look */
        }
    }
    return NULL; /* who ended it has been ended since */
}

/* The initiator's port never changes while an entry lives. */
void
conn_count_for_port(struct conn_table *t, const struct conn *c, int n)
{
    uint16_t port = atomic_load_explicit(&c->port[c->initiator], memory_order_relaxed);

    if (port < DP_MAX_PORTS) {
        atomic_fetch_add_explicit(&t->of_port[port], n, memory_order_relaxed);
    }
}

/* Makes room in full buckets: by one that has ended and only waits for its last echoes. */
static bool
evict_closed(struct conn_table *t, uint32_t worker, uint64_t hash)
{
    for (unsigned n = 0; n < 2 * CONN_BUCKET_SLOTS; n++) {
        struct conn_bucket *b = conn_bucket(t, hash, n / CONN_BUCKET_SLOTS);
        uint32_t i =
            (uint32_t) atomic_load_explicit(&b->slot[n % CONN_BUCKET_SLOTS], memory_order_acquire);
        struct conn *c = &t->entries[i];

        if (i && atomic_load_explicit(&c->life, memory_order_acquire) == CONN_LIVE &&
            conn_state(c) == CONN_CLOSED) {
            conn_remove(t, worker, c);
            cell_add(&t->workers[worker].evicted, 1);
            return true;
        }
    }
    return false;
}

struct conn *
conn_insert(struct conn_table *t, uint32_t worker, struct conn *c, uint64_t hash)
{
    c->signature = conn_signature(hash);
    c->hash_low = (uint32_t) hash;
    atomic_store_explicit(&c->life, CONN_TENTATIVE, memory_order_relaxed);
    uint64_t slot = (uint64_t) c->signature << 32 | (uint32_t) (c - t->entries);
    if (!take_slot(t, hash, slot) && !(evict_closed(t, worker, hash) && take_slot(t, hash, slot))) {
        give_back(t, worker, c - t->entries);
        return NULL;
    }
    struct conn *winner = settle(t, c, hash);
    for (int tries = 1; !winner && tries < TRIES; tries++) {
        atomic_store(&c->life, CONN_TENTATIVE);
        winner = settle(t, c, hash);
    }
    if (winner == c) {
        atomic_fetch_add_explicit(&t->workers[worker].live, 1, memory_order_relaxed);
        conn_count_for_port(t, c, 1);
        return c;
    }
    atomic_store(&c->life, CONN_DEAD);
    clear_slot(t, c);
    conn_retire(t, worker, c);
    return winner;
}

void
conn_remove(struct conn_table *t, uint32_t worker, struct conn *c)
{
    uint8_t life = CONN_LIVE;

    if (atomic_compare_exchange_strong(&c->life, &life, CONN_DEAD)) {
        atomic_fetch_sub_explicit(&t->workers[worker].live, 1, memory_order_relaxed);
        conn_count_for_port(t, c, -1);
        conn_bury(t, worker, c);
    }
}

void
conn_bury(struct conn_table *t, uint32_t worker, struct conn *c)
{
    clear_slot(t, c);
    conn_retire(t, worker, c);
}

const char *
conn_state_name(enum conn_state state)
{
    static const char *const names[CONN_N_STATES] = {
        [CONN_NEW] = "unreplied",           [CONN_REPLIED] = "replied",
        [CONN_SYN_SENT] = "syn-sent",       [CONN_SYN_RECEIVED] = "syn-received",
        [CONN_ESTABLISHED] = "established", [CONN_CLOSING] = "closing",
        [CONN_CLOSED] = "closed",
    };
    return names[state];
}
