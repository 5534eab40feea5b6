/* The text of metrics. */
#include <config.h>

#include <stdlib.h>

#include "control/metrics_text.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static void
test_families(void)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    metrics_family(&s, "a_total", METRICS_COUNTER, "How many.");
    metrics_sample(&s, "a_total", METRICS_LABELS("port", "d1"), 0);
    metrics_sample(&s, "a_total", METRICS_LABELS("port", "d2", "reason", "vlan"), UINT64_MAX);
    metrics_one(&s, "b", METRICS_GAUGE, "A level.", 1);
    metrics_sample_seconds(&s, "c", NULL, 1795843593.25);
    expect_text(ds_cstr(&s), "# HELP a_total How many.\n"
                             "# TYPE a_total counter\n"
                             "a_total{port=\"d1\"} 0\n"
                             "a_total{port=\"d2\",reason=\"vlan\"} 18446744073709551615\n"
                             "# HELP b A level.\n"
                             "# TYPE b gauge\n"
                             "b 1\n"
                             "c 1795843593.250000\n");
    ds_destroy(&s);
}

/* A name may hold what means something in the text. */
static void
test_quotes(void)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    metrics_sample(&s, "a", METRICS_LABELS("rule", "x\"} 1\nb{y=\"\\", "p", ""), 7);
    expect_text(ds_cstr(&s), "a{rule=\"x\\\"} 1\\nb{y=\\\"\\\\\",p=\"\"} 7\n");
    ds_destroy(&s);
}

CU_SuiteInfo
metrics_suite(void)
{
    static CU_TestInfo tests[] = {
        { "families, labels, values", test_families },
        { "labels are quoted", test_quotes },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "metrics", .pTests = tests };
}
