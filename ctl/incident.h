/* What the incident commands share. */
#ifndef CTL_INCIDENT_H
#define CTL_INCIDENT_H 1

#include "ctl/ctl.h"
#include "fusuma/v1/incident.pb-c.h"
#include "openvswitch/dynamic-string.h"

extern const ProtobufCServiceDescriptor *const incident_service;

/* An incident's number; 0, and the user has been told, when it is none. */
uint64_t incident_id(const char *text);

/* "high", "port scan", "opened"; "?" for what this version does not know. */
const char *incident_severity(Fusuma__V1__IncidentSeverity);
const char *incident_kind(Fusuma__V1__IncidentKind);
const char *incident_action(Fusuma__V1__IncidentActionKind);
/* "open", "closed", or "open, quarantined". */
const char *incident_state(const Fusuma__V1__Incident *);

/* "high sweep of vd-7 (sato): 14 addresses, 2 services, open", for watch. */
void put_incident(struct ds *, const Fusuma__V1__Incident *);
/* How many targets or services there were: "14", or "~1400" when it is an estimate, which it is
 * only of more than an incident can list.  The caller frees them. */
char *incident_targets(const Fusuma__V1__Incident *);
char *incident_services(const Fusuma__V1__Incident *);

/* The page of 'incident show' (incident_show.c). */
void print_incident(const void *incident);

#endif
