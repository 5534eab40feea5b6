/* Unit tests of the journal of flows: the store, the file, and what connections have carried. */
#include <config.h>

#include <stdio.h>

#include <CUnit/Basic.h>
#include <rte_eal.h>

#include "tests/unit/telemetry/flow_suites.h"

int
main(void)
{
    char *argv[] = { "test",     "--no-huge",     "--no-shconf",    "-m", "64",
                     "--no-pci", "--log-level=4", "--no-telemetry", NULL };
    int failed;

    if (rte_eal_init(8, argv) < 0 || CU_initialize_registry()) {
        fprintf(stderr, "EAL or CUnit does not start\n");
        return 1;
    }
    CU_SuiteInfo suites[] = { flow_store_suite(), flow_disk_suite(), flow_account_suite(),
                              CU_SUITE_INFO_NULL };
    if (CU_register_suites(suites)) {
        return 1;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures() || CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    rte_eal_cleanup();
    return failed;
}
