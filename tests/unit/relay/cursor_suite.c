#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/cursor.h"
#include "tests/unit/relay/suites.h"
#include "util.h"

static char dir[] = "/tmp/fusuma-cursor-XXXXXX";

static int
setup(void)
{
    return mkdtemp(dir) ? 0 : 1;
}

static int
teardown(void)
{
    static const char *const names[] = { "a.cursor", "a.cursor.new", "a.cursor.damaged" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path = xasprintf("%s/%s", dir, names[i]);

        unlink(path);
        free(path);
    }
    return rmdir(dir);
}

static void
put(const char *name, const char *text, size_t n)
{
    char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(text, 1, n, f), n);
    fclose(f);
    free(path);
}

static size_t
get(const char *name, char text[4096])
{
    char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    size_t n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    n = fread(text, 1, 4096, f);
    fclose(f);
    free(path);
    return n;
}

/* One that has all that there is. */
static void
fill(struct relay_cursor *c)
{
    struct relay_event drop = {
        .what = RELAY_DROPS, .at.drop = { .epoch = UINT64_MAX, .n = 12, .missing = 3, .gap = true }
    };
    struct relay_event incident = { .what = RELAY_INCIDENTS,
                                    .severity = RELAY_HIGH,
                                    .at.incident = { .id = 7, .revision = 40, .all = 40 } };
    struct relay_event before = { .what = RELAY_INCIDENTS,
                                  .at.incident = { .id = 6, .revision = 50, .all = 40 } };
    struct relay_event quarantine = { .what = RELAY_QUARANTINE,
                                      .at.port = { .name = "d1", .state = "55" } };
    struct relay_event silent = { .what = RELAY_HEARTBEAT, .at.heartbeat = { .silent = true } };

    relay_cursor_init(c);
    relay_cursor_advance(c, &drop);
    relay_cursor_advance(c, &incident);
    relay_cursor_advance(c, &before);
    relay_cursor_advance(c, &quarantine);
    relay_cursor_advance(c, &silent);
    c->delivered = 9;
    c->refused = 2;
    c->newest = 15;
}

static void
expect_filled(const struct relay_cursor *c)
{
    CU_ASSERT_TRUE(c->has_drops && c->has_incidents && c->silent);
    CU_ASSERT_EQUAL(c->epoch, UINT64_MAX);
    CU_ASSERT_EQUAL(c->n, 12);
    CU_ASSERT_EQUAL(c->missing, 3);
    CU_ASSERT_EQUAL(c->gaps, 1);
    CU_ASSERT_EQUAL(c->revision, 40);
    CU_ASSERT_EQUAL(c->delivered, 9);
    CU_ASSERT_EQUAL(c->refused, 2);
    CU_ASSERT_EQUAL(c->newest, 15);
    CU_ASSERT_PTR_NOT_NULL_FATAL(relay_cursor_open(c, 7));
    CU_ASSERT_EQUAL(relay_cursor_open(c, 7)->severity, RELAY_HIGH);
    CU_ASSERT(relay_cursor_has(c, 6, 50) && !relay_cursor_has(c, 7, 41));
    expect_text(smap_get(&c->quarantined, "d1"), "55");
}

static void
test_stored(void)
{
    struct relay_cursor c, read, copy;

    fill(&c);
    relay_cursor_init(&read);
    CU_ASSERT_EQUAL(relay_cursor_load(&read, dir, "a"), ENOENT);
    CU_ASSERT_EQUAL(relay_cursor_store(&c, dir, "a"), 0);
    CU_ASSERT_EQUAL(relay_cursor_load(&read, dir, "a"), 0);
    expect_filled(&read);
    CU_ASSERT_TRUE(read.stored_ns > 0);
    relay_cursor_copy(&copy, &read);
    expect_filled(&copy);
    relay_cursor_destroy(&copy);
    relay_cursor_destroy(&read);
    relay_cursor_destroy(&c);
}

/* No beginning of a file is taken for a cursor. */
static void
test_torn(void)
{
    struct relay_cursor c;
    char text[4096];
    size_t n;

    fill(&c);
    CU_ASSERT_EQUAL(relay_cursor_store(&c, dir, "a"), 0);
    relay_cursor_destroy(&c);
    n = get("a.cursor", text);
    for (size_t i = 0; i < n; i++) {
        relay_cursor_init(&c);
        put("a.cursor", text, i);
        CU_ASSERT_EQUAL(relay_cursor_load(&c, dir, "a"), EINVAL);
        CU_ASSERT_FALSE(c.has_drops || c.has_incidents || c.silent || c.delivered);
        relay_cursor_destroy(&c);
    }
    memset(text + n / 2, 0, n - n / 2); /* blocks that never got to the disk */
    put("a.cursor", text, n);
    relay_cursor_init(&c);
    CU_ASSERT_EQUAL(relay_cursor_load(&c, dir, "a"), EINVAL);
    CU_ASSERT_EQUAL(relay_cursor_put_aside(dir, "a"), 0);
    CU_ASSERT_EQUAL(relay_cursor_load(&c, dir, "a"), ENOENT);
    relay_cursor_destroy(&c);
}

/* A write that was under way when everything ended leaves the old one in force. */
static void
test_half_written(void)
{
    struct relay_cursor c;

    fill(&c);
    CU_ASSERT_EQUAL(relay_cursor_store(&c, dir, "a"), 0);
    relay_cursor_destroy(&c);
    put("a.cursor.new", "{\"ver", 5);
    relay_cursor_init(&c);
    CU_ASSERT_EQUAL(relay_cursor_load(&c, dir, "a"), 0);
    expect_filled(&c);
    CU_ASSERT_EQUAL(relay_cursor_store(&c, dir, "a"), 0);
    relay_cursor_destroy(&c);
}

static void
test_advance(void)
{
    struct relay_event skipped = { .what = RELAY_INCIDENTS,
                                   .skip = true,
                                   .at.incident = { .id = 8, .revision = 41, .all = 41 } };
    struct relay_event closed = { .what = RELAY_INCIDENTS,
                                  .at.incident = {
                                      .id = 7, .revision = 42, .all = 42, .closed = true } };
    struct relay_event held = { .what = RELAY_INCIDENTS,
                                .at.incident = { .id = 9, .revision = 45, .all = 30 } };
    struct relay_event released = { .what = RELAY_QUARANTINE, .at.port = { .name = "d1" } };
    struct relay_event beat = { .what = RELAY_HEARTBEAT };
    struct relay_event back = { .what = RELAY_HEARTBEAT, .at.heartbeat = { .back = true } };
    struct relay_cursor c;

    fill(&c);
    relay_cursor_advance(&c, &skipped);
    CU_ASSERT_PTR_NULL(relay_cursor_open(&c, 8));
    CU_ASSERT_EQUAL(c.revision, 41);
    relay_cursor_advance(&c, &closed);
    CU_ASSERT_PTR_NULL(relay_cursor_open(&c, 7));
    relay_cursor_advance(&c, &held);
    CU_ASSERT_EQUAL(c.revision, 42);
    CU_ASSERT(relay_cursor_has(&c, 9, 45) && !relay_cursor_has(&c, 9, 46));
    CU_ASSERT(relay_cursor_has(&c, 8, 42) && !relay_cursor_has(&c, 8, 43));
    relay_cursor_advance(&c, &released);
    CU_ASSERT_TRUE(smap_is_empty(&c.quarantined));
    relay_cursor_advance(&c, &beat);
    CU_ASSERT_TRUE(c.silent);
    relay_cursor_advance(&c, &back);
    CU_ASSERT_FALSE(c.silent);
    relay_cursor_destroy(&c);
}

CU_SuiteInfo
cursor_suite(void)
{
    static CU_TestInfo tests[] = {
        { "stored and read", test_stored },
        { "torn files", test_torn },
        { "one that was half written", test_half_written },
        { "how it moves", test_advance },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){
        .pName = "cursors", .pInitFunc = setup, .pCleanupFunc = teardown, .pTests = tests
    };
}
