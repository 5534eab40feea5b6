#include <config.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_mempool.h>
#include <rte_version.h>

#include "control/conn_message.h"
#include "control/message.h"
#include "control/rpc.h"
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "fusuma/v1/system.pb-c.h"
#include "telemetry/drop_log.h"
#include "timeval.h"
#include "util.h"

static const char *
port_name(const struct control *c, uint16_t id)
{
    const struct desired_port *port = id < DP_MAX_PORTS ? c->desired.by_id[id] : NULL;

    return port ? port->spec->name : "";
}

/* ---- info ---- */

static void
count_ports(const struct control *c, Fusuma__V1__Info *info)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        const struct desired_port *port = node->data;

        info->ports++;
        info->ports_up += port->dp && atomic_load_explicit(&port->dp->up, memory_order_relaxed);
        info->quarantined += port->quarantine != NULL;
    }
}

static void
add_sets(const struct control *c, Fusuma__V1__Info *info)
{
    const struct acl_policy *policy = c->publisher.policy ? c->publisher.policy->parsed : NULL;

    info->address_sets = shash_count(&c->desired.sets.by_name);
    for (size_t i = 0; policy && i < policy->n_groups; i++) {
        const struct acl_group *group = &policy->groups[i];

        if (group->is_set && set_is_stale(sets_find(&c->desired.sets, group->name), group)) {
            message_append(info->stale_address_sets, info->n_stale_address_sets,
                           xstrdup(group->name));
        }
    }
}

void
rpc_get_info(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__Info *info = message_new(&fusuma__v1__info__descriptor);
    struct control *c = control;

    info->version = xstrdup(PACKAGE_VERSION);
    info->dpdk_version = xstrdup(rte_version());
    info->pid = getpid();
    info->uptime_s = (time_msec() - c->started_ms) / 1000;
    info->hugepages = c->eal.hugepages;
    info->generation = c->publisher.generation;
    count_ports(c, info);
    add_sets(c, info);
    info->workers = dp_n_workers();
    info->connections = conn_table_count(dp_connections());
    info->connections_max = conn_table_max(dp_connections());
    info->connection_stats = conn_stats_message(c, false);
    if (c->publisher.policy) {
        info->policy_digest = xstrdup(c->publisher.policy->digest);
        info->rules = c->publisher.policy->parsed->n_rules;
    }
    info->buffers = c->eal.pool->size;
    info->buffers_in_use = rte_mempool_in_use_count(c->eal.pool);
    info->drop_epoch = drop_log_epoch();
    info->drops_newest = drop_log_newest().n;
    info->drops_stored = drop_log_storing();
    if (c->alarm) {
        info->alarm = xstrdup(c->alarm);
    }
    rpc_reply_with(call, info);
}

/* ---- FDB ---- */

struct fdb_list {
    const struct control *control;
    Fusuma__V1__ListFdbResponse *reply;
    uint32_t now_s;
};

static void
add_fdb_entry(const struct fdb_entry *entry, void *list_)
{
    struct fdb_list *list = list_;
    Fusuma__V1__FdbEntry *message = message_new(&fusuma__v1__fdb_entry__descriptor);

    message->mac = mac_text(entry->mac);
    message->vlan = entry->vlan;
    message->port = xstrdup(port_name(list->control, entry->port));
    message->bound = entry->bound;
    if (!entry->bound && list->now_s > entry->last_seen_s) {
        message->age_s = list->now_s - entry->last_seen_s;
    }
    message_append(list->reply->entries, list->reply->n_entries, message);
}

void
rpc_list_fdb(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    struct fdb_list list = { control, message_new(&fusuma__v1__list_fdb_response__descriptor),
                             dp_now_s() };

    fdb_foreach(add_fdb_entry, &list);
    rpc_reply_with(call, list.reply);
}

/* ---- workers ---- */

static void
put_stages(Fusuma__V1__Worker *m, const struct dp_worker_stats *stats)
{
    static const char *const names[N_STAGES] = {
        [STAGE_RECEIVE] = "receive", [STAGE_PARSE] = "parse",     [STAGE_GUARD] = "guard",
        [STAGE_LOOKUP] = "lookup",   [STAGE_FORWARD] = "forward", [STAGE_TRANSMIT] = "transmit",
    };

    m->profiled_packets = stats->profiled;
    for (int i = 0; i < N_STAGES; i++) {
        Fusuma__V1__WorkerStage *s = message_new(&fusuma__v1__worker_stage__descriptor);

        s->stage = xstrdup(names[i]);
        s->cycles = stats->stage_cycles[i];
        message_append(m->stages, m->n_stages, s);
    }
}

static Fusuma__V1__Worker *
worker_message(const struct control *c, uint32_t index)
{
    Fusuma__V1__Worker *m = message_new(&fusuma__v1__worker__descriptor);
    const struct shash_node **nodes = shash_sort(&c->desired.ports);
    struct dp_worker_stats stats;

    dp_worker_stats(index, &stats);
    m->index = index;
    m->lcore = stats.lcore;
    m->cpu = stats.cpu;
    m->polls = stats.polls;
    m->bursts = stats.bursts;
    m->packets = stats.packets;
    m->busy_cycles = stats.busy_cycles;
    m->sleeps = stats.sleeps;
    m->sleeping = stats.sleeping;
    m->generation = stats.generation;
    put_stages(m, &stats);
    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        const struct desired_port *port = nodes[i]->data;

        if (port->dp && port->worker == index) {
            message_append(m->ports, m->n_ports, xstrdup(nodes[i]->name));
        }
    }
    free(nodes);
    return m;
}

void
rpc_list_workers(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__ListWorkersResponse *reply =
        message_new(&fusuma__v1__list_workers_response__descriptor);

    for (uint32_t i = 0; i < dp_n_workers(); i++) {
        message_append(reply->workers, reply->n_workers, worker_message(control, i));
    }
    rpc_reply_with(call, reply);
}

/* ---- audit ---- */

static Fusuma__V1__AuditPort *
audit_port(const struct desired_port *port)
{
    Fusuma__V1__AuditPort *m = message_new(&fusuma__v1__audit_port__descriptor);
    struct ledger_page page = port_ledger(port);

    m->port = xstrdup(port->spec->name);
    m->received = page.received;
    m->originated = page.originated;
    m->forwarded = page.forwarded;
    m->consumed = page.consumed;
    m->held = page.held;
    m->drops = ledger_page_drops(&page);
    m->ingress_difference = ledger_page_ingress_difference(&page);
    m->offered = page.offered;
    m->accepted = page.accepted;
    m->tx_drops = ledger_page_tx_drops(&page);
    m->egress_difference = ledger_page_egress_difference(&page);
    return m;
}

void
rpc_audit(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__AuditResponse *reply = message_new(&fusuma__v1__audit_response__descriptor);
    struct control *c = control;
    const struct shash_node **nodes = shash_sort(&c->desired.ports);

    dp_synchronize();
    reply->clean = true;
    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        Fusuma__V1__AuditPort *m = audit_port(nodes[i]->data);

        reply->clean = reply->clean && !m->ingress_difference && !m->egress_difference;
        message_append(reply->ports, reply->n_ports, m);
    }
    free(nodes);
    rpc_reply_with(call, reply);
}
