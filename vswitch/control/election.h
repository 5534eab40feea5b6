/* Which controller writes: the highest election id so far (gate.h).  It is in the state and not
 * only in the audit log, which may be rotated, archived, lost or full: whoever has been told that a
 * newer controller has taken over must be told so for ever. */
#ifndef CONTROL_ELECTION_H
#define CONTROL_ELECTION_H 1

#include <stdint.h>

#include "control/state.h"

/* The id to start with, which is stored: that of the state, or, where a release that had it in the
 * audit log only has left none there, 'logged'.  0, or a positive errno and '*error'. */
int election_open(struct state *, uint64_t logged, uint64_t *election, char **error);
/* Lets ids begin anew, of a switch that does not run, and says so in its audit log.  '*was' is the
 * id that is forgotten.  0, or a positive errno and '*error'; then nothing has changed. */
int election_forget(const char *state_dir, uint64_t *was, char **error);

#endif
