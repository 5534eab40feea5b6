#include <config.h>

#include "control/state_sets.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "control/state_private.h"
#include "svec.h"
#include "util.h"

/* ---- writing ---- */

static int
each(struct state *s, const char *sql, const char *name, struct state_prefixes prefixes,
     char **error)
{
    int retval = 0;

    for (size_t i = 0; i < prefixes.n && !retval; i++) {
        retval = state_run(s, error, sql, "tt", name, prefixes.text[i]);
    }
    return retval;
}

static int
patch(struct state *s, const char *name, struct state_prefixes add, struct state_prefixes remove,
      struct state_stamp stamp, char **error)
{
    int retval =
        each(s, "DELETE FROM address_set WHERE name = ?1 AND prefix = ?2", name, remove, error);

    retval = retval ? retval
                    : each(s, "INSERT OR IGNORE INTO address_set VALUES (?1, ?2, NULL)", name, add,
                           error);
    return retval ? retval
                  : state_run(s, error,
                              "INSERT INTO address_set_meta (name, changed_us, prefixes, revision)"
                              " SELECT ?1, ?2, count(*), ?3 FROM address_set WHERE name = ?1"
                              " ON CONFLICT (name) DO UPDATE"
                              " SET changed_us = excluded.changed_us, prefixes = excluded.prefixes,"
                              " revision = excluded.revision",
                              "tii", name, stamp.changed_us, (int64_t) stamp.revision);
}

int
state_set_patch(struct state *s, const char *name, struct state_prefixes add,
                struct state_prefixes remove, struct state_stamp stamp, char **error)
{
    int retval = state_enter(s, error);

    return retval ? retval : state_leave(s, patch(s, name, add, remove, stamp, error), error);
}

int
state_set_replace(struct state *s, const char *name, struct state_prefixes prefixes,
                  struct state_stamp stamp, char **error)
{
    static const struct state_prefixes none = { NULL, 0 };
    int retval = state_enter(s, error);

    if (retval) {
        return retval;
    }
    retval = state_run(s, error, "DELETE FROM address_set WHERE name = ?1", "t", name);
    retval = retval ? retval : patch(s, name, prefixes, none, stamp, error);
    return state_leave(s, retval, error);
}

int
state_set_delete(struct state *s, const char *name, char **error)
{
    return state_run(s, error, "DELETE FROM address_set_meta WHERE name = ?1", "t", name);
}

/* ---- reading ---- */

static int
load_prefixes(struct state *s, const char *name, struct svec *prefixes, char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval =
        state_prepare(s, &stmt, error,
                      "SELECT prefix FROM address_set WHERE name = ?1 ORDER BY prefix", "t", name);
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        svec_add(prefixes, state_text(stmt, 0));
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
}

int
state_load_sets(struct state *s,
                void (*cb)(const char *, struct state_prefixes, struct state_stamp, void *),
                void *aux, char **error)
{
    sqlite3_stmt *stmt;
    int code = SQLITE_DONE, retval;

    retval =
        state_prepare(s, &stmt, error,
                      "SELECT name, changed_us, revision FROM address_set_meta ORDER BY name", "");
    if (retval) {
        return retval;
    }
    while (!retval && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct svec prefixes = SVEC_EMPTY_INITIALIZER;
        const char *name = state_text(stmt, 0);

        retval = load_prefixes(s, name, &prefixes, error);
        if (!retval) {
            cb(name, (struct state_prefixes){ (const char *const *) prefixes.names, prefixes.n },
               (struct state_stamp){ sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2) },
               aux);
        }
        svec_destroy(&prefixes);
    }
    if (!retval && code != SQLITE_DONE) {
        retval = state_fail(s, error);
    }
    sqlite3_finalize(stmt);
    return retval;
}
