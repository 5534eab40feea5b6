/* From connections to flows: what each connection has carried is told to the store of flows once.
 *
 * The entries count; a note of what has been told is kept beside each.  Entries that live are
 * looked at by and by, those that have ended are collected (datapath/conn.h): whichever comes first
 * tells what there is, the other what is left.  40 bytes an entry.
 *
 * Nothing here locks; flow_log.c calls it under its mutex. */
#ifndef TELEMETRY_FLOW_ACCOUNT_H
#define TELEMETRY_FLOW_ACCOUNT_H 1

#include "datapath/conn.h"
#include "telemetry/flow_store.h"

struct flow_told;

struct flow_account {
    struct conn_table *table;
    struct flow_store *store;
    struct flow_told *told; /* [entries + 1] */
    uint32_t next;          /* entry to look at */
    uint64_t unnamed;       /* connections of ports whose name is not known any more */
    /* The two clocks at one moment. */
    uint64_t now, now_ns;
};

/* Begins to collect.  0 or ENOMEM.  Before the workers start. */
int flow_account_open(struct flow_account *, struct conn_table *, struct flow_store *);
void flow_account_close(struct flow_account *);

/* Tells what has ended, up to 'n' connections.  Returns how many. */
uint32_t flow_account_collect(struct flow_account *, uint32_t n);
/* Tells what is new with the next 'n' entries.  True: that was the last of the table. */
bool flow_account_sweep(struct flow_account *, uint32_t n);
/* Begins with the first one again. */
void flow_account_rewind(struct flow_account *);
/* Tells everything.  After the workers have stopped. */
void flow_account_finish(struct flow_account *);

#endif
