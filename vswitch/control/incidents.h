/* The register of incidents: what detection finds, what people do about it, what is stored.
 *
 * An incident is shown (to watches and by RPC) when it is stored, so that its number and its
 * revision are never used again for something else; a disk that fails holds up nothing: then it is
 * shown from memory, and the log says so.  The newest INCIDENTS_MAX are kept.
 *
 * Control thread only. */
#ifndef CONTROL_INCIDENTS_H
#define CONTROL_INCIDENTS_H 1

#include "fusuma/v1/incident.pb-c.h"
#include "proto/rpc.h"
#include "telemetry/drop_event.h"

#define INCIDENTS_MAX 1000

struct control;
struct incidents;
struct objects;

/* Loads what is stored in 'state_dir', before the telemetry thread starts.  What cannot be used is
 * logged, and incidents are then kept in memory. */
struct incidents *incidents_create(struct control *, const char *state_dir);
/* Gives open incidents back to detection: once ports have their names. */
void incidents_resume(struct control *);
/* After the writer has ended: the last changes are stored from here.  Accepts NULL. */
void incidents_destroy(struct incidents *);

/* Takes in what has been found, cuts off what is to be cut off, stores and shows. */
void incidents_run(struct control *);
/* Tells 'objects' all that was loaded. */
void incidents_show(const struct incidents *, struct objects *);

/* By rising id, from the one after 'after' (0: from the first); NULL: none.  As it is shown. */
const Fusuma__V1__Incident *incidents_next(const struct incidents *, uint64_t after);
/* By falling id, from the one before 'before' (0: from the newest). */
const Fusuma__V1__Incident *incidents_previous(const struct incidents *, uint64_t before);
const Fusuma__V1__Incident *incidents_find(const struct incidents *, uint64_t id);

/* The port has been released from quarantine: who did it, and why, is part of its open incidents.
 */
void incidents_released(struct control *, const char *port, const char *who, const char *reason);

/* The port is captured, or no longer: so say its open incidents. */
void incidents_captured(struct control *, const char *port, const char *who, const char *text);

/* What was told late of who was logged in on the port: all incidents of its, open and closed, say
 * who it was, and since when they do.  After stream_correct(). */
void incidents_correct(struct control *, const char *port, const char *session,
                       const struct drop_correction *);

/* For metrics: open ones by kind and severity, as incident.proto numbers them, and all there ever
 * were. */
#define INCIDENT_KINDS 6
#define INCIDENT_SEVERITIES 5
struct incident_counts {
    uint64_t open[INCIDENT_KINDS][INCIDENT_SEVERITIES], total;
};
void incidents_count(const struct incidents *, struct incident_counts *);

/* Calls 'done' once, when it is stored or cannot be; the incident is lent, NULL unless RPC_OK. */
typedef void incident_done(struct control *, enum rpc_status, const char *error,
                           const Fusuma__V1__Incident *, void *aux);
void incidents_note(struct control *, uint64_t id, const char *who, const char *text,
                    incident_done *, void *aux);
void incidents_close(struct control *, uint64_t id, const char *who, const char *text,
                     incident_done *, void *aux);

#endif
