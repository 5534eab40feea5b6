/* Unit tests of swctl relay: what is delivered, and where it goes on. */
#include <config.h>

#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tests/unit/relay/suites.h"

void
expect_text(const char *got, const char *want)
{
    bool same = got && !strcmp(got, want);

    CU_ASSERT_TRUE(same);
    if (!same) {
        fprintf(stderr, "\n    got  %s\n    want %s\n", got ? got : "(nothing)", want);
    }
}

json_t *
expect_json(const struct relay_event *e)
{
    json_t *json = json_loads(e->json, JSON_REJECT_DUPLICATES, NULL);

    CU_ASSERT_PTR_NOT_NULL(json);
    CU_ASSERT_PTR_NULL(strpbrk(e->json, "\r\n"));
    return json;
}

void
expect_at(const struct relay_event *e, const char *path, const char *want)
{
    json_t *root = expect_json(e), *at = root;
    char *text;

    while (at && *path) {
        size_t n = strcspn(path, ".");

        at = json_object_getn(at, path, n);
        path += n + (path[n] == '.');
    }
    text = at ? json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("(nothing)");
    expect_text(text, want);
    free(text);
    json_decref(root);
}

int
main(void)
{
    CU_SuiteInfo suites[] = {
        community_id_suite(), config_suite(), cursor_suite(), ecs_suite(),        gather_suite(),
        mail_suite(),         spawn_suite(),  syslog_suite(), CU_SUITE_INFO_NULL,
    };
    bool passed;

    signal(SIGPIPE, SIG_IGN); /* as the relay does */
    setlocale(LC_CTYPE, "C.UTF-8");
    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
        return EXIT_FAILURE;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    passed = !CU_get_number_of_failures() && !CU_get_number_of_suites_failed() &&
             CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
