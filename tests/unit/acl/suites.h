/* The suites of test_acl, and what they share. */
#ifndef TESTS_ACL_SUITES_H
#define TESTS_ACL_SUITES_H 1

#include <CUnit/CUnit.h>
#include <stdint.h>

extern CU_TestInfo addr_tests[], classes_tests[], table_tests[], policy_tests[], compile_tests[],
    memory_tests[], model_tests[], noise_tests[], explain_tests[], lint_tests[], diff_tests[],
    random_tests[], like_tests[], bodies_tests[], yaml_tests[], recommend_tests[], lists_tests[];
int noise_setup(void), noise_teardown(void);
int recommend_setup(void), recommend_teardown(void);

/* A fixed sequence (xorshift64), so that a failure repeats. */
uint64_t test_random(void);
uint32_t test_below(uint32_t n);

#endif
