/* Drop events on the disk: a table of events in SQLite, whose columns can be read by hand
 * (sqlite3 STATE-DIR/drops.db), and the list of epochs that they belong to.
 *
 * One thread writes (the writer); journal_next() has a connection of its own and serves any
 * thread. */
#ifndef TELEMETRY_JOURNAL_H
#define TELEMETRY_JOURNAL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry/drop_event.h"

struct journal_epoch {
    uint64_t epoch;
    uint64_t first; /* n of its first event */
    bool clean;     /* all that was ever told of it is stored */
};

struct journal;

/* Opens or makes 'path' and begins the epoch 'epoch' there, on a full disk as soon as there is
 * room. 'keep' newest events are held.  What is damaged is put aside and a new one begun
 * ('*warning' then says so; the caller frees it).  0, or a positive errno and '*error'. */
int journal_open(const char *path, uint64_t keep, uint64_t epoch, struct journal **, char **warning,
                 char **error);
/* With 'clean' the present epoch is marked so. */
void journal_close(struct journal *, bool clean);

/* As it was opened: epochs that have events, oldest first, and last the present one.  The journal
 * owns the array. */
const struct journal_epoch *journal_epochs(const struct journal *, size_t *n);
/* n of the oldest event held, or of the next one to come. */
uint64_t journal_oldest(const struct journal *);

/* The writer.  Between begin and commit, events in rising order of n.  A failure ends the
 * transaction without effect; '*error' says why. */
int journal_begin(struct journal *, char **error);
int journal_add(struct journal *, const struct drop_event *, char **error);
int journal_commit(struct journal *, char **error);

/* The first event after 'after' that is stored; false when there is none (or the disk cannot be
 * read).  Any thread. */
bool journal_next(struct journal *, uint64_t after, struct drop_event *);

#endif
