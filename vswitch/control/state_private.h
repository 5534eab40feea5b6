/* Shared by the files of the state's database; for nobody else. */
#ifndef CONTROL_STATE_PRIVATE_H
#define CONTROL_STATE_PRIVATE_H 1

#include "control/state.h"
#include "telemetry/db.h"

struct sqlite3_stmt;

#define STATE_MAX_KEPT 48

struct state {
    struct sqlite3 *db;
    char *path;
    char *damage; /* or NULL */
    /* Statements of state_run(), which are prepared once: that takes longer than most of them. */
    struct state_kept {
        const char *sql;
        struct sqlite3_stmt *stmt;
    } kept[STATE_MAX_KEPT];
    size_t n_kept;
    /* The policy that was put last, which the next one will be like; NULL before the first. */
    struct state_policy *last_put;
    unsigned last_chain; /* texts that it was stored as, in a row */
};

extern const struct db_schema state_schema;

/* EIO and '*error', from what SQLite said last. */
int state_fail(const struct state *, char **error);
/* Statements that return nothing.  0, or a positive errno and '*error'. */
int state_execute(struct state *, const char *sql, char **error);
/* Prepares 'sql' with values for ?1, ?2 ..., a letter of 'types' each: t const char * (not NULL),
 * i int64_t, b const void * and size_t.  They are only lent until the statement is finalized. */
int state_prepare(struct state *, struct sqlite3_stmt **, char **error, const char *sql,
                  const char *types, ...);
/* One statement that returns nothing; values as above.  'sql' is a literal: it is known again by
 * its address. */
int state_run(struct state *, char **error, const char *sql, const char *types, ...);
void state_forget_statements(struct state *);
/* Around several statements: whole or not at all, in a transaction or as one of their own.
 * state_leave() takes back what was done when 'retval' is not 0, and returns it or its own. */
int state_enter(struct state *, char **error);
int state_leave(struct state *, int retval, char **error);
/* The column's text, never NULL; until the next step. */
const char *state_text(struct sqlite3_stmt *, int column);

#endif
