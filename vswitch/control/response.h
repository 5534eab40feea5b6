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
/* Whether so many denied packets within 10 s are reason enough. */
bool response_wants_rate(const struct control *, uint32_t recent);
/* Cuts the suspect off, if its incident is bad enough, or 'by_rate', and the policy wants it. */
void response_consider(struct control *, Fusuma__V1__Incident *, bool by_rate);

#endif
