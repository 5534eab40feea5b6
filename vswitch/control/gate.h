/* The gate: every RPC of rpc_table.c comes through here, and nothing else lets one in.
 *
 * A call is admitted when its peer has the role that the row wants (access.h).  For a row that
 * writes
 *
 *  - metadata "fusuma-election-id: N" (1 to 2^64 - 1) says which controller asks: the highest id so
 * far writes, a lower one is refused with FAILED_PRECONDITION.  Requests without one are people's,
 * and pass.  The highest id survives a restart (election.h): it is stored before the request is
 * begun.
 *  - metadata "fusuma-request-id: ID" (1 to 128 printable characters) makes it safe to ask again:
 * the same request with the same id by the same identity gets the first one's answer, waiting for
 * it if need be, and is done once.  GATE_MAX_IDS answers are kept, for GATE_ID_S seconds each, in
 * all at most GATE_MAX_BYTES; also over a restart (answers.h).
 *  - the audit log gets a line "request" before the change can be stored (it is in the writer
 * thread's queue before it), and a line "result", which is on the disk before the reply leaves.
 * Kill -9 loses neither; the loss of power may lose a request's line together with a change whose
 * reply never left.  A quarantine is in force before its line is written.
 *  - a row that only shows something, and yet is not for every viewer, has a line "read".
 *  - what is refused here gets a line "refused"; over REFUSALS_BURST at once, and one a second
 * after that, they are only counted ("unsaid" in the next one).
 *
 * Control thread, except where it says otherwise. */
#ifndef CONTROL_GATE_H
#define CONTROL_GATE_H 1

#include <stdbool.h>

#include "proto/rpc.h"

#define GATE_MAX_IDS 1024
#define GATE_ID_S 600
#define GATE_MAX_BYTES (16u << 20)
#define GATE_MAX_LINES 1000 /* of the log that are kept in memory */

struct control;
struct gate;

/* Opens the audit log, before the writer thread starts.  0, or a positive errno and '*error'. */
int gate_open(struct control *, struct gate **, char **error);
/* What rpc_server_options.admit is to be; 'control' is a struct control. */
bool gate_admit(struct rpc_call *, const struct rpc_method *, const ProtobufCMessage *request,
                void *control);
/* For a handler of what writes: the SHA-256 of a text of its request, where the gate has had to
 * find it, or NULL.  Not after the handler has returned. */
const char *gate_text_digest(const struct gate *, const char *text);
/* Sends the answers whose lines are written. */
void gate_run(struct control *);
/* The writer thread has ended: lines are written by the control thread from now on. */
void gate_writer_gone(struct control *);
/* After the RPC server.  Accepts NULL. */
void gate_close(struct gate *);

/* The newest 'n' lines of the audit log, or as many as there are, oldest first: calls 'cb' for
 * each. */
void gate_lines(const struct gate *, size_t n, void (*cb)(const char *line, void *aux), void *aux);

#endif
