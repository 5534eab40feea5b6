/* The suites of test_flows, and what they share. */
#ifndef UNIT_TELEMETRY_FLOW_SUITES_H
#define UNIT_TELEMETRY_FLOW_SUITES_H 1

#include <CUnit/CUnit.h>

#include "telemetry/flow_store.h"

CU_SuiteInfo flow_store_suite(void);
CU_SuiteInfo flow_disk_suite(void);
CU_SuiteInfo flow_account_suite(void);

/* A flow of 10.0.0.n with the desktop 'port' in the hour, one more packet of 100 bytes, told at
 * 'ns'. */
void flow_add(struct flow_store *, const char *port, uint32_t n, uint32_t hour, uint64_t ns);
/* The one flow of 10.0.0.n with the port; zeroed when there is not exactly one. */
struct flow_row flow_of(const struct flow_store *, const char *port, uint32_t n);

#endif
