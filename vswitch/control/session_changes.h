/* Logins and logouts (change.h): stored, and stamped on what the desktop is denied from then on.
 * What was told of it before, and was wrong, the drop stream mends by a correction.
 *
 * Control thread only. */
#ifndef CONTROL_SESSION_CHANGES_H
#define CONTROL_SESSION_CHANGES_H 1

#include "control/sessions.h"
#include "proto/rpc.h"

struct control;
struct desired_port;

/* Calls 'done' once, now or later; 'error' is only lent, as are the sessions: the one that is open
 * now, or those that have ended.  None unless the status is RPC_OK. */
typedef void session_done(struct control *, enum rpc_status, const char *error,
                          const struct session *const *, size_t n, void *aux);

/* By one of these; the others are "". */
struct session_desktop {
    const char *port, *mac, *vm_id;
};
/* What is told of it; 'at_us' in Unix time; 0: now. */
struct session_told {
    const char *user, *broker, *who;
    int64_t at_us;
};
void sessions_login(struct control *, const struct session_desktop *, const struct session_told *,
                    session_done *, void *aux);

/* By one of these; the others are 0 and "". */
struct session_choice {
    uint64_t id;
    const char *broker, *port;
    int64_t at_us; /* when it was, in Unix time; 0: now */
};
void sessions_logout(struct control *, const struct session_choice *, session_done *, void *aux);

/* Tells telemetry whose drops those of the port are, and gives it a slot for that, which the next
 * publication takes in. */
void sessions_stamp(struct control *, struct desired_port *);
/* The port is gone; so is whoever had it.  (state_delete_port() has stored that.) */
void sessions_port_gone(struct control *, const char *port);
/* Takes in what is stored, before ports are opened.  0, or a positive errno and '*error'. */
int sessions_load(struct control *, char **error);

#endif
