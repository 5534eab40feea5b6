/* The suites of test_telemetry. */
#ifndef UNIT_TELEMETRY_SUITES_H
#define UNIT_TELEMETRY_SUITES_H 1

#include <CUnit/CUnit.h>

CU_SuiteInfo detect_suite(void);
CU_SuiteInfo drop_log_suite(void);

#endif
