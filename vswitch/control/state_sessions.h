/* Sessions in state.db.  Threads and errors as in state_policy.h.  A port that is deleted ends its
 * sessions (state_delete_port()), and the oldest ended ones go when the state is settled. */
#ifndef CONTROL_STATE_SESSIONS_H
#define CONTROL_STATE_SESSIONS_H 1

#include "control/sessions.h"
#include "control/state.h"

struct refresh;

int state_put_session(struct state *, const struct session *, char **error);
int state_delete_session(struct state *, uint64_t id, char **error);
/* Whole or not at all.  'to_us' 0: they are open again.  'refresh': what begins with that, or NULL.
 */
int state_end_sessions(struct state *, struct session *const *, size_t n, int64_t to_us,
                       const struct refresh *refresh, char **error);
int state_end_session(struct state *, uint64_t id, int64_t to_us, char **error);
int state_end_sessions_of(struct state *, const char *port, int64_t to_us, char **error);
int state_trim_sessions(struct state *, char **error);
/* Calls 'cb' for each, the ended ones first, in the order in which they ended; the session is the
 * callee's. */
int state_load_sessions(struct state *, void (*cb)(struct session *, void *aux), void *aux,
                        char **error);

#endif
