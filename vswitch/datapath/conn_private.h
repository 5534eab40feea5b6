/* What conn.c and conn_age.c share. */
#ifndef DATAPATH_CONN_PRIVATE_H
#define DATAPATH_CONN_PRIVATE_H 1

#include "datapath/cell.h"
#include "datapath/conn.h"

#define CONN_BUCKET_SLOTS 8
#define CONN_CACHE 64

struct conn_bucket {
    _Atomic uint64_t slot[CONN_BUCKET_SLOTS]; /* signature << 32 | entry index; index 0: empty */
} __attribute__((aligned(64)));

/* What a sweep has found. */
struct conn_census {
    _Atomic uint32_t states[CONN_N_STATES], tentative;
};

/* Entries that wait to be collected: written by the worker, read by who collects. */
struct conn_ended {
    uint32_t *index; /* NULL: nobody collects */
    uint32_t mask;
    _Atomic uint32_t head;                              /* the worker's */
    _Atomic uint32_t tail __attribute__((aligned(64))); /* the collector's */
};

struct conn_worker {
    _Atomic int64_t live;
    _Atomic uint64_t evicted, expired;
    _Atomic uint64_t buried;              /* that control had flushed */
    struct conn_census counting, counted; /* in this sweep so far, in the last */
    uint64_t sweep;                       /* next bucket of the worker's share */
    uint64_t sweep_due;
    uint32_t n_cached;
    uint32_t retired_first, retired_last; /* a list through the entries, in order of their tokens */
    uintptr_t cache[CONN_CACHE];
    _Atomic uint64_t uncollected;
    struct conn_ended ended;
} __attribute__((aligned(64)));

struct conn_table {
    struct conn_bucket *buckets;
    struct conn *entries; /* [max + 1] */
    uint64_t seed[4];
    uint32_t bucket_mask;
    uint32_t max, n_workers;
    struct rte_ring *free;
    struct rte_rcu_qsbr *qsbr;
    _Atomic uint32_t of_port[DP_MAX_PORTS]; /* live entries by initiator's port */
    _Atomic int64_t flushed;                /* entries that control has taken from 'live' */
    struct conn_worker workers[DP_MAX_WORKERS];
};

static inline uint32_t
conn_signature(uint64_t hash)
{
    return hash >> 32;
}

/* The second bucket is a function of the first and the signature, both kept in the entry. */
static inline struct conn_bucket *
conn_bucket(const struct conn_table *t, uint64_t hash, int which)
{
    uint32_t first = (uint32_t) hash & t->bucket_mask;

    if (!which) {
        return &t->buckets[first];
    }
    return &t->buckets[(first ^ (conn_signature(hash) * 0x5bd1e995u | 1)) & t->bucket_mask];
}

/* Puts an entry that is out of the table where it waits for its grace period. */
void conn_retire(struct conn_table *, uint32_t worker, struct conn *);
/* Reuses what has waited long enough. */
void conn_recycle(struct conn_table *, uint32_t worker);
/* Takes a dead entry that no longer counts out of the table. */
void conn_bury(struct conn_table *, uint32_t worker, struct conn *);
/* Leaves an entry that has waited long enough to who collects.  False: it is free. */
bool conn_leave(struct conn_table *, uint32_t worker, uint32_t index);
/* conn_walk() as this reader of the rte_rcu_qsbr. */
uint32_t conn_walk_as(struct conn_table *, uint32_t reader, uint32_t from, uint32_t n,
                      conn_visit *cb, void *aux);
/* Frees what conn_collect_begin() has made. */
void conn_collect_end(struct conn_table *);
/* +1 or -1 for the initiator's port. */
void conn_count_for_port(struct conn_table *, const struct conn *, int n);

#endif
