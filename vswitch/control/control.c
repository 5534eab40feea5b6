#include <config.h>

#include "control/control.h"

#include <errno.h>
#include <stdlib.h>

#include "control/metrics.h"
#include "control/objects.h"
#include "control/refresh_changes.h"
#include "control/rpc.h"
#include "control/session_changes.h"
#include "control/set_changes.h"
#include "control/state_quarantines.h"
#include "datapath/fdb.h"
#include "control/incidents.h"
#include "datapath/mcast.h"
#include "datapath/worker.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "proto/descriptor_set.h"
#include "proto/rpc_endpoint.h"
#include "telemetry/detect.h"
#include "telemetry/drop_log.h"
#include "telemetry/flow_log.h"
#include "telemetry/stream.h"
#include "telemetry/writer.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(control);

#define LEARN_MS 20     /* how long a new station waits until it is learned, at most */
#define REFRESH_MS 1000 /* link states, ageing */

/* ---- prepare: what is wanted ---- */

static int
want_port(struct control *c, const Fusuma__V1__PortSpec *spec, char **error)
{
    struct desired_port *port;

    if (desired_port_create(spec, c->options->run_dir, &port, error)) {
        return EINVAL;
    }
    if (desired_number(&c->desired, port, error)) {
        desired_port_destroy(port);
        return EINVAL;
    }
    desired_insert(&c->desired, port);
    return 0;
}

static void
load_quarantine(struct quarantine *q, void *control)
{
    struct quarantines *qs = &((struct control *) control)->desired.quarantines;
    char *id = quarantine_id(q);

    quarantine_destroy(quarantines_put(qs, id, q));
    free(id);
}

static void
load_port(const Fusuma__V1__PortSpec *spec, void *control)
{
    char *error;

    if (want_port(control, spec, &error)) {
        VLOG_ERR("a stored port is left out: %s", error);
        free(error);
    }
}

/* A policy whose time to be confirmed ran out while the switch was down was not: it never is in
 * force again. */
static int
go_back(struct control *c, char **error)
{
    int64_t now = time_wall_usec();
    uint64_t version;

    if (!c->pending.confirm_by_s || now / 1000000 < c->pending.confirm_by_s) {
        c->pending_due_ms = time_msec() + c->pending.confirm_by_s * 1000 - now / 1000;
        return 0;
    }
    VLOG_WARN("policy version %" PRIu64 " was not confirmed in time: going back to %" PRIu64,
              c->first_policy ? c->first_policy->version : 0, c->pending.go_back);
    state_policy_destroy(c->first_policy);
    c->first_policy = NULL;
    int retval = c->pending.go_back
                     ? state_policy_restore(c->state, c->pending.go_back, "vswitchd",
                                            "not confirmed in time", now, NULL, &version, error)
                     : state_policy_put_none(c->state, error);
    return retval ? retval : state_policy_load(c->state, &c->first_policy, &c->pending, error);
}

static void
raise_alarm(struct control *c, char *text)
{
    VLOG_EMER("%s", text);
    free(c->alarm);
    c->alarm = text;
}

static void
load_state(struct control *c)
{
    char *error = NULL, *unknown = NULL;
    int quarantines = state_load_quarantines(c->state, load_quarantine, c, &unknown);
    bool ok = state_load(c->state, load_port, c);

    c->alarm = nullable_xstrdup(state_damage(c->state));
    ok = sets_load(c) && ok;
    if (sessions_load(c, &error) || refreshes_load(c, &error)) {
        VLOG_ERR("the stored sessions and refreshes cannot be read: %s", error);
        free(error);
        error = NULL;
        ok = false;
    }
    if (!ok) {
        raise_alarm(c, xasprintf("%s: not all of the state can be read; what is missing is denied",
                                 c->options->state_dir));
    }
    if (quarantines) { /* whoever may be in one is not let out */
        raise_alarm(c, xasprintf("the stored quarantines cannot be read, everything is denied: %s",
                                 unknown));
        free(unknown);
    } else if (state_policy_load(c->state, &c->first_policy, &c->pending, &error) ||
               go_back(c, &error)) {
        raise_alarm(c,
                    xasprintf("the stored policy cannot be read, everything is denied: %s", error));
        free(error);
    }
    VLOG_INFO("%s: %zu ports, %s", c->options->state_dir, shash_count(&c->desired.ports),
              c->first_policy ? "a policy" : "no policy: everything is denied");
    if (c->config.n_ports || c->config.policy) {
        VLOG_WARN("%s: its ports and policy are ignored, for the state directory has its own; only "
                  "settings are read ('swctl config apply' reads all)",
                  c->options->config_file);
    }
}

static int
check_policy(const struct control *c, char **error)
{
    struct acl_policy *policy = NULL;
    struct acl_error e = { .text = "" };
    const char *text = c->config.policy;
    struct acl_source source = { text, text ? strlen(text) : 0 };
    int retval = text ? acl_policy_parse(&source, 1, &policy, &e) : 0;

    if (retval) {
        *error = xasprintf("%s:%u:%u: %s", c->config.policy_file, e.line, e.column, e.text);
    }
    acl_policy_destroy(policy);
    return retval;
}

static int
store_config(struct control *c, char **error)
{
    int retval = 0;

    for (size_t i = 0; i < c->config.n_ports && !retval; i++) {
        retval = state_put_port(c->state, c->config.ports[i], error);
    }
    if (!retval && c->config.policy) {
        struct state_source source = { .name = c->config.policy_file, .yaml = c->config.policy };
        struct state_policy text = { .who = (char *) "configuration",
                                     .comment = (char *) "",
                                     .applied_us = time_wall_usec(),
                                     .sources = &source,
                                     .n_sources = 1 };
        char digest[65];
        uint64_t version;

        policy_digest(&text, digest);
        text.digest = digest;
        retval = state_policy_put(c->state, &text, NULL, &version, error);
    }
    return retval;
}

/* Takes the configuration's ports and policy into the empty state, whole or not at all. */
static int
adopt_config(struct control *c, char **error)
{
    int retval = 0;

    for (size_t i = 0; i < c->config.n_ports; i++) {
        char *why;

        if (want_port(c, c->config.ports[i], &why)) {
            *error = xasprintf("%s:%u:%u: %s", c->options->config_file, c->config.places[i].line,
                               c->config.places[i].column, why);
            free(why);
            return EINVAL;
        }
    }
    retval = check_policy(c, error);
    if (retval) {
        return retval;
    }
    retval = state_begin(c->state, error);
    if (retval) {
        return retval;
    }
    retval = store_config(c, error);
    retval = retval ? retval : state_commit(c->state, error);
    if (retval) {
        state_rollback(c->state);
        return retval;
    }
    return state_policy_load(c->state, &c->first_policy, &c->pending, error);
}

int
control_prepare(struct control *c, const struct control_options *options, char **error)
{
    int retval = 0;

    memset(c, 0, sizeof *c);
    c->options = options;
    config_init(&c->config);
    desired_init(&c->desired);
    sessions_init(&c->sessions);
    publisher_init(&c->publisher);
    slots_init(&c->slots);
    c->bindings = bindings_create();
    latch_init(&c->wake);
    changes_init(&c->changes, &c->wake);
    ovs_mutex_init(&c->rpc_mutex);
    ovs_list_init(&c->applies);
    ovs_list_init(&c->watches);
    ovs_list_init(&c->flushes);
    ovs_list_init(&c->flow_lists);
    for (size_t i = 0; i < options->n_endpoints && !retval; i++) {
        enum rpc_endpoint_kind kind;
        char *target = rpc_endpoint_target(options->endpoints[i], &kind, error);

        retval = target ? 0 : EINVAL;
        free(target);
    }
    if (!retval && options->tls.cert) {
        retval = rpc_tls_check(&options->tls, error);
    }
    if (!retval && options->config_file) {
        retval = config_read(options->config_file, &c->config, error);
    }
    retval = retval ? retval : state_open(options->state_dir, &c->state, error);
    if (!retval && state_is_initialised(c->state)) {
        load_state(c);
    } else if (!retval) {
        retval = adopt_config(c, error);
    }
    return retval;
}

/* ---- start ---- */

/* PCI is only searched when a port asks for a device there: a NIC is not taken by accident. */
static bool
wants_pci(const struct control *c)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        const Fusuma__V1__PortSpec *spec = ((struct desired_port *) node->data)->spec;
        unsigned domain, bus, device, function;

        if (spec->attachment_case == FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV &&
            (sscanf(spec->ethdev->devargs, "%x:%x:%x.%x", &domain, &bus, &device, &function) == 4 ||
             sscanf(spec->ethdev->devargs, "%x:%x.%x", &bus, &device, &function) == 3)) {
            return true;
        }
    }
    return false;
}

static int
start_eal(struct control *c, char **error)
{
    struct eal_options o = { .lcores = c->options->lcores,
                             .no_huge = c->options->no_huge,
                             .pci = wants_pci(c),
                             .buffers = c->config.buffers,
                             .connections = c->config.connections,
                             .args = c->options->eal_args };

    return eal_start(&o, &c->eal, error);
}

static int
start_datapath(struct control *c, char **error)
{
    struct dp_config config = { .n_workers = c->eal.n_workers,
                                .max_connections = c->config.connections,
                                .max_port_connections = MAX(c->config.connections / 16, 1024),
                                .n_rule_slots = N_RULE_SLOTS,
                                .pick_up_midstream = c->options->pick_up_midstream,
                                .idle_sleep = c->config.idle_sleep,
                                .pool = c->eal.pool };
    int retval;

    memcpy(config.lcores, c->eal.workers, sizeof config.lcores);
    retval = dp_init(&config, error);
    if (retval) {
        return retval;
    }
    retval = fdb_init(FDB_MAX, c->eal.n_workers);
    if (retval) {
        *error = xasprintf("no memory for the forwarding database");
        return retval;
    }
    retval = mcast_init(MCAST_GROUPS, c->eal.n_workers);
    if (retval) {
        *error = xasprintf("no memory for the multicast groups");
        return retval;
    }
    retval = port_subsystem_init(dp_synchronize);
    if (retval) {
        *error = xasprintf("ports cannot be prepared: %s", ovs_strerror(retval));
        return retval;
    }
    c->port_subsystem = true;
    return 0;
}

static void
wake(void *control)
{
    latch_set(&((struct control *) control)->wake);
}

static void
warn(void *control OVS_UNUSED, const char *sentence)
{
    VLOG_WARN("%s", sentence);
}

static void
drops_arrived(void *control)
{
    struct control *c = control;

    ovs_mutex_lock(&c->rpc_mutex);
    if (c->rpc) {
        rpc_server_kick_streams(c->rpc);
    }
    ovs_mutex_unlock(&c->rpc_mutex);
}

static int
open_flow_log(const struct control *c)
{
    char *path = xasprintf("%s/flows.db", c->options->state_dir);
    struct flow_log_options options = { .table = dp_connections(),
                                        .path = path,
                                        .flows = c->config.flows,
                                        .hours = c->config.flow_hours };
    int retval = flow_log_open(&options);

    free(path);
    return retval;
}

static int
start_telemetry(struct control *c, char **error)
{
    struct stream_source sources[DP_MAX_WORKERS];
    char *path = xasprintf("%s/drops.db", c->options->state_dir);
    int retval = gate_open(c, &c->gate, error);

    if (retval) {
        free(path);
        return retval;
    }
    retval = drop_log_open(path, c->config.drop_records, drops_arrived, c);
    free(path);
    retval = retval ? retval : detect_init(wake, c);
    c->incidents = incidents_create(c, c->options->state_dir);
    retval = retval ? retval : open_flow_log(c);
    retval = retval ? retval : writer_start();
    c->changes.state = c->state;
    for (uint32_t i = 0; i < c->eal.n_workers; i++) {
        sources[i] = (struct stream_source){ dp_drop_ring(i), dp_drop_unsaid(i), dp_sketches(i) };
    }
    retval = retval ? retval : stream_start(sources, c->eal.n_workers);
    if (retval) {
        *error = xasprintf("telemetry cannot start: %s", ovs_strerror(retval));
        return retval;
    }
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        stream_set_rules(&(uint32_t){ DEFAULT_SLOT(i) },
                         (const char *const[]){ default_rule_id(i) }, 1);
    }
    return 0;
}

/* A stored policy that cannot be put in force leaves none: the switch runs, and denies. */
static void
start_policy(struct control *c)
{
    char *error = NULL;

    struct state_policy *text = c->first_policy;

    c->first_policy = NULL;
    if (text && policies_start(c, text, &error)) {
        raise_alarm(c, xasprintf("the stored policy cannot be put in force, everything is denied: "
                                 "%s",
                                 error));
        free(error);
    }
}

static int
start_rpc(struct control *c, char **error)
{
    struct rpc_server *rpc;
    const struct control_options *o = c->options;
    struct rpc_server_options options = { .endpoints = o->endpoints,
                                          .n_endpoints = o->n_endpoints,
                                          .tls = o->tls.cert ? &o->tls : NULL,
                                          .insecure_loopback = o->insecure_loopback,
                                          .socket_gid = o->socket_gid,
                                          .methods = control_rpc_methods,
                                          .n_methods = control_n_rpc_methods,
                                          .descriptor_set = proto_descriptor_set,
                                          .descriptor_len = proto_descriptor_set_length,
                                          .aux = c,
                                          .wake = wake,
                                          .warn = warn,
                                          .admit = gate_admit };
    int retval = rpc_server_start(&options, &rpc, error);

    ovs_mutex_lock(&c->rpc_mutex);
    c->rpc = retval ? NULL : rpc;
    ovs_mutex_unlock(&c->rpc_mutex);
    return retval;
}

/* Drop streams read from telemetry until the server is gone, so it goes first; but telemetry must
 * not wake what is going. */
static void
stop_rpc(struct control *c)
{
    struct rpc_server *rpc;

    ovs_mutex_lock(&c->rpc_mutex);
    rpc = c->rpc;
    c->rpc = NULL;
    ovs_mutex_unlock(&c->rpc_mutex);
    if (rpc) {
        rpc_server_stop(rpc);
    }
}

int
control_start(struct control *c, char **error)
{
    int retval;

    c->started_ms = time_msec();
    c->started_wall_us = time_wall_usec();
    retval = start_eal(c, error);
    retval = retval ? retval : start_datapath(c, error);
    retval = retval ? retval : start_telemetry(c, error);
    if (retval) {
        return retval;
    }
    c->objects = objects_create(drop_log_epoch());
    incidents_show(c->incidents, c->objects);
    c->compiler = compiler_create(&c->wake);
    c->recommender = recommender_create(c);
    c->reporter = reporter_create(c);
    c->hits = hits_create(c);
    bindings_load(c);
    ports_start(c);
    incidents_resume(c);
    start_policy(c);
    retval = publish(&c->publisher, &c->desired, NULL);
    if (retval) {
        *error = xasprintf("no memory to publish the first state");
        return retval;
    }
    retval = dp_start();
    if (retval) {
        *error = xasprintf("workers cannot start: %s", ovs_strerror(retval));
        return retval;
    }
    if (c->config.metrics) {
        retval = metrics_start(c, c->config.metrics, &c->metrics, error);
    }
    return retval ? retval : start_rpc(c, error);
}

/* ---- run ---- */

static void
learn(struct control *c, uint32_t now_s)
{
    /* Connections have cached the ports of stations that moved; a new generation makes workers look
     * again. */
    if (fdb_learn_poll(now_s) && publish(&c->publisher, &c->desired, NULL)) {
        VLOG_WARN("no memory to publish that stations have moved");
    }
}

void
control_run(struct control *c)
{
    long long now = time_msec();

    latch_poll(&c->wake);
    rpc_server_run(c->rpc);
    changes_run(c);
    policies_run(c);
    recommends_run(c);
    reports_run(c);
    policies_check_pending(c);
    gate_run(c);
    watches_run(c);
    flushes_run(c);
    flow_lists_run(c);
    learn(c, dp_now_s());
    bindings_run(c);
    refreshes_run(c);
    mcast_poll(dp_now_s());
    incidents_run(c);
    if (now >= c->refresh_ms) {
        c->refresh_ms = now + REFRESH_MS;
        fdb_age(dp_now_s());
        mcast_age(dp_now_s());
        ports_refresh(c);
        hits_run(c);
        metrics_refresh(c->metrics, c);
        sets_check_stale(c);
        quarantines_refresh(c);
    }
    objects_run(c); /* after everything that it might notice */
}

void
control_wait(struct control *c)
{
    latch_wait(&c->wake);
    policies_wait_pending(c);
    watches_wait(c);
    flushes_wait(c);
    flow_lists_wait(c);
    changes_wait(c);
    poll_timer_wait(LEARN_MS);
}

/* ---- stop ---- */

void
control_stop(struct control *c)
{
    metrics_stop(c->metrics);
    c->metrics = NULL;
    compiler_destroy(c->compiler);
    c->compiler = NULL;
    if (c->eal.n_workers) {
        dp_stop();
    }
    stream_stop();
    hits_stop(c);
    writer_stop();
    incidents_destroy(c->incidents);
    c->incidents = NULL;
    gate_writer_gone(c);
    changes_stop(c);
    policies_stop(c);
    stop_rpc(c);
    recommender_destroy(c->recommender);
    reporter_destroy(c->reporter);
    gate_close(c->gate);
    watches_stop(c);
    objects_destroy(c->objects);
    flushes_stop(c);
    flow_lists_stop(c);
    flow_log_close();
    drop_log_close();
    detect_exit();
    if (c->eal.n_workers) {
        ports_stop(c);
        if (c->port_subsystem) {
            port_subsystem_exit();
        }
        publisher_destroy(&c->publisher);
        mcast_exit();
        fdb_exit();
        dp_exit();
        eal_stop(&c->eal);
    } else {
        publisher_destroy(&c->publisher);
    }
    desired_destroy(&c->desired);
    sessions_destroy(&c->sessions);
    hits_destroy(c->hits);
    slots_destroy(&c->slots);
    bindings_destroy(c->bindings);
    state_close(c->state);
    changes_destroy(&c->changes);
    config_destroy(&c->config);
    state_policy_destroy(c->first_policy);
    free(c->alarm);
    latch_destroy(&c->wake);
    ovs_mutex_destroy(&c->rpc_mutex);
}
