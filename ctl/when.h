/* Times, as people write and read them. */
#ifndef CTL_WHEN_H
#define CTL_WHEN_H 1

#include "ctl/options.h"
#include "google/protobuf/timestamp.pb-c.h"

/* "2026-11-25 14:00:00 +0900", or nothing; the caller frees it. */
char *when_text(const Google__Protobuf__Timestamp *);
/* A time as RFC 3339 has it, with its zone.  False: it is none. */
bool when_parse(const char *, Google__Protobuf__Timestamp *);
/* The option's value: a time as RFC 3339 has it, "2026-11-25T14:00:00+09:00"; less of it, local,
 * "2026-11-25", "2026-11-25T14:00", "14:00" of today, also with a Z; or so long ago, "90s" or
 * "-90s" (also m, h and d).  '*timep' is set to 't' when it was given, or else to NULL.  False,
 * with the reason on standard error, when it is none. */
bool when_option(const struct args *, enum option_id, Google__Protobuf__Timestamp *t,
                 Google__Protobuf__Timestamp **timep);

#endif
