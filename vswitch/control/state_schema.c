/* The tables of state.db, and how each version of them is made of the one before. */
#include <config.h>

#include <sqlite3.h>
#include <stdarg.h>
#include <errno.h>
#include <string.h>

#include "control/digest.h"
#include "control/state_private.h"
#include "util.h"

#define SCHEMA_VERSION 3

/* A port takes its bindings with it.  'expires' is in Unix seconds; 0: never. */
#define CREATE_BINDING                                                                             \
    "CREATE TABLE binding ("                                                                       \
    "  port TEXT NOT NULL,"                                                                        \
    "  addr TEXT NOT NULL,"                                                                        \
    "  how TEXT NOT NULL,"                                                                         \
    "  expires INTEGER NOT NULL,"                                                                  \
    "  PRIMARY KEY (port, addr)"                                                                   \
    ") WITHOUT ROWID;"                                                                             \
    "CREATE TRIGGER port_gone AFTER DELETE ON port BEGIN"                                          \
    "  DELETE FROM binding WHERE port = old.name;"                                                 \
    "END;"

/* Version 1 and 2: one text. */
#define CREATE_POLICY                                                                              \
    "CREATE TABLE policy (one INTEGER PRIMARY KEY CHECK (one = 1), yaml TEXT NOT NULL);"

/* 'version' of policy_force is the one in force, 0: none; 'last' the highest that there ever was.
 * 'confirm_by' is in Unix seconds, 0: nothing is to be confirmed. */
#define CREATE_POLICY_VERSION                                                                      \
    "CREATE TABLE policy_version ("                                                                \
    "  version INTEGER PRIMARY KEY NOT NULL,"                                                      \
    "  digest TEXT NOT NULL,"                                                                      \
    "  applied_us INTEGER NOT NULL,"                                                               \
    "  who TEXT NOT NULL,"                                                                         \
    "  comment TEXT NOT NULL"                                                                      \
    ");"                                                                                           \
    "CREATE TABLE policy_source ("                                                                 \
    "  version INTEGER NOT NULL,"                                                                  \
    "  idx INTEGER NOT NULL,"                                                                      \
    "  name TEXT NOT NULL,"                                                                        \
    "  yaml TEXT NOT NULL,"                                                                        \
    "  PRIMARY KEY (version, idx)"                                                                 \
    ");"                                                                                           \
    "CREATE TABLE policy_force ("                                                                  \
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"                                                   \
    "  version INTEGER NOT NULL,"                                                                  \
    "  last INTEGER NOT NULL,"                                                                     \
    "  confirm_by INTEGER NOT NULL,"                                                               \
    "  go_back INTEGER NOT NULL"                                                                   \
    ");"                                                                                           \
    "CREATE TRIGGER policy_version_gone AFTER DELETE ON policy_version BEGIN"                      \
    "  DELETE FROM policy_source WHERE version = old.version;"                                     \
    "END;"

#define CREATE_ADDRESS_SET                                                                         \
    "CREATE TABLE address_set_meta ("                                                              \
    "  name TEXT PRIMARY KEY NOT NULL,"                                                            \
    "  changed_us INTEGER NOT NULL"                                                                \
    ") WITHOUT ROWID;"                                                                             \
    "CREATE TABLE address_set ("                                                                   \
    "  name TEXT NOT NULL,"                                                                        \
    "  prefix TEXT NOT NULL,"                                                                      \
    "  PRIMARY KEY (name, prefix)"                                                                 \
    ") WITHOUT ROWID;"                                                                             \
    "CREATE TRIGGER address_set_gone AFTER DELETE ON address_set_meta BEGIN"                       \
    "  DELETE FROM address_set WHERE name = old.name;"                                             \
    "END;"

/* 'last' is in Unix seconds. */
#define CREATE_RULE_HITS                                                                           \
    "CREATE TABLE rule_hits ("                                                                     \
    "  id TEXT PRIMARY KEY NOT NULL,"                                                              \
    "  packets INTEGER NOT NULL,"                                                                  \
    "  bytes INTEGER NOT NULL,"                                                                    \
    "  last INTEGER NOT NULL"                                                                      \
    ") WITHOUT ROWID;"

static const char create[] =
    "CREATE TABLE port ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  spec BLOB NOT NULL," /* fusuma.v1.PortSpec */
    "  quarantined INTEGER NOT NULL DEFAULT 0"
    ") WITHOUT ROWID;"
    "CREATE TABLE initialised (one INTEGER PRIMARY KEY CHECK (one = 1));" CREATE_BINDING
        CREATE_POLICY_VERSION CREATE_ADDRESS_SET CREATE_RULE_HITS
    "INSERT INTO policy_force VALUES (1, 0, 0, 0, 0)";

static const char *const upgrades[SCHEMA_VERSION - 1] = {
    CREATE_BINDING,
    CREATE_POLICY_VERSION CREATE_ADDRESS_SET CREATE_RULE_HITS
    "INSERT INTO policy_version SELECT 1, sha256(yaml), 0, '', '' FROM policy;"
    "INSERT INTO policy_source SELECT 1, 0, '', yaml FROM policy;"
    "INSERT INTO policy_force SELECT 1, count(*), count(*), 0, 0 FROM policy;"
    "DROP TABLE policy",
};

static const char *const probes[] = { "SELECT name, spec, quarantined FROM port",
                                      "SELECT one FROM initialised",
                                      "SELECT port, addr, how, expires FROM binding",
                                      "SELECT version, digest, applied_us, who, comment"
                                      " FROM policy_version",
                                      "SELECT version, idx, name, yaml FROM policy_source",
                                      "SELECT version, last, confirm_by, go_back FROM policy_force",
                                      "SELECT name, changed_us FROM address_set_meta",
                                      "SELECT name, prefix FROM address_set",
                                      "SELECT id, packets, bytes, last FROM rule_hits",
                                      NULL };

/* sha256(TEXT), in lower-case hex. */
static void
sql_sha256(sqlite3_context *context, int n OVS_UNUSED, sqlite3_value **values)
{
    const unsigned char *text = sqlite3_value_text(values[0]);
    char hex[65];

    digest_sha256(text ? (const char *) text : "", sqlite3_value_bytes(values[0]), hex);
    sqlite3_result_text(context, hex, -1, SQLITE_TRANSIENT);
}

static int
add_functions(sqlite3 *db)
{
    return sqlite3_create_function(db, "sha256", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                   sql_sha256, NULL, NULL);
}

/* The exclusive lock keeps a second switch, with another run directory, off the same state. */
const struct db_schema state_schema = {
    .version = SCHEMA_VERSION,
    .create = create,
    .upgrades = upgrades,
    .probes = probes,
    .add_functions = add_functions,
    .exclusive = true,
    .check = true,
};

/* ---- statements ---- */

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

int
state_run(struct state *s, char **error, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt;
    va_list args;
    int retval;

    va_start(args, types);
    retval = prepare(s, &stmt, error, sql, types, args);
    va_end(args);
    if (retval) {
        return retval;
    }
    retval = sqlite3_step(stmt) == SQLITE_DONE ? 0 : state_fail(s, error);
    sqlite3_finalize(stmt);
    return retval;
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
