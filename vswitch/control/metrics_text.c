#include <config.h>

#include "control/metrics_text.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"

void
metrics_family(struct ds *s, const char *name, enum metrics_type type, const char *help)
{
    ds_put_format(s, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                  type == METRICS_COUNTER ? "counter" : "gauge");
}

static void
put_quoted(struct ds *s, const char *value)
{
    ds_put_char(s, '"');
    for (; *value; value++) {
        if (*value == '\n') {
            ds_put_cstr(s, "\\n");
        } else {
            if (*value == '"' || *value == '\\') {
                ds_put_char(s, '\\');
            }
            ds_put_char(s, *value);
        }
    }
    ds_put_char(s, '"');
}

static void
put_head(struct ds *s, const char *name, const char *const *labels)
{
    const char *between = "{";

    ds_put_cstr(s, name);
    for (; labels && *labels; labels += 2) {
        ds_put_format(s, "%s%s=", between, labels[0]);
        put_quoted(s, labels[1]);
        between = ",";
    }
    ds_put_cstr(s, *between == ',' ? "} " : " ");
}

void
metrics_sample(struct ds *s, const char *name, const char *const *labels, uint64_t value)
{
    put_head(s, name, labels);
    ds_put_format(s, "%" PRIu64 "\n", value);
}

void
metrics_sample_seconds(struct ds *s, const char *name, const char *const *labels, double seconds)
{
    put_head(s, name, labels);
    ds_put_format(s, "%.6f\n", seconds);
}

void
metrics_one(struct ds *s, const char *name, enum metrics_type type, const char *help,
            uint64_t value)
{
    metrics_family(s, name, type, help);
    metrics_sample(s, name, NULL, value);
}
