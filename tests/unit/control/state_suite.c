/* The state's database: what was learned about ports, and databases of other versions. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "control/state.h"
#include "control/state_answers.h"
#include "control/state_policy.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static void
put_port(struct state *state, unsigned n)
{
    struct test_spec s;
    char *error;

    spec_desktop(&s, n);
    CU_ASSERT_EQUAL(state_put_port(state, &s.spec, &error), 0);
}

static void
collect(const struct state_binding *b, void *text)
{
    size_t used = strlen(text);

    snprintf((char *) text + used, 512 - used, "%s %s %s %d\n", b->port, b->addr, b->how,
             (int) b->expires_s);
}

static void
expect_bindings(struct state *state, const char *want)
{
    char text[512] = "";

    CU_ASSERT_TRUE(state_load_bindings(state, collect, text));
    expect_text(text, want);
}

static void
test_bindings(void)
{
    char dhcp[] = "10.0.1.1", slaac[] = "fd00::1", link_local[] = "fe80::2";
    struct state_binding rows[] = { { "desk1", dhcp, "dhcp", 1000 },
                                    { "desk1", slaac, "slaac", 2000 },
                                    { "desk2", link_local, "link-local", 0 },
                                    { "desk9", dhcp, "dhcp", 1000 } };
    const char *ports[] = { "desk1", "desk2", "desk9" };
    struct state *state = state_dir_opened();
    char *error;

    put_port(state, 1);
    put_port(state, 2);
    CU_ASSERT_EQUAL(state_set_bindings(state, ports, 3, rows, 4, &error), 0);
    state_close(state);
    state = state_dir_opened();
    /* desk9 is gone already. */
    expect_bindings(state, "desk1 10.0.1.1 dhcp 1000\n"
                           "desk1 fd00::1 slaac 2000\n"
                           "desk2 fe80::2 link-local 0\n");
    CU_ASSERT_EQUAL(state_set_bindings(state, ports, 1, rows, 1, &error), 0);
    expect_bindings(state, "desk1 10.0.1.1 dhcp 1000\n"
                           "desk2 fe80::2 link-local 0\n");
    CU_ASSERT_EQUAL(state_delete_port(state, "desk1", &error), 0);
    put_port(state, 1); /* another one of the name has nothing of it */
    expect_bindings(state, "desk2 fe80::2 link-local 0\n");
    state_close(state);
    state_dir_clear();
}

static void
no_port(const Fusuma__V1__PortSpec *spec OVS_UNUSED, void *n)
{
    ++*(int *) n;
}

static void
test_version_1(void)
{
    char addr[] = "10.0.1.1";
    struct state_binding row = { "desk1", addr, "dhcp", 1000 };
    const char *port = "desk1";
    struct state *state;
    struct state_policy *policy;
    char *error;
    int n = 0;

    state_dir_execute(
        "CREATE TABLE port (name TEXT PRIMARY KEY NOT NULL, spec BLOB NOT NULL,"
        " quarantined INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
        "CREATE TABLE policy (one INTEGER PRIMARY KEY CHECK (one = 1), yaml TEXT NOT NULL);"
        "CREATE TABLE initialised (one INTEGER PRIMARY KEY CHECK (one = 1));"
        "INSERT INTO initialised VALUES (1); INSERT INTO policy VALUES (1, 'version: 1');"
        "PRAGMA user_version = 1");
    for (int i = 0; i < 2; i++) { /* what it was brought to opens as it is */
        state = state_dir_opened();
        CU_ASSERT_TRUE(state_is_initialised(state));
        CU_ASSERT_TRUE(state_load(state, no_port, &n));
        CU_ASSERT_EQUAL_FATAL(state_policy_load(state, &policy, NULL, &error), 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
        expect_text(policy->sources[0].yaml, "version: 1");
        state_policy_destroy(policy);
        state_close(state);
    }
    state = state_dir_opened();
    put_port(state, 1);
    CU_ASSERT_EQUAL(state_set_bindings(state, &port, 1, &row, 1, &error), 0);
    expect_bindings(state, "desk1 10.0.1.1 dhcp 1000\n");
    state_close(state);
    state_dir_clear();
}

static void
append_answer(const struct state_answer *a, void *text)
{
    ds_put_format(text, "%s %s %s %d %s %.*s %lld\n", a->key, a->rpc, a->digest, a->status,
                  a->error, (int) a->reply_len, (const char *) a->reply,
                  (long long) a->answered_us);
}

static void
expect_answers(struct state *s, const char *want)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    char *error;

    CU_ASSERT_EQUAL(state_load_answers(s, append_answer, &text, &error), 0);
    expect_text(ds_cstr(&text), want);
    ds_destroy(&text);
}

/* The newest 3, of 100 us. */
static void
put_answer(struct state *s, const char *key, int status, int64_t at_us)
{
    struct state_answer a = { .key = key,
                              .rpc = "S.M",
                              .digest = "d",
                              .status = status,
                              .error = status ? "why" : "",
                              .reply = status ? NULL : "reply",
                              .reply_len = status ? 0 : 5,
                              .answered_us = at_us };
    char *error;

    CU_ASSERT_EQUAL(state_put_answer(s, &a, at_us - 100, 3, &error), 0);
}

static void
test_answers(void)
{
    struct state *s = state_dir_opened();

    put_answer(s, "a", 0, 1000);
    put_answer(s, "b", 5, 1100);
    expect_answers(s, "a S.M d 0  reply 1000\nb S.M d 5 why  1100\n");
    put_answer(s, "c", 5, 1101);
    expect_answers(s, "b S.M d 5 why  1100\nc S.M d 5 why  1101\n");
    put_answer(s, "d", 5, 1102);
    put_answer(s, "e", 0, 1103);
    state_close(s);
    s = state_dir_opened();
    expect_answers(s, "c S.M d 5 why  1101\nd S.M d 5 why  1102\ne S.M d 0  reply 1103\n");
    state_close(s);
    state_dir_clear();
}

static void
test_newer_version(void)
{
    struct state *state;
    char *error = NULL,
         *want = xasprintf("%s: schema version 99; this program knows 8", state_dir_database());

    state_close(state_dir_opened());
    state_dir_execute("PRAGMA user_version = 99");
    CU_ASSERT_NOT_EQUAL(state_open(state_dir(), &state, &error), 0);
    expect_text(error, want);
    free(error);
    free(want);
    state_dir_clear();
}

CU_SuiteInfo
state_suite(void)
{
    static CU_TestInfo tests[] = {
        { "learned bindings", test_bindings },
        { "a database of version 1 is brought up", test_version_1 },
        { "a newer one is refused", test_newer_version },
        { "answers, the newest", test_answers },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "state", state_dir_setup, state_dir_teardown, NULL, NULL, tests };
}
