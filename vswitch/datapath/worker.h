/* The workers: one poll-mode thread a worker lcore, and how control speaks to them.
 *
 * Everything here is called by the control thread, unless it says otherwise. */
#ifndef DATAPATH_WORKER_H
#define DATAPATH_WORKER_H 1

#include <stdbool.h>
#include <stdint.h>

#include "datapath/conn.h"
#include "datapath/port.h"
#include "datapath/profile.h"
#include "datapath/snapshot.h"
#include "telemetry/capture_ring.h"
#include "telemetry/drop_ring.h"
#include "telemetry/ledger.h"

struct learner;
struct reset;
struct rte_mempool;

struct dp_config {
    unsigned lcores[DP_MAX_WORKERS]; /* EAL lcore ids of the workers */
    uint32_t n_workers;
    uint32_t max_connections;
    uint32_t max_port_connections; /* that one desktop may have open */
    uint32_t n_rule_slots;         /* hit counters; a rule slot is below this */
    bool pick_up_midstream;        /* an allowed TCP segment opens a connection without its SYN */
    bool idle_sleep;               /* sleep when no port has had packets for a while */
    struct rte_mempool *pool;
};

/* 0, or a positive errno and '*error' (the caller frees it). */
int dp_init(const struct dp_config *, char **error);
/* Launches the workers; they poll nothing until the first dp_publish(). */
int dp_start(void);
/* Stops and joins the workers. */
void dp_stop(void);
void dp_exit(void);

/* Swaps the snapshot in and wakes sleepers.  The old one may be freed after dp_synchronize(). */
void dp_publish(const struct snapshot *);
/* Blocks until every worker has sent what it held and passed a quiescent state: from then on nobody
 * uses what was replaced before the call.  Any thread that is not a worker. */
void dp_synchronize(void);

struct dp_worker_stats {
    unsigned lcore, cpu;
    uint64_t polls, bursts, packets, busy_cycles, sleeps;
    bool sleeping;
    uint64_t generation;                       /* that it last judged by */
    uint64_t stage_cycles[N_STAGES], profiled; /* of so many packets: profile.h */
};
/* Seconds of the workers' clock: what the FDB's ages are in.  Any thread. */
uint32_t dp_now_s(void);
uint32_t dp_n_workers(void);
/* Connections that one desktop may have open. */
uint32_t dp_max_port_connections(void);
bool dp_picks_up_midstream(void);
void dp_worker_stats(uint32_t worker, struct dp_worker_stats *);
struct ledger *dp_ledger(uint32_t worker);
/* Lessons are taken from it and handed back to it (learn.h); a worker that got some back is to be
 * woken. */
struct learner *dp_learner(uint32_t worker);
void dp_wake(uint32_t worker);
/* Microseconds since the last burst of which a packet from or to the port was written to a used
 * ring or taken by a driver, what the switch made itself left out; false: there was none. */
bool dp_last_passed(uint16_t port, uint64_t *ago_us);
/* Has a worker send them, and waits for it; how many it had buffers and ports for. */
uint32_t dp_send_resets(uint32_t worker, const struct reset *, uint32_t n);
/* The port is in no snapshot any more: what it asked for is forgotten. */
void dp_forget_port(uint16_t port);
struct drop_ring *dp_drop_ring(uint32_t worker);
/* [port * N_DROP_REASONS + reason] of one worker. */
const struct drop_unsaid *dp_drop_unsaid(uint32_t worker);
struct capture_ring *dp_capture_ring(uint32_t worker);
/* [port] of one worker. */
const struct sketch *dp_sketches(uint32_t worker);

#endif
