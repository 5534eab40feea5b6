/* A worker's own state, passed to every stage.  Only its thread touches it, unless marked. */
#ifndef DATAPATH_WORKER_PRIVATE_H
#define DATAPATH_WORKER_PRIVATE_H 1

#include "datapath/mcast.h"
#include "datapath/parse.h"
#include "datapath/profile.h"
#include "datapath/rate.h"
#include "datapath/rota.h"
#include "datapath/worker.h"
#include "telemetry/capture_ring.h"
#include "telemetry/sketch.h"

/* Most packets wait in a transmit buffer only to the end of their burst. */
#define TX_BUFFER 64

struct tx_buffer {
    uint16_t n;
    uint16_t from[TX_BUFFER]; /* port whose packet it is, or whose packet caused it */
    struct rte_mbuf *m[TX_BUFFER];
    uint64_t copies, made; /* a bit each: enum output_kind (output.h) */
};
_Static_assert(TX_BUFFER <= 64, "a bit each");

/* Repeats of a denied flow since its last record. */
struct merge_slot {
    struct drop_record record;
    uint64_t due_ns;
    uint32_t repeats;
    bool used;
};
#define MERGE_SLOTS 1024

struct recorder {
    struct drop_ring ring;
    struct drop_unsaid *unsaid; /* [DP_MAX_PORTS * N_DROP_REASONS] */
    struct merge_slot *merge;   /* [MERGE_SLOTS] */
    struct rate *budget;        /* [DP_MAX_PORTS], in nanoseconds */
    struct sketch *sketches;    /* [DP_MAX_PORTS]; read by telemetry */
    uint64_t salt;              /* of their hashes */
    uint32_t next_flush;
    uint32_t n_merging; /* slots in use */
};

/* What a port may make the switch do, in TSC ticks.  They belong to the worker that polls it. */
struct port_rates {
    struct rate storm[N_STORM_CLASSES];
    struct rate lessons, rejects;
};

struct worker {
    uint32_t index;
    unsigned lcore;
    const struct snapshot *snapshot; /* of the present burst */
    uint64_t now;                    /* TSC at the start of the burst */
    uint32_t now_s;
    struct ledger ledger;
    struct recorder recorder;
    struct capture_ring capture;
    struct conn_table *conns;
    uint32_t conn_quota; /* connections that one desktop may have open */
    bool pick_up;        /* TCP connections in their middle */
    struct frag_table *frags;
    struct relations *relations; /* shared by all workers */
    struct learner *learner;
    bool handing_back;        /* what is under way has been learned from */
    struct port_rates *rates; /* [DP_MAX_PORTS] */
    struct rte_mempool *pool;
    struct tx_buffer *tx; /* [DP_MAX_PORTS] */
    uint16_t dirty[DP_MAX_PORTS];
    uint16_t n_dirty;
    struct profile profile;   /* read by any thread */
    struct rota rota;         /* the ports it polls, by the present snapshot */
    struct mcast_set members; /* of the group that the packet at hand is for */
    _Atomic uint64_t *passed; /* [DP_MAX_PORTS]: w->now of the last burst of which a packet from or
                               * to the port was taken by its destination */
    _Atomic(struct reset_job *) reset_job; /* control's, or NULL (reset.h) */
    uint32_t idle_polls;
    int wake_fd; /* eventfd: control rouses a sleeper */
    /* Read by control. */
    _Atomic uint64_t polls, bursts, packets, busy_cycles, sleeps, generation;
    _Atomic bool sleeping;
    _Atomic unsigned cpu;
} __attribute__((aligned(64)));

/* A worker that asks only: what all workers share is there, judged by 'snapshot'; it has no ledger,
 * no rings, no buffers.  Control thread. */
void worker_observe(struct worker *, const struct snapshot *);

static inline struct ledger_page *
page_of(struct worker *w, const struct port_leaf *leaf)
{
    return &w->ledger.pages[leaf->id];
}

#endif
