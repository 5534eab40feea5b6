/* Flows on the disk: a table in SQLite that can be read by hand (sqlite3 STATE-DIR/flows.db).
 *
 * It holds what the memory holds, and is read once, at the start.  The writer thread. */
#ifndef TELEMETRY_FLOW_DB_H
#define TELEMETRY_FLOW_DB_H 1

#include <stdbool.h>

#include "telemetry/flow_row.h"

struct flow_db;

/* Opens or makes 'path'.  What is damaged is put aside and a new one begun ('*warning' then says
 * so; the caller frees it).  0, or a positive errno and '*error'.  Before the writer starts. */
int flow_db_open(const char *path, struct flow_db **, char **warning, char **error);
/* Accepts NULL. */
void flow_db_close(struct flow_db *);

/* The gaps, oldest first.  The one that ends now is among them, if there is one. */
size_t flow_db_gaps(const struct flow_db *, struct flow_gap gaps[FLOW_GAPS]);
/* All that was told is in the file: no gap begins here.  Or a positive errno and '*error'. */
int flow_db_end(struct flow_db *, char **error);
/* When the newest flow was told; 0: there is none. */
uint64_t flow_db_newest(const struct flow_db *);
/* Calls 'cb' for the next 'n' flows, those told last first, until it returns false.  '*placep', all
 * zero at first, moves on.  '*morep': there are more, and 'cb' wants them. */
struct flow_db_place {
    uint64_t told_ns, id;
};
int flow_db_load(struct flow_db *, uint32_t n, struct flow_db_place *placep,
                 bool (*cb)(const struct flow_row *, void *aux), void *aux, bool *morep,
                 char **error);
/* An id for a flow that is not there yet. */
uint64_t flow_db_new_id(struct flow_db *);

/* Between begin and commit; a failure ends the transaction without effect, and '*error' says why.
 * A flow replaces the one with its id. */
int flow_db_begin(struct flow_db *, char **error);
int flow_db_put(struct flow_db *, const struct flow_row *, char **error);
/* Forgets flows that were told before 'ns'. */
int flow_db_forget(struct flow_db *, uint64_t ns, char **error);
int flow_db_commit(struct flow_db *, char **error);
/* Whether a failure was one that no other try will mend.  The file was then put aside, if that
 * could be done. */
bool flow_db_is_damaged(const struct flow_db *);

#endif
