#include <config.h>

#include "control/incident_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "control/message.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "telemetry/db.h"
#include "util.h"

#define SCHEMA 1

struct incident_store {
    char *path;
    sqlite3 *db;
};

static const char create[] =
    "CREATE TABLE incident (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, port TEXT NOT NULL,"
    " user TEXT NOT NULL, kind INTEGER NOT NULL, severity INTEGER NOT NULL,"
    " first_s INTEGER NOT NULL, last_s INTEGER NOT NULL, closed INTEGER NOT NULL,"
    " message BLOB NOT NULL)";

static const char *const probes[] = {
    "SELECT id, revision, port, user, kind, severity, first_s, last_s, closed, message"
    " FROM incident LIMIT 1",
    NULL
};

static const struct db_schema schema = { .version = SCHEMA, .create = create, .probes = probes };

int
incident_store_open(const char *path, struct incident_store **storep, char **warning, char **error)
{
    struct incident_store *store = xzalloc(sizeof *store);

    *warning = NULL;
    store->path = xstrdup(path);
    switch (db_open(path, &schema, &store->db, error)) {
    case DB_FAILED:
        incident_store_close(store);
        return EIO;
    case DB_PUT_ASIDE:
        *warning = *error;
        *error = NULL;
        break;
    case DB_OPENED:
    case DB_CREATED:
        break;
    }
    *storep = store;
    return 0;
}

void
incident_store_close(struct incident_store *store)
{
    if (store) {
        sqlite3_close(store->db);
        free(store->path);
        free(store);
    }
}

static int
fail(struct incident_store *store, char **error)
{
    *error = xasprintf("%s: %s", store->path, sqlite3_errmsg(store->db));
    return EIO;
}

int
incident_store_load(struct incident_store *store, void (*cb)(Fusuma__V1__Incident *, void *aux),
                    void *aux, char **error)
{
    sqlite3_stmt *stmt;
    int code =
        sqlite3_prepare_v2(store->db, "SELECT message FROM incident ORDER BY id", -1, &stmt, NULL);

    while (!code && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(stmt, 0);
        ProtobufCMessage *m = protobuf_c_message_unpack(&fusuma__v1__incident__descriptor, NULL,
                                                        sqlite3_column_bytes(stmt, 0), blob);

        if (m) { /* one that cannot be read is none */
            cb((Fusuma__V1__Incident *) m, aux);
        }
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? 0 : fail(store, error);
}

static int64_t
seconds(const Google__Protobuf__Timestamp *t)
{
    return t ? t->seconds : 0;
}

static int
put_one(struct incident_store *store, const Fusuma__V1__Incident *m)
{
    size_t size = protobuf_c_message_get_packed_size(&m->base);
    uint8_t *packed = xmalloc(size + 1);
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(store->db,
                                  "INSERT OR REPLACE INTO incident VALUES"
                                  " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                                  -1, &stmt, NULL);

    if (!code) {
        protobuf_c_message_pack(&m->base, packed);
        sqlite3_bind_int64(stmt, 1, (int64_t) m->id);
        sqlite3_bind_int64(stmt, 2, (int64_t) m->revision);
        sqlite3_bind_text(stmt, 3, m->port, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 4, m->user, -1, SQLITE_STATIC);
        sqlite3_bind_int(stmt, 5, m->kind);
        sqlite3_bind_int(stmt, 6, m->severity);
        sqlite3_bind_int64(stmt, 7, seconds(m->first_seen));
        sqlite3_bind_int64(stmt, 8, seconds(m->last_seen));
        sqlite3_bind_int(stmt, 9, m->closed);
        sqlite3_bind_blob64(stmt, 10, packed, size, SQLITE_STATIC);
        code = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    free(packed);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int
forget(struct incident_store *store, uint64_t newest, uint64_t keep)
{
    char *sql =
        xasprintf("DELETE FROM incident WHERE id <= %" PRIu64, newest > keep ? newest - keep : 0);
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    free(sql);
    return code;
}

int
incident_store_put(struct incident_store *store, Fusuma__V1__Incident *const *incidents, size_t n,
                   uint64_t keep, char **error)
{
    int code = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), retval;
    uint64_t newest = 0;

    for (size_t i = 0; i < n && !code; i++) {
        code = put_one(store, incidents[i]);
        newest = MAX(newest, incidents[i]->id);
    }
    code = code ? code : forget(store, newest, keep);
    code = code ? code : sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    if (!code) {
        return 0;
    }
    retval = fail(store, error);
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return retval;
}
