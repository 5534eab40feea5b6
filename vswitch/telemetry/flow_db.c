#include <config.h>

#include "telemetry/flow_db.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/policy.h"
#include "telemetry/db.h"
#include "telemetry/db_batch.h"
#include "util.h"

#define FLOWS_VERSION 1

enum { PUT, FORGET, N_WRITES };

struct flow_db {
    struct db_batch batch;
    sqlite3_stmt *write[N_WRITES];
    uint64_t last_id, newest_ns; /* as it was opened */
    struct flow_gap gaps[FLOW_GAPS];
    size_t n_gaps;
};

#define COLUMNS                                                                                    \
    "id, port, user, direction, peer, peer_port, vlan, protocol, service, hour, rule, first_ns, "  \
    "last_ns, connections, answered, packets_out, bytes_out, packets_in, bytes_in, sessions, "     \
    "told_ns"

static const char create[] =
    "CREATE TABLE flow ("
    "  id INTEGER PRIMARY KEY,"
    "  port TEXT NOT NULL, user TEXT NOT NULL,"
    "  direction TEXT NOT NULL," /* egress, ingress */
    "  peer TEXT NOT NULL, peer_port TEXT NOT NULL,"
    "  vlan INTEGER NOT NULL,"
    "  protocol INTEGER NOT NULL, service INTEGER NOT NULL,"
    "  hour INTEGER NOT NULL," /* since 1970 */
    "  rule TEXT NOT NULL,"
    "  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
    "  connections INTEGER NOT NULL, answered INTEGER NOT NULL,"
    "  packets_out INTEGER NOT NULL, bytes_out INTEGER NOT NULL,"
    "  packets_in INTEGER NOT NULL, bytes_in INTEGER NOT NULL,"
    "  sessions TEXT NOT NULL," /* a line "ID USER" each */
    "  told_ns INTEGER NOT NULL);"
    "CREATE INDEX flow_told ON flow (told_ns);"
    "CREATE TABLE run (since_ns INTEGER NOT NULL, clean INTEGER NOT NULL);" /* the last one */
    "CREATE TABLE gap (from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL)";

static const char *const probes[] = { "SELECT " COLUMNS " FROM flow LIMIT 1",
                                      "SELECT since_ns, clean FROM run LIMIT 1",
                                      "SELECT from_ns, to_ns FROM gap LIMIT 1", NULL };

static const struct db_schema schema = { .version = FLOWS_VERSION,
                                         .create = create,
                                         .probes = probes };

/* ---- opening ---- */

static bool
prepare(struct flow_db *d)
{
    static const char put[] = "INSERT OR REPLACE INTO flow (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, "
                              "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
                              "?19, ?20, ?21)";
    sqlite3_stmt *max = NULL;
    bool ok = !sqlite3_prepare_v3(d->batch.db, put, -1, SQLITE_PREPARE_PERSISTENT, &d->write[PUT],
                                  NULL) &&
              !sqlite3_prepare_v3(d->batch.db, "DELETE FROM flow WHERE told_ns < ?1", -1,
                                  SQLITE_PREPARE_PERSISTENT, &d->write[FORGET], NULL) &&
              !sqlite3_prepare_v2(d->batch.db,
                                  "SELECT ifnull(max(id), 0), ifnull(max(told_ns), 0) FROM flow",
                                  -1, &max, NULL) &&
              sqlite3_step(max) == SQLITE_ROW;

    if (ok) {
        d->last_id = sqlite3_column_int64(max, 0);
        d->newest_ns = sqlite3_column_int64(max, 1);
    }
    sqlite3_finalize(max);
    return ok;
}

static bool
load_gaps(struct flow_db *d)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(d->batch.db, "SELECT from_ns, to_ns FROM gap ORDER BY to_ns", -1,
                                  &s, NULL);

    while (!code && (code = sqlite3_step(s)) == SQLITE_ROW && d->n_gaps < FLOW_GAPS) {
        d->gaps[d->n_gaps++] =
            (struct flow_gap){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1) };
        code = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return code == SQLITE_DONE;
}

/* A run that did not end cleanly leaves a gap, for as long as something of before it is held. */
static bool
begin_run(struct flow_db *d)
{
    struct timespec t;
    char *sql;
    bool ok;

    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    sql = xasprintf("BEGIN IMMEDIATE;"
                    "INSERT INTO gap SELECT max(since_ns, %" PRIu64 "), %" PRId64
                    "  FROM run WHERE NOT clean;"
                    "DELETE FROM run; INSERT INTO run VALUES (%" PRId64 ", 0);"
                    "DELETE FROM gap WHERE to_ns < (SELECT ifnull(min(told_ns), 0) FROM flow);"
                    "DELETE FROM gap WHERE to_ns NOT IN"
                    "  (SELECT to_ns FROM gap ORDER BY to_ns DESC LIMIT %d);"
                    "COMMIT",
                    d->newest_ns, now, now, FLOW_GAPS);
    ok = !sqlite3_exec(d->batch.db, sql, NULL, NULL, NULL);
    free(sql);
    return ok && load_gaps(d);
}

int
flow_db_open(const char *path, struct flow_db **dp, char **warning, char **error)
{
    struct flow_db *d = xzalloc(sizeof *d);

    *dp = NULL;
    *warning = NULL;
    d->batch.path = xstrdup(path);
    switch (db_open(path, &schema, &d->batch.db, error)) {
    case DB_OPENED:
    case DB_CREATED:
        break;
    case DB_PUT_ASIDE:
        *warning = *error;
        *error = NULL;
        break;
    case DB_FAILED:
    default:
        goto error;
    }
    if (!prepare(d) || !begin_run(d)) {
        db_batch_fail(&d->batch, error);
        goto error;
    }
    *dp = d;
    return 0;

error:
    free(*warning);
    *warning = NULL;
    flow_db_close(d);
    return EIO;
}

void
flow_db_close(struct flow_db *d)
{
    if (!d) {
        return;
    }
    for (int i = 0; i < N_WRITES; i++) {
        sqlite3_finalize(d->write[i]);
    }
    sqlite3_close(d->batch.db);
    free(d->batch.path);
    free(d);
}

size_t
flow_db_gaps(const struct flow_db *d, struct flow_gap gaps[FLOW_GAPS])
{
    memcpy(gaps, d->gaps, d->n_gaps * sizeof *gaps);
    return d->n_gaps;
}

int
flow_db_end(struct flow_db *d, char **error)
{
    return sqlite3_exec(d->batch.db, "UPDATE run SET clean = 1", NULL, NULL, NULL)
               ? db_batch_fail(&d->batch, error)
               : 0;
}

bool
flow_db_is_damaged(const struct flow_db *d)
{
    return d->batch.damaged;
}

uint64_t
flow_db_newest(const struct flow_db *d)
{
    return d->newest_ns;
}

uint64_t
flow_db_new_id(struct flow_db *d)
{
    return ++d->last_id;
}

/* ---- reading ---- */

/* False: nothing of ours. */
static bool
take_row(sqlite3_stmt *s, struct flow_row *r)
{
    const char *direction = (const char *) sqlite3_column_text(s, 3);
    const char *peer = (const char *) sqlite3_column_text(s, 4);

    memset(r, 0, sizeof *r);
    if (!direction || !peer || !acl_addr_parse(peer, &r->peer)) {
        return false;
    }
    r->id = sqlite3_column_int64(s, 0);
    r->direction = !strcmp(direction, "ingress") ? ACL_INGRESS : ACL_EGRESS;
    r->vlan = sqlite3_column_int(s, 6);
    r->protocol = sqlite3_column_int(s, 7);
    r->service = sqlite3_column_int(s, 8);
    r->hour = sqlite3_column_int64(s, 9);
    r->first_ns = sqlite3_column_int64(s, 11);
    r->last_ns = sqlite3_column_int64(s, 12);
    r->connections = sqlite3_column_int64(s, 13);
    r->answered = sqlite3_column_int64(s, 14);
    r->packets_out = sqlite3_column_int64(s, 15);
    r->bytes_out = sqlite3_column_int64(s, 16);
    r->packets_in = sqlite3_column_int64(s, 17);
    r->bytes_in = sqlite3_column_int64(s, 18);
    r->told_ns = sqlite3_column_int64(s, 20);
    db_take_text(s, 1, r->port, sizeof r->port);
    db_take_text(s, 2, r->user, sizeof r->user);
    db_take_text(s, 5, r->peer_port, sizeof r->peer_port);
    db_take_text(s, 10, r->rule, sizeof r->rule);
    db_take_text(s, 19, r->sessions, sizeof r->sessions);
    return true;
}

int
flow_db_load(struct flow_db *d, uint32_t n, struct flow_db_place *place,
             bool (*cb)(const struct flow_row *, void *aux), void *aux, bool *morep, char **error)
{
    static const char select[] = "SELECT " COLUMNS " FROM flow WHERE (told_ns, id) < (?1, ?2) "
                                 "ORDER BY told_ns DESC, id DESC LIMIT ?3";
    bool first = !place->id && !place->told_ns, wants = true;
    sqlite3_stmt *s = NULL;
    struct flow_row row;
    uint32_t found = 0;
    int code = sqlite3_prepare_v2(d->batch.db, select, -1, &s, NULL);

    sqlite3_bind_int64(s, 1, first ? INT64_MAX : (int64_t) place->told_ns);
    sqlite3_bind_int64(s, 2, first ? INT64_MAX : (int64_t) place->id);
    sqlite3_bind_int64(s, 3, n);
    while (wants && (code == SQLITE_OK || code == SQLITE_ROW)) {
        code = sqlite3_step(s);
        if (code == SQLITE_ROW) {
            found++;
            place->told_ns = sqlite3_column_int64(s, 20);
            place->id = sqlite3_column_int64(s, 0);
            wants = !take_row(s, &row) || cb(&row, aux);
        }
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        db_batch_fail(&d->batch, error);
        wants = false;
    }
    sqlite3_finalize(s);
    *morep = wants && found == n;
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : EIO;
}

/* ---- writing ---- */

int
flow_db_begin(struct flow_db *d, char **error)
{
    return db_batch_begin(&d->batch, error);
}

static int
run(struct flow_db *d, sqlite3_stmt *s, char **error)
{
    int code = sqlite3_step(s);

    sqlite3_reset(s);
    return code == SQLITE_DONE ? 0 : db_batch_roll_back(&d->batch, error);
}

int
flow_db_put(struct flow_db *d, const struct flow_row *r, char **error)
{
    sqlite3_stmt *s = d->write[PUT];
    char peer[ACL_ADDR_STRLEN];

    sqlite3_bind_int64(s, 1, r->id);
    db_bind_text(s, 2, r->port);
    db_bind_text(s, 3, r->user);
    db_bind_text(s, 4, r->direction == ACL_INGRESS ? "ingress" : "egress");
    db_bind_text(s, 5, acl_addr_format(&r->peer, peer));
    db_bind_text(s, 6, r->peer_port);
    sqlite3_bind_int(s, 7, r->vlan);
    sqlite3_bind_int(s, 8, r->protocol);
    sqlite3_bind_int(s, 9, r->service);
    sqlite3_bind_int64(s, 10, r->hour);
    db_bind_text(s, 11, r->rule);
    sqlite3_bind_int64(s, 12, r->first_ns);
    sqlite3_bind_int64(s, 13, r->last_ns);
    sqlite3_bind_int64(s, 14, r->connections);
    sqlite3_bind_int64(s, 15, r->answered);
    sqlite3_bind_int64(s, 16, r->packets_out);
    sqlite3_bind_int64(s, 17, r->bytes_out);
    sqlite3_bind_int64(s, 18, r->packets_in);
    sqlite3_bind_int64(s, 19, r->bytes_in);
    db_bind_text(s, 20, r->sessions);
    sqlite3_bind_int64(s, 21, r->told_ns);
    return run(d, s, error);
}

int
flow_db_forget(struct flow_db *d, uint64_t ns, char **error)
{
    sqlite3_bind_int64(d->write[FORGET], 1, ns);
    return run(d, d->write[FORGET], error);
}

int
flow_db_commit(struct flow_db *d, char **error)
{
    return db_batch_commit(&d->batch, error);
}
