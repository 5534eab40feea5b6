/* Captures, as control sees them (capture/captures.h): which ports are marked for them, who waits
 * for them, and what incidents say of them.
 *
 * Control thread only. */
#ifndef CONTROL_CAPTURING_H
#define CONTROL_CAPTURING_H 1

#include "capture/capture_info.h"
#include "proto/rpc.h"

struct control;
struct desired_port;

#define CAPTURING_BYTES (UINT64_C(64) << 20) /* limits, where none were asked for */
#define CAPTURING_SECONDS 3600
#define CAPTURING_SECONDS_MAX 604800
#define CAPTURING_SNAPLEN_MIN 64

/* Loads what the state directory has, and starts the thread.  0, or a positive errno and '*error'.
 */
int capturing_start(struct control *, char **error);
/* Ends what is running, and tells whoever waits.  The workers have stopped. */
void capturing_stop(struct control *);
/* After the server has stopped. */
void capturing_destroy(struct control *);
/* Takes in what the thread has to tell. */
void capturing_run(struct control *);

/* What is asked for; limits of 0 are the usual ones. */
struct capturing_request {
    const char *port;
    bool only_dropped, quarantine;
    uint32_t snaplen;
    struct capture_limits limits;
    const char *who, *comment;
};
/* Begins one, of what passes from capturing_publish() on.  RPC_OK and '*id', or '*error'. */
enum rpc_status capturing_begin(struct control *, const struct capturing_request *, uint64_t *id,
                                char **error);
/* Begins one with the usual limits, unless one that began so is running: '*id'. */
enum rpc_status capturing_begin_quarantine(struct control *, const struct desired_port *,
                                           const char *who, const char *comment, uint64_t *id,
                                           char **error);
/* It is to end; nothing when it is over. */
void capturing_end(struct control *, uint64_t id, const char *why);
/* ... those that began with the quarantine of the port. */
void capturing_end_quarantine(struct control *, const char *port, const char *why);
/* Notes which ports are to be marked; the next publication does it. */
void capturing_mark(struct control *);
/* Publishes, if the ports that are marked are not those that are to be.  Whether they are now. */
bool capturing_publish(struct control *);
/* The port is in no snapshot any more. */
void capturing_port_gone(struct control *, const char *port);

enum capturing_event {
    CAPTURING_OPENED, /* its file is there, or it has failed */
    CAPTURING_OVER,
    CAPTURING_DELETED /* or it could not be: 'delete_error' */
};
/* What is known of it then; NULL: there is none, or no longer. */
typedef void capturing_done(struct control *, const struct capture_info *, void *aux);
/* Calls 'done' once, now or later. */
void capturing_wait(struct control *, uint64_t id, enum capturing_event, capturing_done *,
                    void *aux);

#endif
