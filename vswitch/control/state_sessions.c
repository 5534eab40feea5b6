#include <config.h>

#include "control/state_sessions.h"

#include <sqlite3.h>

#include "control/state_private.h"
#include "control/state_refresh.h"
#include "util.h"

int
state_put_session(struct state *s, const struct session *session, char **error)
{
    return state_run(s, error, "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     "itttttii", (int64_t) session->id, session->port, session->vm_id,
                     session->user, session->broker, session->who, session->from_us,
                     session->to_us);
}

int
state_delete_session(struct state *s, uint64_t id, char **error)
{
    return state_run(s, error, "DELETE FROM session WHERE id = ?1", "i", (int64_t) id);
}

int
state_end_session(struct state *s, uint64_t id, int64_t to_us, char **error)
{
    return state_run(s, error, "UPDATE session SET to_us = ?2 WHERE id = ?1", "ii", (int64_t) id,
                     to_us);
}

int
state_end_sessions(struct state *s, struct session *const *sessions, size_t n, int64_t to_us,
                   const struct refresh *refresh, char **error)
{
    int retval = state_enter(s, error);

    if (retval) {
        return retval;
    }
    for (size_t i = 0; i < n && !retval; i++) {
        retval = state_end_session(s, sessions[i]->id, to_us, error);
    }
    if (!retval && refresh) {
        retval = state_begin_refresh(s, refresh, error);
    }
    return state_leave(s, retval, error);
}

int
state_end_sessions_of(struct state *s, const char *port, int64_t to_us, char **error)
{
    return state_run(s, error, "UPDATE session SET to_us = ?2 WHERE port = ?1 AND to_us = 0", "ti",
                     port, to_us);
}

int
state_trim_sessions(struct state *s, char **error)
{
    sqlite3_stmt *stmt;
    int64_t n = 0;
    int retval =
        state_prepare(s, &stmt, error, "SELECT count(*) FROM session WHERE to_us <> 0", "");

    if (retval) {
        return retval;
    }
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        n = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    /* Seldom, and many at once. */
    return n <= SESSIONS_MAX + SESSIONS_MAX / 8
               ? 0
               : state_run(s, error,
                           "DELETE FROM session WHERE id IN (SELECT id FROM session"
                           " WHERE to_us <> 0 ORDER BY to_us DESC, id DESC LIMIT -1 OFFSET ?1)",
                           "i", (int64_t) SESSIONS_MAX);
}

static struct session *
session_of_row(sqlite3_stmt *stmt)
{
    struct session *session = xzalloc(sizeof *session);

    session->id = sqlite3_column_int64(stmt, 0);
    session->port = xstrdup(state_text(stmt, 1));
    session->vm_id = xstrdup(state_text(stmt, 2));
    session->user = xstrdup(state_text(stmt, 3));
    session->broker = xstrdup(state_text(stmt, 4));
    session->who = xstrdup(state_text(stmt, 5));
    session->from_us = sqlite3_column_int64(stmt, 6);
    session->to_us = sqlite3_column_int64(stmt, 7);
    return session;
}

int
state_load_sessions(struct state *s, void (*cb)(struct session *, void *), void *aux, char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval = state_prepare(s, &stmt, error,
                           "SELECT id, port, vm_id, user, broker, who, from_us, to_us FROM session"
                           " ORDER BY to_us = 0, to_us, id",
                           "");
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        cb(session_of_row(stmt), aux);
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
}
