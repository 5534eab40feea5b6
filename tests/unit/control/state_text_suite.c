/* Policies' texts, stored as how each differs from the one before. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/state_policy.h"
#include "control/state_text.h"
#include "openvswitch/dynamic-string.h"
#include "random.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

#define N_VERSIONS 150 /* more than the history is long, and many chains */
#define N_LINES 40

static char *texts[N_VERSIONS + 1];

static uint64_t
put(struct state *s, const char *text)
{
    char name[] = "a.yaml";
    struct state_source source = { .name = name, .yaml = CONST_CAST(char *, text) };
    struct state_policy policy = {
        .digest = name, .who = name, .comment = name, .sources = &source, .n_sources = 1
    };
    char *error = NULL;
    uint64_t version;

    CU_ASSERT_EQUAL_FATAL(state_policy_put(s, &policy, NULL, &version, &error), 0);
    return version;
}

static void
expect(struct state *s, uint64_t version, const char *want)
{
    struct state_policy *p;
    char *error = NULL;

    if (state_policy_get(s, version, &p, &error)) {
        expect_text(error, "no error");
        free(error);
        return;
    }
    CU_ASSERT_STRING_EQUAL(p->sources[0].yaml, want);
    state_policy_destroy(p);
}

static void
expect_number(const char *sql, const char *want)
{
    char *got = state_dir_query(sql);

    expect_text(got, want);
    free(got);
}

/* ---- differences ---- */

static void
check_difference(const char *before, const char *text, bool differs)
{
    struct state_text_difference d;
    bool got = state_text_differ(before, text, &d);

    CU_ASSERT_EQUAL(got, differs);
    if (got) {
        size_t n = strlen(before);

        CU_ASSERT_FATAL(d.head + d.tail <= n);
        char *whole = xasprintf("%.*s%s%s", (int) d.head, before, d.middle, before + n - d.tail);

        expect_text(whole, text);
        free(whole);
        free(d.middle);
    }
}

static void
test_differences(void)
{
    check_difference("a\nb\nc\n", "a\nb\nc\n", true);
    check_difference("a\nb\nc\n", "a\nx\nc\n", true);
    check_difference("a\nb\nc\n", "a\nc\n", true);
    check_difference("a\nc\n", "a\nb\nc\n", true);
    check_difference("a\na\na\na\n", "a\na\n", true);
    check_difference("a\na\n", "a\na\na\na\n", true);
    check_difference("a\nb\nc", "a\nb\nd", true);
    check_difference("xa\nb\nc\n", "ya\nb\nc\n", true);
    check_difference("one\n", "two\n", false);
    check_difference("", "", true);
    check_difference("", "a", true);
    check_difference("a", "", true);
    check_difference("a\n", "b\na much longer text\nthan this one\n", false);
}

/* ---- many versions ---- */

/* Lines come, go and change, now and then all of them. */
static char *
edited(const char *text)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    char *copy = xstrdup(text), *rest = NULL;
    bool all = !random_range(20);

    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (all || !random_range(N_LINES)) {
            for (uint32_t n = random_range(3); n > 0; n--) {
                ds_put_format(&out, "line %u\n", random_uint32());
            }
        } else {
            ds_put_format(&out, "%s\n", line);
        }
    }
    ds_put_cstr(&out, out.length ? "" : "empty\n");
    free(copy);
    return ds_steal_cstr(&out);
}

static void
make_texts(void)
{
    struct ds first = DS_EMPTY_INITIALIZER;

    for (int i = 0; i < N_LINES; i++) {
        ds_put_format(&first, "line %d of the first\n", i);
    }
    texts[1] = ds_steal_cstr(&first);
    for (int i = 2; i <= N_VERSIONS; i++) {
        texts[i] = edited(texts[i - 1]);
    }
}

static struct state *
reopened(struct state *s)
{
    state_close(s);
    s = state_dir_opened(); /* looks at every seal */
    CU_ASSERT_PTR_NULL(state_damage(s));
    return s;
}

static void
test_versions(void)
{
    struct state *s = state_dir_opened();

    random_set_seed(20261128); /* so that a failure repeats */
    make_texts();
    for (uint64_t v = 1; v <= N_VERSIONS; v++) {
        uint64_t oldest = v > STATE_POLICY_HISTORY ? v - STATE_POLICY_HISTORY + 1 : 1;
        uint64_t any = oldest + random_range((uint32_t) (v - oldest) + 1);

        CU_ASSERT_EQUAL(put(s, texts[v]), v);
        if (!random_range(8)) {
            state_settle(s);
        }
        s = random_range(40) ? s : reopened(s);
        expect(s, v, texts[v]);
        expect(s, any, texts[any]);
    }
    state_settle(s);
    s = reopened(s);
    for (uint64_t v = N_VERSIONS - STATE_POLICY_HISTORY + 1; v <= N_VERSIONS; v++) {
        expect(s, v, texts[v]);
    }
    state_close(s);
    expect_number("SELECT count(*) FROM policy_source WHERE base IS NULL OR base < version", "64");
    expect_number("SELECT count(*) > 40 FROM policy_source WHERE base IS NOT NULL", "1");
    expect_number("SELECT count(*) FROM policy_source WHERE base NOT IN"
                  " (SELECT version FROM policy_version)",
                  "0");
    for (int v = 1; v <= N_VERSIONS; v++) {
        free(texts[v]);
    }
    state_dir_clear();
}

/* ---- what a text was to be built on is not there ---- */

#define COMMON "a line that stays\nand another one\nand a third\n"

static void
test_taken_back(void)
{
    struct state *s = state_dir_opened();
    char *error;

    put(s, COMMON "1\n");
    put(s, COMMON "2\n");
    CU_ASSERT_EQUAL(state_policy_take_back(s, 2, 1, NULL, &error), 0);
    CU_ASSERT_EQUAL(put(s, COMMON "3\n"), 3);
    expect(s, 3, COMMON "3\n");
    s = reopened(s);
    expect(s, 3, COMMON "3\n");
    state_close(s);
    state_dir_clear();
}

/* The number is given again, to another text. */
static void
test_rolled_back(void)
{
    struct state *s = state_dir_opened();
    char *error;

    put(s, COMMON "1\n");
    CU_ASSERT_EQUAL(state_begin(s, &error), 0);
    CU_ASSERT_EQUAL(put(s, "other\nlines\naltogether\n"), 2);
    state_rollback(s);
    CU_ASSERT_EQUAL(put(s, COMMON "2\n"), 2);
    CU_ASSERT_EQUAL(put(s, COMMON "3\n"), 3);
    s = reopened(s);
    expect(s, 2, COMMON "2\n");
    expect(s, 3, COMMON "3\n");
    state_close(s);
    state_dir_clear();
}

/* An earlier text is put again, and a file more. */
static void
test_restored(void)
{
    struct state *s = state_dir_opened();
    char *error;
    uint64_t version;

    put(s, COMMON "1\n");
    put(s, "something else\n");
    put(s, COMMON "3\n");
    CU_ASSERT_EQUAL(state_policy_restore(s, 1, "root", "", 1, NULL, &version, &error), 0);
    s = reopened(s);
    expect(s, version, COMMON "1\n");
    state_close(s);
    state_dir_clear();
}

/* ---- damage ---- */

/* It may be only where the text is built from: that is seen, too. */
static void
test_damage(void)
{
    static const char *const harm[] = {
        "UPDATE policy_source SET head = head + 1 WHERE version = 2",
        "UPDATE policy_source SET tail = 1000 WHERE version = 2",
        "UPDATE policy_source SET head = -1 WHERE version = 2",
        "UPDATE policy_source SET base = 2 WHERE version = 2",
        "UPDATE policy_source SET base = 3 WHERE version = 2",
        "UPDATE policy_source SET base = NULL WHERE version = 2",
        "UPDATE policy_source SET yaml = replace(yaml, 'stays', 'stayz') WHERE version = 1",
        "DELETE FROM policy_source WHERE version = 1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(harm); i++) {
        struct state *s = state_dir_opened();

        put(s, COMMON "1\n");
        put(s, COMMON "2\n");
        state_close(s);
        state_dir_execute(harm[i]);
        s = state_dir_opened();
        CU_ASSERT_PTR_NOT_NULL(state_damage(s));
        state_close(s);
        state_dir_clear();
    }
}

/* Where it happens under a running switch, no text is made up. */
static void
test_broken_chain(void)
{
    struct state *s = state_dir_opened();
    struct state_policy *p;
    char *error = NULL;

    put(s, COMMON "1\n");
    put(s, COMMON "2\n");
    CU_ASSERT_EQUAL(state_policy_take_back(s, 1, 2, NULL, &error), 0);
    CU_ASSERT_NOT_EQUAL(state_policy_get(s, 2, &p, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "cannot be put together"));
    free(error);
    state_close(s);
    state_dir_clear();
}

/* ---- down ---- */

static void
test_down(void)
{
    struct state *s = state_dir_opened();
    char *error = NULL;
    int from;

    put(s, COMMON "1\n");
    put(s, COMMON "2\n");
    put(s, COMMON "3\n");
    state_close(s);
    CU_ASSERT_EQUAL(state_downgrade(state_dir(), 4, &from, &error), 0);
    expect_number("SELECT group_concat(substr(yaml, -2, 1)) || length(yaml) FROM policy_source",
                  "1,2,348");
    s = reopened(NULL);
    expect(s, 2, COMMON "2\n");
    state_close(s);
    state_dir_clear();
}

CU_SuiteInfo
state_text_suite(void)
{
    static CU_TestInfo tests[] = {
        { "differences", test_differences },
        { "many versions", test_versions },
        { "one is taken back", test_taken_back },
        { "one is rolled back", test_rolled_back },
        { "an earlier one again", test_restored },
        { "damage", test_damage },
        { "a chain is broken", test_broken_chain },
        { "down", test_down },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "state: texts", state_dir_setup, state_dir_teardown, NULL, NULL, tests };
}
