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
#include "control/hits.h"
#include "control/gate.h"
#include "control/publish.h"
#include "control/sessions.h"
#include "control/slots.h"
#include "control/state.h"
#include "control/state_policy.h"
#include "openvswitch/list.h"
#include "ovs-thread.h"

struct capturing;
struct incidents;
struct metrics;
struct objects;
struct port_plan;
struct recommender;
struct reporter;

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
    struct sessions sessions;
    uint32_t last_user_slot;
    bool refresh_storing;       /* a change is under way */
    long long refresh_store_ms; /* not before it */
    struct bindings *bindings;
    struct objects *objects; /* what is watched; once the drop log is open */
    struct incidents *incidents;
    uint64_t detection_generation; /* that detection's thresholds are of */
    long long cuts_since_ms;       /* ports that the switch cut off by itself since then: */
    uint32_t n_cuts;
    struct latch wake; /* set by other threads: there is work */
    struct compiler *compiler;
    struct ovs_list applies;    /* of struct apply; the first one is being compiled */
    struct ovs_list watches;    /* counter streams */
    struct ovs_list flushes;    /* of connections */
    struct ovs_list flow_lists; /* calls that wait for what is new */
    struct recommender *recommender;
    struct reporter *reporter;
    struct capturing *capturing;
    struct ovs_mutex rpc_mutex; /* 'rpc' is read by the telemetry thread */
    struct rpc_server *rpc;
    struct state_policy *first_policy; /* that the state had, until it is compiled */
    struct state_pending pending;      /* confirm_by_s 0: the policy in force is for good */
    long long pending_due_ms;          /* when the switch goes back by itself */
    bool going_back;
    struct gate *gate;
    struct hits *hits;
    struct metrics *metrics;   /* or NULL */
    char *alarm;               /* why the state is not what it was; or NULL */
    uint64_t swept_generation; /* that quarantines_refresh() last looked at */
    long long started_ms, refresh_ms, started_wall_us;
    bool port_subsystem;
};

/* Reads configuration and state.  Starts no thread and opens nothing that the network can see, so
 * the errors of an administrator show before anything happens. */
int control_prepare(struct control *, const struct control_options *, char **error);
/* The state is not what it was: logs it, and shows it until the end.  Takes 'text'. */
void control_alarm(struct control *, char *text);
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

/* quarantine_changes.c */
struct quarantine_options {
    const char *const *allow; /* lists of the policy in force that stay open */
    size_t n_allow;
    bool resets;      /* ends of TCP connections are told */
    bool capture;     /* what it sends, and is sent, from now on */
    bool leave_as_is; /* a port that is in quarantine stays as it is, but for the comment */
};
/* What has become of a port; only lent.  Times of 0 are not known. */
struct quarantine_receipt {
    const char *port, *vm_id;
    const struct svec *allow; /* or NULL */
    uint64_t generation;
    bool quarantined;       /* it is in one now; after a release: in another one still */
    bool at_once;           /* this call put it in force ... */
    int64_t in_force_us;    /* ... at this time_usec() ... */
    int64_t in_force_at_us; /* ... and this, of Unix time: since when it is in force */
    int64_t last_passed_us; /* Unix time */
    uint64_t ended, resets;
    uint64_t capture_id;       /* that was asked for; 0: none */
    const char *capture_error; /* ... and why not, or NULL */
};
/* Calls 'done' once, now or later; '*error' is only lent, and the receipt, which is NULL unless the
 * status is RPC_OK. */
typedef void quarantine_done(struct control *, enum rpc_status, const char *error,
                             const struct quarantine_receipt *, void *aux);
/* In force on every worker before it returns, and reported when it is stored.  'comment' "": none,
 * or that of before; 'options' NULL: none. */
void ports_quarantine(struct control *, const char *name, const char *who, const char *comment,
                      const struct quarantine_options *, quarantine_done *, void *aux);
/* Of the port 'name', or when that is "" of the VM.  'reason' is not empty. */
void ports_release(struct control *, const char *name, const char *vm_id, const char *who,
                   const char *reason, quarantine_done *, void *aux);

/* Logs which lists that quarantines keep open the policy in force does not have. */
void quarantines_warn(const struct control *);

/* quarantine_sweep.c */
struct quarantine_swept {
    uint64_t ended, resets;
};
/* Ends the connections that the quarantine of this port denies (DP_PORT_NONE: of any), by the
 * snapshot in force, which is so on every worker. */
struct quarantine_swept quarantine_sweep(struct control *, uint16_t port);
/* Once a second: what lists no longer allow, since the policy or the members of groups changed. */
void quarantines_refresh(struct control *);

/* policies.c */
/* SHA-256, in lower-case hex, of a policy's text; of several, of all with a NUL between them. */
void policy_digest(const struct state_policy *, char digest[65]);
/* RPC_INVALID_ARGUMENT: '*error' names the source, the line and the column. */
enum rpc_status policy_parse(const struct state_policy *, struct acl_policy **, char **error);
/* Compiles and publishes a policy at once (before the workers run), which it takes. */
enum rpc_status policies_start(struct control *, struct state_policy *, char **error);
void policies_stop(struct control *);
struct policy_options {
    bool dry_run;      /* all but putting it in force */
    bool has_expected; /* only if this version (0: none) is in force; otherwise RPC_ABORTED */
    uint64_t expected;
    uint32_t confirm_within_s; /* goes back by itself unless confirmed; 0: it is for good */
    struct port_plan *ports;   /* ports that are exchanged with it, the caller's; or NULL */
    int64_t asked_us;          /* rpc_call_asked_us(); 0: nobody asked */
};
struct policy_outcome {
    struct policy *policy;             /* in force, or as it would be */
    int64_t confirm_by_s;              /* Unix time; 0: for good */
    const struct compile_job *checked; /* of a dry run: findings and differences; or NULL */
    struct elapsed elapsed;
};
/* Calls 'done' once, now or later; '*error' is only lent, as is the outcome, which is NULL unless
 * the status is RPC_OK. */
typedef void policy_done(struct control *, enum rpc_status, const char *error,
                         const struct policy_outcome *, void *aux);
/* Takes 'text' ('version', 'digest' and 'applied_us' are set by it). */
void policies_apply(struct control *, struct state_policy *text, const struct policy_options *,
                    policy_done *done, void *aux);
/* Compares 'text' with 'before' (NULL: no policy), and does nothing else: the outcome's 'checked'
 * has the differences.  Takes both. */
void policies_compare(struct control *, struct acl_policy *before, struct state_policy *text,
                      policy_done *done, void *aux);
/* Takes in what the compile thread has done. */
void policies_run(struct control *);

/* policy_history.c */
typedef void policy_found(struct control *, enum rpc_status, const char *error,
                          const struct state_policy *, void *aux);
/* A version with its text.  RPC_NOT_FOUND. */
void policies_fetch(struct control *, uint64_t version, policy_found *, void *aux);
typedef void policy_listed(struct control *, enum rpc_status, const char *error,
                           const struct state_policy *, size_t n, void *aux);
/* All that are kept, the newest first, without their texts. */
void policies_list(struct control *, policy_listed *, void *aux);
/* Puts the text of an earlier version in force again, as a new version. */
void policies_rollback(struct control *, uint64_t version, const char *who, const char *comment,
                       const struct policy_options *, policy_done *, void *aux);
/* What was to be confirmed stays.  RPC_FAILED_PRECONDITION when there is nothing to confirm, or
 * 'version' (0: any) is not it. */
void policies_confirm(struct control *, uint64_t version, policy_done *, void *aux);
/* Goes back when the time has come. */
void policies_check_pending(struct control *);
void policies_wait_pending(const struct control *);

#endif
