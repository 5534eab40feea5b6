/* What only the switch knows of a policy that is checked: which groups have members at this moment,
 * which connections to the API go through its own desktop ports, and which lists quarantines keep
 * open.
 *
 * A client that comes by a desktop's port is cut off when that port's egress denies it; one that
 * gets to an address of this host which is itself behind a desktop's port, when that port's ingress
 * does.  Uplinks judge nothing, and what does not go through the switch is none of its matter. */
#ifndef CONTROL_LINT_FACTS_H
#define CONTROL_LINT_FACTS_H 1

#include "control/api_clients.h"
#include "control/compile.h"

/* Notes in 'job', whose policies are set, what 'clients' rest on.  Control thread. */
void lint_facts_connections(struct compile_job *, const struct desired *,
                            const struct api_client *clients, size_t n);
/* ... and the lists that quarantines in force keep open. */
void lint_facts_quarantines(struct compile_job *, const struct desired *);
void lint_facts_release(struct compile_job *);
/* Of each group of the job's policy, which is compiled: whether anybody is in it.  The caller frees
 * the array.  NULL: memory is short.  Compile thread. */
bool *lint_facts_members(const struct compile_job *);

#endif
