#include <config.h>

#include "control/state.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "control/digest.h"
#include "control/state_policy.h"
#include "control/state_private.h"
#include "control/state_refresh.h"
#include "control/state_sessions.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(state);

#define MIN_PAGE 512 /* no database is shorter */

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
initialise(struct state *s, char **error)
{
    return state_execute(s, "INSERT INTO initialised VALUES (1)", error);
}

static int
begin_anew(struct state *s, char **error)
{
    s->damage = xasprintf("the state is damaged: %s.  Starting with no port and no policy: "
                          "everything is denied until both are given again",
                          *error);
    VLOG_EMER("%s", s->damage);
    free(*error);
    *error = NULL;
    return initialise(s, error);
}

/* A restart does not end the alarm. */
static bool
find_old_damage(struct state *s)
{
    char *pattern = xasprintf("%s.damaged-*", s->path);
    glob_t found;

    if (!glob(pattern, 0, NULL, &found)) {
        s->damage =
            xasprintf("an earlier state was damaged and is kept as %s; remove it when ports "
                      "and policy are what they should be",
                      found.gl_pathv[found.gl_pathc - 1]);
        VLOG_EMER("%s", s->damage);
        globfree(&found);
    }
    free(pattern);
    return s->damage;
}

/* SQLite takes a file that is shorter than a page, or a log without its database, for a new
 * database; here it is what is left of one, and the configuration file must not be read in its
 * place. */
static int
put_remains_aside(struct state *s, char **error)
{
    char *wal = xasprintf("%s-wal", s->path), *aside = NULL;
    struct stat st;
    int retval = 0;

    if (stat(s->path, &st) ? errno == ENOENT && !stat(wal, &st)
                           : S_ISREG(st.st_mode) && st.st_size < MIN_PAGE) {
        retval = db_put_aside(s->path, &aside, error);
    }
    free(aside);
    free(wal);
    return retval;
}

const char *
state_damage(const struct state *s)
{
    return s->damage;
}

void
state_settle(struct state *s)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
    char *error = NULL;

    if (state_policy_trim(s, &error) || state_trim_sessions(s, &error) ||
        state_trim_refreshes(s, &error)) {
        VLOG_WARN_RL(&rl, "old policies, sessions and refreshes are kept: %s", error);
        free(error);
    }
    /* If there is no room for it, the log stays; it is as good. */
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
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
    retval = put_remains_aside(s, error);
    if (retval) {
        state_close(s);
        return retval;
    }
    switch (db_open(s->path, &state_schema, &s->db, error)) {
    case DB_OPENED:
    case DB_CREATED:
        /* Whoever put the damaged one aside may not have come further. */
        retval = find_old_damage(s) && !state_is_initialised(s) ? initialise(s, error) : 0;
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
        state_forget_statements(s);
        state_policy_destroy(s->last_put);
        sqlite3_close(s->db);
        free(s->path);
        free(s->damage);
        free(s);
    }
}

int
state_downgrade(const char *dir, int version, int *fromp, char **error)
{
    char *path = xasprintf("%s/state.db", dir);
    int retval = db_downgrade(path, &state_schema, version, fromp, error);

    free(path);
    return retval;
}

bool
state_is_initialised(const struct state *s)
{
    /* A file that is read by mistake would allow what it says. */
    return query_int(s, "SELECT (SELECT count(*) FROM initialised) + (SELECT count(*) FROM port) +"
                        " (SELECT count(*) FROM policy_version)") != 0;
}

/* ---- reading ---- */

static bool
load_port(sqlite3_stmt *stmt, void (*port)(const Fusuma__V1__PortSpec *, void *), void *aux)
{
    const void *spec = sqlite3_column_blob(stmt, 1);
    Fusuma__V1__PortSpec *message =
        fusuma__v1__port_spec__unpack(NULL, sqlite3_column_bytes(stmt, 1), spec);

    if (!message) {
        VLOG_ERR("port %s: its stored description cannot be read",
                 (const char *) sqlite3_column_text(stmt, 0));
        return false;
    }
    port(message, aux);
    fusuma__v1__port_spec__free_unpacked(message, NULL);
    return true;
}

bool
state_load(struct state *s, void (*port)(const Fusuma__V1__PortSpec *, void *), void *aux)
{
    sqlite3_stmt *stmt;
    bool ok = true;
    int code;

    code = sqlite3_prepare_v2(s->db, "SELECT name, spec FROM port ORDER BY name", -1, &stmt, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        ok = load_port(stmt, port, aux) && ok;
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return ok && code == SQLITE_DONE;
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

int
state_put_port(struct state *s, const Fusuma__V1__PortSpec *spec, char **error)
{
    size_t size = fusuma__v1__port_spec__get_packed_size(spec);
    uint8_t *packed = xmalloc(size + 1);
    int retval;

    fusuma__v1__port_spec__pack(spec, packed);
    retval = state_run(s, error, "INSERT INTO port (name, spec, added_us) VALUES (?1, ?2, ?3)",
                       "tbi", spec->name, packed, size, time_wall_usec());
    free(packed);
    return retval;
}

int
state_delete_port(struct state *s, const char *name, char **error)
{
    int retval = state_enter(s, error);

    if (retval) {
        return retval;
    }
    retval = state_end_sessions_of(s, name, time_wall_usec(), error);
    retval = retval ? retval : state_run(s, error, "DELETE FROM port WHERE name = ?1", "t", name);
    return state_leave(s, retval, error);
}

/* A port that was deleted meanwhile gets none. */
static int
put_binding(struct state *s, const struct state_binding *b, char **error)
{
    return state_run(s, error,
                     "INSERT OR REPLACE INTO binding SELECT ?1, ?2, ?3, ?4, NULL"
                     " WHERE EXISTS (SELECT 1 FROM port WHERE name = ?1)",
                     "ttti", b->port, b->addr, b->how, b->expires_s);
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
        retval = state_run(s, error, "DELETE FROM binding WHERE port = ?1", "t", ports[i]);
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
state_put_election(struct state *s, uint64_t election, char **error)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, election);
    return state_run(s, error,
                     "INSERT INTO election (one, id) VALUES (1, ?1)"
                     " ON CONFLICT (one) DO UPDATE SET id = excluded.id",
                     "t", text);
}

bool
state_load_election(struct state *s, uint64_t *election, bool *known)
{
    unsigned long long n = 0;
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(s->db, "SELECT id FROM election", -1, &stmt, NULL);
    bool ok;

    code = code ? code : sqlite3_step(stmt);
    ok = code == SQLITE_ROW ? str_to_ullong(state_text(stmt, 0), 10, &n) : code == SQLITE_DONE;
    sqlite3_finalize(stmt);
    *known = code == SQLITE_ROW;
    *election = n;
    return ok;
}

int
state_begin(struct state *s, char **error)
{
    return state_execute(s, "BEGIN IMMEDIATE; INSERT OR IGNORE INTO initialised VALUES (1)", error);
}

int
state_commit(struct state *s, char **error)
{
    return state_execute(s, "COMMIT", error);
}

void
state_rollback(struct state *s)
{
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}
