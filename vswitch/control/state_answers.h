/* Answers of requests that may be asked again (request_ids.h), in state.db.  Threads and errors as
 * in state_policy.h. */
#ifndef CONTROL_STATE_ANSWERS_H
#define CONTROL_STATE_ANSWERS_H 1

#include "control/state.h"

struct state_answer {
    const char *key, *rpc, *digest;
    int status;
    const char *error; /* not NULL */
    const void *reply;
    size_t reply_len;
    int64_t answered_us; /* Unix time */
};

/* Puts it in; those from before 'oldest_us', and all but the newest 'n', go. */
int state_put_answer(struct state *, const struct state_answer *, int64_t oldest_us, size_t n,
                     char **error);
/* Calls 'cb' for each, oldest first; it is only lent. */
int state_load_answers(struct state *, void (*cb)(const struct state_answer *, void *aux),
                       void *aux, char **error);

#endif
