/* Connections: the state table, shared by all workers and both directions.
 *
 * The key is canonical: (VLAN, protocol, the two endpoints in a fixed order, and the logical port
 * on each endpoint's side), so both directions of a flow find one entry, and a flow that hairpins
 * through a router is two entries, each judged.  An entry is four cache lines: the key and what
 * every packet needs, what the verdict rests on, and one half per direction, written only by the
 * worker that polls that side's port (as long as the port is not known: any uplink's).
 *
 * The table is bounded: buckets of eight 64-bit slots (signature, entry index), two candidate
 * buckets a key (Azar et al., "Balanced allocations", 1994), so a lookup reads at most two lines
 * before the entry.  Entries are linked by index, not by pointer.  Insertion and removal are
 * compare-and-swap on a slot; a removed entry is reused after a grace period.
 *
 * Both directions may be judged again at once, by two workers and by two snapshots.  So
 * 'generation' is also a claim: who writes the verdict first swaps CONN_BUSY into it (conn_claim)
 * and ends with the new generation or the old one.  Who finds it claimed, or judged by a newer
 * snapshot than its own, judges for itself and writes nothing, nor removes the entry.  Readers take
 * the verdict between two looks at 'generation', and only if both found the same, not busy.
 * Verdicts are stored with release and read with acquire, which puts them between the looks, on x86
 * for nothing.  An entry that is removed for its verdict stays claimed: what is dead gets no
 * verdict. */
#ifndef DATAPATH_CONN_H
#define DATAPATH_CONN_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"
#include "datapath/conn_tcp.h"
#include "datapath/port.h"

struct rte_rcu_qsbr;

struct conn_key {
    struct acl_addr addr[2]; /* [0] is the smaller endpoint */
    uint16_t l4[2];          /* ports, host order; ICMP echo: the identifier, twice */
    uint16_t vlan;
    uint8_t protocol;
    uint8_t zero;
};

enum conn_state {
    CONN_NEW,      /* UDP, ICMP: no reply yet */
    CONN_REPLIED,  /* UDP, ICMP */
    CONN_SYN_SENT, /* TCP, as in enum tcp_state */
    CONN_SYN_RECEIVED,
    CONN_ESTABLISHED,
    CONN_CLOSING,
    CONN_CLOSED,
    CONN_N_STATES
};

/* Whether an entry counts. */
enum conn_life { CONN_FREE, CONN_TENTATIVE, CONN_LIVE, CONN_DEAD };

/* One direction: packets from the endpoint of this index.  One writer. */
struct conn_half {
    _Atomic uint64_t last_seen; /* TSC */
    _Atomic uint64_t packets, bytes;
    struct tcp_half tcp;
} __attribute__((aligned(64)));

#define CONN_BUSY (1ull << 63) /* in 'generation': a worker writes the verdict */

struct conn {
    struct conn_key key;
    _Atomic uint16_t port[2];    /* logical port on each side; DP_PORT_NONE: not known yet */
    _Atomic uint8_t life;        /* enum conn_life */
    uint8_t initiator;           /* index of the side that opened it */
    _Atomic uint8_t flushed;     /* declared dead by control, and not counted: a sweep buries it */
    _Atomic uint64_t generation; /* last judged by this snapshot; CONN_BUSY */

    /* The verdict, and what it rests on; written under a claim, as is a port that becomes known. */
    _Atomic uint32_t
        rule_slot[2]; /* hits go to the egress and the ingress rule; UINT32_MAX: none */
    _Atomic uint32_t table_id[2] __attribute__((aligned(64))); /* initiator's egress, responder's
                                                                * ingress */
    _Atomic uint32_t class[2];                                 /* of the responder, the initiator */
    _Atomic uint32_t epoch[2];                                 /* of the ports, by side */

    uint32_t signature, hash_low; /* of the key: where it lies */
    uint64_t retired_token;       /* once it is out of the table: whom it waits for */
    uint32_t retired_next;
    uint32_t serial; /* how many connections this entry has been */
    uint64_t opened; /* TSC */
    uint64_t hop;    /* a desktop's next hop to the other end, or whom that came from: a MAC */

    struct conn_half half[2];
};

struct conn_table;

/* Claims the verdict of 'c' for a worker that judges by snapshot 'generation': false when another
 * has it, or when a newer snapshot has judged. */
static inline bool
conn_claim(struct conn *c, uint64_t generation)
{
    uint64_t g = atomic_load_explicit(&c->generation, memory_order_relaxed);

    return g <= generation && /* CONN_BUSY is above every generation */
           atomic_compare_exchange_strong_explicit(&c->generation, &g, g | CONN_BUSY,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/* Ends a claim: judged by 'generation', or with the verdict as it was. */
static inline void
conn_settle(struct conn *c, uint64_t generation)
{
    atomic_store_explicit(&c->generation, generation, memory_order_release);
}

static inline void
conn_unclaim(struct conn *c)
{
    conn_settle(c, atomic_load_explicit(&c->generation, memory_order_relaxed) & ~CONN_BUSY);
}

/* 'n_workers' may insert; 'max' entries.  The rte_rcu_qsbr has two readers more than there are
 * workers: the control thread, and who collects.  NULL when memory is short. */
struct conn_table *conn_table_create(uint32_t max, uint32_t n_workers, struct rte_rcu_qsbr *);
void conn_table_destroy(struct conn_table *);
size_t conn_table_bytes(const struct conn_table *); /* entries, buckets and the list of the free */
uint32_t conn_table_max(const struct conn_table *);
uint32_t conn_table_count(const struct conn_table *); /* any thread; a moment's view */

/* Builds the canonical key of a packet that goes from endpoint (src, sport) to (dst, dport) and
 * returns the index (0 or 1) of the source's side. */
static inline unsigned
conn_key_make(struct conn_key *k, const struct acl_addr *src, const struct acl_addr *dst,
              uint16_t sport, uint16_t dport, uint8_t protocol, uint16_t vlan)
{
    uint64_t sh = __builtin_bswap64(src->q[0]), sl = __builtin_bswap64(src->q[1]);
    uint64_t dh = __builtin_bswap64(dst->q[0]), dl = __builtin_bswap64(dst->q[1]);
    unsigned side = sh != dh ? sh > dh : sl != dl ? sl > dl : sport > dport;

    k->addr[side] = *src;
    k->addr[!side] = *dst;
    k->l4[side] = sport;
    k->l4[!side] = dport;
    k->vlan = vlan;
    k->protocol = protocol;
    k->zero = 0;
    return side;
}

uint64_t conn_key_hash(const struct conn_table *, const struct conn_key *);
/* The live entry of 'key' whose port on 'side' is 'in_port' (or not known yet, when 'unfiltered').
 * Valid until the worker next reports quiescent.  Worker. */
struct conn *conn_lookup(const struct conn_table *, const struct conn_key *, uint64_t hash,
                         unsigned side, uint16_t in_port, bool unfiltered);

/* One of a burst. */
struct conn_probe {
    struct conn_key key;
    uint64_t hash;     /* conn_key_hash(), which the lookup makes */
    struct conn *conn; /* what it finds, as conn_lookup() does; or NULL */
    uint8_t side;
};
/* conn_lookup() of 'n' at once, so that their cache misses overlap. */
void conn_lookup_bulk(const struct conn_table *, struct conn_probe *, unsigned n, uint16_t in_port,
                      bool unfiltered);
/* An entry to fill in and conn_insert(), or NULL when the table is full. */
struct conn *conn_alloc(struct conn_table *, uint32_t worker);
/* Makes 'c' visible.  Another worker may have inserted the same key first: then 'c' is given back
 * and the other entry returned, which its worker may be about to make live.  NULL when both buckets
 * are full (and 'c' is given back). */
struct conn *conn_insert(struct conn_table *, uint32_t worker, struct conn *c, uint64_t hash);
/* Connections that this port has opened. */
uint32_t conn_table_of_port(const struct conn_table *, uint16_t port);
/* Takes an entry out; safe when another worker does so at the same time. */
void conn_remove(struct conn_table *, uint32_t worker, struct conn *c);
/* Ages a bounded slice of the table and recycles what has passed its grace period; once a burst or
 * so.  Worker. */
void conn_sweep(struct conn_table *, uint32_t worker, uint64_t now);

/* The state follows from what the two halves hold. */
static inline enum conn_state
conn_state(const struct conn *c)
{
    if (c->key.protocol == 6) {
        return CONN_SYN_SENT + tcp_state(&c->half[0].tcp, &c->half[1].tcp);
    }
    return atomic_load_explicit(&c->half[!c->initiator].packets, memory_order_relaxed)
               ? CONN_REPLIED
               : CONN_NEW;
}
/* As the API calls it. */
const char *conn_state_name(enum conn_state);
/* Seconds that an entry in this state lasts without a packet, and when entries run out. */
uint32_t conn_timeout_s(enum conn_state, bool under_pressure);
/* Whether 7/8 of the entries are in use. */
bool conn_under_pressure(const struct conn_table *);

/* ---- the control thread ---- */

/* Looks at up to 'n' entries from the index 'from' on (the first is 1) and calls 'cb' for those
 * that live, until it returns false.  Returns where to go on, 0 at the end of the table.  An entry
 * never moves, so who goes on where the walk before ended sees every connection that lives
 * throughout exactly once.  The entry may change under 'cb', but does not become another one; 'cb'
 * may not dp_synchronize(). */
typedef bool conn_visit(struct conn *, void *aux);
uint32_t conn_walk(struct conn_table *, uint32_t from, uint32_t n, conn_visit *cb, void *aux);
/* The same for the whole table at once, in no order that could be gone on with: many times faster
 * where few entries are in use. */
void conn_walk_all(struct conn_table *, conn_visit *cb, void *aux);
/* In between, what conn_lookup() finds stays what it is.  Not from within a walk; the caller may
 * not dp_synchronize(). */
void conn_look_begin(struct conn_table *);
void conn_look_end(struct conn_table *);
/* Names the connection until it ends, and no other one: its entry is 'id & UINT32_MAX'. */
uint64_t conn_id(const struct conn_table *, const struct conn *);
/* Declares a connection dead, from within a walk: workers stop using it at once, and bury it as
 * they sweep.  A burst that has looked it up may still pass: dp_synchronize() waits for those.
 * False when it had ended. */
bool conn_flush(struct conn_table *, struct conn *);
/* ... all connections of a port; how many.  None is left if a snapshot without the port is in force
 * everywhere; otherwise it may make others meanwhile. */
uint32_t conn_flush_port(struct conn_table *, uint16_t port);

/* ---- who collects: what connections have carried, by one thread at a time ---- */

/* From now on an entry whose connection has ended, and whose grace period has passed, waits to be
 * collected before it is used again: no more than an eighth of the entries do.  A connection that
 * ends when there is no place to wait is not collected, but counted.  Before the workers start.  0,
 * or ENOMEM. */
int conn_collect_begin(struct conn_table *);
/* Calls 'cb' for up to 'n' entries that wait, each once, and hands them back to the workers.
 * Nobody writes to them any more.  Those that never had a packet are among them.  'cb' returns
 * false to be the last.  Returns how many. */
uint32_t conn_collect(struct conn_table *, uint32_t n, conn_visit *cb, void *aux);
/* After the workers have stopped: calls 'cb' for entries whose connections have ended, and that
 * conn_collect() will not give any more. */
void conn_collect_rest(struct conn_table *, conn_visit *cb, void *aux);
/* conn_walk(), for this thread: an entry that it has seen under one id is given to conn_collect()
 * under that id later, or is counted as not collected. */
uint32_t conn_collect_walk(struct conn_table *, uint32_t from, uint32_t n, conn_visit *cb,
                           void *aux);
/* Connections that have ended uncollected.  Any thread. */
uint64_t conn_uncollected(const struct conn_table *);
/* The clock of 'opened' and 'last_seen', and its ticks a second. */
uint64_t conn_clock(void);
uint64_t conn_clock_hz(void);

struct conn_stats {
    uint32_t states[CONN_N_STATES]; /* live entries as of each worker's last sweep */
    uint32_t tentative;             /* being inserted, likewise */
    uint32_t unburied;              /* flushed, and not yet free to be used again */
    uint64_t evicted;               /* closed ones that made room before their time */
    uint64_t expired;               /* that went without a packet for their time */
};
void conn_table_stats(const struct conn_table *, struct conn_stats *);
/* The table of this process. */
struct conn_table *dp_connections(void);

#endif
