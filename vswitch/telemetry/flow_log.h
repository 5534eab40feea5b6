/* The journal of flows: what desktops were allowed, summed up (flow_row.h) and held as far as there
 * is room, over restarts.
 *
 * The packet path does nothing for it: the telemetry thread reads the counts of the connection
 * table, every entry once in FLOW_LOG_SWEEP_MS, and is given each entry once more when its
 * connection has ended.  What a connection has carried is so told exactly once; flow_log_refresh()
 * has it told now.  Of one that has ended or was flushed within the last seconds, the rest may
 * still be to come.
 *
 * The journal is in memory, and answers from there; a file keeps it (flow_disk.h).  When it is
 * full, the flow whose last packet is the longest ago, to within a sweep, is put out.
 *
 * There is one journal.  Any thread, unless it says otherwise; before flow_log_open() and after
 * flow_log_close() everything here does nothing. */
#ifndef TELEMETRY_FLOW_LOG_H
#define TELEMETRY_FLOW_LOG_H 1

#include <stdbool.h>

#include "telemetry/flow_row.h"

struct conn_table;

#define FLOW_LOG_SWEEP_MS 10000

struct flow_log_options {
    struct conn_table *table;
    const char *path; /* of the file; NULL: memory only */
    uint32_t flows;   /* that are held, at most */
    uint32_t hours;   /* for so long at most */
};

/* 0 or ENOMEM.  Before the telemetry thread and the workers start; writer_start() may come before
 * or after.  A file that cannot be used is logged, and leaves a journal in memory. */
int flow_log_open(const struct flow_log_options *);
/* After stream_stop() and writer_stop(). */
void flow_log_close(void);

/* Which port is the desktop 'name' from now on, and with whom; see flow_names.h.  Before a snapshot
 * has it. */
void flow_log_name_port(uint16_t id, const char *name, const char *user);
/* Who is logged in there from now on, as in struct drop_event. */
void flow_log_set_sessions(uint16_t id, const char *sessions);

/* The telemetry thread.  A bounded piece of work; true: there is more. */
bool flow_log_turn(void);
/* The telemetry thread, last, and after the workers have stopped: takes in everything. */
void flow_log_finish(void);

/* Asks for what connections have carried up to now, and what the file had.  It takes some
 * milliseconds until flow_log_is_fresh() of the number that it returns. */
uint64_t flow_log_refresh(void);
bool flow_log_is_fresh(uint64_t refresh);

struct flow_filter {
    const char *port;      /* only of this desktop; NULL: of any */
    const char *peer_port; /* ... with this one as its peer; NULL: with any */
    bool by_peer;
    struct acl_prefix peer;  /* only with an address of it */
    uint64_t from_ns, to_ns; /* only with packets between them, to_ns included; 0: no bound */
    uint32_t limit;          /* no more than these; 0: all */
};
/* The flow lasts for the call. */
typedef void flow_visit(const struct flow_row *, void *aux);
/* Calls 'cb' for what the filter selects, the one with the newest last packet first; waits for no
 * disk.  Flows that are put out meanwhile may be missing.  True: there were more than the limit. */
bool flow_log_query(const struct flow_filter *, flow_visit *cb, void *aux);

struct flow_budget {
    uint64_t capacity, held;
    uint64_t put_out;   /* flows, for newer ones, since the start */
    uint64_t lost;      /* connections that ended uncounted, likewise, at most */
    uint64_t oldest_ns; /* last packet of the flow that goes next: there is nothing before it, to
                         * within a sweep; 0: none is held */
    bool storing;       /* the file takes it; otherwise it is gone with the switch */
    struct flow_gap gaps[FLOW_GAPS]; /* that are known, oldest first */
    size_t n_gaps;
};
void flow_log_budget(struct flow_budget *);

#endif
