#include <config.h>

#include "telemetry/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

bool
db_is_damage(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* no such table or column */
        return true;
    default:
        return false;
    }
}

/* A lock or an input error may pass; damage does not. */
static enum db_opened
judge_error(sqlite3 *db, const char *path, char **error)
{
    *error = xasprintf("%s: %s", path,
                       sqlite3_errcode(db) == SQLITE_BUSY ? "another process uses it"
                                                          : sqlite3_errmsg(db));
    return db_is_damage(sqlite3_errcode(db)) ? DB_PUT_ASIDE : DB_FAILED;
}

static enum db_opened
check_pages(sqlite3 *db, const char *path, char **error)
{
    sqlite3_stmt *stmt = NULL;
    enum db_opened opened = DB_OPENED;

    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        opened = judge_error(db, path, error);
    } else if (strcmp((const char *) sqlite3_column_text(stmt, 0), "ok")) {
        *error = xasprintf("%s: %s", path, (const char *) sqlite3_column_text(stmt, 0));
        opened = DB_PUT_ASIDE;
    }
    sqlite3_finalize(stmt);
    return opened;
}

static int
user_version(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int version = -1;

    if (!sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        version = sqlite3_column_int(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return version;
}

static enum db_opened
create_tables(sqlite3 *db, const char *path, const struct db_schema *schema, char **error)
{
    char *sql = sqlite3_mprintf("BEGIN;%s;PRAGMA user_version = %d;COMMIT", schema->create,
                                schema->version);
    bool ok = sql && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_free(sql);
    /* Tables that are there already have lost their version. */
    return ok ? DB_CREATED : judge_error(db, path, error);
}

/* One step to another version, whole or not at all. */
static enum db_opened
convert_tables(sqlite3 *db, const char *path, const char *statements, int from, int to,
               char **error)
{
    char *sql =
        sqlite3_mprintf("BEGIN IMMEDIATE;%s;PRAGMA user_version = %d;COMMIT", statements, to);
    enum db_opened opened = DB_OPENED;

    if (!sql || sqlite3_exec(db, sql, NULL, NULL, NULL)) {
        opened = db_is_damage(sqlite3_errcode(db)) ? DB_PUT_ASIDE : DB_FAILED;
        *error = xasprintf("%s: schema version %d cannot be brought to %d: %s", path, from, to,
                           sqlite3_errmsg(db));
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_free(sql);
    return opened;
}

/* Runs a query; the row of one that complains is what is wrong. */
static enum db_opened
ask(sqlite3 *db, const char *path, const char *query, bool complains, char **error)
{
    enum db_opened opened = DB_OPENED;
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &stmt, NULL);

    code = code ? code : sqlite3_step(stmt);
    if (code == SQLITE_ROW && complains) {
        *error = xasprintf("%s: %s", path, (const char *) sqlite3_column_text(stmt, 0));
        opened = DB_PUT_ASIDE;
    } else if (code != SQLITE_ROW && code != SQLITE_DONE) {
        opened = judge_error(db, path, error);
    }
    sqlite3_finalize(stmt);
    return opened;
}

/* A version without its tables is no less damaged than a page that does not add up. */
static enum db_opened
check_tables(sqlite3 *db, const char *path, const struct db_schema *schema, char **error)
{
    enum db_opened opened = DB_OPENED;
    int version = user_version(db);

    if (!version) {
        return create_tables(db, path, schema, error);
    }
    if (version < 0 || version > schema->version) {
        *error = xasprintf("%s: schema version %d; this program knows %d", path, version,
                           schema->version);
        return DB_FAILED;
    }
    for (; version < schema->version && opened == DB_OPENED; version++) {
        opened =
            convert_tables(db, path, schema->upgrades[version - 1], version, version + 1, error);
    }
    for (const char *const *p = schema->probes; opened == DB_OPENED && *p; p++) {
        opened = ask(db, path, *p, false, error);
    }
    for (const char *const *p = schema->damages; opened == DB_OPENED && p && *p; p++) {
        opened = ask(db, path, *p, true, error);
    }
    return opened;
}

/* Opens the file and looks at its pages. */
static enum db_opened
connect_file(const char *path, const struct db_schema *schema, int flags, sqlite3 **dbp,
             char **error)
{
    sqlite3 *db;

    if (sqlite3_open_v2(path, dbp, flags, NULL)) {
        *error = xasprintf("%s: %s", path, *dbp ? sqlite3_errmsg(*dbp) : "out of memory");
        return DB_FAILED;
    }
    db = *dbp;
    if ((schema->add_functions && schema->add_functions(db)) ||
        (schema->exclusive &&
         sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL)) ||
        /* Of a new file: a policy's text is one row, and half as long under way in larger pages. */
        sqlite3_exec(db,
                     "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL;"
                     "PRAGMA synchronous = FULL;"
                     "BEGIN IMMEDIATE; COMMIT",
                     NULL, NULL, NULL)) {
        return judge_error(db, path, error);
    }
    return schema->check ? check_pages(db, path, error) : DB_OPENED;
}

/* One try: PUT_ASIDE stands for damage that was found. */
static enum db_opened
try_open(const char *path, const struct db_schema *schema, sqlite3 **dbp, char **error)
{
    enum db_opened opened =
        connect_file(path, schema, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, dbp, error);

    if (opened == DB_OPENED) {
        opened = check_tables(*dbp, path, schema, error);
    }
    if (opened == DB_FAILED || opened == DB_PUT_ASIDE) {
        sqlite3_close(*dbp);
        *dbp = NULL;
    }
    return opened;
}

static enum db_opened
step_down(sqlite3 *db, const char *path, const struct db_schema *schema, int version, char **error)
{
    const char *refusal = schema->refusals[version - 2];
    enum db_opened opened = refusal ? ask(db, path, refusal, true, error) : DB_OPENED;

    return opened == DB_OPENED ? convert_tables(db, path, schema->downgrades[version - 2], version,
                                                version - 1, error)
                               : opened;
}

/* The version of a database that can be brought down to 'to', or 0 and '*error'. */
static int
version_to_leave(sqlite3 *db, const char *path, const struct db_schema *schema, int to,
                 char **error)
{
    int version = user_version(db);

    if (version < 1 || version > schema->version) {
        *error = xasprintf("%s: schema version %d; this program knows %d", path, version,
                           schema->version);
        return 0;
    }
    if (to < 1 || to > version) {
        *error = xasprintf("%s: schema version %d cannot be brought down to %d", path, version, to);
        return 0;
    }
    return version;
}

int
db_downgrade(const char *path, const struct db_schema *schema, int to, int *fromp, char **error)
{
    sqlite3 *db = NULL;
    enum db_opened opened = connect_file(path, schema, SQLITE_OPEN_READWRITE, &db, error);
    int version = opened == DB_OPENED ? version_to_leave(db, path, schema, to, error) : 0;

    *fromp = version;
    opened = version ? DB_OPENED : DB_FAILED;
    for (; opened == DB_OPENED && version > to; version--) {
        opened = step_down(db, path, schema, version, error);
    }
    sqlite3_close(db);
    return opened == DB_OPENED ? 0 : EIO;
}

int
db_put_aside(const char *path, char **asidep, char **error)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    char *aside = xasprintf("%s.damaged-%lld", path, (long long) time(NULL));

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char *from = xasprintf("%s%s", path, suffixes[i]);
        char *to = xasprintf("%s%s", aside, suffixes[i]);
        int failed = rename(from, to) && errno != ENOENT ? errno : 0;

        if (failed) {
            *error =
                xasprintf("%s is damaged and cannot be put aside: %s", from, ovs_strerror(failed));
        }
        free(from);
        free(to);
        if (failed) {
            free(aside);
            return failed;
        }
    }
    *asidep = aside;
    return 0;
}

enum db_opened
db_open(const char *path, const struct db_schema *schema, sqlite3 **dbp, char **error)
{
    char *damage = NULL, *aside = NULL;
    enum db_opened opened;

    *error = NULL;
    opened = try_open(path, schema, dbp, error);
    if (opened != DB_PUT_ASIDE) {
        return opened;
    }
    damage = *error;
    *error = NULL;
    if (db_put_aside(path, &aside, error)) {
        opened = DB_FAILED;
    } else if (try_open(path, schema, dbp, error) != DB_CREATED) {
        opened = DB_FAILED;
    } else {
        *error = xasprintf("%s; kept as %s", damage, aside);
    }
    free(damage);
    free(aside);
    return opened;
}
