/* What the switch does about incidents by itself, as the policy's section 'detection' says.
 *
 * Control thread only. */
#ifndef CONTROL_RESPONSE_H
#define CONTROL_RESPONSE_H 1

#include <stdbool.h>

#include "fusuma/v1/incident.pb-c.h"

struct control;

/* Gives detection the thresholds of the policy in force, if that has changed. */
void response_configure(struct control *);
/* Whether so many attempts within 10 s are reason enough. */
bool response_wants_rate(const struct control *, uint32_t recent);
/* Cuts the suspect off if the policy wants it: its incident is bad enough, or there were 'recent'
 * attempts within 10 s.  Once somebody has released it, that holds for this incident. */
void response_consider(struct control *, Fusuma__V1__Incident *, uint32_t recent);

#endif
