/* Refreshes in state.db, and since when ports are there.  Threads and errors as in state_policy.h.
 */
#ifndef CONTROL_STATE_REFRESH_H
#define CONTROL_STATE_REFRESH_H 1

#include "control/refresh.h"
#include "control/state.h"

/* In the place of what there is of the port. */
int state_put_refresh(struct state *, const struct refresh *, char **error);
/* ... and what has been learned of the port's addresses is no more, if it has begun. */
int state_begin_refresh(struct state *, const struct refresh *, char **error);
/* Of ports that are gone, the newest REFRESHES_GONE are kept. */
int state_trim_refreshes(struct state *, char **error);
/* Calls 'cb' for each; the refresh is the callee's. */
int state_load_refreshes(struct state *, void (*cb)(struct refresh *, void *aux), void *aux,
                         char **error);
/* Calls 'cb' for each port: since when it is there, in Unix time; 0: not known. */
int state_load_added(struct state *, void (*cb)(const char *port, int64_t added_us, void *aux),
                     void *aux, char **error);

#endif
