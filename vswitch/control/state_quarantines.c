#include <config.h>

#include "control/state_quarantines.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "control/state_private.h"
#include "util.h"

int
state_put_quarantine(struct state *s, const struct quarantine *q, char **error)
{
    char *id = quarantine_id(q), *allow = svec_join(&q->allow, " ", "");
    int retval = state_run(s, error,
                           "INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)"
                           " ON CONFLICT (id) DO UPDATE SET vm_id = excluded.vm_id,"
                           " port = excluded.port, since_us = excluded.since_us,"
                           " who = excluded.who, comment = excluded.comment,"
                           " allow = excluded.allow, resets = excluded.resets",
                           "tttittti", id, q->vm_id, q->port, q->since_us, q->who, q->comment,
                           allow, (int64_t) q->resets);

    free(allow);
    free(id);
    return retval;
}

int
state_delete_quarantine(struct state *s, const char *id, char **error)
{
    return state_run(s, error, "DELETE FROM quarantine WHERE id = ?1", "t", id);
}

static struct quarantine *
quarantine_of_row(sqlite3_stmt *stmt)
{
    struct quarantine *q = xzalloc(sizeof *q);

    q->vm_id = xstrdup(state_text(stmt, 0));
    q->port = xstrdup(state_text(stmt, 1));
    q->since_us = sqlite3_column_int64(stmt, 2);
    q->who = xstrdup(state_text(stmt, 3));
    q->comment = xstrdup(state_text(stmt, 4));
    svec_init(&q->allow);
    svec_parse_words(&q->allow, state_text(stmt, 5));
    q->resets = sqlite3_column_int(stmt, 6);
    return q;
}

int
state_load_quarantines(struct state *s, void (*cb)(struct quarantine *, void *), void *aux,
                       char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval = state_prepare(s, &stmt, error,
                           "SELECT vm_id, port, since_us, who, comment, allow, resets"
                           " FROM quarantine ORDER BY id",
                           "");
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        cb(quarantine_of_row(stmt), aux);
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
}
