/* The format.  tests/system/pcapng.py reads whole files by the specification. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "capture/describe.h"
#include "capture/pcapng.h"
#include "openvswitch/ofpbuf.h"
#include "telemetry/reasons.h"
#include "tests/unit/capture/suites.h"
#include "util.h"

static struct ofpbuf b;

static int
open_suite(void)
{
    ofpbuf_init(&b, 0);
    return 0;
}

static int
close_suite(void)
{
    ofpbuf_uninit(&b);
    return 0;
}

static void
put_packet(const char *data, uint32_t n, const char *comment)
{
    const struct pcapng_packet p = { .time_ns = 0x0102030405060708,
                                     .data = data,
                                     .captured = n,
                                     .length = n + 1,
                                     .outbound = true,
                                     .comment = comment };

    pcapng_packet(&b, &p);
}

static void
test_packet(void)
{
    static const uint32_t expected[] = { 6,      60,          0,          0x01020304, 0x05060708,
                                         5,      6,           0x64636261, 0x65,       2 << 16 | 1,
                                         0x6968, 4 << 16 | 2, 2,          0,          60 };

    ofpbuf_clear(&b);
    put_packet("abcde", 5, "hi");
    CU_ASSERT_EQUAL_FATAL(b.size, sizeof expected);
    CU_ASSERT_FALSE(memcmp(b.data, expected, sizeof expected));
}

/* A file of 'n' packets, with or without its end, and then 'more' bytes. */
static struct pcapng_whole
look_at(int n, bool ended, size_t more)
{
    const struct pcapng_statistics s = { .received = n };
    char name[] = "/tmp/pcapng.XXXXXX", data[70000];
    int fd = mkstemp(name);
    struct pcapng_whole whole = { .packets = UINT64_MAX };

    memset(data, 'x', sizeof data);
    ofpbuf_clear(&b);
    pcapng_section(&b, "test", "");
    pcapng_interface(&b, "d1", "a desktop", 65535);
    for (int i = 0; i < n; i++) {
        put_packet(data, i % 65536, "to d2");
    }
    if (ended) {
        pcapng_statistics(&b, &s);
        CU_ASSERT_EQUAL(((const uint32_t *) b.data)[b.size / 4 - 1], PCAPNG_STATISTICS_SIZE);
    }
    CU_ASSERT_EQUAL(write(fd, b.data, b.size), (ssize_t) b.size);
    CU_ASSERT_EQUAL(write(fd, b.data, more), (ssize_t) more);
    CU_ASSERT_TRUE(pcapng_look(fd, &whole));
    close(fd);
    unlink(name);
    return whole;
}

static void
test_look(void)
{
    struct pcapng_whole w = look_at(0, false, 0);

    CU_ASSERT(w.packets == 0 && w.bytes == b.size && !w.ended);
    w = look_at(3000, false, 0); /* longer than what is read at once */
    CU_ASSERT(w.packets == 3000 && w.bytes == b.size && !w.ended);
    w = look_at(3000, true, 0);
    CU_ASSERT(w.packets == 3000 && w.bytes == b.size && w.ended);
    for (size_t more = 1; more < 28; more++) { /* within a block */
        w = look_at(3, false, more);
        CU_ASSERT(w.packets == 3 && w.bytes == b.size && !w.ended);
    }
}

/* No length is believed, and none leads in circles. */
static void
test_look_at_rubbish(void)
{
    static const uint32_t rubbish[][4] = { { 6, 0, 0, 0 },    { 6, 8, 8, 8 },   { 6, 13, 0, 13 },
                                           { 6, ~0u, 0, 16 }, { 6, 16, 0, 12 }, { 6, 20, 0, 20 } };

    for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
        char name[] = "/tmp/pcapng.XXXXXX";
        int fd = mkstemp(name);
        struct pcapng_whole w;

        CU_ASSERT_EQUAL(write(fd, rubbish[i], 16), 16);
        CU_ASSERT_TRUE(pcapng_look(fd, &w));
        CU_ASSERT(!w.bytes && !w.packets);
        close(fd);
        unlink(name);
    }
}

/* A long text is cut short between characters. */
static void
test_long_comment(void)
{
    char text[PCAPNG_TEXT_MAX + 3];
    const uint16_t *option;

    memset(text, 'x', sizeof text);
    strcpy(text + PCAPNG_TEXT_MAX - 1, "\xc3\xa4");
    ofpbuf_clear(&b);
    put_packet("", 0, text);
    option = (const uint16_t *) ((const char *) b.data + 28);
    CU_ASSERT_EQUAL(option[0], 1);
    CU_ASSERT_EQUAL(option[1], PCAPNG_TEXT_MAX - 1);
}

static const struct {
    struct capture_record record;
    const char *peer, *rule, *text;
} words[] = {
    { { .outcome = CAPTURED_PASSED, .n_to = 1 }, "up0", "", "to up0" },
    { { .outcome = CAPTURED_PASSED, .n_to = 4 }, "up0", "", "to up0 and 3 more" },
    { { .outcome = CAPTURED_PASSED, .to_port = true }, "d2", "", "from d2" },
    { { .outcome = CAPTURED_PASSED, .to_port = true }, "", "", "from a port that is gone" },
    { { .outcome = CAPTURED_PASSED, .to_port = true, .made = true },
      "d2",
      "",
      "made by the switch" },
    { { .outcome = CAPTURED_ANSWERED }, "", "", "answered by the switch" },
    { { .outcome = CAPTURED_CONSUMED }, "", "", "taken in by the switch" },
    { { .outcome = CAPTURED_DROPPED, .reason = DROP_SPOOF_IP }, "", "", "dropped: spoof-ip" },
    { { .outcome = CAPTURED_DROPPED, .reason = DROP_EGRESS_RULE },
      "d2",
      "smb-block",
      "dropped: egress-rule, rule smb-block, for d2" },
    { { .outcome = CAPTURED_DROPPED, .reason = DROP_INGRESS_DEFAULT, .to_port = true },
      "d1",
      "default-ingress",
      "dropped: ingress-default, from d1" },
    { { .outcome = CAPTURED_TX_DROPPED, .reason = TX_DROP_FULL },
      "up0",
      "",
      "dropped: tx-full, for up0" },
    { { .outcome = CAPTURED_TX_DROPPED, .reason = TX_DROP_DOWN, .to_port = true, .made = true },
      "d1",
      "",
      "dropped: tx-down, made by the switch" },
};

static void
test_words(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct ds s = DS_EMPTY_INITIALIZER;

        capture_describe(&s, &words[i].record, words[i].peer, words[i].rule);
        CU_ASSERT_STRING_EQUAL(ds_cstr(&s), words[i].text);
        ds_destroy(&s);
    }
}

void
suite_pcapng(void)
{
    CU_pSuite s = CU_add_suite("pcapng", open_suite, close_suite);

    CU_add_test(s, "a packet, byte by byte", test_packet);
    CU_add_test(s, "what of a file is whole", test_look);
    CU_add_test(s, "... of rubbish, nothing", test_look_at_rubbish);
    CU_add_test(s, "a long comment", test_long_comment);
    CU_add_test(s, "what became of it, in words", test_words);
}
