/* Unit tests of what port/ does without a port: segmentation and socket paths. */
#include <config.h>

#include <CUnit/Basic.h>

#include "tests/unit/port/suites.h"

int
main(void)
{
    unsigned failed;

    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    suite_gso();
    suite_unix_socket();
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed != 0;
}
