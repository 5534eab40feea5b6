/* Policy versions and address sets in the state's database. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/state_hits.h"
#include "control/state_policy.h"
#include "control/state_sets.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

/* Puts a policy of one or two sources in force; its version. */
static uint64_t
put(struct state *s, const char *text, const char *other, const struct state_pending *pending)
{
    char a[] = "a.yaml", b[] = "b.yaml", digest[] = "d1", who[] = "root", comment[] = "why";
    struct state_source sources[] = { { .name = a, .yaml = CONST_CAST(char *, text) },
                                      { .name = b, .yaml = CONST_CAST(char *, other) } };
    struct state_policy policy = { .digest = digest,
                                   .who = who,
                                   .comment = comment,
                                   .applied_us = 5000000,
                                   .sources = sources,
                                   .n_sources = other ? 2 : 1 };
    uint64_t version;
    char *error = NULL;

    if (state_policy_put(s, &policy, pending, &version, &error)) {
        expect_text(error, "no error");
        free(error);
    }
    return version;
}

static void
append_version(const struct state_policy *p, void *text)
{
    size_t used = strlen(text);

    snprintf((char *) text + used, 2048 - used, "%" PRIu64 " ", p->version);
    CU_ASSERT_EQUAL(p->n_sources, 0);
}

static void
expect_history(struct state *s, const char *want)
{
    char text[2048] = "", *error;

    CU_ASSERT_EQUAL(state_policy_list(s, append_version, text, &error), 0);
    expect_text(text, want);
}

/* What is in force, as "VERSION: NAME=TEXT ... pending UNTIL->BACK". */
static void
expect_in_force(struct state *s, const char *want)
{
    struct state_policy *p;
    struct state_pending pending;
    char *error, *text;

    CU_ASSERT_EQUAL_FATAL(state_policy_load(s, &p, &pending, &error), 0);
    text = xasprintf("%" PRIu64 ":", p ? p->version : 0);
    for (size_t i = 0; p && i < p->n_sources; i++) {
        char *longer = xasprintf("%s %s=%s", text, p->sources[i].name, p->sources[i].yaml);

        free(text);
        text = longer;
    }
    if (pending.confirm_by_s) {
        char *longer = xasprintf("%s pending %" PRId64 "->%" PRIu64, text, pending.confirm_by_s,
                                 pending.go_back);

        free(text);
        text = longer;
    }
    expect_text(text, want);
    free(text);
    state_policy_destroy(p);
}

static struct state *
reopened(struct state *s)
{
    state_close(s);
    return state_dir_opened();
}

static void
finish(struct state *s)
{
    state_close(s);
    state_dir_clear();
}

static void
test_versions(void)
{
    struct state *s = state_dir_opened();
    struct state_policy *p;
    char *error;

    expect_in_force(s, "0:");
    CU_ASSERT_EQUAL(put(s, "one", NULL, NULL), 1);
    CU_ASSERT_EQUAL(put(s, "two", "more", NULL), 2);
    s = reopened(s);
    expect_in_force(s, "2: a.yaml=two b.yaml=more");
    expect_history(s, "2 1 ");
    CU_ASSERT_EQUAL_FATAL(state_policy_get(s, 1, &p, &error), 0);
    expect_text(p->sources[0].yaml, "one");
    expect_text(p->digest, "d1");
    expect_text(p->who, "root");
    expect_text(p->comment, "why");
    CU_ASSERT_EQUAL(p->applied_us, 5000000);
    state_policy_destroy(p);
    CU_ASSERT_EQUAL(state_policy_get(s, 3, &p, &error), ENOENT);
    CU_ASSERT_PTR_NULL(p);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "there is no policy version 3"));
    free(error);
    CU_ASSERT_EQUAL(state_policy_put_none(s, &error), 0);
    expect_in_force(s, "0:");
    CU_ASSERT_EQUAL(put(s, "three", NULL, NULL), 3);
    finish(s);
}

static void
test_restore(void)
{
    struct state *s = state_dir_opened();
    struct state_policy *p;
    uint64_t version;
    char *error;

    put(s, "one", "more", NULL);
    put(s, "two", NULL, NULL);
    CU_ASSERT_EQUAL(state_policy_restore(s, 1, "emi", "back", 7, NULL, &version, &error), 0);
    CU_ASSERT_EQUAL(version, 3);
    s = reopened(s);
    expect_in_force(s, "3: a.yaml=one b.yaml=more");
    CU_ASSERT_EQUAL_FATAL(state_policy_load(s, &p, NULL, &error), 0);
    expect_text(p->who, "emi");
    expect_text(p->comment, "back");
    CU_ASSERT_EQUAL(p->applied_us, 7);
    state_policy_destroy(p);
    CU_ASSERT_EQUAL(state_policy_restore(s, 9, "emi", "", 7, NULL, &version, &error), ENOENT);
    free(error);
    expect_in_force(s, "3: a.yaml=one b.yaml=more");
    finish(s);
}

static void
test_pending(void)
{
    struct state_pending back_to_1 = { 1000, 1 }, back_to_none = { 2000, 0 }, wrong = { 1, 99 };
    struct state *s = state_dir_opened();
    uint64_t version = 77;
    char *error;

    put(s, "one", NULL, NULL);
    put(s, "two", NULL, &back_to_1);
    s = reopened(s);
    expect_in_force(s, "2: a.yaml=two pending 1000->1");
    CU_ASSERT_EQUAL(state_policy_set_pending(s, NULL, &error), 0);
    expect_in_force(s, "2: a.yaml=two");
    CU_ASSERT_EQUAL(state_policy_set_pending(s, &back_to_none, &error), 0);
    expect_in_force(s, "2: a.yaml=two pending 2000->0");
    CU_ASSERT_EQUAL(state_policy_set_pending(s, &wrong, &error), ENOENT);
    free(error);
    /* Of one that cannot go back nothing is stored. */
    CU_ASSERT_EQUAL(state_policy_restore(s, 1, "", "", 0, &wrong, &version, &error), ENOENT);
    CU_ASSERT_EQUAL(version, 0);
    free(error);
    expect_in_force(s, "2: a.yaml=two pending 2000->0");
    expect_history(s, "2 1 ");
    put(s, "three", NULL, NULL);
    expect_in_force(s, "3: a.yaml=three");
    finish(s);
}

static void
test_take_back(void)
{
    struct state_pending back_to_1 = { 1000, 1 };
    struct state *s = state_dir_opened();
    char *error;

    put(s, "one", NULL, NULL);
    put(s, "two", NULL, &back_to_1);
    put(s, "three", NULL, NULL);
    CU_ASSERT_EQUAL(state_policy_take_back(s, 3, 2, &back_to_1, &error), 0);
    s = reopened(s);
    expect_in_force(s, "2: a.yaml=two pending 1000->1");
    expect_history(s, "2 1 ");
    CU_ASSERT_EQUAL(put(s, "four", NULL, NULL), 4); /* no number twice */
    CU_ASSERT_EQUAL(state_policy_take_back(s, 4, 9, NULL, &error), ENOENT);
    free(error);
    expect_in_force(s, "4: a.yaml=four");
    CU_ASSERT_EQUAL(state_policy_take_back(s, 4, 0, NULL, &error), 0);
    expect_in_force(s, "0:");
    finish(s);
}

static void
test_history(void)
{
    struct state_pending back_to_1 = { 1000, 1 };
    struct state *s = state_dir_opened();
    struct state_policy *p;
    char *error, *n;

    put(s, "one", NULL, NULL);
    for (int i = 2; i <= 100; i++) {
        put(s, "more", "text", &back_to_1);
    }
    state_settle(s);
    CU_ASSERT_EQUAL(state_policy_get(s, 36, &p, &error), ENOENT);
    free(error);
    CU_ASSERT_EQUAL(state_policy_get(s, 37, &p, &error), 0);
    state_policy_destroy(p);
    CU_ASSERT_EQUAL(state_policy_get(s, 1, &p, &error), 0); /* to go back to */
    state_policy_destroy(p);
    put(s, "last", NULL, NULL);
    state_settle(s);
    CU_ASSERT_EQUAL(state_policy_get(s, 1, &p, &error), ENOENT);
    free(error);
    state_close(s);
    n = state_dir_query("SELECT count(*) || ' ' || min(version) FROM policy_version");
    expect_text(n, "64 38");
    free(n);
    n = state_dir_query("SELECT count(*) FROM policy_source");
    expect_text(n, "127"); /* and no text without its version */
    free(n);
    state_dir_clear();
}

static void
test_no_source(void)
{
    struct state *s = state_dir_opened();
    char empty[] = "", *error;
    struct state_policy policy = { .digest = empty, .who = empty, .comment = empty };
    uint64_t version;

    CU_ASSERT_EQUAL(state_policy_put(s, &policy, NULL, &version, &error), EINVAL);
    free(error);
    expect_in_force(s, "0:");
    finish(s);
}

/* The policy of several sources in a transaction of the caller's, which is given up. */
static void
test_in_transaction(void)
{
    struct state *s = state_dir_opened();
    char *error;

    put(s, "one", NULL, NULL);
    CU_ASSERT_EQUAL(state_begin(s, &error), 0);
    put(s, "two", "more", NULL);
    state_rollback(s);
    expect_in_force(s, "1: a.yaml=one");
    CU_ASSERT_EQUAL(state_begin(s, &error), 0);
    put(s, "two", "more", NULL);
    CU_ASSERT_EQUAL(state_commit(s, &error), 0);
    s = reopened(s);
    expect_in_force(s, "2: a.yaml=two b.yaml=more");
    finish(s);
}

/* ---- address sets ---- */

#define PREFIXES(...)                                                                              \
    (struct state_prefixes)                                                                        \
    {                                                                                              \
        (const char *const[]){ __VA_ARGS__ },                                                      \
            sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)                          \
    }
#define NO_PREFIX                                                                                  \
    (struct state_prefixes)                                                                        \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

static void
append_set(const char *name, struct state_prefixes prefixes, struct state_stamp stamp, void *text)
{
    size_t used = strlen(text);

    used += snprintf((char *) text + used, 2048 - used, "%s@%" PRId64 "/%" PRIu64 ":", name,
                     stamp.changed_us, stamp.revision);
    for (size_t i = 0; i < prefixes.n; i++) {
        used += snprintf((char *) text + used, 2048 - used, " %s", prefixes.text[i]);
    }
    snprintf((char *) text + used, 2048 - used, "\n");
}

static void
expect_sets(struct state *s, const char *want)
{
    char text[2048] = "", *error;

    CU_ASSERT_EQUAL(state_load_sets(s, append_set, text, &error), 0);
    expect_text(text, want);
}

static void
test_sets(void)
{
    struct state *s = state_dir_opened();
    char *error;

    expect_sets(s, "");
    CU_ASSERT_EQUAL(state_set_replace(s, "b", PREFIXES("10.0.0.1/32", "10.0.0.2/32"),
                                      (struct state_stamp){ 10, 1000 }, &error),
                    0);
    CU_ASSERT_EQUAL(state_set_replace(s, "a", NO_PREFIX, (struct state_stamp){ 11, 1100 }, &error),
                    0);
    s = reopened(s);
    expect_sets(s, "a@11/1100:\nb@10/1000: 10.0.0.1/32 10.0.0.2/32\n");
    CU_ASSERT_EQUAL(state_set_patch(s, "b", PREFIXES("10.0.0.3/32", "10.0.0.2/32"),
                                    PREFIXES("10.0.0.1/32", "10.9.9.9/32"),
                                    (struct state_stamp){ 12, 1200 }, &error),
                    0);
    CU_ASSERT_EQUAL(state_set_patch(s, "c", PREFIXES("fd00::/64"), NO_PREFIX,
                                    (struct state_stamp){ 13, 1300 }, &error),
                    0);
    expect_sets(s, "a@11/1100:\nb@12/1200: 10.0.0.2/32 10.0.0.3/32\nc@13/1300: fd00::/64\n");
    CU_ASSERT_EQUAL(state_set_replace(s, "b", PREFIXES("10.0.0.9/32"),
                                      (struct state_stamp){ 14, 1400 }, &error),
                    0);
    CU_ASSERT_EQUAL(state_set_delete(s, "c", &error), 0);
    CU_ASSERT_EQUAL(state_set_delete(s, "c", &error), 0);
    s = reopened(s);
    expect_sets(s, "a@11/1100:\nb@14/1400: 10.0.0.9/32\n");
    CU_ASSERT_EQUAL(
        state_set_patch(s, "c", NO_PREFIX, NO_PREFIX, (struct state_stamp){ 15, 1500 }, &error), 0);
    expect_sets(s, "a@11/1100:\nb@14/1400: 10.0.0.9/32\nc@15/1500:\n"); /* of the old one nothing */
    finish(s);
}

/* ---- rule hits ---- */

static void
append_hits(const struct state_hits *h, void *text)
{
    size_t used = strlen(text);

    snprintf((char *) text + used, 2048 - used, "%s %" PRIu64 " %" PRIu64 " %" PRId64 "\n", h->id,
             h->packets, h->bytes, h->last_s);
}

static void
expect_hits(struct state *s, const char *want)
{
    char text[2048] = "", *error;

    CU_ASSERT_EQUAL(state_load_hits(s, append_hits, text, &error), 0);
    expect_text(text, want);
}

static void
test_hits(void)
{
    char a[] = "a", b[] = "b";
    struct state_hits rows[] = { { a, 1, 2, 3 }, { b, UINT64_C(1) << 62, 5, 6 } };
    char *gone[] = { a, b };
    struct state *s = state_dir_opened();
    char *error;

    CU_ASSERT_EQUAL(state_put_hits(s, rows, 2, NULL, 0, &error), 0);
    s = reopened(s);
    expect_hits(s, "a 1 2 3\nb 4611686018427387904 5 6\n");
    rows[0].packets = 9;
    CU_ASSERT_EQUAL(state_put_hits(s, rows, 1, gone, 2, &error), 0);
    expect_hits(s, "a 9 2 3\n");
    finish(s);
}

CU_SuiteInfo
state_policy_suite(void)
{
    static CU_TestInfo tests[] = {
        { "versions", test_versions },
        { "an earlier version in force again", test_restore },
        { "waiting to be confirmed", test_pending },
        { "a version is taken back", test_take_back },
        { "the oldest go", test_history },
        { "no policy without a text", test_no_source },
        { "inside a transaction", test_in_transaction },
        { "address sets", test_sets },
        { "rule hits", test_hits },
        CU_TEST_INFO_NULL,
    };

    return (
        CU_SuiteInfo){ "state: policies", state_dir_setup, state_dir_teardown, NULL, NULL, tests };
}
