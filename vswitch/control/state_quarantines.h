/* Quarantines in state.db.  Threads and errors as in state_policy.h. */
#ifndef CONTROL_STATE_QUARANTINES_H
#define CONTROL_STATE_QUARANTINES_H 1

#include "control/quarantines.h"
#include "control/state.h"

/* In the place of one of the same id. */
int state_put_quarantine(struct state *, const struct quarantine *, char **error);
/* Without an error when there is none. */
int state_delete_quarantine(struct state *, const char *id, char **error);
/* Calls 'cb' for each, which is the callee's. */
int state_load_quarantines(struct state *, void (*cb)(struct quarantine *, void *aux), void *aux,
                           char **error);

#endif
