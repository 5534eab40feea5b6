#include <config.h>

#include <CUnit/Basic.h>
#include <stdbool.h>

#include "suites.h"

uint64_t
test_random(void)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

uint32_t
test_below(uint32_t n)
{
    return (uint32_t) ((test_random() >> 32) * n >> 32);
}

int
main(void)
{
    CU_SuiteInfo suites[] = {
        { "addresses", NULL, NULL, NULL, NULL, addr_tests },
        { "classes", NULL, NULL, NULL, NULL, classes_tests },
        { "tables", NULL, NULL, NULL, NULL, table_tests },
        { "bodies of lookups", NULL, NULL, NULL, NULL, bodies_tests },
        { "readers of YAML", NULL, NULL, NULL, NULL, yaml_tests },
        { "policy text", NULL, NULL, NULL, NULL, policy_tests },
        { "compiler", NULL, NULL, NULL, NULL, compile_tests },
        { "why not", NULL, NULL, NULL, NULL, explain_tests },
        { "what a policy means", NULL, NULL, NULL, NULL, model_tests },
        { "noise of healthy desktops", noise_setup, noise_teardown, NULL, NULL, noise_tests },
        { "lists of a quarantine", NULL, NULL, NULL, NULL, lists_tests },
        { "policies like another one", NULL, NULL, NULL, NULL, like_tests },
        { "what is strange about policies", NULL, NULL, NULL, NULL, lint_tests },
        { "differences of policies", NULL, NULL, NULL, NULL, diff_tests },
        { "lint and diff against the tables", NULL, NULL, NULL, NULL, random_tests },
        { "recommendations", recommend_setup, recommend_teardown, NULL, NULL, recommend_tests },
        { "memory", NULL, NULL, NULL, NULL, memory_tests },
        CU_SUITE_INFO_NULL,
    };
    bool failed = true;

    if (CU_initialize_registry() == CUE_SUCCESS && CU_register_suites(suites) == CUE_SUCCESS) {
        CU_basic_set_mode(CU_BRM_NORMAL);
        CU_basic_run_tests();
        failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
    }
    CU_cleanup_registry();
    return failed;
}
