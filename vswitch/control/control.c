#include <config.h>

#include "control/control.h"

#include <errno.h>
#include <stdlib.h>

#include "control/capturing.h"
#include "control/incidents.h"
#include "control/metrics.h"
#include "control/objects.h"
#include "control/refresh_changes.h"
#include "control/rpc.h"
#include "control/set_changes.h"
#include "datapath/fdb.h"
#include "datapath/mcast.h"
#include "datapath/worker.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "proto/descriptor_set.h"
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
    uint32_t quota = c->config.port_connections;
    struct dp_config config = { .n_workers = c->eal.n_workers,
                                .max_connections = c->config.connections,
                                .max_port_connections =
                                    quota ? quota : MAX(c->config.connections / 16, 1024),
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
        control_alarm(c,
                      xasprintf("the stored policy cannot be put in force, everything is denied: "
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
    retval = capturing_start(c, error);
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
    capturing_run(c);
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
    capturing_stop(c);
    stream_stop();
    hits_stop(c);
    writer_stop();
    incidents_destroy(c->incidents);
    c->incidents = NULL;
    gate_writer_gone(c);
    changes_stop(c);
    policies_stop(c);
    stop_rpc(c);
    capturing_destroy(c);
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
