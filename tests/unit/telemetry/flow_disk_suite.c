/* The journal of flows on a disk: after a restart, after a kill, with a bound, with a file that is
 * damaged or locked. */
#include <config.h>

#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "telemetry/flow_disk.h"
#include "tests/unit/telemetry/flow_suites.h"
#include "timeval.h"
#include "util.h"

#define CAPACITY 10000

static char directory[] = "/tmp/fusuma-flows.XXXXXX";
static char path[64];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct flow_names names;
static struct flow_store store;
static struct flow_disk disk;

/* The writer's jobs are done when it has stopped. */
static void
settle(void)
{
    writer_stop();
    CU_ASSERT_EQUAL_FATAL(writer_start(), 0);
}

static void
open_it(uint32_t capacity)
{
    flow_names_init(&names);
    CU_ASSERT_EQUAL_FATAL(flow_store_open(&store, &names, capacity), 0);
    flow_disk_open(&disk, path, &mutex, &store);
    CU_ASSERT_EQUAL_FATAL(writer_start(), 0);
    settle();
    CU_ASSERT_TRUE(disk.loaded);
}

static void
write_it(void)
{
    flow_disk_tick(&disk, disk.due_ms);
    settle();
}

static void
close_it(void)
{
    writer_stop();
    flow_disk_close(&disk);
    flow_store_close(&store);
    flow_names_destroy(&names);
}

static void
remove_files(void)
{
    char pattern[80];
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s/*", directory);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            unlink(found.gl_pathv[i]);
        }
        globfree(&found);
    }
}

static long long
ask(const char *query)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;
    long long value = -1;

    if (!sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) &&
        !sqlite3_prepare_v2(db, query, -1, &stmt, NULL) && sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

/* Behind its back. */
static int
remove_rows(void)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open(path, &db);

    code = code ? code : sqlite3_exec(db, "DELETE FROM flow", NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

static void
test_restart(void)
{
    struct flow_row before, after;

    remove_files();
    open_it(CAPACITY);
    for (uint32_t i = 0; i < 5000; i++) { /* several transactions */
        flow_add(&store, "desk1", i, 7, 1000 + i);
    }
    before = flow_of(&store, "desk1", 77);
    close_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 5000);

    open_it(CAPACITY);
    CU_ASSERT_EQUAL(disk.n_gaps, 0);
    CU_ASSERT_EQUAL(store.held, 5000);
    after = flow_of(&store, "desk1", 77);
    CU_ASSERT_TRUE(after.id > 0);
    after.id = before.id;
    CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof before), 0);
    /* The same flow goes on, in the same row. */
    flow_add(&store, "desk1", 77, 7, 9000);
    flow_add(&store, "desk2", 77, 7, 9001);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 5001);
    CU_ASSERT_EQUAL(ask("SELECT packets_out FROM flow WHERE peer = '10.0.0.77' "
                        "AND port = 'desk1'"),
                    2);
    close_it();
    open_it(CAPACITY);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 77).packets_out, 2);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 78).packets_out, 1);
    close_it();
}

/* What is told while the file is still being read joins what the file has. */
static void
test_told_before_it_was_read(void)
{
    remove_files();
    open_it(CAPACITY);
    flow_add(&store, "desk1", 1, 7, 1000);
    flow_add(&store, "desk1", 2, 7, 1001);
    close_it();

    flow_names_init(&names);
    CU_ASSERT_EQUAL_FATAL(flow_store_open(&store, &names, CAPACITY), 0);
    flow_disk_open(&disk, path, &mutex, &store);
    CU_ASSERT_FALSE(disk.loaded);
    flow_add(&store, "desk1", 2, 7, 2000);
    flow_add(&store, "desk1", 3, 7, 2001);
    CU_ASSERT_EQUAL_FATAL(writer_start(), 0);
    settle();
    CU_ASSERT_EQUAL(store.held, 3);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 2).packets_out, 2);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 2).first_ns, 1001);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 3);
    CU_ASSERT_EQUAL(ask("SELECT sum(packets_out) FROM flow"), 4);
    close_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 3);
}

/* Nothing is written that has not changed. */
static void
test_writes_what_changed(void)
{
    remove_files();
    open_it(CAPACITY);
    for (uint32_t i = 0; i < 100; i++) {
        flow_add(&store, "desk1", i, 7, 1000);
    }
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 100);
    CU_ASSERT_EQUAL(ask("SELECT max(told_ns) FROM flow"), 1000);
    CU_ASSERT_EQUAL(remove_rows(), 0);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 0); /* it wrote none of them again */
    flow_add(&store, "desk1", 5, 7, 1000);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 1);
    CU_ASSERT_EQUAL(ask("SELECT sum(packets_out) FROM flow"), 2);
    close_it();
    open_it(CAPACITY); /* nor what it has read */
    CU_ASSERT_EQUAL(store.held, 1);
    CU_ASSERT_EQUAL(remove_rows(), 0);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 0);
    close_it();
}

static void
test_kill(void)
{
    struct flow_gap gap;
    pid_t child;
    int status;

    remove_files();
    child = fork();
    if (!child) {
        open_it(CAPACITY);
        flow_add(&store, "desk1", 1, 7, 1000);
        write_it();
        flow_add(&store, "desk1", 1, 7, 2000);
        kill(getpid(), SIGKILL);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status));
    open_it(CAPACITY);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 1).packets_out, 1); /* what was written, and once */
    CU_ASSERT_EQUAL_FATAL(disk.n_gaps, 1);
    CU_ASSERT_TRUE(disk.gaps[0].from_ns > UINT64_C(1700000000000000000)); /* the run began then */
    CU_ASSERT_TRUE(disk.gaps[0].from_ns <= disk.gaps[0].to_ns);
    gap = disk.gaps[0];
    flow_add(&store, "desk1", 2, 7, gap.to_ns + 1);
    close_it();
    open_it(CAPACITY);
    CU_ASSERT_EQUAL_FATAL(disk.n_gaps, 1); /* that end was clean */
    CU_ASSERT_EQUAL(disk.gaps[0].from_ns, gap.from_ns);
    CU_ASSERT_EQUAL(disk.gaps[0].to_ns, gap.to_ns);
    flow_store_forget(&store, 5000);
    flow_add(&store, "desk1", 2, 7, gap.to_ns + 2);
    close_it();
    open_it(CAPACITY);
    CU_ASSERT_EQUAL(store.held, 1);
    CU_ASSERT_EQUAL(disk.n_gaps, 0); /* nothing of before it is held any more */
    close_it();
}

/* The file holds what the memory holds. */
static void
test_bound(void)
{
    remove_files();
    open_it(100);
    for (uint32_t i = 0; i < 80; i++) {
        flow_add(&store, "desk1", i, 7, 1000 + i);
    }
    write_it();
    for (uint32_t i = 80; i < 150; i++) {
        flow_add(&store, "desk1", i, 7, 1000 + i);
    }
    CU_ASSERT_EQUAL(store.put_out, 50);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 100);
    CU_ASSERT_EQUAL(ask("SELECT min(told_ns) FROM flow"), 1050);
    close_it();

    open_it(30); /* less, by a new configuration: the newest */
    CU_ASSERT_EQUAL(store.held, 30);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 119).packets_out, 0);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 120).packets_out, 1);
    flow_add(&store, "desk1", 200, 7, 2000);
    CU_ASSERT_EQUAL(store.put_out, 1);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 120).packets_out, 0);
    write_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 30);
    close_it();
}

static void
test_damaged(void)
{
    char pattern[80];
    glob_t found;
    FILE *f;

    remove_files();
    f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("This is no database, and long enough to be looked at as one.\n", f);
    fclose(f);
    open_it(CAPACITY);
    CU_ASSERT_TRUE(disk.storing);
    flow_add(&store, "desk1", 1, 7, 1000);
    close_it();
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 1);
    snprintf(pattern, sizeof pattern, "%s.damaged-*", path);
    CU_ASSERT_EQUAL_FATAL(glob(pattern, 0, NULL, &found), 0);
    CU_ASSERT_EQUAL(found.gl_pathc, 1);
    globfree(&found);
}

/* A file that somebody else keeps locked is tried again. */
static void
test_locked(void)
{
    sqlite3 *other = NULL;

    remove_files();
    open_it(CAPACITY);
    flow_add(&store, "desk1", 1, 7, 1000);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &other), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    write_it();
    CU_ASSERT_FALSE(disk.storing);
    CU_ASSERT_TRUE(disk.due_ms > time_msec()); /* but not at once */
    CU_ASSERT_EQUAL(ask("SELECT count(*) FROM flow"), 0);
    flow_add(&store, "desk1", 1, 7, 1001);
    CU_ASSERT_EQUAL(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    write_it();
    CU_ASSERT_TRUE(disk.storing);
    CU_ASSERT_EQUAL(ask("SELECT packets_out FROM flow"), 2);
    close_it();
}

static void
test_memory_only(void)
{
    flow_names_init(&names);
    CU_ASSERT_EQUAL_FATAL(flow_store_open(&store, &names, CAPACITY), 0);
    flow_disk_open(&disk, NULL, &mutex, &store);
    CU_ASSERT_EQUAL_FATAL(writer_start(), 0);
    CU_ASSERT_TRUE(disk.loaded);
    CU_ASSERT_FALSE(disk.storing);
    flow_add(&store, "desk1", 1, 7, 1000);
    write_it();
    close_it();
}

static int
make_directory(void)
{
    if (!mkdtemp(directory)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/flows.db", directory);
    return 0;
}

static int
remove_directory(void)
{
    remove_files();
    return rmdir(directory);
}

CU_SuiteInfo
flow_disk_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a restart", test_restart },
        { "told before the file was read", test_told_before_it_was_read },
        { "only what has changed is written", test_writes_what_changed },
        { "kill -9", test_kill },
        { "the bound", test_bound },
        { "a damaged file", test_damaged },
        { "a locked file", test_locked },
        { "no file", test_memory_only },
        CU_TEST_INFO_NULL,
    };
    return (
        CU_SuiteInfo){ "flows on the disk", make_directory, remove_directory, NULL, NULL, tests };
}
