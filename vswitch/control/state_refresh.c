#include <config.h>

#include "control/state_refresh.h"

#include <sqlite3.h>

#include "control/state_private.h"
#include "util.h"

int
state_put_refresh(struct state *s, const struct refresh *r, char **error)
{
    return state_run(s, error,
                     "INSERT OR REPLACE INTO refresh VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     "ttitiiii", r->port, r->vm_id, (int64_t) r->session, r->user, r->since_us,
                     (int64_t) r->flushed, r->gone_us, r->done_us);
}

int
state_begin_refresh(struct state *s, const struct refresh *r, char **error)
{
    int retval = state_put_refresh(s, r, error);

    return retval || !r->flushed
               ? retval
               : state_run(s, error, "DELETE FROM binding WHERE port = ?1", "t", r->port);
}

int
state_trim_refreshes(struct state *s, char **error)
{
    return state_run(s, error,
                     "DELETE FROM refresh WHERE port IN (SELECT port FROM refresh"
                     " WHERE port NOT IN (SELECT name FROM port)"
                     " ORDER BY since_us DESC LIMIT -1 OFFSET ?1)",
                     "i", (int64_t) REFRESHES_GONE);
}

static struct refresh *
refresh_of_row(sqlite3_stmt *stmt)
{
    struct refresh *r =
        refresh_create(state_text(stmt, 0), state_text(stmt, 1),
                       (uint64_t) sqlite3_column_int64(stmt, 2), state_text(stmt, 3));

    r->since_us = sqlite3_column_int64(stmt, 4);
    r->flushed = sqlite3_column_int(stmt, 5);
    r->gone_us = sqlite3_column_int64(stmt, 6);
    r->done_us = sqlite3_column_int64(stmt, 7);
    return r;
}

static int
end(struct state *s, sqlite3_stmt *stmt, int code, char **error)
{
    int retval = code == SQLITE_DONE ? 0 : state_fail(s, error);

    sqlite3_finalize(stmt);
    return retval;
}

int
state_load_refreshes(struct state *s, void (*cb)(struct refresh *, void *), void *aux, char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval = state_prepare(s, &stmt, error,
                           "SELECT port, vm_id, session, user, since_us, flushed, gone_us, done_us"
                           " FROM refresh",
                           "");
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        cb(refresh_of_row(stmt), aux);
    }
    return end(s, stmt, code, error);
}

int
state_load_added(struct state *s, void (*cb)(const char *, int64_t, void *), void *aux,
                 char **error)
{
    sqlite3_stmt *stmt;
    int code, retval = state_prepare(s, &stmt, error, "SELECT name, added_us FROM port", "");

    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        cb(state_text(stmt, 0), sqlite3_column_int64(stmt, 1), aux);
    }
    return end(s, stmt, code, error);
}
