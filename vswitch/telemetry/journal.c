#include <config.h>

#include "telemetry/journal.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/port.h"
#include "telemetry/db.h"
#include "telemetry/db_batch.h"
#include "telemetry/reasons.h"
#include "util.h"

#define JOURNAL_VERSION 4

enum { INSERT, FORGET, N_WRITES };

struct journal {
    struct db_batch batch; /* the writer's */
    uint64_t keep;
    uint64_t epoch, first; /* the present one, and n of its first event */
    bool begun;            /* it is stored; else the first transaction begins with it */
    sqlite3_stmt *write[N_WRITES];
    uint64_t newest; /* in the transaction */
    struct journal_epoch *epochs;
    size_t n_epochs;
    _Atomic uint64_t oldest;

    pthread_mutex_t mutex; /* over the readers' connection */
    sqlite3 *read_db;
    sqlite3_stmt *read;
};

/* Reasons and protocols by what they are called outside, addresses as text: whoever looks at it by
 * hand, or with a later program whose enumerations have grown, reads the same. */
static const char create[] = "CREATE TABLE epoch ("
                             "  first INTEGER PRIMARY KEY,"
                             "  epoch INTEGER NOT NULL,"
                             "  clean INTEGER NOT NULL DEFAULT 0);"
                             "CREATE TABLE event ("
                             "  n INTEGER PRIMARY KEY,"
                             "  port TEXT NOT NULL, user TEXT NOT NULL,"
                             "  reason TEXT NOT NULL,"
                             /* NULL in records and corrections */
                             "  suppressed INTEGER, lost INTEGER,"
                             "  peer_port TEXT, peer_user TEXT, rule TEXT,"
                             "  wall_ns INTEGER, mono_ns INTEGER, generation INTEGER,"
                             "  src TEXT, dst TEXT, sport INTEGER, dport INTEGER,"
                             "  protocol INTEGER, ethertype INTEGER, length INTEGER,"
                             "  count INTEGER, repeat INTEGER,"
                             "  log INTEGER, direction INTEGER, bytes BLOB,"
                             "  vlan INTEGER,"
                             "  sessions TEXT, peer_sessions TEXT," /* a line "ID USER" each */
                             /* Of corrections only: of what time, 'wall_ns' is its begin. */
                             "  until_ns INTEGER, withdrawn INTEGER)";

/* Version 1 knew no VLANs, version 2 no sessions, version 3 no corrections. */
static const char *const upgrades[JOURNAL_VERSION - 1] = {
    "ALTER TABLE event ADD COLUMN vlan INTEGER",
    "ALTER TABLE event ADD COLUMN sessions TEXT;"
    "ALTER TABLE event ADD COLUMN peer_sessions TEXT",
    "ALTER TABLE event ADD COLUMN until_ns INTEGER;"
    "ALTER TABLE event ADD COLUMN withdrawn INTEGER",
};

#define COLUMNS                                                                                    \
    "n, port, user, reason, suppressed, lost, peer_port, peer_user, rule, wall_ns, mono_ns, "      \
    "generation, src, dst, sport, dport, protocol, ethertype, length, count, repeat, log, "        \
    "direction, bytes, vlan, sessions, peer_sessions, until_ns, withdrawn"

static const char *const probes[] = { "SELECT " COLUMNS " FROM event LIMIT 1",
                                      "SELECT first, epoch, clean FROM epoch LIMIT 1", NULL };

static const struct db_schema schema = {
    .version = JOURNAL_VERSION, .create = create, .upgrades = upgrades, .probes = probes
};

/* ---- opening ---- */

static bool
load_epochs(struct journal *j)
{
    sqlite3_stmt *stmt = NULL;
    size_t allocated = 0;
    int code = sqlite3_prepare_v2(
        j->batch.db, "SELECT epoch, first, clean FROM epoch ORDER BY first", -1, &stmt, NULL);

    while (!code && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (j->n_epochs >= allocated) {
            j->epochs = x2nrealloc(j->epochs, &allocated, sizeof *j->epochs);
        }
        j->epochs[j->n_epochs++] = (struct journal_epoch){ .epoch = sqlite3_column_int64(stmt, 0),
                                                           .first = sqlite3_column_int64(stmt, 1),
                                                           .clean = sqlite3_column_int(stmt, 2) };
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE;
}

static bool
query_uint64(sqlite3 *db, const char *sql, uint64_t *value)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = !sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) && sqlite3_step(stmt) == SQLITE_ROW;

    if (ok) {
        *value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return ok;
}

/* An epoch without events is replaced by the next one: it may have told some from memory, and
 * drop_log.c knows where positions in it lie. */
static int
store_epoch(struct journal *j)
{
    char *sql = xasprintf("DELETE FROM epoch WHERE first >= %" PRIu64 ";"
                          "DELETE FROM epoch WHERE first < (SELECT max(first) FROM epoch"
                          "                                 WHERE first <= %" PRIu64 ");"
                          "INSERT INTO epoch (first, epoch) VALUES (%" PRIu64 ", %" PRId64 ")",
                          j->first, journal_oldest(j), j->first, (int64_t) j->epoch);
    int code = sqlite3_exec(j->batch.db, sql, NULL, NULL, NULL);

    free(sql);
    return code;
}

/* What the disk has no room for is known all the same. */
static bool
know_epoch(struct journal *j)
{
    if (!load_epochs(j)) {
        return false;
    }
    while (j->n_epochs && j->epochs[j->n_epochs - 1].first >= j->first) {
        j->n_epochs--;
    }
    j->epochs = xrealloc(j->epochs, (j->n_epochs + 1) * sizeof *j->epochs);
    j->epochs[j->n_epochs++] = (struct journal_epoch){ .epoch = j->epoch, .first = j->first };
    return true;
}

static bool
begin_epoch(struct journal *j)
{
    uint64_t oldest;

    if (!query_uint64(j->batch.db, "SELECT ifnull(max(n), 0) FROM event", &j->newest) ||
        !query_uint64(j->batch.db, "SELECT ifnull(min(n), 0) FROM event", &oldest)) {
        return false;
    }
    j->first = j->newest + 1;
    atomic_store(&j->oldest, oldest ? oldest : j->first);
    j->begun = !sqlite3_exec(j->batch.db, "BEGIN IMMEDIATE", NULL, NULL, NULL) && !store_epoch(j) &&
               !sqlite3_exec(j->batch.db, "COMMIT", NULL, NULL, NULL);
    if (!j->begun) {
        if (db_is_damage(sqlite3_errcode(j->batch.db))) {
            return false;
        }
        sqlite3_exec(j->batch.db, "ROLLBACK", NULL, NULL, NULL);
    }
    return know_epoch(j);
}

static bool
prepare(struct journal *j)
{
    static const char insert[] = "INSERT INTO event (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
                                 "?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
                                 "?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)";

    return !sqlite3_prepare_v3(j->batch.db, insert, -1, SQLITE_PREPARE_PERSISTENT,
                               &j->write[INSERT], NULL) &&
           !sqlite3_prepare_v3(j->batch.db, "DELETE FROM event WHERE n <= ?1", -1,
                               SQLITE_PREPARE_PERSISTENT, &j->write[FORGET], NULL);
}

static bool
open_reader(struct journal *j)
{
    return !sqlite3_open_v2(j->batch.path, &j->read_db, SQLITE_OPEN_READONLY, NULL) &&
           !sqlite3_busy_timeout(j->read_db, 1000) &&
           !sqlite3_prepare_v3(j->read_db,
                               "SELECT " COLUMNS " FROM event WHERE n > ?1 ORDER BY n LIMIT 1", -1,
                               SQLITE_PREPARE_PERSISTENT, &j->read, NULL);
}

int
journal_open(const char *path, uint64_t keep, uint64_t epoch, struct journal **jp, char **warning,
             char **error)
{
    struct journal *j = xzalloc(sizeof *j);

    *jp = NULL;
    *warning = NULL;
    j->batch.path = xstrdup(path);
    j->keep = keep;
    j->epoch = epoch;
    pthread_mutex_init(&j->mutex, NULL);
    switch (db_open(path, &schema, &j->batch.db, error)) {
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
    if (!begin_epoch(j) || !prepare(j) || !open_reader(j)) {
        db_batch_fail(&j->batch, error);
        goto error;
    }
    *jp = j;
    return 0;

error:
    journal_close(j, false);
    return EIO;
}

void
journal_close(struct journal *j, bool clean)
{
    if (!j) {
        return;
    }
    for (int i = 0; i < N_WRITES; i++) {
        sqlite3_finalize(j->write[i]);
    }
    if (clean && j->begun) {
        /* Should it fail, the next start says that something may be missing: true enough. */
        ignore(sqlite3_exec(j->batch.db,
                            "UPDATE epoch SET clean = 1 WHERE first = (SELECT max(first) "
                            "FROM epoch)",
                            NULL, NULL, NULL) == SQLITE_OK);
    }
    sqlite3_finalize(j->read);
    sqlite3_close(j->read_db);
    sqlite3_close(j->batch.db);
    pthread_mutex_destroy(&j->mutex);
    free(j->epochs);
    free(j->batch.path);
    free(j);
}

const struct journal_epoch *
journal_epochs(const struct journal *j, size_t *n)
{
    *n = j->n_epochs;
    return j->epochs;
}

uint64_t
journal_oldest(const struct journal *j)
{
    return atomic_load_explicit(&j->oldest, memory_order_relaxed);
}

/* ---- writing ---- */

int
journal_begin(struct journal *j, char **error)
{
    int retval = db_batch_begin(&j->batch, error);

    return retval || j->begun || !store_epoch(j) ? retval : db_batch_roll_back(&j->batch, error);
}

static void
bind_record(sqlite3_stmt *s, const struct drop_event *e, char src[ACL_ADDR_STRLEN],
            char dst[ACL_ADDR_STRLEN])
{
    const struct drop_record *r = &e->record;

    db_bind_text(s, 4, drop_reason_name(r->reason));
    db_bind_text(s, 7, e->peer_port);
    db_bind_text(s, 8, e->peer_user);
    db_bind_text(s, 9, e->rule);
    sqlite3_bind_int64(s, 10, r->wall_ns);
    sqlite3_bind_int64(s, 11, r->mono_ns);
    sqlite3_bind_int64(s, 12, r->generation);
    db_bind_text(s, 13, acl_addr_format(&r->src, src));
    db_bind_text(s, 14, acl_addr_format(&r->dst, dst));
    sqlite3_bind_int(s, 15, r->sport);
    sqlite3_bind_int(s, 16, r->dport);
    sqlite3_bind_int(s, 17, r->protocol);
    sqlite3_bind_int(s, 18, r->ethertype);
    sqlite3_bind_int(s, 19, r->packet_len);
    sqlite3_bind_int64(s, 20, r->count);
    sqlite3_bind_int(s, 21, r->repeat);
    sqlite3_bind_int(s, 22, r->log);
    sqlite3_bind_int(s, 23, r->direction);
    sqlite3_bind_blob(s, 24, r->bytes, r->n_bytes, SQLITE_STATIC);
    sqlite3_bind_int(s, 25, r->vlan);
    db_bind_text(s, 26, e->sessions);
    db_bind_text(s, 27, e->peer_sessions);
}

static void
bind_correction(sqlite3_stmt *s, const struct drop_event *e)
{
    db_bind_text(s, 4, "");
    sqlite3_bind_int64(s, 10, e->correction.from_ns);
    db_bind_text(s, 26, e->sessions);
    sqlite3_bind_int64(s, 28, e->correction.to_ns);
    sqlite3_bind_int(s, 29, e->correction.withdrawn);
}

int
journal_add(struct journal *j, const struct drop_event *e, char **error)
{
    sqlite3_stmt *s = j->write[INSERT];
    char src[ACL_ADDR_STRLEN], dst[ACL_ADDR_STRLEN];
    int code;

    sqlite3_bind_int64(s, 1, e->n);
    db_bind_text(s, 2, e->port);
    db_bind_text(s, 3, e->user);
    if (e->type == DROP_EVENT_RECORD) {
        bind_record(s, e, src, dst);
    } else if (e->type == DROP_EVENT_CORRECTION) {
        bind_correction(s, e);
    } else {
        db_bind_text(s, 4, drop_reason_name(e->unsaid.reason));
        sqlite3_bind_int64(s, 5, e->unsaid.suppressed);
        sqlite3_bind_int64(s, 6, e->unsaid.lost);
    }
    code = sqlite3_step(s);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    j->newest = e->n;
    return code == SQLITE_DONE ? 0 : db_batch_roll_back(&j->batch, error);
}

static bool
forget_oldest(struct journal *j)
{
    uint64_t upto = j->newest > j->keep ? j->newest - j->keep : 0;
    sqlite3_stmt *s = j->write[FORGET];
    int code;

    if (upto < journal_oldest(j)) {
        return true;
    }
    sqlite3_bind_int64(s, 1, upto);
    code = sqlite3_step(s);
    sqlite3_reset(s);
    if (code == SQLITE_DONE) {
        atomic_store_explicit(&j->oldest, upto + 1, memory_order_relaxed);
    }
    return code == SQLITE_DONE;
}

int
journal_commit(struct journal *j, char **error)
{
    int retval =
        forget_oldest(j) ? db_batch_commit(&j->batch, error) : db_batch_roll_back(&j->batch, error);

    j->begun |= !retval;
    return retval;
}

/* ---- reading ---- */

static void
take_addr(sqlite3_stmt *s, int i, struct acl_addr *addr)
{
    const unsigned char *text = sqlite3_column_text(s, i);

    if (!text || !acl_addr_parse((const char *) text, addr)) {
        memset(addr, 0, sizeof *addr);
    }
}

static void
take_record(sqlite3_stmt *s, struct drop_event *e, enum drop_reason reason)
{
    struct drop_record *r = &e->record;
    const void *bytes = sqlite3_column_blob(s, 23);
    int n_bytes = sqlite3_column_bytes(s, 23);

    db_take_text(s, 6, e->peer_port, sizeof e->peer_port);
    db_take_text(s, 7, e->peer_user, sizeof e->peer_user);
    db_take_text(s, 8, e->rule, sizeof e->rule);
    db_take_text(s, 25, e->sessions, sizeof e->sessions);
    db_take_text(s, 26, e->peer_sessions, sizeof e->peer_sessions);
    *r = (struct drop_record){
        .wall_ns = sqlite3_column_int64(s, 9),
        .mono_ns = sqlite3_column_int64(s, 10),
        .generation = sqlite3_column_int64(s, 11),
        .sport = sqlite3_column_int(s, 14),
        .dport = sqlite3_column_int(s, 15),
        .protocol = sqlite3_column_int(s, 16),
        .ethertype = sqlite3_column_int(s, 17),
        .packet_len = sqlite3_column_int(s, 18),
        .count = sqlite3_column_int64(s, 19),
        .repeat = sqlite3_column_int(s, 20),
        .log = sqlite3_column_int(s, 21),
        .direction = sqlite3_column_int(s, 22),
        .vlan = sqlite3_column_int(s, 24), /* 0 when it is from before there were any */
        .reason = reason,
        .rule_slot = UINT32_MAX,
        .port = DP_PORT_NONE,
        .peer_port = DP_PORT_NONE,
        .n_bytes = MIN(n_bytes, DROP_RECORD_BYTES),
    };
    take_addr(s, 12, &r->src);
    take_addr(s, 13, &r->dst);
    nullable_memcpy(r->bytes, bytes, r->n_bytes);
}

static void
take_event(sqlite3_stmt *s, struct drop_event *e)
{
    const char *name = (const char *) sqlite3_column_text(s, 3);
    enum drop_reason reason = drop_reason_from_name(name ? name : "");

    memset(e, 0, sizeof *e);
    e->n = sqlite3_column_int64(s, 0);
    db_take_text(s, 1, e->port, sizeof e->port);
    db_take_text(s, 2, e->user, sizeof e->user);
    if (sqlite3_column_type(s, 27) != SQLITE_NULL) {
        e->type = DROP_EVENT_CORRECTION;
        db_take_text(s, 25, e->sessions, sizeof e->sessions);
        e->correction.from_ns = sqlite3_column_int64(s, 9);
        e->correction.to_ns = sqlite3_column_int64(s, 27);
        e->correction.withdrawn = sqlite3_column_int(s, 28);
    } else if (sqlite3_column_type(s, 4) == SQLITE_NULL) {
        e->type = DROP_EVENT_RECORD;
        take_record(s, e, reason);
    } else {
        e->type = DROP_EVENT_UNSAID;
        e->unsaid.reason = reason;
        e->unsaid.suppressed = sqlite3_column_int64(s, 4);
        e->unsaid.lost = sqlite3_column_int64(s, 5);
    }
}

bool
journal_next(struct journal *j, uint64_t after, struct drop_event *e)
{
    bool found;

    pthread_mutex_lock(&j->mutex);
    sqlite3_bind_int64(j->read, 1, after);
    found = sqlite3_step(j->read) == SQLITE_ROW;
    if (found) {
        take_event(j->read, e);
    }
    sqlite3_reset(j->read);
    pthread_mutex_unlock(&j->mutex);
    return found;
}
