/* Incidents on the disk: STATE-DIR/incidents.db, a row each, with what one looks for in columns of
 * its own and all of it as the packed message of incident.proto.
 *
 * One thread at a time; after the start that is the writer. */
#ifndef CONTROL_INCIDENT_STORE_H
#define CONTROL_INCIDENT_STORE_H 1

#include <stddef.h>

#include "fusuma/v1/incident.pb-c.h"

struct incident_store;

/* Opens or makes it.  What is damaged is put aside ('*warning', the caller frees it).  0, or a
 * positive errno and '*error'. */
int incident_store_open(const char *path, struct incident_store **, char **warning, char **error);
/* Accepts NULL. */
void incident_store_close(struct incident_store *);
/* Calls 'cb', which takes it, for each incident, by rising id. */
int incident_store_load(struct incident_store *, void (*cb)(Fusuma__V1__Incident *, void *aux),
                        void *aux, char **error);
/* Puts them in, all or none, and forgets all but the newest 'keep'. */
int incident_store_put(struct incident_store *, Fusuma__V1__Incident *const *, size_t n,
                       uint64_t keep, char **error);

#endif
