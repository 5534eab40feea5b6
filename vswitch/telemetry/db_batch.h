/* A database that is written a batch at a time, and may be found to be damaged meanwhile: it is put
 * aside then, what is written is refused from there on, and the next start makes a new one.
 *
 * One thread at a time. */
#ifndef TELEMETRY_DB_BATCH_H
#define TELEMETRY_DB_BATCH_H 1

#include <stdbool.h>
#include <stddef.h>

struct sqlite3;
struct sqlite3_stmt;

struct db_batch {
    struct sqlite3 *db;
    char *path;
    bool damaged;
};

/* These return 0, or EIO and '*error' (the caller frees it). */
int db_batch_begin(struct db_batch *, char **error);
int db_batch_commit(struct db_batch *, char **error);
/* Always EIO: what SQLite said last; the second one also ends the batch, as if it had never been.
 */
int db_batch_fail(struct db_batch *, char **error);
int db_batch_roll_back(struct db_batch *, char **error);

/* 'text' is only lent until the statement is reset. */
void db_bind_text(struct sqlite3_stmt *, int i, const char *text);
/* A column, cut to 'size'; "" for NULL. */
void db_take_text(struct sqlite3_stmt *, int column, char *to, size_t size);

#endif
