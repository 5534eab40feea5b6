#include <config.h>

#include "control/state.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "telemetry/db.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(state);

#define SCHEMA_VERSION 2

struct state {
    sqlite3 *db;
    char *path;
};

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
    "END"

static const char create[] =
    "CREATE TABLE port ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  spec BLOB NOT NULL," /* fusuma.v1.PortSpec */
    "  quarantined INTEGER NOT NULL DEFAULT 0"
    ") WITHOUT ROWID;"
    "CREATE TABLE policy (one INTEGER PRIMARY KEY CHECK (one = 1), yaml TEXT NOT NULL);"
    "CREATE TABLE initialised (one INTEGER PRIMARY KEY CHECK (one = 1));" CREATE_BINDING;

static const char *const upgrades[SCHEMA_VERSION - 1] = { CREATE_BINDING };

static const char *const probes[] = { "SELECT name, spec, quarantined FROM port",
                                      "SELECT yaml FROM policy", "SELECT one FROM initialised",
                                      "SELECT port, addr, how, expires FROM binding", NULL };

/* The exclusive lock keeps a second switch, with another run directory, off the same state. */
static const struct db_schema schema = {
    .version = SCHEMA_VERSION,
    .create = create,
    .upgrades = upgrades,
    .probes = probes,
    .exclusive = true,
    .check = true,
};

static int
fail(const struct state *s, char **error)
{
    *error = xasprintf("%s: %s", s->path, sqlite3_errmsg(s->db));
    return EIO;
}

static int
execute(struct state *s, const char *sql, char **error)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, error);
}

/* The first column of the first row, or -1. */
static int
query_int(const struct state *s, const char *sql)
{
    sqlite3_stmt *stmt;
    int value = -1;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return value;
}

/* ---- opening ---- */

/* An empty database in the place of a damaged one counts as initialised, so that nothing is allowed
 * that nobody asked for. */
static int
begin_anew(struct state *s, char **error)
{
    VLOG_EMER("the state is damaged: %s.  Starting with no port and no policy: everything is "
              "denied until both are given again",
              *error);
    free(*error);
    *error = NULL;
    return execute(s, "INSERT INTO initialised VALUES (1)", error);
}

int
state_open(const char *dir, struct state **sp, char **error)
{
    struct state *s;
    int retval = 0;

    *sp = NULL;
    *error = NULL;
    if (mkdir(dir, 0700) && errno != EEXIST) {
        retval = errno;
        *error = xasprintf("%s: %s", dir, ovs_strerror(retval));
        return retval;
    }
    s = xzalloc(sizeof *s);
    s->path = xasprintf("%s/state.db", dir);
    switch (db_open(s->path, &schema, &s->db, error)) {
    case DB_OPENED:
    case DB_CREATED:
        break;
    case DB_PUT_ASIDE:
        retval = begin_anew(s, error);
        break;
    case DB_FAILED:
    default:
        retval = EIO;
    }
    if (retval) {
        state_close(s);
        return retval;
    }
    *sp = s;
    return 0;
}

void
state_close(struct state *s)
{
    if (s) {
        sqlite3_close(s->db);
        free(s->path);
        free(s);
    }
}

bool
state_is_initialised(const struct state *s)
{
    return query_int(s, "SELECT count(*) FROM initialised") != 0;
}

/* ---- reading ---- */

static bool
load_port(sqlite3_stmt *stmt, void (*port)(const Fusuma__V1__PortSpec *, bool, void *), void *aux)
{
    const void *spec = sqlite3_column_blob(stmt, 1);
    Fusuma__V1__PortSpec *message =
        fusuma__v1__port_spec__unpack(NULL, sqlite3_column_bytes(stmt, 1), spec);

    if (!message) {
        VLOG_ERR("port %s: its stored description cannot be read",
                 (const char *) sqlite3_column_text(stmt, 0));
        return false;
    }
    port(message, sqlite3_column_int(stmt, 2), aux);
    fusuma__v1__port_spec__free_unpacked(message, NULL);
    return true;
}

bool
state_load(struct state *s, void (*port)(const Fusuma__V1__PortSpec *, bool, void *), void *aux,
           char **policyp)
{
    sqlite3_stmt *stmt;
    bool ok = true;
    int code;

    *policyp = NULL;
    code = sqlite3_prepare_v2(s->db, "SELECT name, spec, quarantined FROM port ORDER BY name", -1,
                              &stmt, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        ok = load_port(stmt, port, aux) && ok;
        code = SQLITE_OK;
    }
    ok = ok && code == SQLITE_DONE;
    sqlite3_finalize(stmt);

    code = sqlite3_prepare_v2(s->db, "SELECT yaml FROM policy", -1, &stmt, NULL);
    code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
    if (code == SQLITE_ROW) {
        *policyp = xstrdup((const char *) sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    return ok && (code == SQLITE_ROW || code == SQLITE_DONE);
}

bool
state_load_bindings(struct state *s, void (*cb)(const struct state_binding *, void *), void *aux)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(
        s->db, "SELECT port, addr, how, expires FROM binding ORDER BY port, addr", -1, &stmt, NULL);

    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct state_binding b = {
            .port = (const char *) sqlite3_column_text(stmt, 0),
            .addr = (char *) sqlite3_column_text(stmt, 1),
            .how = (const char *) sqlite3_column_text(stmt, 2),
            .expires_s = sqlite3_column_int64(stmt, 3),
        };

        cb(&b, aux);
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE;
}

/* ---- writing ---- */

/* Runs 'sql' with 'text' as ?1 and, unless NULL, 'blob' as ?2. */
static int
run(struct state *s, const char *sql, const char *text, const void *blob, size_t size, char **error)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    code = code ? code : sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    if (blob && !code) {
        code = sqlite3_bind_blob(stmt, 2, blob, size, SQLITE_STATIC);
    }
    code = code ? code : sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? 0 : fail(s, error);
}

int
state_put_port(struct state *s, const Fusuma__V1__PortSpec *spec, char **error)
{
    size_t size = fusuma__v1__port_spec__get_packed_size(spec);
    uint8_t *packed = xmalloc(size + 1);
    int retval;

    fusuma__v1__port_spec__pack(spec, packed);
    retval =
        run(s, "INSERT INTO port (name, spec) VALUES (?1, ?2)", spec->name, packed, size, error);
    free(packed);
    return retval;
}

int
state_delete_port(struct state *s, const char *name, char **error)
{
    return run(s, "DELETE FROM port WHERE name = ?1", name, NULL, 0, error);
}

int
state_set_quarantine(struct state *s, const char *name, bool quarantined, char **error)
{
    return run(s,
               quarantined ? "UPDATE port SET quarantined = 1 WHERE name = ?1"
                           : "UPDATE port SET quarantined = 0 WHERE name = ?1",
               name, NULL, 0, error);
}

int
state_set_policy(struct state *s, const char *yaml, char **error)
{
    return yaml ? run(s, "INSERT OR REPLACE INTO policy VALUES (1, ?1)", yaml, NULL, 0, error)
                : execute(s, "DELETE FROM policy", error);
}

/* A port that was deleted meanwhile gets none. */
static int
put_binding(struct state *s, const struct state_binding *b, char **error)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(s->db,
                                  "INSERT OR REPLACE INTO binding SELECT ?1, ?2, ?3, ?4"
                                  " WHERE EXISTS (SELECT 1 FROM port WHERE name = ?1)",
                                  -1, &stmt, NULL);

    code = code ? code : sqlite3_bind_text(stmt, 1, b->port, -1, SQLITE_STATIC);
    code = code ? code : sqlite3_bind_text(stmt, 2, b->addr, -1, SQLITE_STATIC);
    code = code ? code : sqlite3_bind_text(stmt, 3, b->how, -1, SQLITE_STATIC);
    code = code ? code : sqlite3_bind_int64(stmt, 4, b->expires_s);
    code = code ? code : sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? 0 : fail(s, error);
}

int
state_set_bindings(struct state *s, const char *const *ports, size_t n_ports,
                   const struct state_binding *rows, size_t n_rows, char **error)
{
    int retval = state_begin(s, error);

    if (retval) {
        return retval;
    }
    for (size_t i = 0; i < n_ports && !retval; i++) {
        retval = run(s, "DELETE FROM binding WHERE port = ?1", ports[i], NULL, 0, error);
    }
    for (size_t i = 0; i < n_rows && !retval; i++) {
        retval = put_binding(s, &rows[i], error);
    }
    retval = retval ? retval : state_commit(s, error);
    if (retval) {
        state_rollback(s);
    }
    return retval;
}

int
state_begin(struct state *s, char **error)
{
    return execute(s, "BEGIN IMMEDIATE; INSERT OR IGNORE INTO initialised VALUES (1)", error);
}

int
state_commit(struct state *s, char **error)
{
    return execute(s, "COMMIT", error);
}

void
state_rollback(struct state *s)
{
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}
