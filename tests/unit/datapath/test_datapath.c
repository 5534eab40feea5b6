/* Unit tests of the packet path: parse, checksums, connections, FDB, guard, and the pipeline as a
 * whole between two ports that live in memory. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/Basic.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "tests/unit/datapath/suites.h"

struct rte_mempool *test_pool;

int
main(void)
{
    char *argv[] = { "test",     "--no-huge",     "--no-shconf",    "-m", "256",
                     "--no-pci", "--log-level=4", "--no-telemetry", NULL };
    unsigned failed;

    if (rte_eal_init(8, argv) < 0) {
        fprintf(stderr, "EAL does not start\n");
        return 1;
    }
    test_pool =
        rte_pktmbuf_pool_create("test", 8191, 64, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    if (!test_pool || CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "no memory for the tests\n");
        return 1;
    }
    suite_parse();
    suite_capture();
    suite_conn();
    suite_tcp();
    suite_fdb();
    suite_pipeline();
    suite_learn();
    suite_arp();
    suite_audit();
    suite_vlan();
    suite_quarantine();
    suite_reject();
    suite_storm();
    suite_mcast();
    suite_mcast_table();
    suite_snoop();
    suite_dhcp();
    suite_nd();
    suite_trace();
    suite_rota();
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    rte_mempool_free(test_pool);
    rte_eal_cleanup();
    return failed != 0;
}
