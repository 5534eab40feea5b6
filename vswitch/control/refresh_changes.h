/* Refreshes happen (refresh.h): begun by a logoff, held up by a quarantine, ended by the port's
 * next machine; stored, so that they survive a restart.
 *
 * Who manages the machines sees a refresh in Port, which is watched, and makes the desktop anew.
 * Control thread. */
#ifndef CONTROL_REFRESH_CHANGES_H
#define CONTROL_REFRESH_CHANGES_H 1

#include "control/refresh.h"

struct control;
struct desired_port;
struct session;

/* Steps of a logout (change.h), of the last session on a port that asks for it: what there is to
 * store with it (state_end_sessions()), and putting it in force, which takes the refresh. */
struct refresh *refresh_prepare(const struct desired_port *, const struct session *, int64_t at_us);
void refresh_commit(struct control *, struct desired_port *, struct refresh *);

/* The port was opened; was closed, and may come back. */
void refresh_opened(struct control *, const struct desired_port *);
void refresh_closed(struct control *, const char *port);

/* Begins what is not held up any more, ends what has a new machine, stores what has changed. */
void refreshes_run(struct control *);
/* Takes in what is stored, before ports are opened.  0, or a positive errno and '*error'. */
int refreshes_load(struct control *, char **error);

#endif
