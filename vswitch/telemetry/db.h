/* Opening a SQLite database that must never lead anybody astray: made when there is none, put aside
 * when it is damaged, refused when a newer program wrote it.
 *
 * WAL, synchronous = FULL: what is committed survives kill -9 and the loss of power. */
#ifndef TELEMETRY_DB_H
#define TELEMETRY_DB_H 1

#include <stdbool.h>

struct sqlite3;

struct db_schema {
    int version;                 /* PRAGMA user_version; above 0 */
    const char *create;          /* statements that make the tables in an empty database */
    const char *const *upgrades; /* [version - 1]: [i] makes version i + 2 of version i + 1 */
    /* [version - 1], or NULL: [i] makes version i + 1 of version i + 2; and queries that say why
     * that may not be done, or yield nothing. */
    const char *const *downgrades, *const *refusals;
    const char *const *probes; /* queries that a whole database can answer; NULL ends them */
    /* Queries that yield nothing from a whole database, and say what is wrong with another; NULL
     * ends them.  Or NULL. */
    const char *const *damages;
    /* Registers functions that the statements above use.  A code of SQLite.  Or NULL. */
    int (*add_functions)(struct sqlite3 *);
    bool exclusive; /* one process, one connection; otherwise others may read */
    bool check;     /* read every page at the start: for what is small and decides */
};

enum db_opened {
    DB_OPENED,
    DB_CREATED,
    DB_PUT_ASIDE, /* it was damaged: renamed to '*error' says what, and an empty one created */
    DB_FAILED,    /* '*error' says why */
};

/* '*dbp' is NULL after DB_FAILED.  '*error' (the caller frees it) is set for DB_PUT_ASIDE, too. */
enum db_opened db_open(const char *path, const struct db_schema *, struct sqlite3 **dbp,
                       char **error);
/* Makes 'version' of a database that exists and that nobody uses, step by step, each whole or not
 * at all.  '*fromp' is what it was.  0, or a positive errno and '*error'; nothing is put aside. */
int db_downgrade(const char *path, const struct db_schema *, int version, int *fromp, char **error);
/* Renames the database and its side files to PATH.damaged-TIME; an open connection goes on with
 * what was renamed.  0, or a positive errno and '*error'; '*asidep' is the new name. */
int db_put_aside(const char *path, char **asidep, char **error);
/* Whether an error code of SQLite says that no other try will mend it. */
bool db_is_damage(int code);

#endif
