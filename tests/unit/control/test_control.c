/* Unit tests of the control plane: desired state, the configuration file, publishing, hit slots,
 * and drop events as messages. */
#include <config.h>

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <rte_eal.h>

#include "tests/unit/control/suites.h"

void
expect_text(const char *got, const char *want)
{
    bool same = got && !strcmp(got, want);

    CU_ASSERT_TRUE(same);
    if (!same) {
        fprintf(stderr, "\n    got  %s\n    want %s\n", got ? got : "(nothing)", want);
    }
}

static bool
run(void)
{
    CU_SuiteInfo suites[] = {
        message_suite(),      drop_message_suite(), config_suite(),      port_spec_suite(),
        desired_suite(),      learned_suite(),      state_suite(),       state_policy_suite(),
        incident_suite(),     sessions_suite(),     state_text_suite(),  state_schema_suite(),
        state_damage_suite(), slots_suite(),        publish_suite(),     publish_memory_suite(),
        vlan_suite(),         limits_suite(),       conn_filter_suite(), object_log_suite(),
        objects_suite(),      bindings_suite(),     access_suite(),      audit_log_suite(),
        request_ids_suite(),  sets_suite(),         lint_facts_suite(),  sights_suite(),
        refresh_suite(),      metrics_suite(),      quarantines_suite(), CU_SUITE_INFO_NULL,
    };

    if (CU_register_suites(suites) != CUE_SUCCESS) {
        return false;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    return !CU_get_number_of_failures() && !CU_get_number_of_suites_failed() &&
           CU_get_number_of_tests_run();
}

/* Two lcores, for the main thread and a worker, on the first CPU that we may use. */
static bool
start_eal(void)
{
    static char lcores[32];
    static char *argv[] = { "test", "--lcores", lcores,     "--no-huge",     "--no-shconf",
                            "-m",   "256",      "--no-pci", "--log-level=4", "--no-telemetry",
                            NULL };
    cpu_set_t allowed;
    int cpu = 0;

    if (sched_getaffinity(0, sizeof allowed, &allowed)) {
        return false;
    }
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &allowed)) {
        cpu++;
    }
    snprintf(lcores, sizeof lcores, "(0,1)@%d", cpu);
    return rte_eal_init(10, argv) >= 0;
}

int
main(void)
{
    bool ok = false;

    if (!start_eal()) {
        fprintf(stderr, "EAL does not start\n");
        return 1;
    }
    if (CU_initialize_registry() == CUE_SUCCESS) {
        ok = run();
    }
    CU_cleanup_registry();
    rte_eal_cleanup();
    return !ok;
}
