/* Notices what controllers watch: ports, the policy in force, bindings and quarantine.
 *
 * One place looks at the state and compares, so that whoever changes it need not tell.  A port is
 * looked at anew when what is cheap to compare has changed, which covers all that is published and
 * the state of its link, and every port in turn besides, so that nothing is missed for long. Nobody
 * has to look while nobody watches: comparing finds what has changed in the meantime.  Control
 * thread, but for the log's readers. */
#ifndef CONTROL_OBJECTS_H
#define CONTROL_OBJECTS_H 1

#include "control/object_log.h"

#include "fusuma/v1/incident.pb-c.h"

struct desired;
struct publisher;

struct objects;

struct objects *objects_create(uint64_t epoch);
/* Without readers of its log.  Accepts NULL. */
void objects_destroy(struct objects *);
struct object_log *objects_log(struct objects *);

/* An incident is, or has become, this.  Whether that is something new for readers. */
bool objects_set_incident(struct objects *, const Fusuma__V1__Incident *);
/* Looks at everything that may have changed, and at some that may not.  'confirm_by_s' is when the
 * policy in force goes unless it is confirmed, in Unix time; 0: it is for good.  Whether there is
 * something new for readers. */
bool objects_update(struct objects *, const struct desired *, const struct publisher *,
                    int64_t confirm_by_s);

#endif
