#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "google/protobuf/timestamp.pb-c.h"
#include "report/facts.h"
#include "report/page.h"
#include "report/report.h"
#include "report/text.h"
#include "report/words.h"
#include "telemetry/reasons.h"
#include "util.h"

static void
expect_text(const char *got, const char *want)
{
    if (strcmp(got, want) != 0) {
        fprintf(stderr, "\n  got  '%s'\n  want '%s'\n", got, want);
    }
    CU_ASSERT_STRING_EQUAL(got, want);
}

/* Takes 'got'. */
static void
expect(char *got, const char *want)
{
    expect_text(got, want);
    free(got);
}

/* ---- words ---- */

/* A bit for each "{N}". */
static unsigned
arguments_of(const char *text)
{
    unsigned bits = 0;

    for (; (text = strchr(text, '{')); text++) {
        CU_ASSERT(text[1] >= '0' && text[1] < '0' + MAX_ARGUMENTS && text[2] == '}');
        bits |= 1u << (text[1] - '0');
    }
    return bits;
}

static void
test_every_word_is_in_both_languages(void)
{
    for (int w = 0; w < N_WORDS; w++) {
        const char *en = word(w, REPORT_ENGLISH), *ja = word(w, REPORT_JAPANESE);

        CU_ASSERT_PTR_NOT_NULL_FATAL(en);
        CU_ASSERT_PTR_NOT_NULL_FATAL(ja);
        CU_ASSERT_EQUAL(arguments_of(en), arguments_of(ja));
        CU_ASSERT(!en[0] == !ja[0] || w == W_SENTENCE_GAP);
        /* Words that are the same are words that were forgotten. */
        CU_ASSERT(!en[0] || strcmp(en, ja) != 0);
    }
}

static void
test_every_reason_is_explained(void)
{
    for (int i = 0; i < N_DROP_REASONS; i++) {
        const char *en = reason_means(drop_reason_name(i), REPORT_ENGLISH);
        const char *ja = reason_means(drop_reason_name(i), REPORT_JAPANESE);

        CU_ASSERT_PTR_NOT_NULL(en);
        CU_ASSERT_PTR_NOT_NULL(ja);
        CU_ASSERT(en && ja && strcmp(en, ja) != 0);
    }
    CU_ASSERT_PTR_NULL(reason_means("no-lateral", REPORT_ENGLISH));
}

static void
test_enums_have_words(void)
{
    CU_ASSERT_EQUAL(kind_word(FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_WORM), W_WORM);
    CU_ASSERT_EQUAL(kind_means(FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_PORT_SCAN),
                    W_PORT_SCAN_MEANS);
    CU_ASSERT_EQUAL(kind_word((Fusuma__V1__IncidentKind) 77), W_UNKNOWN_KIND);
    CU_ASSERT_EQUAL(kind_means((Fusuma__V1__IncidentKind) -1), N_WORDS);
    CU_ASSERT_EQUAL(severity_word(FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_CRITICAL),
                    W_CRITICAL);
    CU_ASSERT_EQUAL(severity_word((Fusuma__V1__IncidentSeverity) 5), W_UNGRADED);
    CU_ASSERT_EQUAL(action_word(FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CAPTURE),
                    W_ACT_CAPTURE);
    CU_ASSERT_EQUAL(action_word((Fusuma__V1__IncidentActionKind) 99), W_ACT_OTHER);
}

/* ---- text ---- */

static char *
through(void (*put)(struct ds *, const char *), const char *text)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "");
    put(&s, text);
    return ds_steal_cstr(&s);
}

static void
test_hostile_text_is_shown(void)
{
    expect(through(put_clean, "sato"), "sato");
    expect(through(put_clean, "佐藤 愛子 é 😀"), "佐藤 愛子 é 😀");
    expect(through(put_clean, "a\x1b[31m\r\n\x7f"), "a[U+001B][31m[U+000D][U+000A][U+007F]");
    expect(through(put_clean, "a\u202egnp\u2066\u200b\ufeff"),
           "a[U+202E]gnp[U+2066][U+200B][U+FEFF]");
    expect(through(put_clean, "\xc2\x85\xe2\x80\xa8"), "[U+0085][U+2028]");
    /* Cut short, overlong, a surrogate, beyond the last one, a lone one. */
    expect(through(put_clean, "\xe4\xbd"), "[0xE4][0xBD]");
    expect(through(put_clean, "\xc0\xaf\xe0\x80\xaf"), "[0xC0][0xAF][0xE0][0x80][0xAF]");
    expect(through(put_clean, "\xed\xa0\x80"), "[0xED][0xA0][0x80]");
    expect(through(put_clean, "\xf4\x90\x80\x80\xff"), "[0xF4][0x90][0x80][0x80][0xFF]");
    expect(through(put_clean, "gr\xfc\xdf"), "gr[0xFC][0xDF]");
    expect(through(put_clean, NULL), "");
}

static void
test_escapes(void)
{
    expect(through(put_html, "<a href=\"x\" b='y'>&amp;</a>"),
           "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
    expect(through(put_markdown, "a|b"), "a&#124;b");
    expect(through(put_markdown, "<b>*_`#"), "&#60;b&#62;&#42;&#95;&#96;&#35;");
    expect(through(put_markdown, "[x](http://e) www.e @me"),
           "&#91;x&#93;(http&#58;//e) &#119;ww.e &#64;me");
    expect(through(put_markdown, "a\nb\u202e"), "a&#91;U+000A&#93;b&#91;U+202E&#93;");
    expect(through(put_markdown, "tcp/445 smb, 10:02:11"), "tcp/445 smb, 10:02:11");
}

static void
test_drawn_text_is_cut(void)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    CU_ASSERT_EQUAL(put_svg(&s, "abcdef", 6), 6);
    ds_put_char(&s, ' ');
    CU_ASSERT_EQUAL(put_svg(&s, "abcdefg", 6), 6);
    ds_put_char(&s, ' ');
    CU_ASSERT_EQUAL(put_svg(&s, "佐藤愛子", 6), 5);
    ds_put_char(&s, ' ');
    CU_ASSERT_EQUAL(put_svg(&s, "<&", 6), 2);
    expect_text(ds_cstr(&s), "abcdef abcde… 佐藤… &lt;&amp;");
    ds_destroy(&s);
}

static void
test_numbers(void)
{
    expect(number_text(0), "0");
    expect(number_text(999), "999");
    expect(number_text(1000), "1,000");
    expect(number_text(UINT64_MAX), "18,446,744,073,709,551,615");
    expect(bytes_text(999), "999 B");
    expect(bytes_text(1000), "1.0 kB");
    expect(bytes_text(48233011), "48 MB");
    expect(bytes_text(999600), "1.0 MB");
    expect(bytes_text(UINT64_MAX), "18 EB");
}

static Google__Protobuf__Timestamp
at(int64_t seconds, int nanos)
{
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    t.seconds = seconds;
    t.nanos = nanos;
    return t;
}

static void
test_times(void)
{
    Google__Protobuf__Timestamp t = at(1795514531, 123456789), next = at(1795514531 + 86400, 0);
    Google__Protobuf__Timestamp far = at(INT64_MAX, INT32_MIN), low = at(INT64_MIN, -1);

    expect(stamp_text(&t), "2026-11-24 10:02:11");
    expect(exact_text(&t), "2026-11-24 10:02:11.123");
    expect(clock_text(&t), "10:02:11");
    expect(date_text(&t), "2026-11-24");
    CU_ASSERT(same_day(&t, &t));
    CU_ASSERT_FALSE(same_day(&t, &next));
    expect(stamp_text(NULL), "");
    expect(exact_text(&far), "");
    expect(exact_text(&low), "");
    CU_ASSERT_EQUAL(time_ns(&far), 0);
    CU_ASSERT_EQUAL(time_ns(&t), INT64_C(1795514531123456789));
}

/* ---- packets ---- */

static const uint8_t syn[] = { 2,    0, 0,    0, 0,  1,    2, 0, 0,  0,  0, 7,    0x81,
                               0,    0, 10,   8, 0,  0x45, 0, 0, 44, 0,  1, 0x40, 0,
                               128,  6, 0,    0, 10, 0,    0, 7, 10, 0,  0, 9,    0xc3,
                               0x50, 1, 0xbd, 0, 0,  0,    1, 0, 0,  0,  0, 0x60, 2,
                               1,    0, 0,    0, 0,  0,    2, 4, 5,  180 };

static void
test_packets_in_words(void)
{
    static const uint8_t arp[] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0,  7, 8, 6,
                                   0,   1,   8,   0,   6,   4,   0, 1, 2, 0, 0,  0, 0, 7,
                                   10,  0,   0,   7,   0,   0,   0, 0, 0, 0, 10, 0, 0, 9 };
    uint8_t odd[sizeof syn];

    expect(packet_text(syn, sizeof syn),
           "VLAN 10, IPv4, ttl 128, TCP 50000 > 445 SYN: 4500 002c 0001 4000 8006 0000 0a00 0007 "
           "0a00 0009 c350 01bd 0000 0001 0000 0000 6002 0100 0000 0000 ...");
    expect(packet_text(arp, sizeof arp),
           "ARP, who has 10.0.0.9? tell 10.0.0.7: 0001 0800 0604 0001 0200 0000 0007 0a00 0007 "
           "0000 0000 0000 0a00 0009");
    expect(packet_text(syn, 13), "");
    expect(packet_text(NULL, 0), "");
    /* A header that is longer than the packet. */
    memcpy(odd, syn, sizeof syn);
    odd[18] = 0x4f;
    odd[27] = 17;
    expect(packet_text(odd, 40), "VLAN 10, IPv4, ttl 128, UDP: 4f00 002c 0001 4000 8011 0000 0a00 "
                                 "0007 0a00 0009 c350");
}

/* Each length and each damage, in a block of exactly that size, for the sanitizers to watch. */
static void
test_packets_cut_short(void)
{
    static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806, 0x8100, 0x88cc };

    for (size_t n = 0; n <= sizeof syn; n++) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
            uint8_t *copy = malloc(n + !n);

            CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
            memcpy(copy, syn, n);
            if (n >= 14) {
                copy[12] = types[i] >> 8;
                copy[13] = types[i] & 0xff;
            }
            free(packet_text(copy, n));
            free(copy);
        }
    }
}

/* ---- reports ---- */

static void
expect_whole(char *text)
{
    char digest[REPORT_DIGEST_LEN + 1];
    size_t n = strlen(text);

    CU_ASSERT(report_digest(text, digest));
    CU_ASSERT_EQUAL(strlen(digest), REPORT_DIGEST_LEN);
    CU_ASSERT_EQUAL(text[n - 1], '\n');
    text[n / 2] ^= 1;
    CU_ASSERT_FALSE(report_digest(text, digest));
    free(text);
}

static void
test_a_report_of_nothing(void)
{
    Fusuma__V1__IncidentReport report = FUSUMA__V1__INCIDENT_REPORT__INIT;
    Fusuma__V1__Incident incident = FUSUMA__V1__INCIDENT__INIT;
    Fusuma__V1__PivotIncidentResponse *keys = report_pivot(&report);

    CU_ASSERT_EQUAL(keys->n_peers, 0);
    fusuma__v1__pivot_incident_response__free_unpacked(keys, NULL);
    for (int i = 0; i < 2; i++) {
        for (int language = 0; language < N_REPORT_LANGUAGES; language++) {
            expect_whole(report_html(&report, language));
            expect_whole(report_markdown(&report, language));
        }
        expect_whole(report_json(&report));
        report.incident = &incident;
    }
}

static void
test_digests(void)
{
    char digest[REPORT_DIGEST_LEN + 1];

    CU_ASSERT(report_digest("a\n"
                            "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7\n",
                            digest)); /* printf 'a\n' | sha256sum */
    CU_ASSERT_FALSE(report_digest("", digest));
    CU_ASSERT_FALSE(report_digest("a\nb\n", digest));
    CU_ASSERT_FALSE(report_digest(
        "a\n87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c70\n", digest));
}

/* Times that lie, numbers that do not fit: what a damaged state could hold. */
static void
test_a_report_of_nonsense(void)
{
    Fusuma__V1__IncidentReport report = FUSUMA__V1__INCIDENT_REPORT__INIT;
    Fusuma__V1__Incident incident = FUSUMA__V1__INCIDENT__INIT;
    Fusuma__V1__IncidentTarget target = FUSUMA__V1__INCIDENT_TARGET__INIT, *targets[300];
    Fusuma__V1__IncidentAction action = FUSUMA__V1__INCIDENT_ACTION__INIT, *actions[300];
    Google__Protobuf__Timestamp late = at(4102444799, 999999999), early = at(0, 1);
    Google__Protobuf__Timestamp never = at(INT64_MAX, -7);

    target.first_seen = &never;
    action.time = &late;
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        targets[i] = &target;
        actions[i] = &action;
    }
    incident.first_seen = &late;
    incident.last_seen = &early;
    incident.targets = targets;
    incident.n_targets = ARRAY_SIZE(targets);
    incident.actions = actions;
    incident.n_actions = ARRAY_SIZE(actions);
    incident.distinct_targets = 3; /* fewer than are listed */
    incident.packets = UINT64_MAX;
    report.incident = &incident;
    for (int i = 0; i < 2; i++) {
        expect_whole(report_html(&report, REPORT_ENGLISH));
        expect_whole(report_markdown(&report, REPORT_JAPANESE));
        incident.first_seen = &early;
        incident.last_seen = &late;
    }
}

static void
test_answers(void)
{
    Fusuma__V1__IncidentReport report = FUSUMA__V1__INCIDENT_REPORT__INIT;
    Fusuma__V1__GetIncidentReportRequest request = FUSUMA__V1__GET_INCIDENT_REPORT_REQUEST__INIT;
    Fusuma__V1__GetIncidentReportResponse *answer;
    char *error = NULL;

    CU_ASSERT_PTR_NULL(report_answer(&report, &request, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    expect(error, "format: neither HTML, MARKDOWN nor JSON");
    request.format = FUSUMA__V1__REPORT_FORMAT__REPORT_FORMAT_HTML;
    request.language = CONST_CAST(char *, "fr");
    CU_ASSERT_PTR_NULL(report_answer(&report, &request, &error));
    expect(error, "language: 'fr' is neither en nor ja");
    request.language = CONST_CAST(char *, "ja");
    answer = report_answer(&report, &request, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer->text, "<html lang=\"ja\">"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer->text, answer->sha256));
    expect_text(answer->media_type, "text/html; charset=utf-8");
    fusuma__v1__get_incident_report_response__free_unpacked(answer, NULL);
}

int
main(void)
{
    CU_pSuite suite;
    unsigned failures;

    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    suite = CU_add_suite("report", NULL, NULL);
    CU_ADD_TEST(suite, test_every_word_is_in_both_languages);
    CU_ADD_TEST(suite, test_every_reason_is_explained);
    CU_ADD_TEST(suite, test_enums_have_words);
    CU_ADD_TEST(suite, test_hostile_text_is_shown);
    CU_ADD_TEST(suite, test_escapes);
    CU_ADD_TEST(suite, test_drawn_text_is_cut);
    CU_ADD_TEST(suite, test_numbers);
    CU_ADD_TEST(suite, test_times);
    CU_ADD_TEST(suite, test_packets_in_words);
    CU_ADD_TEST(suite, test_packets_cut_short);
    CU_ADD_TEST(suite, test_a_report_of_nothing);
    CU_ADD_TEST(suite, test_digests);
    CU_ADD_TEST(suite, test_a_report_of_nonsense);
    CU_ADD_TEST(suite, test_answers);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures ? 1 : 0;
}
