/* Times on the command line, and in tables. */
#ifndef CTL_TIME_H
#define CTL_TIME_H 1

#include <stdbool.h>

#include "ctl/options.h"
#include "google/protobuf/timestamp.pb-c.h"

/* The option's value: "2026-11-28", "2026-11-28T10:30", "...:15", "10:30" of today, with a Z in UTC
 * and else local; or how long ago, "90s", "30m", "2h", "3d".  '*t' points to '*at' then, and is
 * NULL when it was not given.  False, and the user has been told: it is none of these. */
bool time_from_args(const struct args *, enum option_id, Google__Protobuf__Timestamp *at,
                    Google__Protobuf__Timestamp **t);
/* "2026-11-28 10:30:15", local; 'otherwise' for NULL.  The caller's to free. */
char *time_text(const Google__Protobuf__Timestamp *, const char *otherwise);

#endif
