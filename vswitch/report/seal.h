/* The last line of a report: the digest of what stands before it. */
#ifndef REPORT_SEAL_H
#define REPORT_SEAL_H 1

#include "openvswitch/dynamic-string.h"

/* Appends 'before', the digest of all that is in 's' so far, and 'after', which must be one line,
 * and a newline.  's' ends with a newline. */
void seal(struct ds *, const char *before, const char *after);

#endif
