#include <config.h>

#include <stdlib.h>

#include <rte_cycles.h>

#include "control/conn_message.h"
#include "control/message.h"
#include "control/rpc.h"
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "fusuma/v1/counter.pb-c.h"
#include "openvswitch/poll-loop.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

#define MIN_INTERVAL_MS 100

/* A counter stream.  Control makes 'pending' whenever it is due; the server's thread sends it.  A
 * reader that is slow gets the newest, never a queue: counters are totals. */
struct watch {
    struct ovs_list node;
    struct control *control;
    struct sset ports; /* empty: all */
    uint32_t interval_ms;
    long long due_ms;

    struct ovs_mutex mutex;
    Fusuma__V1__Counters *pending OVS_GUARDED;
    bool sent OVS_GUARDED;
    bool closed OVS_GUARDED;
};

/* ---- messages ---- */

static Fusuma__V1__ReasonCount *
reason_count(const char *reason, uint64_t packets)
{
    Fusuma__V1__ReasonCount *m = message_new(&fusuma__v1__reason_count__descriptor);

    m->reason = xstrdup(reason);
    m->packets = packets;
    return m;
}

static Fusuma__V1__PortCounters *
port_counters(const struct desired_port *port)
{
    Fusuma__V1__PortCounters *m = message_new(&fusuma__v1__port_counters__descriptor);
    struct ledger_page page = port_ledger(port);

    m->port = xstrdup(port->spec->name);
    m->received = page.received;
    m->received_bytes = page.received_bytes;
    m->originated = page.originated;
    m->forwarded = page.forwarded;
    m->consumed = page.consumed;
    m->held = page.held;
    m->copies = page.copies;
    m->probes = page.probes;
    m->would_drop = page.would_drop;
    m->offered = page.offered;
    m->accepted = page.accepted;
    m->accepted_bytes = page.accepted_bytes;
    m->tx_drops_caused = page.tx_drops_caused;
    m->macs_refused = page.macs_refused;
    m->groups_refused = page.groups_refused;
    m->macs_learned = port->dp ? fdb_learned(port->id) : 0;
    m->connections = conn_table_of_port(dp_connections(), port->id);
    m->connections_max = port->role == PORT_DESKTOP ? dp_max_port_connections() : 0;
    for (int i = 0; i < N_DROP_REASONS; i++) {
        if (page.drops[i]) {
            message_append(m->drops, m->n_drops, reason_count(drop_reason_name(i), page.drops[i]));
        }
    }
    for (int i = 0; i < N_TX_DROP_REASONS; i++) {
        if (page.tx_drops[i]) {
            message_append(m->tx_drops, m->n_tx_drops,
                           reason_count(tx_drop_reason_name(i), page.tx_drops[i]));
        }
    }
    if (port->dp && port->dp->ops->lost) {
        m->lost_before = port->dp->ops->lost(port->dp);
    }
    return m;
}

static uint64_t
monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static Fusuma__V1__Counters *
counters_message(const struct watch *w)
{
    Fusuma__V1__Counters *m = message_new(&fusuma__v1__counters__descriptor);
    const struct shash *ports = &w->control->desired.ports;
    const struct shash_node **nodes = shash_sort(ports);

    m->monotonic_ns = monotonic_ns();
    m->connection_stats = conn_stats_message(w->control, false);
    for (size_t i = 0; i < shash_count(ports); i++) {
        if (sset_is_empty(&w->ports) || sset_contains(&w->ports, nodes[i]->name)) {
            message_append(m->ports, m->n_ports, port_counters(nodes[i]->data));
        }
    }
    free(nodes);
    return m;
}

/* ---- the server's thread ---- */

static void
watch_ready(struct rpc_stream *stream, void *watch)
{
    struct watch *w = watch;
    Fusuma__V1__Counters *message;
    bool end;

    ovs_mutex_lock(&w->mutex);
    message = w->pending;
    w->pending = NULL;
    end = !message && w->sent && !w->interval_ms;
    w->sent = w->sent || message;
    ovs_mutex_unlock(&w->mutex);

    if (message) {
        rpc_stream_send(stream, &message->base);
        message_free(message);
    } else if (end) {
        rpc_stream_end(stream, RPC_OK, "%s", "");
    }
}

static void
watch_closed(struct rpc_stream *stream OVS_UNUSED, void *watch)
{
    struct watch *w = watch;

    ovs_mutex_lock(&w->mutex);
    w->closed = true; /* Control frees it. */
    ovs_mutex_unlock(&w->mutex);
}

static const struct rpc_stream_ops watch_ops = { watch_ready, watch_closed };

/* ---- control ---- */

static void
watch_destroy(struct watch *w)
{
    ovs_list_remove(&w->node);
    message_free(w->pending);
    sset_destroy(&w->ports);
    ovs_mutex_destroy(&w->mutex);
    free(w);
}

static void
watch_offer(struct watch *w)
{
    Fusuma__V1__Counters *message = counters_message(w);

    ovs_mutex_lock(&w->mutex);
    message_free(w->pending);
    w->pending = message;
    ovs_mutex_unlock(&w->mutex);
}

static bool
watch_is_closed(struct watch *w)
{
    bool closed;

    ovs_mutex_lock(&w->mutex);
    closed = w->closed;
    ovs_mutex_unlock(&w->mutex);
    return closed;
}

void
rpc_watch_counters(struct rpc_stream *stream, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__WatchCountersRequest *r = (const Fusuma__V1__WatchCountersRequest *) request;
    struct control *c = control;
    struct watch *w;

    if (r->interval_ms && r->interval_ms < MIN_INTERVAL_MS) {
        rpc_stream_end(stream, RPC_INVALID_ARGUMENT, "interval_ms: %u is less than %d",
                       r->interval_ms, MIN_INTERVAL_MS);
        return;
    }
    for (size_t i = 0; i < r->n_ports; i++) {
        if (!desired_find(&c->desired, r->ports[i])) {
            rpc_stream_end(stream, RPC_NOT_FOUND, "no port is named \"%s\"", r->ports[i]);
            return;
        }
    }
    w = xzalloc(sizeof *w);
    w->control = c;
    w->interval_ms = r->interval_ms;
    w->due_ms = time_msec() + r->interval_ms;
    sset_init(&w->ports);
    for (size_t i = 0; i < r->n_ports; i++) {
        sset_add(&w->ports, r->ports[i]);
    }
    ovs_mutex_init(&w->mutex);
    ovs_list_push_back(&c->watches, &w->node);
    watch_offer(w);
    rpc_stream_accept(stream, &watch_ops, w);
}

void
watches_run(struct control *c)
{
    long long now = time_msec();
    bool offered = false;
    struct watch *w;

    LIST_FOR_EACH_SAFE (w, node, &c->watches) {
        if (watch_is_closed(w)) {
            watch_destroy(w);
        } else if (w->interval_ms && now >= w->due_ms) {
            w->due_ms = MAX(w->due_ms + w->interval_ms, now);
            watch_offer(w);
            offered = true;
        }
    }
    if (offered) {
        rpc_server_kick_streams(c->rpc);
    }
}

void
watches_wait(struct control *c)
{
    struct watch *w;

    LIST_FOR_EACH (w, node, &c->watches) {
        if (w->interval_ms) {
            poll_timer_wait_until(w->due_ms);
        }
    }
}

void
watches_stop(struct control *c)
{
    struct watch *w;

    LIST_FOR_EACH_SAFE (w, node, &c->watches) {
        watch_destroy(w);
    }
}
