/* Policy versions in state.db: which one is in force, what was before, and what waits to be
 * confirmed.
 *
 * Threads as in state.h: while the switch runs the writer's alone, also for reading (a change whose
 * store() reads).  Functions return 0, or a positive errno and '*error' (the caller frees it); each
 * is whole or not at all, in a transaction of its own unless inside state_begin(). */
#ifndef CONTROL_STATE_POLICY_H
#define CONTROL_STATE_POLICY_H 1

#include "control/state.h"

#define STATE_POLICY_HISTORY 64 /* versions that are kept, the one in force included */

struct state_source {
    char *name; /* of the file; "" when it has none */
    char *yaml;
    char sha256[65]; /* of 'yaml'; "" where it is not known yet */
};

struct state_policy {
    uint64_t version; /* from 1 */
    char *digest;     /* as the caller gave it; of one that schema 2 had: SHA-256 of the text */
    char *who, *comment;
    int64_t applied_us;           /* Unix time; 0: not known */
    struct state_source *sources; /* in order; at least one, but none in a list */
    size_t n_sources;
};
void state_policy_destroy(struct state_policy *);
/* The sources of 'p', and nothing else of it. */
struct state_policy *state_policy_copy_sources(const struct state_policy *p);

/* Unless it is confirmed until then, version 'go_back' is to be put in force again. */
struct state_pending {
    int64_t confirm_by_s; /* Unix time; 0: nothing is pending */
    uint64_t go_back;     /* 0: to no policy */
};

/* The policy in force with its sources, or NULL when there is none; and what is pending, unless
 * that is NULL. */
int state_policy_load(struct state *, struct state_policy **, struct state_pending *, char **error);
/* One version with its sources; ENOENT when it is not (or no more) there. */
int state_policy_get(struct state *, uint64_t version, struct state_policy **, char **error);
/* Calls 'cb' for each version, the newest first, without sources. */
int state_policy_list(struct state *, void (*cb)(const struct state_policy *, void *aux), void *aux,
                      char **error);

/* Stores a policy as a new version (its own 'version' is ignored) and puts it in force, with what
 * is pending from now on (NULL: nothing).  '*versionp' is above every number that was given before
 * in this database.  EINVAL without sources; ENOENT when 'go_back' is not there. */
int state_policy_put(struct state *, const struct state_policy *, const struct state_pending *,
                     uint64_t *versionp, char **error);
/* Lets the oldest beyond STATE_POLICY_HISTORY go, but not the one to go back to. */
int state_policy_trim(struct state *, char **error);
/* No policy is in force, and nothing pending. */
int state_policy_put_none(struct state *, char **error);
/* Puts the sources and the digest of an earlier version in force as a new version of 'who'. */
int state_policy_restore(struct state *, uint64_t earlier, const char *who, const char *comment,
                         int64_t applied_us, const struct state_pending *, uint64_t *versionp,
                         char **error);
/* Takes 'version' back, which state_policy_put() has just made but could not be put in force: it is
 * gone, and 'before' is in force (0: none) with what was pending then. */
int state_policy_take_back(struct state *, uint64_t version, uint64_t before,
                           const struct state_pending *, char **error);
/* What is pending from now on; NULL: nothing, the version in force is confirmed. */
int state_policy_set_pending(struct state *, const struct state_pending *, char **error);

#endif
