#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "ctl/relay/mail.h"
#include "tests/unit/relay/suites.h"

static void
expect_encoded(const char *text, const char *want)
{
    char *got = relay_mail_encode(text);

    expect_text(got, want);
    free(got);
}

static void
test_encode(void)
{
    expect_encoded("plain text", "plain text");
    expect_encoded("=?not encoded", "=?UTF-8?B?PT9ub3QgZW5jb2RlZA==?=");
    expect_encoded("gr\xc3\xbc\xc3\x9f", "=?UTF-8?B?Z3LDvMOf?=");
    expect_encoded("a\r\nBcc: x@y", "=?UTF-8?B?YQ0KQmNjOiB4QHk=?=");
}

/* Lines of 76 characters at most, and no character in two words. */
static void
test_folds(void)
{
    char text[400] = "", *got, *save = NULL;

    for (size_t i = 0; i < 100; i++) {
        strcat(text, "\xe5\xb1\xb1");
    }
    got = relay_mail_encode(text);
    for (char *line = strtok_r(got, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        CU_ASSERT_TRUE(strlen(line) <= 76 - strlen("Subject: "));
        CU_ASSERT_TRUE((strlen(strstr(line, "?B?")) - 5) % 4 == 0);
        CU_ASSERT_PTR_NULL(strchr(line + 10, '=') < strstr(line, "?=") ? "a torn character" : NULL);
    }
    free(got);
}

static void
test_mail(void)
{
    char *to[] = { "soc@example.org", "second@example.org" };
    struct relay_sink_config c = { .from = "fusuma@example.org", .to = { to, 2 } };
    struct relay_event *events[2];
    char *mail;

    events[0] = ecs_incident(sample_incident(), "incident-opened", &sample_observer);
    events[1] = ecs_incident(sample_incident(), "incident-closed", &sample_observer);
    mail = relay_mail_format(&c, "host-3", events, 2, 1764307000 * INT64_C(1000000000));
    CU_ASSERT_PTR_NOT_NULL(strstr(mail, "From: fusuma@example.org\n"
                                        "To: soc@example.org,\n second@example.org\nSubject: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(mail, "\nDate: Fri, 28 Nov 2025 05:16:40 +0000\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(mail, "\nMessage-ID: <incident-7-40.fusuma@host-3>\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(mail, "\nContent-Transfer-Encoding: base64\n\n"));
    free(mail);
    relay_event_free(events[0]);
    relay_event_free(events[1]);
}

/* Whatever a user is called, there are the header's lines and no more. */
static void
test_injection(void)
{
    char *to[] = { "soc@example.org" };
    struct relay_sink_config c = { .from = "fusuma@example.org", .to = { to, 1 } };
    Fusuma__V1__Incident *i = sample_incident();
    struct relay_event *e;
    char *mail;

    i->user = "x\r\nBcc: everybody@example.org\r\n\r\n.\r\n";
    e = ecs_incident(i, "incident-opened", &sample_observer);
    mail = relay_mail_format(&c, "host-3", &e, 1, 0);
    CU_ASSERT_PTR_NULL(strstr(mail, "\nBcc"));
    CU_ASSERT_PTR_NULL(strchr(mail, '\r'));
    CU_ASSERT_PTR_NULL(strstr(mail, "\n.\n"));
    free(mail);
    relay_event_free(e);
}

CU_SuiteInfo
mail_suite(void)
{
    static CU_TestInfo tests[] = {
        { "encoded words", test_encode },
        { "long headers", test_folds },
        { "a mail about two events", test_mail },
        { "names that would be headers", test_injection },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "mail", .pTests = tests };
}
