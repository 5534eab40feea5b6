/* Address sets in state.db: names with prefixes as text, when each was last written, so that its
 * age shows, and the revision it then had.  Threads and errors as in state_policy.h. */
#ifndef CONTROL_STATE_SETS_H
#define CONTROL_STATE_SETS_H 1

#include "control/state.h"

struct state_prefixes {
    const char *const *text; /* each as the caller writes it; two spellings are two prefixes */
    size_t n;
};

struct state_stamp {
    int64_t changed_us; /* Unix time */
    uint64_t revision;  /* below 2^63 */
};

/* The set has exactly these prefixes from now on, and exists even without one. */
int state_set_replace(struct state *, const char *name, struct state_prefixes, struct state_stamp,
                      char **error);
/* Takes out 'remove' and puts in 'add'.  What is there already or not there is no error, nor is a
 * set that was not there: it begins.  The stamp becomes the set's in any case. */
int state_set_patch(struct state *, const char *name, struct state_prefixes add,
                    struct state_prefixes remove, struct state_stamp, char **error);
/* Without an error when there is none. */
int state_set_delete(struct state *, const char *name, char **error);
/* Calls 'cb' for each set, by name, its prefixes sorted as text; all are only lent. */
int state_load_sets(struct state *,
                    void (*cb)(const char *name, struct state_prefixes, struct state_stamp,
                               void *aux),
                    void *aux, char **error);

#endif
