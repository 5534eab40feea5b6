/* Statements on state.db: with values, kept prepared, whole or not at all. */
#include <config.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>

#include "control/state_private.h"
#include "util.h"

int
state_fail(const struct state *s, char **error)
{
    *error = xasprintf("%s: %s", s->path, sqlite3_errmsg(s->db));
    return EIO;
}

int
state_execute(struct state *s, const char *sql, char **error)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : state_fail(s, error);
}

static int
bind_values(sqlite3_stmt *stmt, const char *types, va_list args)
{
    int code = SQLITE_OK;

    for (int i = 0; types[i] && !code; i++) {
        if (types[i] == 't') {
            code = sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else if (types[i] == 'i') {
            code = sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
        } else {
            const void *blob = va_arg(args, const void *);

            code = sqlite3_bind_blob(stmt, i + 1, blob, (int) va_arg(args, size_t), SQLITE_STATIC);
        }
    }
    return code;
}

static int
prepare(struct state *s, sqlite3_stmt **stmtp, char **error, const char *sql, const char *types,
        va_list args)
{
    if (sqlite3_prepare_v2(s->db, sql, -1, stmtp, NULL) || bind_values(*stmtp, types, args)) {
        state_fail(s, error);
        sqlite3_finalize(*stmtp);
        *stmtp = NULL;
        return EIO;
    }
    return 0;
}

int
state_prepare(struct state *s, sqlite3_stmt **stmtp, char **error, const char *sql,
              const char *types, ...)
{
    va_list args;
    int retval;

    va_start(args, types);
    retval = prepare(s, stmtp, error, sql, types, args);
    va_end(args);
    return retval;
}

/* NULL: SQLite cannot prepare it. */
static sqlite3_stmt *
kept_statement(struct state *s, const char *sql)
{
    sqlite3_stmt *stmt;

    for (size_t i = 0; i < s->n_kept; i++) {
        if (s->kept[i].sql == sql) {
            return s->kept[i].stmt;
        }
    }
    ovs_assert(s->n_kept < STATE_MAX_KEPT);
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL)) {
        return NULL;
    }
    s->kept[s->n_kept++] = (struct state_kept){ sql, stmt };
    return stmt;
}

int
state_run(struct state *s, char **error, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = kept_statement(s, sql);
    va_list args;
    int retval;

    if (!stmt) {
        return state_fail(s, error);
    }
    va_start(args, types);
    retval = bind_values(stmt, types, args) || sqlite3_step(stmt) != SQLITE_DONE
                 ? state_fail(s, error)
                 : 0;
    va_end(args);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return retval;
}

void
state_forget_statements(struct state *s)
{
    for (size_t i = 0; i < s->n_kept; i++) {
        sqlite3_finalize(s->kept[i].stmt);
    }
    s->n_kept = 0;
}

int
state_enter(struct state *s, char **error)
{
    return state_execute(s, "SAVEPOINT step", error);
}

int
state_leave(struct state *s, int retval, char **error)
{
    retval = retval ? retval : state_execute(s, "RELEASE step", error);
    if (retval) {
        /* SQLite may have taken the whole transaction back by itself. */
        sqlite3_exec(s->db, "ROLLBACK TO step; RELEASE step", NULL, NULL, NULL);
    }
    return retval;
}

const char *
state_text(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);

    return text ? (const char *) text : "";
}
