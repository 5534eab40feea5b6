#include <config.h>

#include <stdlib.h>

#include "control/conn_filter.h"
#include "control/conn_message.h"
#include "control/message.h"
#include "control/rpc.h"
#include "datapath/worker.h"
#include "openvswitch/poll-loop.h"
#include "util.h"

#define DEFAULT_LIMIT 1000
#define MAX_LIMIT 10000 /* connections in a message: about 2 MB */
/* Entries that control looks at before it does something else: a few milliseconds. */
#define WALK_ENTRIES (1u << 16)

/* ---- list ---- */

struct conn_list {
    const struct control *control;
    struct conn_filter filter;
    Fusuma__V1__ListConnectionsResponse *reply;
    uint32_t limit;
    bool count_only;
};

static bool
list_one(struct conn *conn, void *list_)
{
    struct conn_list *list = list_;
    Fusuma__V1__ListConnectionsResponse *reply = list->reply;

    if (!conn_filter_selects(&list->filter, conn)) {
        return true;
    }
    reply->selected++;
    if (list->count_only) {
        return true;
    }
    message_append(reply->connections, reply->n_connections, conn_message(list->control, conn));
    return reply->selected < list->limit;
}

void
rpc_list_connections(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ListConnectionsRequest *r =
        (const Fusuma__V1__ListConnectionsRequest *) request;
    struct conn_list list = { .control = control,
                              .limit = r->limit ? r->limit : DEFAULT_LIMIT,
                              .count_only = r->count_only };
    enum rpc_status status;
    char *error = NULL;

    if (r->limit > MAX_LIMIT) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "limit: %u is more than %d", r->limit, MAX_LIMIT);
        return;
    }
    if (r->cursor > conn_table_max(dp_connections())) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "cursor: %" PRIu64 " is none of this switch",
                      r->cursor);
        return;
    }
    status = conn_filter_init(&list.filter, &list.control->desired, r->filter, &error);
    if (status) {
        rpc_fail_with(call, status, error);
        return;
    }
    list.reply = message_new(&fusuma__v1__list_connections_response__descriptor);
    list.reply->next = conn_walk(dp_connections(), r->cursor, WALK_ENTRIES, list_one, &list);
    rpc_reply_with(call, list.reply);
}

/* ---- one ---- */

struct conn_get {
    const struct control *control;
    uint64_t id;
    Fusuma__V1__ConnectionDetail *reply;
};

static bool
get_one(struct conn *conn, void *get_)
{
    struct conn_get *get = get_;

    if (conn_id(dp_connections(), conn) == get->id) {
        get->reply = conn_detail_message(get->control, conn);
    }
    return false;
}

void
rpc_get_connection(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    struct conn_get get = { .control = control,
                            .id = ((const Fusuma__V1__GetConnectionRequest *) request)->id };
    uint32_t index = get.id & UINT32_MAX;

    if (index && index <= conn_table_max(dp_connections())) {
        conn_walk(dp_connections(), index, 1, get_one, &get);
    }
    if (get.reply) {
        rpc_reply_with(call, get.reply);
    } else {
        rpc_call_fail(call, RPC_NOT_FOUND, "no connection has the id %" PRIu64 " (any more)",
                      get.id);
    }
}

/* ---- flush ---- */

/* A flush under way: a piece of the table a round of the poll loop. */
struct flush {
    struct ovs_list node;
    struct rpc_call *call;
    struct conn_filter filter;
    uint32_t next, flushed;
};

static bool
flush_one(struct conn *conn, void *flush_)
{
    struct flush *flush = flush_;

    if (conn_filter_selects(&flush->filter, conn)) {
        flush->flushed += conn_flush(dp_connections(), conn);
    }
    return true;
}

void
rpc_flush_connections(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__FlushConnectionsRequest *r =
        (const Fusuma__V1__FlushConnectionsRequest *) request;
    struct control *c = control;
    struct flush *flush = xzalloc(sizeof *flush);
    char *error = NULL;
    enum rpc_status status = conn_filter_init(&flush->filter, &c->desired, r->filter, &error);

    if (!status && flush->filter.selects_all && !r->all) {
        status = control_fail(&error, RPC_INVALID_ARGUMENT,
                              "filter: selects every connection; say 'all' if that is meant");
    } else if (!status && !flush->filter.selects_all && r->all) {
        status = control_fail(&error, RPC_INVALID_ARGUMENT, "all: there is a filter as well");
    }
    if (status) {
        free(flush);
        rpc_fail_with(call, status, error);
        return;
    }
    dp_synchronize(); /* What has passed before the call is in the table. */
    flush->call = call;
    flush->next = 1;
    ovs_list_push_back(&c->flushes, &flush->node);
}

static void
flush_end(struct flush *flush)
{
    Fusuma__V1__FlushConnectionsResponse *reply =
        message_new(&fusuma__v1__flush_connections_response__descriptor);

    dp_synchronize(); /* No burst holds one of them any more. */
    reply->flushed = flush->flushed;
    rpc_reply_with(flush->call, reply);
    ovs_list_remove(&flush->node);
    free(flush);
}

void
flushes_run(struct control *c)
{
    struct flush *flush;

    LIST_FOR_EACH_SAFE (flush, node, &c->flushes) {
        flush->next = conn_walk(dp_connections(), flush->next, WALK_ENTRIES, flush_one, flush);
        if (!flush->next) {
            flush_end(flush);
        }
    }
}

void
flushes_wait(const struct control *c)
{
    if (!ovs_list_is_empty(&c->flushes)) {
        poll_immediate_wake();
    }
}

void
flushes_stop(struct control *c)
{
    struct flush *flush;

    LIST_FOR_EACH_SAFE (flush, node, &c->flushes) {
        ovs_list_remove(&flush->node);
        free(flush);
    }
}

/* ---- the table ---- */

void
rpc_get_connection_stats(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED,
                         void *control)
{
    rpc_reply_with(call, conn_stats_message(control, true));
}
