#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/config.h"
#include "tests/unit/relay/suites.h"
#include "util.h"

static char path[] = "/tmp/fusuma-relay-config-XXXXXX";

static int
setup(void)
{
    int fd = mkstemp(path);

    return fd < 0 || close(fd);
}

static int
teardown(void)
{
    return unlink(path);
}

static int
read_text(const char *text, struct relay_config **config, char **error)
{
    FILE *f = fopen(path, "w");

    *error = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
    return relay_config_read(path, config, error);
}

static void
test_whole(void)
{
    struct relay_config *c;
    char *error;

    CU_ASSERT_EQUAL_FATAL(
        read_text("switch: host-3\nstate: /s\nheartbeat: 2m\nsinks:\n"
                  "  - { name: a, type: file, what: [incidents, heartbeat], path: /a }\n"
                  "  - { name: b, type: syslog, transport: tls, host: h, ca: /ca, what: [drops],\n"
                  "      facility: authpriv, min_severity: high, start: now, format: text }\n"
                  "  - { name: c, type: syslog, transport: udp, host: h, what: [drops] }\n"
                  "  - { name: d, type: mail, to: [x@y, root], from: f@y, every: 0s,\n"
                  "      what: [quarantine] }\n"
                  "  - { name: e, type: command, argv: [/bin/cat, -v], timeout: 500ms,\n"
                  "      what: [drops] }\n",
                  &c, &error),
        0);
    expect_text(c->switch_name, "host-3");
    CU_ASSERT_EQUAL(c->heartbeat_ms, 120000);
    CU_ASSERT_EQUAL_FATAL(c->n_sinks, 5);
    CU_ASSERT_EQUAL(c->sinks[0].what, 1u << RELAY_INCIDENTS | 1u << RELAY_HEARTBEAT);
    CU_ASSERT_EQUAL(c->sinks[0].min_severity, RELAY_INFO);
    CU_ASSERT_EQUAL(c->sinks[0].start, RELAY_OLDEST);
    CU_ASSERT_EQUAL(c->sinks[1].facility, 10);
    CU_ASSERT_EQUAL(c->sinks[1].min_severity, RELAY_HIGH);
    CU_ASSERT_EQUAL(c->sinks[1].start, RELAY_NOW);
    CU_ASSERT_EQUAL(c->sinks[1].format, RELAY_TEXT);
    expect_text(c->sinks[1].port, "6514");
    expect_text(c->sinks[2].port, "514");
    CU_ASSERT_EQUAL(c->sinks[2].facility, 16);
    CU_ASSERT_EQUAL(c->sinks[3].to.n, 2);
    CU_ASSERT_EQUAL(c->sinks[3].every_ms, 0);
    expect_text(c->sinks[3].sendmail, "/usr/sbin/sendmail");
    expect_text(c->sinks[4].argv.words[1], "-v");
    CU_ASSERT_PTR_NULL(c->sinks[4].argv.words[2]);
    CU_ASSERT_EQUAL(c->sinks[4].timeout_ms, 500);
    relay_config_destroy(c);
}

/* "%s" is the file's name. */
static void
expect_wrong(const char *text, const char *want)
{
    struct relay_config *c = NULL;
    char *whole = xasprintf("%s:%s", path, want), *error;

    CU_ASSERT_EQUAL(read_text(text, &c, &error), EINVAL);
    expect_text(error, whole);
    free(error);
    free(whole);
}

#define SINK(KEYS) "state: /s\nsinks:\n- { name: a, what: [drops], " KEYS " }\n"

static void
test_wrong(void)
{
    expect_wrong("", "1:1: the text is empty");
    expect_wrong("[]", "1:1: a mapping with state and sinks is expected");
    expect_wrong("sinks: []", "1:1: 'state' is missing");
    expect_wrong("state: /s\nsinks: []", "2:8: sinks: a list of 1 to 64 is expected");
    expect_wrong("state: s\n", "1:8: state: 's' is not an absolute path");
    expect_wrong("state: /s\nstate: /t\n", "2:1: duplicate key 'state' (first on line 1)");
    expect_wrong("state: /s\nswitch: a b\n", "2:9: switch: 'a b' is no host's name");
    expect_wrong("state: /s\nheartbeat: 60\n",
                 "2:12: heartbeat: '60' is no time as 500ms, 10s, 5m or 1h");
    expect_wrong("state: /s\nheartbeat: 25h\n", "2:12: heartbeat: '25h' is not from 100ms to "
                                                "86400000ms");
    expect_wrong(SINK("path: /p"), "3:3: 'type' is missing");
    expect_wrong(SINK("type: fil"), "3:35: type: 'fil' is none of file, syslog, webhook, mail, "
                                    "command");
    expect_wrong(SINK("type: file"), "3:3: 'path' is missing");
    expect_wrong(SINK("type: file, path: /p, url: x"),
                 "3:51: 'url' is no key of a sink of this type");
    expect_wrong(SINK("type: file, path: /p, nonsense: x"), "3:51: unknown key 'nonsense'");
    expect_wrong(SINK("type: webhook, url: ftp://x"),
                 "3:49: url: it is not http:// or https:// with a host, and without a password");
    expect_wrong(SINK("type: webhook, url: \"https://me:secret@x/\""),
                 "3:49: url: it is not http:// or https:// with a host, and without a password");
    expect_wrong(SINK("type: webhook, url: \"http://x\", batch: 0"),
                 "3:68: batch: '0' is not from 1 to 1000");
    expect_wrong(SINK("type: syslog, transport: tcp, host: x, ca: /c"),
                 "3:3: ca, cert, key and server_name are for transport: tls");
    expect_wrong(SINK("type: syslog, transport: tls, host: x, ca: /c, key: /k"),
                 "3:3: cert and key go together");
    expect_wrong(SINK("type: syslog, transport: udp, host: x, sd_id: a"),
                 "3:75: sd_id: 'a' is not NAME@NUMBER");
    expect_wrong(SINK("type: command, argv: [cat]"), "3:50: argv: 'cat' is not an absolute path");
    expect_wrong(SINK("type: mail, to: [\"x@y\\nBcc: z@y\"], from: f@y"),
                 "3:45: to: 'x@y?Bcc: z@y' is no address");
    expect_wrong(SINK("type: mail, to: [x@y], from: \"-f@y\""), "3:58: from: '-f@y' is no address");
    expect_wrong(SINK("type: mail, to: [x@y], from: f@y"),
                 "3:20: what: drops are not for mail; incidents sum them up");
    expect_wrong("state: /s\nsinks:\n- { name: ../a, type: file, path: /p, what: [drops] }\n",
                 "3:11: name: '../a' is not 1 to 64 letters, digits, '_', '-', '.'");
    expect_wrong("state: /s\nsinks:\n- { name: a, type: file, path: /p, what: [drops] }\n"
                 "- { name: a, type: file, path: /q, what: [drops] }\n",
                 "4:3: name: 'a' is another sink's, too");
}

/* The example in the documentation. */
static void
test_example(void)
{
    const char *top = getenv("top_srcdir");
    char *file = xasprintf("%s/docs/examples/relay.yaml", top ? top : ".");
    struct relay_config *c;
    char *error = NULL;

    CU_ASSERT_EQUAL(relay_config_read(file, &c, &error), 0);
    if (error) {
        expect_text(error, "");
        free(error);
    } else {
        CU_ASSERT_EQUAL(c->n_sinks, 4);
        relay_config_destroy(c);
    }
    free(file);
}

static void
test_missing(void)
{
    struct relay_config *c;
    char *error;

    CU_ASSERT_EQUAL(relay_config_read("/nowhere", &c, &error), ENOENT);
    expect_text(error, "/nowhere: No such file or directory");
    free(error);
}

CU_SuiteInfo
config_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a whole one", test_whole },
        { "wrong ones", test_wrong },
        { "the documentation's", test_example },
        { "one that is not there", test_missing },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "the relay's configuration",
                           .pInitFunc = setup,
                           .pCleanupFunc = teardown,
                           .pTests = tests };
}
