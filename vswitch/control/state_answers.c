#include <config.h>

#include "control/state_answers.h"

#include <sqlite3.h>

#include "control/state_private.h"

int
state_put_answer(struct state *s, const struct state_answer *a, int64_t oldest_us, size_t n,
                 char **error)
{
    int retval = state_enter(s, error);

    if (retval) {
        return retval;
    }
    retval =
        state_run(s, error, "INSERT OR REPLACE INTO answer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                  "tttitbi", a->key, a->rpc, a->digest, (int64_t) a->status, a->error,
                  a->reply ? a->reply : "", a->reply_len, a->answered_us);
    retval = retval
                 ? retval
                 : state_run(s, error, "DELETE FROM answer WHERE answered_us < ?1", "i", oldest_us);
    retval = retval ? retval
                    : state_run(s, error,
                                "DELETE FROM answer WHERE key IN (SELECT key FROM answer"
                                " ORDER BY answered_us DESC LIMIT -1 OFFSET ?1)",
                                "i", (int64_t) n);
    return state_leave(s, retval, error);
}

int
state_load_answers(struct state *s, void (*cb)(const struct state_answer *, void *), void *aux,
                   char **error)
{
    sqlite3_stmt *stmt;
    int code, retval;

    retval = state_prepare(s, &stmt, error,
                           "SELECT key, rpc, digest, status, error, reply, answered_us FROM answer"
                           " ORDER BY answered_us",
                           "");
    if (retval) {
        return retval;
    }
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct state_answer a = { .key = state_text(stmt, 0),
                                  .rpc = state_text(stmt, 1),
                                  .digest = state_text(stmt, 2),
                                  .status = sqlite3_column_int(stmt, 3),
                                  .error = state_text(stmt, 4),
                                  .reply = sqlite3_column_blob(stmt, 5),
                                  .reply_len = sqlite3_column_bytes(stmt, 5),
                                  .answered_us = sqlite3_column_int64(stmt, 6) };

        cb(&a, aux);
    }
    retval = code == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
}
