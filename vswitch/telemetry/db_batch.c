#include <config.h>

#include "telemetry/db_batch.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "telemetry/db.h"
#include "util.h"

int
db_batch_fail(struct db_batch *b, char **error)
{
    char *aside = NULL, *why = NULL;

    *error = xasprintf("%s: %s", b->path, sqlite3_errmsg(b->db));
    if (db_is_damage(sqlite3_errcode(b->db)) && !b->damaged) {
        b->damaged = true;
        if (!db_put_aside(b->path, &aside, &why)) {
            why = xasprintf("%s; kept as %s, the next start makes a new one", *error, aside);
            free(*error);
            *error = why;
        } else {
            free(why);
        }
        free(aside);
    }
    return EIO;
}

int
db_batch_roll_back(struct db_batch *b, char **error)
{
    int retval = db_batch_fail(b, error);

    sqlite3_exec(b->db, "ROLLBACK", NULL, NULL, NULL);
    return retval;
}

int
db_batch_begin(struct db_batch *b, char **error)
{
    if (b->damaged) {
        *error = xasprintf("%s: damaged", b->path);
        return EIO;
    }
    return sqlite3_exec(b->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ? db_batch_fail(b, error) : 0;
}

int
db_batch_commit(struct db_batch *b, char **error)
{
    return sqlite3_exec(b->db, "COMMIT", NULL, NULL, NULL) ? db_batch_roll_back(b, error) : 0;
}

void
db_bind_text(sqlite3_stmt *s, int i, const char *text)
{
    sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

void
db_take_text(sqlite3_stmt *s, int column, char *to, size_t size)
{
    const unsigned char *text = sqlite3_column_text(s, column);

    ovs_strlcpy(to, text ? (const char *) text : "", size);
}
