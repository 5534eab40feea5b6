#include <config.h>

#include "control/rpc.h"

#include <stdlib.h>

#include "control/message.h"
#include "datapath/worker.h"
#include "fusuma/v1/address_set.pb-c.h"
#include "fusuma/v1/audit_log.pb-c.h"
#include "fusuma/v1/capture.pb-c.h"
#include "fusuma/v1/conn.pb-c.h"
#include "fusuma/v1/counter.pb-c.h"
#include "fusuma/v1/drop.pb-c.h"
#include "fusuma/v1/flow.pb-c.h"
#include "fusuma/v1/incident.pb-c.h"
#include "fusuma/v1/policy.pb-c.h"
#include "fusuma/v1/quarantine.pb-c.h"
#include "fusuma/v1/session.pb-c.h"
#include "fusuma/v1/system.pb-c.h"
#include "fusuma/v1/trace.pb-c.h"
#include "fusuma/v1/watch.pb-c.h"
#include "util.h"

#define PORTS &fusuma__v1__port_service__descriptor
#define POLICY &fusuma__v1__policy_service__descriptor
#define SETS &fusuma__v1__address_set_service__descriptor
#define QUARANTINE &fusuma__v1__quarantine_service__descriptor
#define SESSIONS &fusuma__v1__session_service__descriptor
#define INCIDENTS &fusuma__v1__incident_service__descriptor
#define CAPTURES &fusuma__v1__capture_service__descriptor
#define CONNECTIONS &fusuma__v1__conn_service__descriptor
#define COUNTERS &fusuma__v1__counter_service__descriptor
#define DROPS &fusuma__v1__drop_service__descriptor
#define FLOWS &fusuma__v1__flow_service__descriptor
#define AUDIT_LOG &fusuma__v1__audit_log_service__descriptor
#define SYSTEM &fusuma__v1__system_service__descriptor
#define TRACE &fusuma__v1__trace_service__descriptor
#define WATCH &fusuma__v1__watch_service__descriptor

/* Who may, and what changes something: control/gate.h does what the last two columns say. */
const struct rpc_method control_rpc_methods[] = {
    { PORTS, "AddPort", rpc_add_port, NULL, RPC_OPERATOR, true },
    { PORTS, "DeletePort", rpc_delete_port, NULL, RPC_OPERATOR, true },
    { PORTS, "GetPort", rpc_get_port, NULL, RPC_VIEWER, false },
    { PORTS, "ListPorts", rpc_list_ports, NULL, RPC_VIEWER, false },
    { PORTS, "ListBindings", rpc_list_bindings, NULL, RPC_VIEWER, false },
    { POLICY, "GetPolicy", rpc_get_policy, NULL, RPC_VIEWER, false },
    { POLICY, "ApplyPolicy", rpc_apply_policy, NULL, RPC_POLICY, true },
    { POLICY, "CheckPolicy", rpc_check_policy, NULL, RPC_VIEWER, false },
    { POLICY, "DiffPolicies", rpc_diff_policies, NULL, RPC_VIEWER, false },
    { POLICY, "ConfirmPolicy", rpc_confirm_policy, NULL, RPC_POLICY, true },
    { POLICY, "RollbackPolicy", rpc_rollback_policy, NULL, RPC_POLICY, true },
    { POLICY, "ListPolicyVersions", rpc_list_policy_versions, NULL, RPC_VIEWER, false },
    { POLICY, "ListServices", rpc_list_services, NULL, RPC_VIEWER, false },
    { POLICY, "RecommendPolicy", rpc_recommend_policy, NULL, RPC_VIEWER, false },
    { SETS, "PutAddressSet", rpc_put_address_set, NULL, RPC_POLICY, true },
    { SETS, "PatchAddressSet", rpc_patch_address_set, NULL, RPC_POLICY, true },
    { SETS, "DeleteAddressSet", rpc_delete_address_set, NULL, RPC_POLICY, true },
    { SETS, "GetAddressSet", rpc_get_address_set, NULL, RPC_VIEWER, false },
    { SETS, "ListAddressSets", rpc_list_address_sets, NULL, RPC_VIEWER, false },
    { QUARANTINE, "Quarantine", rpc_quarantine, NULL, RPC_RESPONDER, true },
    { QUARANTINE, "Release", rpc_release, NULL, RPC_RESPONDER, true },
    { QUARANTINE, "ListQuarantines", rpc_list_quarantines, NULL, RPC_VIEWER, false },
    { SESSIONS, "Login", rpc_login, NULL, RPC_OPERATOR, true },
    { SESSIONS, "Logout", rpc_logout, NULL, RPC_OPERATOR, true },
    { SESSIONS, "ListSessions", rpc_list_sessions, NULL, RPC_VIEWER, false },
    { INCIDENTS, "ListIncidents", rpc_list_incidents, NULL, RPC_VIEWER, false },
    { INCIDENTS, "GetIncident", rpc_get_incident, NULL, RPC_VIEWER, false },
    { INCIDENTS, "NoteIncident", rpc_note_incident, NULL, RPC_RESPONDER, true },
    { INCIDENTS, "CloseIncident", rpc_close_incident, NULL, RPC_RESPONDER, true },
    { INCIDENTS, "GetIncidentReport", rpc_get_incident_report, NULL, RPC_VIEWER, false },
    { INCIDENTS, "PivotIncident", rpc_pivot_incident, NULL, RPC_VIEWER, false },
    { INCIDENTS, "ScopeIncidents", rpc_scope_incidents, NULL, RPC_VIEWER, false },
    { CAPTURES, "StartCapture", rpc_start_capture, NULL, RPC_RESPONDER, true },
    { CAPTURES, "StopCapture", rpc_stop_capture, NULL, RPC_RESPONDER, true },
    { CAPTURES, "ListCaptures", rpc_list_captures, NULL, RPC_VIEWER, false },
    { CAPTURES, "ReadCapture", NULL, rpc_read_capture, RPC_RESPONDER, false },
    { CAPTURES, "DeleteCapture", rpc_delete_capture, NULL, RPC_RESPONDER, true },
    { CONNECTIONS, "ListConnections", rpc_list_connections, NULL, RPC_VIEWER, false },
    { CONNECTIONS, "GetConnection", rpc_get_connection, NULL, RPC_VIEWER, false },
    { CONNECTIONS, "FlushConnections", rpc_flush_connections, NULL, RPC_OPERATOR, true },
    { CONNECTIONS, "GetConnectionStats", rpc_get_connection_stats, NULL, RPC_VIEWER, false },
    { COUNTERS, "WatchCounters", NULL, rpc_watch_counters, RPC_VIEWER, false },
    { DROPS, "WatchDrops", NULL, rpc_watch_drops, RPC_VIEWER, false },
    { FLOWS, "ListFlows", rpc_list_flows, NULL, RPC_VIEWER, false },
    { AUDIT_LOG, "ListAuditLog", rpc_list_audit_log, NULL, RPC_VIEWER, false },
    { SYSTEM, "GetInfo", rpc_get_info, NULL, RPC_VIEWER, false },
    { SYSTEM, "ListFdb", rpc_list_fdb, NULL, RPC_VIEWER, false },
    { SYSTEM, "ListGroups", rpc_list_groups, NULL, RPC_VIEWER, false },
    { SYSTEM, "ListWorkers", rpc_list_workers, NULL, RPC_VIEWER, false },
    { SYSTEM, "Audit", rpc_audit, NULL, RPC_VIEWER, false },
    { SYSTEM, "ApplyConfig", rpc_apply_config, NULL, RPC_ADMIN, true },
    { TRACE, "TracePacket", rpc_trace_packet, NULL, RPC_VIEWER, false },
    { TRACE, "ReplayPolicy", rpc_replay_policy, NULL, RPC_VIEWER, false },
    { WATCH, "Watch", NULL, rpc_watch, RPC_VIEWER, false },
};
const size_t control_n_rpc_methods = ARRAY_SIZE(control_rpc_methods);

/* ---- what several handlers share ---- */

void
rpc_fail_with(struct rpc_call *call, enum rpc_status status, char *error)
{
    rpc_call_fail(call, status, "%s", error);
    free(error);
}

void
rpc_reply_with(struct rpc_call *call, void *reply)
{
    rpc_call_reply(call, reply);
    message_free(reply);
}

struct ledger_page
port_ledger(const struct desired_port *port)
{
    struct ledger_page sum;

    memset(&sum, 0, sizeof sum);
    for (uint32_t i = 0; port->dp && i < dp_n_workers(); i++) {
        struct ledger_page page;

        ledger_read(dp_ledger(i), port->id, &page);
        ledger_page_add(&sum, &page);
    }
    if (port->dp) {
        ledger_page_subtract(&sum, &port->base);
    }
    return sum;
}
