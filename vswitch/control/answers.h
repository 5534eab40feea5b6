/* What is remembered over a restart of requests with an id (gate.h): answers, from the state, and,
 * from the audit log, those that were begun and not answered.
 *
 * Asking again for one of these finds out what it is: what may be done twice is done; of the rest
 * nobody can say whether it was done, and the answer is RPC_ABORTED. */
#ifndef CONTROL_ANSWERS_H
#define CONTROL_ANSWERS_H 1

#include "control/request_ids.h"
#include "control/state.h"
#include "openvswitch/shash.h"

struct unanswered {
    struct shash by_seq;
};

void unanswered_init(struct unanswered *);
void unanswered_destroy(struct unanswered *);
/* The lines of an audit log, in their order. */
void unanswered_take(struct unanswered *, const char *line);

/* The key of a request: whose it is, and its id.  The caller frees it. */
char *answers_key(const char *who, const char *id);
/* Whoever the state belongs to: before the answer goes out.  What cannot be stored is said in the
 * log. */
void answers_store(struct state *, const struct request *, const struct rpc_answer *);
/* At the start.  Calls 'late' for the request of line 'seq' of the audit log whose answer was
 * stored, but not written down there.  0, or a positive errno and '*error'. */
typedef void answers_late(const char *seq, const char *who, const char *rpc, int status, void *aux);
int answers_restore(struct state *, struct unanswered *, struct request_ids *, answers_late *late,
                    void *aux, char **error);

#endif
