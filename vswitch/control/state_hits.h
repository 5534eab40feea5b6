/* Rule hits in state.db, by rule id.  Threads and errors as in state_policy.h.  They decide
 * nothing, so they have no seal. */
#ifndef CONTROL_STATE_HITS_H
#define CONTROL_STATE_HITS_H 1

#include "control/state.h"

struct state_hits {
    char *id;
    uint64_t packets, bytes; /* in all */
    int64_t last_s;          /* Unix time of the last one; 0: none yet */
};

/* Forgets the rules 'gone', then stores 'rows' in the place of what their ids had; in one
 * transaction. */
int state_put_hits(struct state *, const struct state_hits *rows, size_t n, char *const *gone,
                   size_t n_gone, char **error);
int state_load_hits(struct state *, void (*cb)(const struct state_hits *, void *aux), void *aux,
                    char **error);

#endif
