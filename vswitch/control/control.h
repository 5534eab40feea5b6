/* The control plane: one thread that owns what is wanted, publishes it, and answers RPCs.
 *
 * Everything here is for the control thread.  Operations either do all of what they say and end
 * with RPC_OK, or change nothing and say why in 'error' ('*error' is the caller's to free). */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H 1

#include "control/bindings.h"
#include "control/change.h"
#include "control/compile.h"
#include "control/config.h"
#include "control/desired.h"
#include "control/eal.h"
#include "control/publish.h"
#include "control/slots.h"
#include "control/state.h"
#include "openvswitch/list.h"
#include "ovs-thread.h"

struct objects;

struct control_options {
    const char *config_file; /* or NULL */
    const char *state_dir;
    const char *run_dir;
    const char *const *endpoints;
    size_t n_endpoints;
    struct rpc_tls_files tls;    /* all three names or none */
    bool insecure_loopback;      /* loopback TCP without TLS ... */
    enum rpc_role insecure_role; /* ... and what everybody may there */
    uint32_t socket_gid;         /* of unix sockets; UINT32_MAX: the process's own */
    const char *lcores;          /* or NULL */
    bool no_huge;
    bool pick_up_midstream;
    char *const *eal_args;
};

struct control {
    const struct control_options *options;
    struct config config;
    struct state *state;
    struct changes changes;
    struct eal eal;
    struct desired desired;
    struct publisher publisher;
    struct slots slots;
    struct bindings *bindings;
    struct objects *objects; /* what is watched; once the drop log is open */
    struct latch wake;       /* set by other threads: there is work */
    struct compiler *compiler;
    struct ovs_list applies;    /* of struct apply; the first one is being compiled */
    struct ovs_list watches;    /* counter streams */
    struct ovs_list flushes;    /* of connections */
    struct ovs_mutex rpc_mutex; /* 'rpc' is read by the telemetry thread */
    struct rpc_server *rpc;
    char *first_policy; /* text that the state had, until it is compiled */
    long long started_ms, refresh_ms;
    bool port_subsystem;
};

/* Reads configuration and state.  Starts no thread and opens nothing that the network can see, so
 * the errors of an administrator show before anything happens. */
int control_prepare(struct control *, const struct control_options *, char **error);
/* Starts EAL, workers, ports, telemetry and the RPC server. */
int control_start(struct control *, char **error);
/* One round of the poll loop: control_run(), control_wait(), poll_block(). */
void control_run(struct control *);
void control_wait(struct control *);
/* Undoes prepare and start, however far they came. */
void control_stop(struct control *);

/* ports.c */
void ports_start(struct control *);
void ports_stop(struct control *);
/* Tries what could not be opened, refreshes link states.  Once a second. */
void ports_refresh(struct control *);
/* Opens a port and binds its MAC; the next publication takes it in. */
enum rpc_status ports_open(struct control *, struct desired_port *, char **error);
/* The port is in no published snapshot any more. */
void ports_close(struct control *, struct desired_port *);

/* port_changes.c */
/* Each calls 'done' once, now or later; 'error' is only lent, as is the port, which is NULL unless
 * the status is RPC_OK and the port still there. */
typedef void port_done(struct control *, enum rpc_status, const char *error,
                       const struct desired_port *, void *aux);
void ports_add(struct control *, const Fusuma__V1__PortSpec *, port_done *, void *aux);
void ports_delete(struct control *, const char *name, port_done *, void *aux);
/* In force on every worker before it returns, and reported when it is stored. */
void ports_quarantine(struct control *, const char *name, port_done *, void *aux);
void ports_release(struct control *, const char *name, port_done *, void *aux);

/* policies.c */
/* Compiles and publishes 'yaml' at once (before the workers run). */
enum rpc_status policies_start(struct control *, const char *yaml, char **error);
void policies_stop(struct control *);
/* Calls 'done' once, now or later, with the outcome; '*error' is only lent, as is the policy, which
 * is NULL unless the status is RPC_OK. */
typedef void policy_done(struct control *, enum rpc_status, const char *error,
                         const struct policy *, void *aux);
void policies_apply(struct control *, const char *yaml, policy_done *done, void *aux);
/* Takes in what the compile thread has done. */
void policies_run(struct control *);

#endif
