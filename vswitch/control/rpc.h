/* The RPC handlers: one file a service, one table (rpc_table.c).  'aux' of every handler is the
 * struct control.  Control thread, except for the callbacks of streams. */
#ifndef CONTROL_RPC_H
#define CONTROL_RPC_H 1

#include "control/control.h"

extern const struct rpc_method control_rpc_methods[];
extern const size_t control_n_rpc_methods;

typedef void rpc_unary_handler(struct rpc_call *, const ProtobufCMessage *request, void *aux);
typedef void rpc_stream_handler(struct rpc_stream *, const ProtobufCMessage *request, void *aux);

rpc_unary_handler rpc_add_port, rpc_delete_port, rpc_get_port, rpc_list_ports;
rpc_unary_handler rpc_list_bindings;
rpc_unary_handler rpc_get_policy, rpc_apply_policy, rpc_check_policy, rpc_diff_policies,
    rpc_confirm_policy, rpc_rollback_policy, rpc_list_policy_versions, rpc_list_services,
    rpc_recommend_policy;
rpc_unary_handler rpc_list_audit_log;
rpc_unary_handler rpc_put_address_set, rpc_patch_address_set, rpc_delete_address_set,
    rpc_get_address_set, rpc_list_address_sets;
rpc_unary_handler rpc_quarantine, rpc_release, rpc_list_quarantines;
rpc_unary_handler rpc_start_capture, rpc_stop_capture, rpc_list_captures, rpc_delete_capture;
rpc_unary_handler rpc_login, rpc_logout, rpc_list_sessions;
rpc_unary_handler rpc_list_incidents, rpc_get_incident, rpc_note_incident, rpc_close_incident,
    rpc_scope_incidents, rpc_get_incident_report, rpc_pivot_incident;
rpc_unary_handler rpc_list_connections, rpc_get_connection, rpc_flush_connections,
    rpc_get_connection_stats;
rpc_unary_handler rpc_list_flows;
rpc_unary_handler rpc_get_info, rpc_list_fdb, rpc_list_groups, rpc_list_workers, rpc_audit,
    rpc_apply_config;
rpc_unary_handler rpc_trace_packet, rpc_replay_policy;
rpc_stream_handler rpc_watch_counters, rpc_watch_drops, rpc_watch, rpc_read_capture;

/* Counter streams: control makes the messages when they are due, the server's thread sends them. */
void watches_run(struct control *);
void watches_wait(struct control *);
/* After the server has stopped. */
void watches_stop(struct control *);

/* Recommendations that are being made. */
struct recommender *recommender_create(struct control *);
void recommends_run(struct control *);
/* After the server has stopped, and while the drop log is open. */
void recommender_destroy(struct recommender *);

/* Reports of incidents, that are being made (rpc_report.c). */
struct reporter *reporter_create(struct control *);
void reports_run(struct control *);
/* After the server has stopped, and while the logs are open. */
void reporter_destroy(struct reporter *);

/* Looks for what has changed, and wakes the watches (rpc_watch.c); objects_run() only if there are
 * any. */
void objects_watch(struct control *);
void objects_run(struct control *);

/* Flushes of connections that are under way. */
void flushes_run(struct control *);
void flushes_wait(const struct control *);
/* After the server has stopped. */
void flushes_stop(struct control *);

/* Lists of flows that wait until the journal has what is new. */
void flow_lists_run(struct control *);
void flow_lists_wait(const struct control *);
/* After the server has stopped. */
void flow_lists_stop(struct control *);

/* Ends 'call' with 'status' and the sentence, which it frees. */
void rpc_fail_with(struct rpc_call *, enum rpc_status, char *error);
/* Packs, sends and frees 'reply'. */
void rpc_reply_with(struct rpc_call *, void *reply);

/* The port's ledger over all workers, since the port was opened. */
struct ledger_page port_ledger(const struct desired_port *);

#endif
