/* Sessions: which are open where, what records carry of them, and that they are stored. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/sessions.h"
#include "control/state_sessions.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static struct session *
session(uint64_t id, const char *port, const char *user, const char *broker)
{
    struct session *s = xzalloc(sizeof *s);

    s->id = id;
    s->port = xstrdup(port);
    s->user = xstrdup(user);
    s->broker = xstrdup(broker);
    s->vm_id = xstrdup("vm");
    s->who = xstrdup("root");
    s->from_us = (int64_t) id * 1000;
    return s;
}

static void
test_open(void)
{
    char text[64];
    struct sessions s;

    sessions_init(&s);
    sessions_add(&s, session(1, "d1", "anna", "b1"));
    sessions_add(&s, session(2, "d2", "eva", ""));
    sessions_add(&s, session(3, "d1", "ben", ""));
    sessions_text(&s, "d1", text, sizeof text);
    expect_text(text, "1 anna\n3 ben\n");
    sessions_text(&s, "d1", text, 8); /* as many as there is room for */
    expect_text(text, "1 anna\n");
    sessions_text(&s, "d1", text, 7);
    expect_text(text, "");
    sessions_text(&s, "d3", text, sizeof text);
    expect_text(text, "");
    CU_ASSERT_PTR_EQUAL(sessions_find_broker(&s, "b1"), sessions_find(&s, 1));
    CU_ASSERT_PTR_NULL(sessions_find_broker(&s, ""));
    sessions_end(&s, sessions_find(&s, 1), 5000);
    CU_ASSERT_PTR_NULL(sessions_find(&s, 1));
    CU_ASSERT_PTR_NULL(sessions_find_broker(&s, "b1"));
    CU_ASSERT_EQUAL(s.n_open, 2);
    CU_ASSERT_EQUAL(s.n_ended, 1);
    CU_ASSERT_EQUAL(sessions_next(&s, "d1", NULL)->id, 3);
    CU_ASSERT_PTR_NULL(sessions_next(&s, "d1", sessions_find(&s, 3)));
    CU_ASSERT_EQUAL(sessions_count(&s, "d1"), 1);
    CU_ASSERT_EQUAL(sessions_count(&s, "d3"), 0);
    sessions_destroy(&s);
}

static void
test_bounded(void)
{
    struct sessions s;

    sessions_init(&s);
    sessions_add(&s, session(1, "d1", "anna", ""));
    for (uint64_t id = 2; id <= SESSIONS_MAX + 11; id++) {
        struct session *one = session(id, "d2", "eva", "");

        one->to_us = (int64_t) id;
        sessions_add(&s, one);
    }
    CU_ASSERT_EQUAL(s.n_ended, SESSIONS_MAX);
    CU_ASSERT_EQUAL(s.n_open, 1);
    CU_ASSERT_EQUAL(s.last_id, SESSIONS_MAX + 11);
    sessions_destroy(&s);
}

static void
refused(enum rpc_status status, char *error, const char *want)
{
    CU_ASSERT_EQUAL(status, RPC_INVALID_ARGUMENT);
    expect_text(error, want);
    free(error);
}

#define NOW INT64_C(1700000100000000) /* 2023-11-14T22:15:00Z */

static void
test_begin_late(void)
{
    struct session *again = session(3, "d1", "anna", "b1"), *unnamed = session(4, "d1", "eva", ""),
                   *old = session(1, "d1", "anna", "b1"), *other = session(2, "d1", "eva", "");
    enum rpc_status status;
    struct sessions s;
    char *error = NULL;
    int64_t at;

    sessions_init(&s);
    old->to_us = other->to_us = NOW - 1000;
    sessions_add(&s, old);
    sessions_add(&s, other);
    at = NOW - 1000;
    CU_ASSERT_EQUAL(session_may_begin(&s, again, 0, NOW, &at, &error), RPC_OK);
    CU_ASSERT_EQUAL(at, NOW - 1000);
    at = NOW + 5000000; /* a clock that is ahead */
    CU_ASSERT_EQUAL(session_may_begin(&s, again, NOW, NOW, &at, &error), RPC_OK);
    CU_ASSERT_EQUAL(at, NOW);
    at = NOW + 5000001;
    status = session_may_begin(&s, again, 0, NOW, &at, &error);
    refused(status, error, "at: it is in the future: here it is 2023-11-14T22:15:00.000000Z");
    at = NOW - 500;
    status = session_may_begin(&s, again, NOW - 499, NOW, &at, &error);
    refused(status, error,
            "at: the port was not there yet: it is since 2023-11-14T22:14:59.999501Z");
    at = NOW - 1001;
    status = session_may_begin(&s, again, 0, NOW, &at, &error);
    refused(status, error,
            "at: session 1 is the same, and had not ended: it did 2023-11-14T22:14:59.999000Z");
    status = session_may_begin(&s, unnamed, 0, NOW, &at, &error);
    refused(status, error,
            "at: session 2 is the same, and had not ended: it did 2023-11-14T22:14:59.999000Z");
    free(again->broker);
    again->broker = xstrdup("b2"); /* another session of hers */
    CU_ASSERT_EQUAL(session_may_begin(&s, again, 0, NOW, &at, &error), RPC_OK);
    free(unnamed->port);
    unnamed->port = xstrdup("d2");
    CU_ASSERT_EQUAL(session_may_begin(&s, unnamed, 0, NOW, &at, &error), RPC_OK);
    session_destroy(again);
    session_destroy(unnamed);
    sessions_destroy(&s);
}

static void
test_end_late(void)
{
    struct session *one = session(1, "d1", "anna", "");
    enum rpc_status status;
    char *error = NULL;
    int64_t at = NOW - 10;

    one->from_us = NOW - 10;
    CU_ASSERT_EQUAL(session_may_end(one, NOW, &at, &error), RPC_OK);
    CU_ASSERT_EQUAL(at, NOW - 10);
    at--;
    status = session_may_end(one, NOW, &at, &error);
    refused(status, error, "at: session 1 had not begun: it did 2023-11-14T22:14:59.999990Z");
    at = NOW + 60000000;
    status = session_may_end(one, NOW, &at, &error);
    refused(status, error, "at: it is in the future: here it is 2023-11-14T22:15:00.000000Z");
    session_destroy(one);
}

static void
take(struct session *session, void *sessions)
{
    sessions_add(sessions, session);
}

static void
test_stored(void)
{
    struct state *state = state_dir_opened();
    struct session *one = session(7, "d1", "anna", "b1"), *two = session(8, "d2", "eva", "");
    struct sessions s;
    char *error;

    CU_ASSERT_EQUAL(state_put_session(state, one, &error), 0);
    CU_ASSERT_EQUAL(state_put_session(state, two, &error), 0);
    CU_ASSERT_EQUAL(state_delete_port(state, "d2", &error), 0);
    state_close(state);
    state = state_dir_opened();
    sessions_init(&s);
    CU_ASSERT_EQUAL(state_load_sessions(state, take, &s, &error), 0);
    CU_ASSERT_EQUAL(s.n_open, 1);
    CU_ASSERT_EQUAL(s.n_ended, 1);
    CU_ASSERT_EQUAL(s.last_id, 8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sessions_find(&s, 7));
    expect_text(sessions_find(&s, 7)->user, "anna");
    expect_text(sessions_find(&s, 7)->broker, "b1");
    expect_text(sessions_find(&s, 7)->vm_id, "vm");
    CU_ASSERT_EQUAL(sessions_find(&s, 7)->from_us, 7000);
    CU_ASSERT_EQUAL(state_end_session(state, 7, 9000, &error), 0);
    CU_ASSERT_EQUAL(state_delete_session(state, 8, &error), 0);
    sessions_destroy(&s);
    sessions_init(&s);
    CU_ASSERT_EQUAL(state_load_sessions(state, take, &s, &error), 0);
    CU_ASSERT_EQUAL(s.n_open, 0);
    CU_ASSERT_EQUAL(s.n_ended, 1);
    sessions_destroy(&s);
    session_destroy(one);
    session_destroy(two);
    state_close(state);
    state_dir_clear();
}

CU_SuiteInfo
sessions_suite(void)
{
    static CU_TestInfo tests[] = {
        { "open on ports", test_open },
        { "as many as are kept", test_bounded },
        { "begun before it is told", test_begin_late },
        { "ended before it is told", test_end_late },
        { "stored, and ended with their port", test_stored },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "sessions", state_dir_setup, state_dir_teardown, NULL, NULL, tests };
}
