#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/spawn.h"
#include "tests/unit/relay/suites.h"
#include "util.h"

static int
shell(const char *script, const char *input, size_t n, unsigned timeout_ms, char **why)
{
    char *argv[] = { "/bin/sh", "-c", (char *) script, NULL };

    *why = NULL;
    return relay_spawn(argv, input, n, timeout_ms, why);
}

static void
test_status(void)
{
    char *why;

    CU_ASSERT_EQUAL(shell("grep -qx hello", "hello\n", 6, 10000, &why), 0);
    CU_ASSERT_EQUAL(shell("exit 75", "", 0, 10000, &why), 75);
    CU_ASSERT_PTR_NULL(why);
    CU_ASSERT_EQUAL(shell("kill -9 $$", "", 0, 10000, &why), -1);
    CU_ASSERT_STRING_EQUAL(why, "/bin/sh: killed by signal 9");
    free(why);
}

/* What it does not read is no failure, and what is more than a pipe holds arrives whole. */
static void
test_input(void)
{
    size_t n = 1 << 20;
    char *input = xzalloc(n), *why;

    memset(input, 'x', n);
    CU_ASSERT_EQUAL(shell("test $(wc -c) = 1048576", input, n, 10000, &why), 0);
    CU_ASSERT_EQUAL(shell("exec <&-; exit 3", input, n, 10000, &why), 3);
    free(input);
}

/* It is killed with what it has started. */
static void
test_late(void)
{
    char file[] = "/tmp/fusuma-spawn-XXXXXX", *script, *why;
    int fd = mkstemp(file);

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    close(fd);
    script = xasprintf("(sleep 1; echo late >%s) & sleep 60", file);
    CU_ASSERT_EQUAL(shell(script, "", 0, 200, &why), -1);
    CU_ASSERT_STRING_EQUAL(why, "/bin/sh: it took longer than 0.2 s and was killed");
    free(why);
    free(script);
    script = xasprintf("sleep 1.5; test ! -s %s", file);
    CU_ASSERT_EQUAL(shell(script, "", 0, 10000, &why), 0);
    free(script);
    remove(file);
}

static void
test_missing(void)
{
    char *argv[] = { "/nowhere/at/all", NULL }, *why = NULL;

    CU_ASSERT_EQUAL(relay_spawn(argv, "", 0, 1000, &why), -1);
    CU_ASSERT_STRING_EQUAL(why, "/nowhere/at/all: No such file or directory");
    free(why);
}

CU_SuiteInfo
spawn_suite(void)
{
    static CU_TestInfo tests[] = {
        { "exit statuses", test_status },
        { "what is read of the input", test_input },
        { "one that takes too long", test_late },
        { "one that is not there", test_missing },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "programs that are run", .pTests = tests };
}
