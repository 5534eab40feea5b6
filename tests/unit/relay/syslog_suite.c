#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "ctl/relay/syslog.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/relay/suites.h"
#include "util.h"

static struct relay_syslog
sample_format(enum relay_format format)
{
    return (struct relay_syslog){ .facility = 16,
                                  .format = format,
                                  .hostname = "host-3",
                                  .sd_id = "fusuma@32473",
                                  .pid = 42,
                                  .max_size = 8192 };
}

static void
test_escape(void)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    relay_syslog_escape(&s, "a\"b\\c]d[e");
    expect_text(ds_cstr(&s), "a\\\"b\\\\c\\]d[e");
    ds_destroy(&s);
}

static void
test_text(void)
{
    struct relay_syslog c = sample_format(RELAY_TEXT);
    struct relay_event *e = ecs_drop(sample_record(), &sample_observer);
    char *message = relay_syslog_format(&c, e, 5);

    expect_text(message, "<132>1 2025-11-28T05:16:40.123456Z host-3 fusuma 42 drops "
                         "[meta sequenceId=\"5\"]"
                         "[fusuma@32473 id=\"77-12\" action=\"denied\" severity=\"medium\"] "
                         "denied on d1 (aiko): 128.232.110.120 to 66.35.250.204, tcp/80 http, "
                         "egress-rule (rule no-lateral), 1 packet");
    free(message);
    relay_event_free(e);
}

static void
test_ecs(void)
{
    struct relay_syslog c = sample_format(RELAY_ECS);
    struct relay_event *e = ecs_drop(sample_record(), &sample_observer);
    char *message = relay_syslog_format(&c, e, 1);

    expect_text(strstr(message, "] {") + 2, e->json);
    free(message);
    relay_event_free(e);
}

/* RFC 5424, 7.3.1: after its largest value it begins again with 1. */
static void
test_sequence(void)
{
    struct relay_syslog c = sample_format(RELAY_TEXT);
    struct relay_event *e = ecs_drop(sample_record(), &sample_observer);
    static const struct {
        uint32_t sequence;
        const char *want;
    } cases[] = { { 1, "sequenceId=\"1\"" },
                  { 2147483647, "sequenceId=\"2147483647\"" },
                  { 2147483648, "sequenceId=\"1\"" } };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *message = relay_syslog_format(&c, e, cases[i].sequence);

        CU_ASSERT_PTR_NOT_NULL(strstr(message, cases[i].want));
        free(message);
    }
    relay_event_free(e);
}

/* No size cuts a character, or goes over the limit. */
static void
test_clip(void)
{
    struct relay_syslog c = sample_format(RELAY_TEXT);
    Fusuma__V1__DropRecord *r = sample_record();
    struct relay_event *e;

    r->user = "\xe5\xb1\xb1\xe7\x94\xb0\xe8\x8a\xb1\xe5\xad\x90";
    e = ecs_drop(r, &sample_observer);
    for (c.max_size = 160; c.max_size < 260; c.max_size++) {
        char *message = relay_syslog_format(&c, e, 1);
        json_t *text = json_string(message); /* UTF-8 only */

        CU_ASSERT_PTR_NOT_NULL(text);
        CU_ASSERT_TRUE(strlen(message) <= c.max_size);
        json_decref(text);
        free(message);
    }
    relay_event_free(e);
}

/* An incident with all the targets that it may have. */
static struct relay_event *
large_incident(void)
{
    static Fusuma__V1__IncidentTarget target, *targets[256];
    Fusuma__V1__Incident *i = sample_incident();

    fusuma__v1__incident_target__init(&target);
    target.address = "2001:db8:1111:2222:3333:4444:5555:6666";
    for (size_t j = 0; j < ARRAY_SIZE(targets); j++) {
        targets[j] = &target;
    }
    i->targets = targets;
    i->n_targets = ARRAY_SIZE(targets);
    return ecs_incident(i, "incident-changed", &sample_observer);
}

static void
test_shrink(void)
{
    struct relay_event *e = large_incident();
    size_t whole = strlen(e->json);

    CU_ASSERT_TRUE(whole > 8192);
    for (size_t max = 200; max < whole + 2; max += 61) {
        struct relay_event shrunk = { .json = relay_shrink(e, max) };

        CU_ASSERT_TRUE(strlen(shrunk.json) <= max);
        expect_at(&shrunk, "event.id", "\"incident-7-40\"");
        expect_at(&shrunk, "fusuma.truncated", max < whole ? "true" : "(nothing)");
        if (max >= 2048) {
            expect_at(&shrunk, "fusuma.incident.port", "\"d1\"");
        }
        free(shrunk.json);
    }
    relay_event_free(e);
}

CU_SuiteInfo
syslog_suite(void)
{
    static CU_TestInfo tests[] = {
        { "escapes in structured data", test_escape },
        { "a message with text", test_text },
        { "a message with JSON", test_ecs },
        { "sequence numbers", test_sequence },
        { "texts that are cut", test_clip },
        { "JSON that is too long", test_shrink },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "syslog", .pTests = tests };
}
