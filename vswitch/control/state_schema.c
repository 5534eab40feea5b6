/* The tables of state.db, and how each version of them is made of the one before. */
#include <config.h>

#include <sqlite3.h>

#include "control/digest.h"
#include "control/state_private.h"
#include "control/state_text.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

#define SCHEMA_VERSION 8

/* SQLite finds damage of its own structure; of what it stores for us it would read a drop as an
 * allow.  So every row that decides anything has a seal over its columns, which is looked at when
 * the database is opened. */
#define SEAL(TABLE, KEY, COLUMNS)                                                                  \
    "CREATE TRIGGER " TABLE "_made AFTER INSERT ON " TABLE " BEGIN"                                \
    "  UPDATE " TABLE " SET seal = seal(" COLUMNS ") WHERE " KEY ";"                               \
    "END;"                                                                                         \
    "CREATE TRIGGER " TABLE "_changed AFTER UPDATE OF " COLUMNS " ON " TABLE " BEGIN"              \
    "  UPDATE " TABLE " SET seal = seal(" COLUMNS ") WHERE " KEY ";"                               \
    "END;"
#define BROKEN_SEAL(TABLE, COLUMNS, NAME)                                                          \
    "SELECT '" TABLE " ' || " NAME " || ' is not as it was written' FROM " TABLE                   \
    " WHERE seal IS NOT seal(" COLUMNS ")"

#define PORT_COLUMNS_3 "name, spec, quarantined"
#define PORT_COLUMNS_4 "name, spec, quarantined, since_us, who, comment"
#define PORT_COLUMNS "name, spec"
#define QUARANTINE_COLUMNS "id, vm_id, port, since_us, who, comment, allow, resets"
#define BINDING_COLUMNS "port, addr, how, expires"
#define VERSION_COLUMNS "version, digest, applied_us, who, comment, sources"
#define SOURCE_COLUMNS_3 "version, idx, name, yaml"
#define SOURCE_COLUMNS "version, idx, name, sha256(source_text(version, idx))"
#define FORCE_COLUMNS "version, last, confirm_by, go_back"
#define SET_META_COLUMNS_3 "name, changed_us, prefixes"
#define SET_META_COLUMNS "name, changed_us, prefixes, revision"
#define SET_COLUMNS "name, prefix"

#define PORT_GONE                                                                                  \
    "CREATE TRIGGER port_gone AFTER DELETE ON port BEGIN"                                          \
    "  DELETE FROM binding WHERE port = old.name;"                                                 \
    "END;"

/* A port takes its bindings with it.  'expires' is in Unix seconds; 0: never. */
#define CREATE_BINDING                                                                             \
    "CREATE TABLE binding ("                                                                       \
    "  port TEXT NOT NULL,"                                                                        \
    "  addr TEXT NOT NULL,"                                                                        \
    "  how TEXT NOT NULL,"                                                                         \
    "  expires INTEGER NOT NULL,"                                                                  \
    "  PRIMARY KEY (port, addr)"                                                                   \
    ") WITHOUT ROWID;" PORT_GONE

/* Versions 1 and 2: one text. */
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
    "  comment TEXT NOT NULL,"                                                                     \
    "  sources INTEGER NOT NULL,"                                                                  \
    "  seal TEXT"                                                                                  \
    ");"                                                                                           \
    "CREATE TABLE policy_source ("                                                                 \
    "  version INTEGER NOT NULL,"                                                                  \
    "  idx INTEGER NOT NULL,"                                                                      \
    "  name TEXT NOT NULL,"                                                                        \
    "  yaml TEXT NOT NULL,"                                                                        \
    "  seal TEXT,"                                                                                 \
    "  PRIMARY KEY (version, idx)"                                                                 \
    ");"                                                                                           \
    "CREATE TABLE policy_force ("                                                                  \
    "  one INTEGER PRIMARY KEY CHECK (one = 1),"                                                   \
    "  version INTEGER NOT NULL,"                                                                  \
    "  last INTEGER NOT NULL,"                                                                     \
    "  confirm_by INTEGER NOT NULL,"                                                               \
    "  go_back INTEGER NOT NULL,"                                                                  \
    "  seal TEXT"                                                                                  \
    ");"                                                                                           \
    "CREATE TRIGGER policy_version_gone AFTER DELETE ON policy_version BEGIN"                      \
    "  DELETE FROM policy_source WHERE version = old.version;"                                     \
    "END;" SEAL("policy_version", "version = new.version", VERSION_COLUMNS)                        \
        SEAL("policy_source", "version = new.version AND idx = new.idx", SOURCE_COLUMNS_3)         \
            SEAL("policy_force", "one = 1", FORCE_COLUMNS)

#define CREATE_ADDRESS_SET                                                                         \
    "CREATE TABLE address_set_meta ("                                                              \
    "  name TEXT PRIMARY KEY NOT NULL,"                                                            \
    "  changed_us INTEGER NOT NULL,"                                                               \
    "  prefixes INTEGER NOT NULL,"                                                                 \
    "  seal TEXT"                                                                                  \
    ") WITHOUT ROWID;"                                                                             \
    "CREATE TABLE address_set ("                                                                   \
    "  name TEXT NOT NULL,"                                                                        \
    "  prefix TEXT NOT NULL,"                                                                      \
    "  seal TEXT,"                                                                                 \
    "  PRIMARY KEY (name, prefix)"                                                                 \
    ") WITHOUT ROWID;"                                                                             \
    "CREATE TRIGGER address_set_gone AFTER DELETE ON address_set_meta BEGIN"                       \
    "  DELETE FROM address_set WHERE name = old.name;"                                             \
    "END;" SEAL("address_set_meta", "name = new.name", SET_META_COLUMNS_3)                         \
        SEAL("address_set", "name = new.name AND prefix = new.prefix", SET_COLUMNS)

/* 'last' is in Unix seconds. */
#define CREATE_RULE_HITS                                                                           \
    "CREATE TABLE rule_hits ("                                                                     \
    "  id TEXT PRIMARY KEY NOT NULL,"                                                              \
    "  packets INTEGER NOT NULL,"                                                                  \
    "  bytes INTEGER NOT NULL,"                                                                    \
    "  last INTEGER NOT NULL"                                                                      \
    ") WITHOUT ROWID;"

#define CREATE_1                                                                                   \
    "CREATE TABLE port ("                                                                          \
    "  name TEXT PRIMARY KEY NOT NULL,"                                                            \
    "  spec BLOB NOT NULL," /* fusuma.v1.PortSpec */                                               \
    "  quarantined INTEGER NOT NULL DEFAULT 0"                                                     \
    ") WITHOUT ROWID;" CREATE_POLICY                                                               \
    "CREATE TABLE initialised (one INTEGER PRIMARY KEY CHECK (one = 1));"

#define UPGRADE_3                                                                                  \
    "ALTER TABLE port ADD COLUMN seal TEXT;"                                                       \
    "UPDATE port SET seal = seal(" PORT_COLUMNS_3 ");"                                             \
    "ALTER TABLE binding ADD COLUMN seal TEXT;"                                                    \
    "UPDATE binding SET seal = seal(" BINDING_COLUMNS                                              \
    ");" SEAL("port", "name = new.name", PORT_COLUMNS_3)                                           \
        SEAL("binding", "port = new.port AND addr = new.addr", BINDING_COLUMNS)                    \
            CREATE_POLICY_VERSION CREATE_ADDRESS_SET CREATE_RULE_HITS                              \
        "INSERT INTO policy_version SELECT 1, sha256(yaml), 0, '', '', 1, NULL FROM policy;"       \
        "INSERT INTO policy_source SELECT 1, 0, '', yaml, NULL FROM policy;"                       \
        "INSERT INTO policy_force SELECT 1, count(*), count(*), 0, 0, NULL FROM policy;"           \
        "DROP TABLE policy;"

#define DROP_SEAL(TABLE) "DROP TRIGGER " TABLE "_made; DROP TRIGGER " TABLE "_changed;"

/* An older switch knows one text; it reads it again, and denies everything if it cannot. */
#define DOWNGRADE_3                                                                                \
    CREATE_POLICY                                                                                  \
    "INSERT INTO policy SELECT 1, yaml FROM policy_source"                                         \
    " WHERE version = (SELECT version FROM policy_force);"                                         \
    "DROP TABLE policy_version; DROP TABLE policy_source; DROP TABLE policy_force;"                \
    "DROP TABLE address_set_meta; DROP TABLE address_set; DROP TABLE rule_hits;" DROP_SEAL("port") \
        DROP_SEAL(                                                                                 \
            "binding") "ALTER TABLE port DROP COLUMN seal; ALTER TABLE binding DROP COLUMN seal;"

#define DOWNGRADE_2 "DROP TRIGGER port_gone; DROP TABLE binding;"

#define CREATE_ELECTION                                                                            \
    "CREATE TABLE election (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, seal TEXT)" \
    ";" SEAL("election", "one = 1", "id")

#define CREATE_ANSWER                                                                              \
    "CREATE TABLE answer ("                                                                        \
    "  key TEXT PRIMARY KEY NOT NULL,"                                                             \
    "  rpc TEXT NOT NULL,"                                                                         \
    "  digest TEXT NOT NULL,"                                                                      \
    "  status INTEGER NOT NULL,"                                                                   \
    "  error TEXT NOT NULL,"                                                                       \
    "  reply BLOB NOT NULL,"                                                                       \
    "  answered_us INTEGER NOT NULL"                                                               \
    ");"

#define PORT_SEAL(COLUMNS) SEAL("port", "name = new.name", COLUMNS)
#define SET_META_SEAL(COLUMNS) SEAL("address_set_meta", "name = new.name", COLUMNS)

/* 'since_us', 'who' and 'comment' are of a quarantine, 0 and empty without one and where they are
 * not known. */
#define UPGRADE_4                                                                                  \
    DROP_SEAL("port")                                                                              \
    "ALTER TABLE port ADD COLUMN since_us INTEGER NOT NULL DEFAULT 0;"                             \
    "ALTER TABLE port ADD COLUMN who TEXT NOT NULL DEFAULT '';"                                    \
    "ALTER TABLE port ADD COLUMN comment TEXT NOT NULL DEFAULT '';"                                \
    "UPDATE port SET seal = seal(" PORT_COLUMNS_4 ");" PORT_SEAL(PORT_COLUMNS_4)                   \
        DROP_SEAL("address_set_meta") "ALTER TABLE address_set_meta ADD COLUMN revision INTEGER "  \
                                      "NOT NULL DEFAULT 0;"                                        \
                                      "UPDATE address_set_meta SET revision = changed_us;"         \
                                      "UPDATE address_set_meta SET seal = seal(" SET_META_COLUMNS  \
                                      ");" SET_META_SEAL(SET_META_COLUMNS)                         \
                                          CREATE_ELECTION CREATE_ANSWER

#define DOWNGRADE_4                                                                                \
    "DROP TABLE election; DROP TABLE answer;" DROP_SEAL(                                           \
        "port") "ALTER TABLE port DROP COLUMN since_us; ALTER TABLE port DROP COLUMN who;"         \
                "ALTER TABLE port DROP COLUMN comment;"                                            \
                "UPDATE port SET seal = seal(" PORT_COLUMNS_3 ");" PORT_SEAL(PORT_COLUMNS_3)       \
                    DROP_SEAL(                                                                     \
                        "address_set_meta") "ALTER TABLE address_set_meta DROP COLUMN revision;"   \
                                            "UPDATE address_set_meta SET seal = "                  \
                                            "seal(" SET_META_COLUMNS_3                             \
                                            ");" SET_META_SEAL(SET_META_COLUMNS_3)

/* A policy's text is long: it is written once, sealed, by whoever has its digest already, and
 * mostly as how it differs from the one before (state_text.h). */
#define UPGRADE_5                                                                                  \
    DROP_SEAL("policy_source")                                                                     \
    "ALTER TABLE policy_source ADD COLUMN base INTEGER;"                                           \
    "ALTER TABLE policy_source ADD COLUMN head INTEGER NOT NULL DEFAULT 0;"                        \
    "ALTER TABLE policy_source ADD COLUMN tail INTEGER NOT NULL DEFAULT 0;"                        \
    "UPDATE policy_source SET seal = seal(" SOURCE_COLUMNS ");"

#define DOWNGRADE_5                                                                                \
    "UPDATE policy_source SET yaml = source_text(version, idx), base = NULL, head = 0, tail = 0"   \
    " WHERE base IS NOT NULL;"                                                                     \
    "ALTER TABLE policy_source DROP COLUMN base; ALTER TABLE policy_source DROP COLUMN head;"      \
    "ALTER TABLE policy_source DROP COLUMN tail;"                                                  \
    "UPDATE policy_source SET seal = seal(" SOURCE_COLUMNS_3                                       \
    ");" SEAL("policy_source", "version = new.version AND idx = new.idx", SOURCE_COLUMNS_3)

/* Who had which port when; 'to_us' 0: still.  Unix times.  It decides nothing, so it has no seal.
 */
#define UPGRADE_6                                                                                  \
    "CREATE TABLE session ("                                                                       \
    "  id INTEGER PRIMARY KEY NOT NULL,"                                                           \
    "  port TEXT NOT NULL,"                                                                        \
    "  vm_id TEXT NOT NULL,"                                                                       \
    "  user TEXT NOT NULL,"                                                                        \
    "  broker TEXT NOT NULL,"                                                                      \
    "  who TEXT NOT NULL,"                                                                         \
    "  from_us INTEGER NOT NULL,"                                                                  \
    "  to_us INTEGER NOT NULL"                                                                     \
    ");"                                                                                           \
    "CREATE INDEX session_open ON session (port) WHERE to_us = 0;"

#define DOWNGRADE_6 "DROP TABLE session;"

/* Since when a port is there (0: not known), and the last refresh of each, which outlives the port:
 * 'flushed' when it has begun, 'gone_us' when the old machine was seen to go, 'done_us' when a new
 * one came; 0: not yet. */
#define UPGRADE_7                                                                                  \
    "ALTER TABLE port ADD COLUMN added_us INTEGER NOT NULL DEFAULT 0;"                             \
    "CREATE TABLE refresh ("                                                                       \
    "  port TEXT PRIMARY KEY NOT NULL,"                                                            \
    "  vm_id TEXT NOT NULL,"                                                                       \
    "  session INTEGER NOT NULL,"                                                                  \
    "  user TEXT NOT NULL,"                                                                        \
    "  since_us INTEGER NOT NULL,"                                                                 \
    "  flushed INTEGER NOT NULL,"                                                                  \
    "  gone_us INTEGER NOT NULL,"                                                                  \
    "  done_us INTEGER NOT NULL"                                                                   \
    ") WITHOUT ROWID;"

#define DOWNGRADE_7 "DROP TABLE refresh; ALTER TABLE port DROP COLUMN added_us;"

/* A quarantine is no longer a port's, but a VM's (quarantines.h); 'allow' has the names of lists.
 */
#define UPGRADE_8                                                                                  \
    "CREATE TABLE quarantine ("                                                                    \
    "  id TEXT PRIMARY KEY NOT NULL,"                                                              \
    "  vm_id TEXT NOT NULL,"                                                                       \
    "  port TEXT NOT NULL,"                                                                        \
    "  since_us INTEGER NOT NULL,"                                                                 \
    "  who TEXT NOT NULL,"                                                                         \
    "  comment TEXT NOT NULL,"                                                                     \
    "  allow TEXT NOT NULL,"                                                                       \
    "  resets INTEGER NOT NULL,"                                                                   \
    "  seal TEXT"                                                                                  \
    ") WITHOUT ROWID;" SEAL(                                                                       \
        "quarantine", "id = new.id",                                                               \
        QUARANTINE_COLUMNS) "INSERT INTO quarantine"                                               \
                            " SELECT iif(spec_vm_id(spec) = '', 'port:' || name, 'vm:' || "        \
                            "spec_vm_id(spec)),"                                                   \
                            " spec_vm_id(spec), name, since_us, who, comment, '', 0, NULL FROM "   \
                            "port WHERE quarantined;" DROP_SEAL(                                   \
                                "port") "ALTER TABLE port DROP COLUMN quarantined; ALTER TABLE "   \
                                        "port DROP COLUMN since_us;"                               \
                                        "ALTER TABLE port DROP COLUMN who; ALTER TABLE port DROP " \
                                        "COLUMN comment;"                                          \
                                        "UPDATE port SET seal = seal(" PORT_COLUMNS                \
                                        ");" PORT_SEAL(PORT_COLUMNS)

/* As quarantine_holds() has it. */
#define HOLDS                                                                                      \
    "iif(q.vm_id <> '' AND spec_vm_id(p.spec) <> '', q.vm_id = spec_vm_id(p.spec), q.port = "      \
    "p.name)"

#define DOWNGRADE_8                                                                                \
    "CREATE TABLE port_of_7 ("                                                                     \
    "  name TEXT PRIMARY KEY NOT NULL,"                                                            \
    "  spec BLOB NOT NULL,"                                                                        \
    "  quarantined INTEGER NOT NULL DEFAULT 0,"                                                    \
    "  seal TEXT,"                                                                                 \
    "  since_us INTEGER NOT NULL DEFAULT 0,"                                                       \
    "  who TEXT NOT NULL DEFAULT '',"                                                              \
    "  comment TEXT NOT NULL DEFAULT '',"                                                          \
    "  added_us INTEGER NOT NULL DEFAULT 0"                                                        \
    ") WITHOUT ROWID;"                                                                             \
    "INSERT OR IGNORE INTO port_of_7"                                                              \
    " SELECT p.name, p.spec, q.id IS NOT NULL, NULL, ifnull(q.since_us, 0), ifnull(q.who, ''),"    \
    " ifnull(q.comment, ''), p.added_us FROM port AS p LEFT JOIN quarantine AS q ON " HOLDS        \
    " ORDER BY q.id;"                                                                              \
    "DROP TABLE quarantine; DROP TABLE port; ALTER TABLE port_of_7 RENAME TO port;"                \
    "UPDATE port SET seal = seal(" PORT_COLUMNS_4 ");" PORT_GONE                                   \
    PORT_SEAL(PORT_COLUMNS_4)

/* There is one way to every table: an empty database goes through all versions. */
static const char create[] =
    CREATE_1 CREATE_BINDING UPGRADE_3 UPGRADE_4 UPGRADE_5 UPGRADE_6 UPGRADE_7 UPGRADE_8;
static const char *const upgrades[SCHEMA_VERSION - 1] = { CREATE_BINDING, UPGRADE_3, UPGRADE_4,
                                                          UPGRADE_5,      UPGRADE_6, UPGRADE_7,
                                                          UPGRADE_8 };
static const char *const downgrades[SCHEMA_VERSION - 1] = { DOWNGRADE_2, DOWNGRADE_3, DOWNGRADE_4,
                                                            DOWNGRADE_5, DOWNGRADE_6, DOWNGRADE_7,
                                                            DOWNGRADE_8 };

static const char *const refusals[SCHEMA_VERSION - 1] = {
    NULL,
    "SELECT 'policy version ' || version || ' waits to be confirmed: confirm it or let it go back'"
    " FROM policy_force WHERE confirm_by <> 0"
    " UNION ALL SELECT 'policy version ' || version || ' has ' || sources ||"
    " ' files, where there is room for one: apply it as one file'"
    " FROM policy_version NATURAL JOIN (SELECT version FROM policy_force) WHERE sources > 1"
    " UNION ALL SELECT 'there are address sets, which it would lose: delete them'"
    " WHERE EXISTS (SELECT 1 FROM address_set_meta)",
    NULL,
    NULL,
    NULL,
    NULL,
    "SELECT 'VM ' || vm_id || ' is in quarantine and has no port, which it would lose: release it'"
    " FROM quarantine AS q WHERE vm_id <> '' AND NOT EXISTS (SELECT 1 FROM port AS p WHERE " HOLDS
    ")",
};

/* In brackets, what is put together: clang-tidy looks for commas that are missing. */
static const char *const probes[] = { ("SELECT one, seal, " FORCE_COLUMNS " FROM policy_force"),
                                      "SELECT one FROM initialised",
                                      "SELECT id, packets, bytes, last FROM rule_hits",
                                      "SELECT one, id, seal FROM election",
                                      "SELECT key, answered_us FROM answer",
                                      "SELECT id, to_us FROM session",
                                      "SELECT added_us FROM port",
                                      "SELECT port, done_us FROM refresh",
                                      ("SELECT seal, " QUARANTINE_COLUMNS " FROM quarantine"),
                                      NULL };

static const char *const damages[] = {
    BROKEN_SEAL("port", PORT_COLUMNS, "name"),
    BROKEN_SEAL("quarantine", QUARANTINE_COLUMNS, "id"),
    BROKEN_SEAL("binding", BINDING_COLUMNS, "addr"),
    BROKEN_SEAL("policy_version", VERSION_COLUMNS, "version"),
    BROKEN_SEAL("policy_source", SOURCE_COLUMNS, "version"),
    BROKEN_SEAL("policy_force", FORCE_COLUMNS, "version"),
    BROKEN_SEAL("address_set_meta", SET_META_COLUMNS, "name"),
    BROKEN_SEAL("address_set", SET_COLUMNS, "name"),
    BROKEN_SEAL("election", "id", "id"),
    "SELECT 'it does not say which policy is in force'"
    " WHERE (SELECT count(*) FROM policy_force WHERE one = 1) <> 1",
    "SELECT 'policy version ' || version || ' is in force and is not there' FROM policy_force"
    " WHERE version <> 0 AND version NOT IN (SELECT version FROM policy_version)",
    "SELECT 'policy version ' || go_back || ' is to go back to and is not there' FROM policy_force"
    " WHERE confirm_by <> 0 AND go_back <> 0"
    " AND go_back NOT IN (SELECT version FROM policy_version)",
    "SELECT 'policy version ' || version || ' has not all of its text' FROM policy_version AS v"
    " WHERE sources <> (SELECT count(*) FROM policy_source WHERE version = v.version)",
    "SELECT 'address set ' || name || ' has not all of its prefixes' FROM address_set_meta AS m"
    " WHERE prefixes <> (SELECT count(*) FROM address_set WHERE name = m.name)",
    NULL,
};

/* sha256(TEXT), in lower-case hex. */
static void
sql_sha256(sqlite3_context *context, int n OVS_UNUSED, sqlite3_value **values)
{
    const unsigned char *text = sqlite3_value_text(values[0]);
    char hex[65];

    digest_sha256(text ? (const char *) text : "", sqlite3_value_bytes(values[0]), hex);
    sqlite3_result_text(context, hex, -1, SQLITE_TRANSIENT);
}

/* seal(COLUMN, ...), over values and their types. */
static void
sql_seal(sqlite3_context *context, int n, sqlite3_value **values)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    char hex[65];

    for (int i = 0; i < n; i++) {
        int type = sqlite3_value_type(values[i]);
        const void *data =
            type == SQLITE_BLOB ? sqlite3_value_blob(values[i]) : sqlite3_value_text(values[i]);
        int size = sqlite3_value_bytes(values[i]);

        ds_put_format(&text, "%d:%d:", type, size);
        if (size) {
            ds_put_buffer(&text, data, size);
        }
    }
    digest_sha256(text.string, text.length, hex);
    ds_destroy(&text);
    sqlite3_result_text(context, hex, 32, SQLITE_TRANSIENT);
}

/* spec_vm_id(SPEC), of a port; '' when it has none, or cannot be read. */
static void
sql_spec_vm_id(sqlite3_context *context, int n OVS_UNUSED, sqlite3_value **values)
{
    const uint8_t *blob = sqlite3_value_blob(values[0]);
    Fusuma__V1__PortSpec *spec =
        fusuma__v1__port_spec__unpack(NULL, sqlite3_value_bytes(values[0]), blob);

    sqlite3_result_text(context, spec ? spec->vm_id : "", -1, SQLITE_TRANSIENT);
    if (spec) {
        fusuma__v1__port_spec__free_unpacked(spec, NULL);
    }
}

static int
add_functions(sqlite3 *db)
{
    int code = sqlite3_create_function(db, "seal", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                       sql_seal, NULL, NULL);

    code = code ? code
                : sqlite3_create_function(db, "spec_vm_id", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                          NULL, sql_spec_vm_id, NULL, NULL);
    code = code ? code : state_text_add_function(db);
    return code ? code
                : sqlite3_create_function(db, "sha256", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                          sql_sha256, NULL, NULL);
}

/* The exclusive lock keeps a second switch, with another run directory, off the same state. */
const struct db_schema state_schema = {
    .version = SCHEMA_VERSION,
    .create = create,
    .upgrades = upgrades,
    .downgrades = downgrades,
    .refusals = refusals,
    .probes = probes,
    .damages = damages,
    .add_functions = add_functions,
    .exclusive = true,
    .check = true,
};
