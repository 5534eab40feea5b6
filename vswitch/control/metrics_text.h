/* The text format of Prometheus, version 0.0.4: families of samples. */
#ifndef CONTROL_METRICS_TEXT_H
#define CONTROL_METRICS_TEXT_H 1

#include <stdint.h>

struct ds;

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

/* Begins a family, of which the samples follow at once. */
void metrics_family(struct ds *, const char *name, enum metrics_type, const char *help);
/* A sample.  'labels' are names and values in turn, ended by a NULL name; values are quoted here.
 */
void metrics_sample(struct ds *, const char *name, const char *const *labels, uint64_t value);
void metrics_sample_seconds(struct ds *, const char *name, const char *const *labels,
                            double seconds);
/* A family of one sample without labels. */
void metrics_one(struct ds *, const char *name, enum metrics_type, const char *help,
                 uint64_t value);

/* { "port", "desk1" } and so on, as 'labels'. */
#define METRICS_LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
