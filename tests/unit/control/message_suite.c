/* Messages on the heap, and digests. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/digest.h"
#include "control/message.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static void
test_new_has_defaults(void)
{
    Fusuma__V1__PortSpec *m = message_new(&fusuma__v1__port_spec__descriptor);

    CU_ASSERT_PTR_EQUAL(m->base.descriptor, &fusuma__v1__port_spec__descriptor);
    expect_text(m->name, "");
    CU_ASSERT_EQUAL(m->role, FUSUMA__V1__PORT_ROLE__PORT_ROLE_UNSPECIFIED);
    CU_ASSERT_EQUAL(m->attachment_case, FUSUMA__V1__PORT_SPEC__ATTACHMENT__NOT_SET);
    CU_ASSERT_EQUAL(m->n_ips, 0);
    m->name = xstrdup("desk1"); /* and the default strings are not freed */
    message_free(m);
    message_free(NULL);
}

static void
test_copy(void)
{
    struct test_spec s;
    Fusuma__V1__PortSpec *m, *empty;

    spec_desktop(&s, 7);
    s.ips[s.spec.n_ips++] = "2001:db8::7";
    m = message_copy(&s.spec.base);
    memset(s.name, 'x', 3); /* a copy: the original may change */
    expect_text(m->name, "desk7");
    expect_text(m->vhost_user->socket, "desk7.sock");
    expect_text(m->mac, "02:00:00:00:00:07");
    CU_ASSERT_EQUAL(m->n_ips, 2);
    expect_text(m->ips[1], "2001:db8::7");
    CU_ASSERT_EQUAL(m->n_labels, 1);
    expect_text(m->labels[0]->key, "pool");
    expect_text(m->labels[0]->value, "sales");
    message_free(m);

    empty = message_new(&fusuma__v1__port_spec__descriptor);
    m = message_copy(&empty->base); /* 0 bytes when packed */
    CU_ASSERT_PTR_NOT_EQUAL(m, empty);
    expect_text(m->name, "");
    message_free(m);
    message_free(empty);
}

static void
test_append(void)
{
    Fusuma__V1__PortSpec *m = message_new(&fusuma__v1__port_spec__descriptor);

    for (int i = 0; i < 100; i++) {
        message_append(m->ips, m->n_ips, xasprintf("10.0.0.%d", i));
    }
    CU_ASSERT_EQUAL(m->n_ips, 100);
    for (int i = 0; i < 100; i++) {
        char *want = xasprintf("10.0.0.%d", i);

        expect_text(m->ips[i], want);
        free(want);
    }
    message_free(m);
}

/* FIPS 180-2, appendix B. */
static void
test_times(void)
{
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT, *m;
    int64_t us = 1;

    CU_ASSERT_TRUE(time_from_message(NULL, &us));
    CU_ASSERT_EQUAL(us, 0);
    CU_ASSERT_PTR_NULL(time_message(0));
    m = time_message(1700000000123456);
    CU_ASSERT_TRUE(time_from_message(m, &us));
    CU_ASSERT_EQUAL(us, 1700000000123456);
    message_free(m);
    CU_ASSERT_FALSE(time_from_message(&t, &us)); /* 0 is no time here */
    t.seconds = INT64_C(253402300799);
    t.nanos = 999999999;
    CU_ASSERT_TRUE(time_from_message(&t, &us));
    CU_ASSERT_EQUAL(us, INT64_C(253402300799999999));
    t.nanos++;
    CU_ASSERT_FALSE(time_from_message(&t, &us));
    t.nanos = -1;
    CU_ASSERT_FALSE(time_from_message(&t, &us));
    t.nanos = 0;
    t.seconds++;
    CU_ASSERT_FALSE(time_from_message(&t, &us));
    t.seconds = INT64_MIN;
    CU_ASSERT_FALSE(time_from_message(&t, &us));
    CU_ASSERT_EQUAL(us, INT64_C(253402300799999999));
}

static void
test_sha256(void)
{
    static const struct {
        const char *text, *digest;
    } vectors[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    static char many[1000000];
    char hex[65];

    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        memset(hex, 'x', sizeof hex);
        digest_sha256(vectors[i].text, strlen(vectors[i].text), hex);
        CU_ASSERT_EQUAL(hex[64], '\0');
        expect_text(hex, vectors[i].digest);
    }
    memset(many, 'a', sizeof many);
    digest_sha256(many, sizeof many, hex);
    expect_text(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

CU_SuiteInfo
message_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a new message has its defaults", test_new_has_defaults },
        { "a copy is deep", test_copy },
        { "repeated fields grow", test_append },
        { "times", test_times },
        { "SHA-256 of known texts", test_sha256 },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "messages, digests", NULL, NULL, NULL, NULL, tests };
}
