/* 'port add --storm CLASS=PPS', and how limits are shown. */
#ifndef CTL_LIMITS_H
#define CTL_LIMITS_H 1

#include "ctl/options.h"
#include "fusuma/v1/port.pb-c.h"

/* Sets what was given.  False, with the reason on standard error, when it is wrong. */
bool limits_storm(const struct args *, Fusuma__V1__StormLimits *);
/* "broadcast 500, multicast off, ...".  The caller's to free. */
char *limits_storm_text(const Fusuma__V1__StormLimits *);

#endif
