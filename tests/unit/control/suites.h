/* The suites of test_control, and what they share. */
#ifndef TESTS_CONTROL_SUITES_H
#define TESTS_CONTROL_SUITES_H 1

#include <CUnit/CUnit.h>

#include "fusuma/v1/port.pb-c.h"

CU_SuiteInfo bindings_suite(void);
CU_SuiteInfo access_suite(void);
CU_SuiteInfo audit_log_suite(void);
CU_SuiteInfo config_suite(void);
CU_SuiteInfo conn_filter_suite(void);
CU_SuiteInfo desired_suite(void);
CU_SuiteInfo drop_message_suite(void);
CU_SuiteInfo incident_suite(void);
CU_SuiteInfo learned_suite(void);
CU_SuiteInfo limits_suite(void);
CU_SuiteInfo lint_facts_suite(void);
CU_SuiteInfo message_suite(void);
CU_SuiteInfo metrics_suite(void);
CU_SuiteInfo object_log_suite(void);
CU_SuiteInfo objects_suite(void);
CU_SuiteInfo port_spec_suite(void);
CU_SuiteInfo publish_suite(void);
CU_SuiteInfo publish_memory_suite(void);
CU_SuiteInfo refresh_suite(void);
CU_SuiteInfo quarantines_suite(void);
CU_SuiteInfo request_ids_suite(void);
CU_SuiteInfo sets_suite(void);
CU_SuiteInfo sights_suite(void);
CU_SuiteInfo slots_suite(void);
CU_SuiteInfo state_damage_suite(void);
CU_SuiteInfo sessions_suite(void);
CU_SuiteInfo state_policy_suite(void);
CU_SuiteInfo state_text_suite(void);
CU_SuiteInfo state_schema_suite(void);
CU_SuiteInfo state_suite(void);
CU_SuiteInfo vlan_suite(void);

/* Asserts that the texts are equal, and shows both when they are not. */
void expect_text(const char *got, const char *want);

/* A PortSpec with room for what a test changes in it (specs.c). */
struct test_spec {
    Fusuma__V1__PortSpec spec;
    Fusuma__V1__VhostUser vhost;
    Fusuma__V1__AfPacket af_packet;
    Fusuma__V1__Ethdev ethdev;
    Fusuma__V1__StormLimits storm;
    Fusuma__V1__PortSpec__LabelsEntry labels[2], *label_pointers[2];
    char *ips[4];
    char name[64], mac[18], ip[16], socket[128];
};

/* Desktop "desk'n'": MAC 02:00:00:00:00:'n', address 10.0.0.'n', socket "desk'n'.sock", user alice,
 * label pool=sales.  It points into itself. */
void spec_desktop(struct test_spec *, unsigned n);
/* The port of a spec that must be good, its sockets taken from RUN_DIR; the caller's. */
#define RUN_DIR "/run/fusuma"
struct desired_port *spec_created(const struct test_spec *);
/* Uplink "up'n'" on the kernel interface "eth'n'". */
void spec_uplink(struct test_spec *, unsigned n);

#endif
