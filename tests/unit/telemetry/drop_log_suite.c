/* The drop log on a disk: what is read after a restart, after a kill, and while the disk is full.
 */
#include <config.h>

#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/port.h"
#include "telemetry/drop_log.h"
#include "telemetry/reasons.h"
#include "telemetry/store.h"
#include "telemetry/writer.h"
#include "tests/unit/telemetry/suites.h"
#include "util.h"

#define KEEP 1000000

static char directory[] = "/tmp/fusuma-drop-log.XXXXXX";
static char path[64];

static void
nothing(void *aux)
{
    (void) aux;
}

static void
log_open(uint64_t keep)
{
    CU_ASSERT_EQUAL_FATAL(drop_log_open(path, keep, nothing, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(writer_start(), 0);
}

static void
log_close(void)
{
    writer_stop();
    drop_log_close();
}

static void
remove_files(void)
{
    glob_t found;
    char pattern[80];

    snprintf(pattern, sizeof pattern, "%s/*", directory);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            unlink(found.gl_pathv[i]);
        }
        globfree(&found);
    }
}

static struct drop_record
record(uint16_t sport)
{
    struct drop_record r = { .wall_ns = 1700000000000000000ull + sport,
                             .mono_ns = 5000000000ull + sport,
                             .generation = 7,
                             .count = 1 + sport,
                             .rule_slot = 3,
                             .port = 1,
                             .peer_port = 2,
                             .sport = sport,
                             .dport = 445,
                             .ethertype = 0x86dd,
                             .vlan = 30,
                             .packet_len = 74,
                             .protocol = 6,
                             .reason = DROP_EGRESS_RULE,
                             .log = 2,
                             .direction = 1,
                             .repeat = sport & 1,
                             .n_bytes = 3,
                             .bytes = { 1, 0, 255 } };

    CU_ASSERT_FATAL(acl_addr_parse("10.0.0.1", &r.src));
    CU_ASSERT_FATAL(acl_addr_parse("fd00::2", &r.dst));
    return r;
}

static void
add(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        struct drop_record r = record(i);

        drop_log_add_record(&r, &(struct drop_names){ NULL });
    }
    drop_log_commit();
}

/* Whether readers get to see event n in time. */
static bool
shown(uint64_t n)
{
    for (int i = 0; i < 5000 && drop_log_newest().n < n; i++) {
        usleep(1000);
        drop_log_commit();
    }
    return drop_log_newest().n == n;
}

static bool
storing(bool want)
{
    for (int i = 0; i < 5000 && drop_log_storing() != want; i++) {
        usleep(1000);
        drop_log_commit();
    }
    return drop_log_storing() == want;
}

/* Reads events 'from' to 'to' and nothing else, with the right content. */
static void
read_range(struct drop_position *at, uint64_t from, uint64_t to)
{
    unsigned wrong = 0;
    struct drop_event e;

    for (uint64_t n = from; n <= to; n++) {
        bool got = drop_log_next(at, &e);

        wrong += !got || e.type != DROP_EVENT_RECORD || e.n != n || at->n != n ||
                 e.record.sport != (uint16_t) n;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void
expect_gap(struct drop_position *at, uint64_t events, uint64_t first, uint64_t last)
{
    struct drop_event e;

    CU_ASSERT_FATAL(drop_log_next(at, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_GAP);
    CU_ASSERT_EQUAL(e.gap.events, events);
    CU_ASSERT_EQUAL(e.gap.first.n, first);
    CU_ASSERT_EQUAL(e.gap.last.n, last);
    CU_ASSERT_EQUAL(at->n, last);
}

static void
expect_end(struct drop_position *at)
{
    struct drop_event e;

    CU_ASSERT_FALSE(drop_log_next(at, &e));
}

static void
test_survives_a_restart(void)
{
    struct drop_position at = { 0, 0 };
    struct drop_record want = record(2);
    struct drop_event e;

    remove_files();
    drop_log_name_port(1, "desk1", "anna");
    drop_log_name_port(2, "desk2", "ben");
    drop_log_name_rule(3, "no-smb");
    log_open(KEEP);
    uint64_t first_epoch = drop_log_epoch();
    add(1, 10);
    CU_ASSERT(shown(10));
    log_close();

    drop_log_name_port(1, "other", "carl");
    log_open(KEEP);
    CU_ASSERT_NOT_EQUAL(drop_log_epoch(), first_epoch);
    drop_log_add_unsaid(1, DROP_LAND, 40, 2);
    drop_log_commit();
    CU_ASSERT(shown(11));
    at.epoch = first_epoch;
    read_range(&at, 1, 1);
    CU_ASSERT_FATAL(drop_log_next(&at, &e));
    CU_ASSERT_EQUAL(at.epoch, first_epoch);
    CU_ASSERT_STRING_EQUAL(e.port, "desk1");
    CU_ASSERT_STRING_EQUAL(e.user, "anna");
    CU_ASSERT_STRING_EQUAL(e.peer_port, "desk2");
    CU_ASSERT_STRING_EQUAL(e.peer_user, "ben");
    CU_ASSERT_STRING_EQUAL(e.rule, "no-smb");
    /* What numbers meant in another run is said by the names. */
    want.rule_slot = UINT32_MAX;
    want.port = want.peer_port = DP_PORT_NONE;
    CU_ASSERT(!memcmp(&e.record, &want, sizeof want));
    read_range(&at, 3, 10);
    CU_ASSERT_FATAL(drop_log_next(&at, &e)); /* on into the next epoch without a gap */
    CU_ASSERT_EQUAL(at.epoch, drop_log_epoch());
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_UNSAID);
    CU_ASSERT_EQUAL(e.n, 11);
    CU_ASSERT_STRING_EQUAL(e.port, "other");
    CU_ASSERT_EQUAL(e.unsaid.reason, DROP_LAND);
    CU_ASSERT_EQUAL(e.unsaid.suppressed, 40);
    CU_ASSERT_EQUAL(e.unsaid.lost, 2);
    expect_end(&at);
    log_close();
}

/* Runs 'what' in a process that is then gone without a farewell. */
static void
in_killed_process(void (*what)(void))
{
    pid_t pid = fork();

    if (!pid) {
        what();
        kill(getpid(), SIGKILL);
    }
    CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void
store_ten(void)
{
    log_open(KEEP);
    add(1, 10);
    if (!shown(10)) {
        _exit(1);
    }
}

static void
test_tells_of_a_kill(void)
{
    remove_files();
    in_killed_process(store_ten);
    log_open(KEEP);
    struct drop_position at = drop_log_oldest();
    CU_ASSERT_NOT_EQUAL(at.epoch, drop_log_epoch());
    add(11, 1);
    CU_ASSERT(shown(11));
    read_range(&at, 1, 10);
    expect_gap(&at, 0, 11, 10); /* nobody knows how many */
    CU_ASSERT_EQUAL(at.epoch, drop_log_epoch());
    read_range(&at, 11, 11);
    expect_end(&at);
    log_close();
}

static void
test_disk_goes_further_back_than_memory(void)
{
    const unsigned n = STORE_EVENTS + 3000;

    remove_files();
    log_open(KEEP);
    for (unsigned i = 0; i < n; i += 1000) {
        add(i + 1, 1000);
        CU_ASSERT(shown(i + 1000));
    }
    struct drop_position at = drop_log_oldest();
    CU_ASSERT_EQUAL(at.n, 0);
    read_range(&at, 1, n / 1000 * 1000);
    log_close();
}

static void
test_forgets_what_is_over_its_limit(void)
{
    remove_files();
    log_open(1000);
    struct drop_position at = drop_log_oldest();
    add(1, 5000);
    CU_ASSERT(shown(5000));
    log_close();
    log_open(1000);
    expect_gap(&at, 4000, 1, 4000);
    read_range(&at, 4001, 5000);
    expect_end(&at);
    CU_ASSERT_EQUAL(drop_log_oldest().n, 4000);
    log_close();
}

static void
test_counts_by_log_class(void)
{
    struct drop_record incident = record(1), other = record(2);
    struct drop_log_counts counts;
    struct drop_names names = { NULL };

    remove_files();
    log_open(KEEP);
    incident.log = ACL_LOG_INCIDENT;
    incident.count = 7;
    other.log = ACL_LOG_RECORD;
    other.count = 1;
    drop_log_add_record(&incident, &names);
    drop_log_add_record(&incident, &names);
    drop_log_add_record(&other, &names);
    drop_log_counts(&counts);
    CU_ASSERT_EQUAL(counts.records[ACL_LOG_INCIDENT], 2);
    CU_ASSERT_EQUAL(counts.packets[ACL_LOG_INCIDENT], 14);
    CU_ASSERT_EQUAL(counts.records[ACL_LOG_RECORD], 1);
    CU_ASSERT_EQUAL(counts.packets[ACL_LOG_RECORD], 1);
    log_close();
    log_open(KEEP); /* an epoch of its own */
    drop_log_counts(&counts);
    CU_ASSERT_EQUAL(counts.records[ACL_LOG_INCIDENT], 0);
    log_close();
}

static void
test_shows_what_is_stored(void)
{
    struct drop_record r = record(1);

    remove_files();
    log_open(KEEP);
    struct drop_position at = drop_log_oldest();
    drop_log_add_record(&r, &(struct drop_names){ NULL });
    expect_end(&at); /* it is not committed yet */
    drop_log_commit();
    CU_ASSERT(shown(1));
    read_range(&at, 1, 1);
    log_close();
}

static void
test_tells_of_an_unknown_epoch(void)
{
    struct drop_position at = { 12345, 67 };

    remove_files();
    log_open(KEEP);
    add(1, 3);
    CU_ASSERT(shown(3));
    expect_gap(&at, 0, 68, 0);
    read_range(&at, 1, 3);
    log_close();
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit = { bytes, RLIM_INFINITY };

    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
test_full_disk_holds_up_nobody(void)
{
    remove_files();
    signal(SIGXFSZ, SIG_IGN);
    log_open(KEEP);
    struct drop_position at = drop_log_oldest();
    add(1, 10);
    CU_ASSERT(shown(10));
    CU_ASSERT(drop_log_storing());
    limit_files(4096);
    add(11, 1000);
    CU_ASSERT(shown(1010));
    CU_ASSERT(storing(false));
    read_range(&at, 1, 1010);
    limit_files(RLIM_INFINITY);
    add(1011, 10);
    CU_ASSERT(shown(1020));
    CU_ASSERT(storing(true));
    read_range(&at, 1011, 1020);
    at = drop_log_oldest();
    log_close();
    log_open(KEEP); /* what memory still had was stored in the end */
    read_range(&at, 1, 1020);
    expect_end(&at);
    log_close();
}

/* The disk is full from its start to its end: nothing of its epoch is stored. */
static struct drop_position *shared;

static void
store_nothing(void)
{
    signal(SIGXFSZ, SIG_IGN);
    log_open(KEEP);
    limit_files(4096);
    add(11, 10);
    if (!shown(20)) {
        _exit(1);
    }
    *shared = drop_log_newest();
}

/* Whoever has read what was only in memory does not get again what was before it. */
static void
test_what_was_never_stored(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(shared != MAP_FAILED);
    remove_files();
    in_killed_process(store_ten);
    in_killed_process(store_nothing);
    struct drop_position killed = *shared;
    CU_ASSERT_EQUAL(killed.n, 20);
    CU_ASSERT_EQUAL_FATAL(drop_log_open(NULL, KEEP, nothing, NULL), 0); /* it cannot be opened */
    add(1, 3);
    CU_ASSERT(shown(3));
    struct drop_position only = drop_log_newest();
    drop_log_close();

    log_open(KEEP);
    add(11, 2);
    CU_ASSERT(shown(12));
    expect_gap(&killed, 0, 21, 10);
    read_range(&killed, 11, 12);
    expect_gap(&only, 0, 4, 10);
    read_range(&only, 11, 12);
    expect_end(&only);
    log_close();
    munmap(shared, sizeof *shared);
}

static void
test_begins_on_a_full_disk(void)
{
    remove_files();
    signal(SIGXFSZ, SIG_IGN);
    in_killed_process(store_ten);
    limit_files(40000); /* room for the index of the log that SQLite writes ahead, and no more */
    log_open(KEEP);
    struct drop_position at = drop_log_oldest();
    add(11, 5);
    CU_ASSERT(shown(15)); /* numbers go on, and what is on the disk can be read */
    CU_ASSERT(storing(false));
    read_range(&at, 1, 10);
    expect_gap(&at, 0, 11, 10);
    read_range(&at, 11, 15);
    struct drop_position begun = at;
    limit_files(RLIM_INFINITY);
    CU_ASSERT(storing(true));
    add(16, 1);
    CU_ASSERT(shown(16));
    log_close();
    log_open(KEEP);
    read_range(&begun, 16, 16); /* its epoch is known now */
    expect_end(&begun);
    at = drop_log_oldest();
    read_range(&at, 1, 10);
    expect_gap(&at, 0, 11, 10);
    read_range(&at, 11, 16);
    log_close();
}

static void
test_damage_is_put_aside(void)
{
    char pattern[80];
    glob_t found;
    FILE *f;

    remove_files();
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int i = 0; i < 10000; i++) {
        fputc(i, f);
    }
    fclose(f);
    log_open(KEEP);
    CU_ASSERT(drop_log_storing());
    add(1, 3);
    CU_ASSERT(shown(3));
    log_close();
    snprintf(pattern, sizeof pattern, "%s.damaged-*", path);
    CU_ASSERT_EQUAL(glob(pattern, 0, NULL, &found), 0);
    CU_ASSERT_EQUAL(found.gl_pathc, 1);
    globfree(&found);
    log_open(KEEP);
    struct drop_position at = drop_log_oldest();
    read_range(&at, 1, 3);
    log_close();
}

static void
run_sql(const char *sql)
{
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* What version 1 stored is read on; its records had no VLAN. */
static void
test_upgrades(void)
{
    struct drop_position at;
    struct drop_event e;

    remove_files();
    log_open(KEEP);
    add(1, 2);
    CU_ASSERT(shown(2));
    log_close();
    run_sql("ALTER TABLE event DROP COLUMN vlan; ALTER TABLE event DROP COLUMN sessions;"
            " ALTER TABLE event DROP COLUMN peer_sessions; ALTER TABLE event DROP COLUMN until_ns;"
            " ALTER TABLE event DROP COLUMN withdrawn; PRAGMA user_version = 1");
    log_open(KEEP);
    add(3, 1);
    CU_ASSERT(shown(3));
    at = drop_log_oldest();
    CU_ASSERT_FATAL(drop_log_next(&at, &e));
    CU_ASSERT_EQUAL(e.record.vlan, 0);
    log_close();
    log_open(KEEP);
    at = drop_log_oldest();
    read_range(&at, 1, 2);
    CU_ASSERT_FATAL(drop_log_next(&at, &e));
    CU_ASSERT_EQUAL(e.record.vlan, 30);
    expect_end(&at);
    log_close();
}

static void
expect_correction(struct drop_position *at, const struct drop_correction *want)
{
    struct drop_event e;

    CU_ASSERT_FATAL(drop_log_next(at, &e));
    CU_ASSERT_EQUAL(e.type, DROP_EVENT_CORRECTION);
    CU_ASSERT_EQUAL(e.n, 3);
    CU_ASSERT_EQUAL(at->n, 3);
    CU_ASSERT_STRING_EQUAL(e.port, "desk1");
    CU_ASSERT_STRING_EQUAL(e.sessions, "7 anna\n");
    CU_ASSERT_EQUAL(e.correction.from_ns, want->from_ns);
    CU_ASSERT_EQUAL(e.correction.to_ns, want->to_ns);
    CU_ASSERT_EQUAL(e.correction.withdrawn, want->withdrawn);
}

/* A correction is an event as others are; one of what only the disk knows is made in any case. */
static void
test_corrections(void)
{
    struct drop_correction what = { .from_ns = 1700000000000000002ull,
                                    .to_ns = 1700000000000000003ull,
                                    .withdrawn = true };
    struct drop_position at;

    remove_files();
    drop_log_name_port(1, "desk1", "");
    log_open(KEEP);
    at = drop_log_oldest();
    add(1, 2);
    drop_log_correct(1, "7 anna\n", &what);
    drop_log_commit();
    CU_ASSERT(shown(3));
    read_range(&at, 1, 2);
    expect_correction(&at, &what);
    expect_end(&at);
    log_close();
    log_open(KEEP);
    at = drop_log_oldest();
    read_range(&at, 1, 2);
    expect_correction(&at, &what);
    drop_log_correct(1, "7 anna\n", &what);
    what.from_ns = UINT64_MAX - 1; /* since then nothing can have been told */
    drop_log_correct(1, "7 anna\n", &what);
    drop_log_commit();
    CU_ASSERT(shown(4));
    log_close();
}

static int
set_up(void)
{
    if (!mkdtemp(directory)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/drops.db", directory);
    return 0;
}

static int
tear_down(void)
{
    remove_files();
    drop_log_name_port(1, "", "");
    drop_log_name_port(2, "", "");
    drop_log_name_rule(3, "");
    return rmdir(directory);
}

CU_SuiteInfo
drop_log_suite(void)
{
    static CU_TestInfo tests[] = {
        { "events survive a restart", test_survives_a_restart },
        { "records are counted by log class", test_counts_by_log_class },
        { "a kill is told", test_tells_of_a_kill },
        { "the disk goes further back than memory", test_disk_goes_further_back_than_memory },
        { "over the limit the oldest go", test_forgets_what_is_over_its_limit },
        { "what is shown is stored", test_shows_what_is_stored },
        { "an unknown epoch is told", test_tells_of_an_unknown_epoch },
        { "what was never stored", test_what_was_never_stored },
        { "a start on a full disk", test_begins_on_a_full_disk },
        { "a full disk holds up nobody", test_full_disk_holds_up_nobody },
        { "damage is put aside", test_damage_is_put_aside },
        { "an older version is taken over", test_upgrades },
        { "corrections are stored", test_corrections },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "drop log", set_up, tear_down, NULL, NULL, tests };
}
