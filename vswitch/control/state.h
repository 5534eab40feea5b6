/* What survives a restart: ports, quarantine, policy and learned bindings, in STATE-DIR/state.db
 * (SQLite, WAL).
 *
 * The control thread until the writer thread starts, then that one (change.h); after it has ended
 * the control thread again.  A change is durable when the function returns.  A database that is
 * damaged is put aside and an empty one begun that counts as initialised: the switch then denies
 * everything and never falls back to the configuration file. */
#ifndef CONTROL_STATE_H
#define CONTROL_STATE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fusuma/v1/port.pb-c.h"

struct state;

/* Creates the directory and the database when there are none.  0, or a positive errno and '*error'
 * (the caller frees it). */
int state_open(const char *dir, struct state **, char **error);
void state_close(struct state *);

/* Rewrites the database of a switch that does not run to an earlier schema, for an older program;
 * '*fromp' is the version that it had.  0; or a positive errno and '*error', and it is at '*fromp'
 * or on the way to 'version'.  What the older schema has no room for is refused, not lost: a policy
 * of several files, one that waits to be confirmed, address sets, a quarantine of a VM without a
 * port.  Rule hits and earlier policies are lost, sessions, refreshes, what a quarantine leaves
 * open, and since when, by whom and why a port is in one. */
int state_downgrade(const char *dir, int version, int *fromp, char **error);

/* NULL; or what an administrator has to know of a state that was damaged: now, or earlier as long
 * as what was put aside lies beside the database. */
const char *state_damage(const struct state *);
/* What need not be done while somebody waits.  Moves what is committed out of the write-ahead log
 * into the database itself, whose damage would be found (that of a log looks like the end of it),
 * and lets policies, sessions and refreshes go that are older than what is kept. */
void state_settle(struct state *);

/* False until state_begin() ... state_commit() has put in what the switch first starts from. */
bool state_is_initialised(const struct state *);

/* Calls 'port' for each port, by name.  Whether all of them could be read. */
bool state_load(struct state *, void (*port)(const Fusuma__V1__PortSpec *, void *aux), void *aux);

/* 0, or a positive errno and '*error'.  Each is a transaction of its own unless inside
 * state_begin() and state_commit(); state_rollback() ends one without effect. */
int state_put_port(struct state *, const Fusuma__V1__PortSpec *, char **error);
int state_delete_port(struct state *, const char *name, char **error);
/* The highest election id so far (election.h). */
int state_put_election(struct state *, uint64_t, char **error);
/* Whether it could be read; '*known': and there is one. */
bool state_load_election(struct state *, uint64_t *, bool *known);
/* What has been learned about ports: replaces all that 'ports' have, in one transaction. */
struct state_binding {
    const char *port;
    char *addr;
    const char *how;
    int64_t expires_s; /* Unix time; 0: never */
};
int state_set_bindings(struct state *, const char *const *ports, size_t n_ports,
                       const struct state_binding *, size_t n, char **error);
/* Calls 'cb' for each; whether all could be read. */
bool state_load_bindings(struct state *, void (*cb)(const struct state_binding *, void *aux),
                         void *aux);
int state_begin(struct state *, char **error);
int state_commit(struct state *, char **error);
void state_rollback(struct state *);

#endif
