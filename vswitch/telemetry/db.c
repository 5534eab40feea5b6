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

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) ||
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
    if (!ok) {
        *error = xasprintf("%s: %s", path, sqlite3_errmsg(db));
    }
    return ok ? DB_CREATED : DB_FAILED;
}

/* One version after the other, each whole or not at all. */
static bool
upgrade_tables(sqlite3 *db, const char *path, const struct db_schema *schema, int version,
               char **error)
{
    for (; version < schema->version; version++) {
        char *sql = sqlite3_mprintf("BEGIN;%s;PRAGMA user_version = %d;COMMIT",
                                    schema->upgrades[version - 1], version + 1);
        bool ok = sql && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

        sqlite3_free(sql);
        if (!ok) {
            *error = xasprintf("%s: schema version %d cannot be brought to %d: %s", path, version,
                               version + 1, sqlite3_errmsg(db));
            return false;
        }
    }
    return true;
}

/* A version without its tables is no less damaged than a page that does not add up. */
static enum db_opened
check_tables(sqlite3 *db, const char *path, const struct db_schema *schema, char **error)
{
    int version = user_version(db);

    if (!version) {
        return create_tables(db, path, schema, error);
    }
    if (version < 0 || version > schema->version) {
        *error = xasprintf("%s: schema version %d; this program knows %d", path, version,
                           schema->version);
        return DB_FAILED;
    }
    if (!upgrade_tables(db, path, schema, version, error)) {
        return DB_FAILED;
    }
    for (const char *const *probe = schema->probes; *probe; probe++) {
        sqlite3_stmt *stmt = NULL;
        int code = sqlite3_prepare_v2(db, *probe, -1, &stmt, NULL);

        code = code ? code : sqlite3_step(stmt);
        sqlite3_finalize(stmt);
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
            return judge_error(db, path, error);
        }
    }
    return DB_OPENED;
}

/* One try: PUT_ASIDE stands for damage that was found. */
static enum db_opened
try_open(const char *path, const struct db_schema *schema, sqlite3 **dbp, char **error)
{
    enum db_opened opened = DB_OPENED;
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL)) {
        *error = xasprintf("%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
        opened = DB_FAILED;
    } else if ((schema->add_functions && schema->add_functions(db)) ||
               (schema->exclusive &&
                sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL)) ||
               sqlite3_exec(db,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                            "BEGIN IMMEDIATE; COMMIT",
                            NULL, NULL, NULL)) {
        opened = judge_error(db, path, error);
    } else if (schema->check) {
        opened = check_pages(db, path, error);
    }
    if (opened == DB_OPENED) {
        opened = check_tables(db, path, schema, error);
    }
    if (opened == DB_FAILED || opened == DB_PUT_ASIDE) {
        sqlite3_close(db);
        db = NULL;
    }
    *dbp = db;
    return opened;
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
