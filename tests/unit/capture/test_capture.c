/* Unit tests of captures: the ring, the format, the files and their limits. */
#include <config.h>

#include <CUnit/Basic.h>

#include "openvswitch/vlog.h"
#include "tests/unit/capture/suites.h"

int
main(void)
{
    unsigned failed;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF); /* what is made to fail is no news */
    CU_initialize_registry();
    suite_ring();
    suite_pcapng();
    suite_captures();
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    return failed != 0;
}
