/* All metrics as text: the copy, and what any thread may read at that moment. */
#ifndef CONTROL_METRICS_WRITE_H
#define CONTROL_METRICS_WRITE_H 1

#include "control/metrics_copy.h"

/* From malloc(), NUL-terminated.  Any thread that is no worker; while the packet path and the drop
 * log are there. */
char *metrics_write(const struct metrics_copy *);

#endif
