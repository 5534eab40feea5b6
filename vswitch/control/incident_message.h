/* Incidents as messages: what detection has found, put into what there is of an incident. */
#ifndef CONTROL_INCIDENT_MESSAGE_H
#define CONTROL_INCIDENT_MESSAGE_H 1

#include "fusuma/v1/incident.pb-c.h"
#include "telemetry/detect.h"

#define INCIDENT_TARGETS 256 /* that a message lists */
#define INCIDENT_AIMS 64
#define INCIDENT_ACTIONS 200

/* Sets all that is detection's to say.  'epoch' is the drop log's. */
void incident_message_update(Fusuma__V1__Incident *, const struct detected *, uint64_t epoch);
/* The way back, for an open incident after a restart. */
void incident_message_restore(const Fusuma__V1__Incident *, struct detected *, uint32_t now_s,
                              int64_t now_us);
/* What was told late of who was logged in on its port.  'otherwise' is its user when no session is
 * left.  False: it is right as it is. */
bool incident_message_correct(Fusuma__V1__Incident *, const char *session,
                              const struct drop_correction *, const char *otherwise);
/* A line of its history; the oldest of too many notes goes. */
void incident_message_act(Fusuma__V1__Incident *, Fusuma__V1__IncidentActionKind, int64_t time_us,
                          const char *who, const char *text);
/* ... of what the switch does by itself, and why (UNSPECIFIED: for what the incident is graded by).
 */
void incident_message_act_by_itself(Fusuma__V1__Incident *, Fusuma__V1__IncidentActionKind,
                                    int64_t time_us, Fusuma__V1__IncidentGroundsKind);
/* ... of a quarantine: 'comment' is that of report_cut_off() when the switch set it. */
void incident_message_quarantined(Fusuma__V1__Incident *, int64_t time_us, const char *who,
                                  const char *comment);
/* A copy without targets, services and actions. */
Fusuma__V1__Incident *incident_message_short(const Fusuma__V1__Incident *);

#endif
