/* Requests that are asked again: what is remembered, and for how long.  Calls that wait are of the
 * interop test: there is none here. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/gate.h"
#include "control/request_ids.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static const struct rpc_method methods[2] = { { .name = "One" }, { .name = "Other" } };

static enum request_asked
ask(struct request_ids *ids, const char *key, int method, const char *digest, long long now,
    struct request **r)
{
    return request_ids_ask(ids, key, &methods[method], digest, NULL, now, r);
}

static void
answer(struct request_ids *ids, struct request *r, size_t n, long long now)
{
    struct rpc_answer answer = { .status = RPC_OK, .reply = xzalloc(n + 1), .reply_len = n };

    request_ids_answer(ids, r, &answer, now);
    rpc_answer_destroy(&answer);
}

static void
test_other(void)
{
    struct request_ids *ids = request_ids_create();
    struct request *r, *none;

    CU_ASSERT_EQUAL(ask(ids, "a", 0, "d", 0, &r), REQUEST_NEW);
    CU_ASSERT_EQUAL(ask(ids, "a", 1, "d", 0, &none), REQUEST_OTHER);
    CU_ASSERT_PTR_NULL(none);
    CU_ASSERT_EQUAL(ask(ids, "a", 0, "e", 0, &none), REQUEST_OTHER);
    answer(ids, r, 3, 0);
    CU_ASSERT_EQUAL(ask(ids, "a", 0, "e", 0, &none), REQUEST_OTHER);
    CU_ASSERT_EQUAL(ask(ids, "b", 0, "d", 0, &r), REQUEST_NEW);
    request_ids_destroy(ids);
}

static void
test_age(void)
{
    struct request_ids *ids = request_ids_create();
    struct request *r, *none;

    CU_ASSERT_EQUAL(ask(ids, "a", 0, "d", 0, &r), REQUEST_NEW);
    /* What is under way does not age. */
    CU_ASSERT_EQUAL(ask(ids, "a", 0, "x", 2 * GATE_ID_S * 1000LL, &none), REQUEST_OTHER);
    answer(ids, r, 0, 5000);
    CU_ASSERT_EQUAL(ask(ids, "a", 0, "x", 5000 + GATE_ID_S * 1000LL - 1, &none), REQUEST_OTHER);
    CU_ASSERT_EQUAL(ask(ids, "a", 0, "x", 5000 + GATE_ID_S * 1000LL, &r), REQUEST_NEW);
    request_ids_destroy(ids);
}

static void
test_number(void)
{
    struct request_ids *ids = request_ids_create();
    struct request *r[GATE_MAX_IDS], *one;
    char key[16];

    for (int i = 0; i < GATE_MAX_IDS; i++) {
        snprintf(key, sizeof key, "%d", i);
        CU_ASSERT_EQUAL_FATAL(ask(ids, key, 0, "d", 0, &r[i]), REQUEST_NEW);
    }
    CU_ASSERT_EQUAL(ask(ids, "more", 0, "d", 0, &one), REQUEST_TOO_MANY);
    /* An answer that is remembered makes way, the oldest first. */
    answer(ids, r[7], 1, 0);
    answer(ids, r[3], 1, 0);
    CU_ASSERT_EQUAL(ask(ids, "more", 0, "d", 0, &one), REQUEST_NEW);
    CU_ASSERT_EQUAL(ask(ids, "3", 0, "x", 0, &one), REQUEST_OTHER);
    CU_ASSERT_EQUAL(ask(ids, "7", 0, "x", 0, &one), REQUEST_NEW);
    CU_ASSERT_EQUAL(ask(ids, "more still", 0, "d", 0, &one), REQUEST_TOO_MANY);
    request_ids_destroy(ids);
}

static void
test_bytes(void)
{
    struct request_ids *ids = request_ids_create();
    struct request *r, *none;
    char key[16];

    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "%d", i);
        CU_ASSERT_EQUAL_FATAL(ask(ids, key, 0, "d", 0, &r), REQUEST_NEW);
        answer(ids, r, GATE_MAX_BYTES / 4, 0);
    }
    CU_ASSERT_EQUAL(ask(ids, "0", 0, "x", 0, &r), REQUEST_NEW);
    CU_ASSERT_EQUAL(ask(ids, "1", 0, "x", 0, &none), REQUEST_OTHER);
    request_ids_destroy(ids);
}

CU_SuiteInfo
request_ids_suite(void)
{
    static CU_TestInfo tests[] = {
        { "another request with the same id", test_other },
        { "answers are forgotten in time", test_age },
        { "how many are remembered", test_number },
        { "how much is remembered", test_bytes },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "request ids", NULL, NULL, NULL, NULL, tests };
}
