/* Exchanging ports: from those that there are to those of a list, whole or not at all.
 *
 * What is the same stays as it is, connections and all; what is different is taken away and added
 * anew (who is in quarantine comes up in it: quarantines.h); what the list does not have goes.  The
 * new ports are opened when the old ones are closed, and those that cannot be are down and tried
 * again, as when the switch starts.  The steps are those of a change (change.h), whose order is the
 * callers' to keep. Control thread, but for storing. */
#ifndef CONTROL_PORT_PLAN_H
#define CONTROL_PORT_PLAN_H 1

#include "control/config.h"
#include "control/state.h"
#include "proto/rpc.h"
#include "svec.h"

struct control;
struct desired_port;
struct port_plan;

/* Of the ports of 'config', which it takes over from it.  'file' is for messages. */
struct port_plan *port_plan_create(struct config *, const char *file);
void port_plan_destroy(struct port_plan *);

/* Finds out what there is to do, and whether it can be done.  RPC_INVALID_ARGUMENT and
 * "FILE:LINE:COLUMN: what". */
enum rpc_status port_plan_begin(struct control *, struct port_plan *, char **error);
/* Inside state_begin() and state_commit(): stores it; the ports as they were. */
int port_plan_store(struct state *, const struct port_plan *, char **error);
int port_plan_unstore(struct state *, const struct port_plan *, char **error);
/* Exchanges what is wanted, to be published; back again; after it was published, closes the old
 * ports and opens the new ones. */
enum rpc_status port_plan_exchange(struct control *, struct port_plan *, char **error);
void port_plan_exchange_back(struct control *, struct port_plan *);
void port_plan_finish(struct control *, struct port_plan *);

/* Names, sorted: what is added, removed, replaced. */
struct port_plan_names {
    struct svec added, removed, replaced;
};
void port_plan_names(const struct port_plan *, struct port_plan_names *);

#endif
