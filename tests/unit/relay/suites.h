/* The suites of test_relay, and what they share. */
#ifndef TESTS_RELAY_SUITES_H
#define TESTS_RELAY_SUITES_H 1

#include <CUnit/CUnit.h>
#include <jansson.h>

#include "ctl/relay/ecs.h"

CU_SuiteInfo community_id_suite(void);
CU_SuiteInfo config_suite(void);
CU_SuiteInfo cursor_suite(void);
CU_SuiteInfo ecs_suite(void);
CU_SuiteInfo gather_suite(void);
CU_SuiteInfo mail_suite(void);
CU_SuiteInfo spawn_suite(void);
CU_SuiteInfo syslog_suite(void);

/* Asserts that the texts are equal, and shows both when they are not. */
void expect_text(const char *got, const char *want);
/* The event's JSON: it is one line, and valid.  The caller's to free. */
json_t *expect_json(const struct relay_event *);
/* What is at a path of keys ("event.id"), as JSON: "\"text\"", "7", "(nothing)". */
void expect_at(const struct relay_event *, const char *path, const char *want);

/* samples.c: messages as the switch sends them; static, and the same each time. */
extern const struct relay_observer sample_observer;
Fusuma__V1__DropRecord *sample_record(void); /* TCP from d1 to d2 */
Fusuma__V1__Incident *sample_incident(void); /* 7, revision 40, of d1 */
/* A packed and unpacked copy, as it comes from a stream. */
Fusuma__V1__WatchEvent *watch_event(Fusuma__V1__WatchEventType, const Fusuma__V1__Incident *,
                                    const Fusuma__V1__QuarantineState *);

#endif
