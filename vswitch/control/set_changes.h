/* Changes of address sets (change.h): checked, stored, and put in force by a new class map.
 *
 * No table is compiled, and nothing is published that no policy names.  Control thread only. */
#ifndef CONTROL_SET_CHANGES_H
#define CONTROL_SET_CHANGES_H 1

#include "control/elapsed.h"
#include "control/sets.h"
#include "proto/rpc.h"

struct control;

enum set_action { SET_PUT, SET_PATCH, SET_DELETE };

/* What is asked for; whoever holds it owns what it points to. */
struct set_edit {
    enum set_action action;
    char *name;
    struct acl_prefix *add, *remove; /* SET_PUT: 'add' is all of it */
    size_t n_add, n_remove;
    bool has_expected; /* only if the set has this revision; 0: only if there is none */
    uint64_t expected;
    int64_t asked_us; /* rpc_call_asked_us() */
};
void set_edit_destroy(struct set_edit *);

/* What became of it. */
struct set_outcome {
    const char *name;
    const struct address_set *set; /* NULL: it is gone */
    size_t n_added, n_removed;
    struct elapsed elapsed;
};

/* Calls 'done' once, now or later; 'error' is only lent, as is the outcome, which is NULL unless
 * the status is RPC_OK.  Takes 'edit'. */
typedef void set_done(struct control *, enum rpc_status, const char *error,
                      const struct set_outcome *, void *aux);
void sets_submit(struct control *, struct set_edit *edit, set_done *, void *aux);

/* Takes in what is stored, before anything is published.  Whether all of it could be read; what
 * could not is left out. */
bool sets_load(struct control *);
/* Says in the log which sets have gone stale and which are so no more.  Once a second. */
void sets_check_stale(struct control *);

#endif
