#include <config.h>

#include "control/state_hits.h"

#include <sqlite3.h>

#include "control/state_private.h"
#include "util.h"

int
state_put_hits(struct state *s, const struct state_hits *rows, size_t n, char *const *gone,
               size_t n_gone, char **error)
{
    int retval = state_enter(s, error);

    if (retval) {
        return retval;
    }
    for (size_t i = 0; i < n_gone && !retval; i++) {
        retval = state_run(s, error, "DELETE FROM rule_hits WHERE id = ?1", "t", gone[i]);
    }
    for (size_t i = 0; i < n && !retval; i++) {
        retval = state_run(s, error, "INSERT OR REPLACE INTO rule_hits VALUES (?1, ?2, ?3, ?4)",
                           "tiii", rows[i].id, (int64_t) rows[i].packets, (int64_t) rows[i].bytes,
                           rows[i].last_s);
    }
    return state_leave(s, retval, error);
}

int
state_load_hits(struct state *s, void (*cb)(const struct state_hits *, void *), void *aux,
                char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval = state_prepare(s, &stmt, error,
                           "SELECT id, packets, bytes, last FROM rule_hits ORDER BY id", "");
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct state_hits row = {
            .id = CONST_CAST(char *, state_text(stmt, 0)),
            .packets = sqlite3_column_int64(stmt, 1),
            .bytes = sqlite3_column_int64(stmt, 2),
            .last_s = sqlite3_column_int64(stmt, 3),
        };

        cb(&row, aux);
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
}
