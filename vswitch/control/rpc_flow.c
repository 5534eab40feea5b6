#include <config.h>

#include <stdlib.h>

#include "control/flow_message.h"
#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/flow.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "openvswitch/poll-loop.h"
#include "telemetry/flow_log.h"
#include "util.h"

#define DEFAULT_LIMIT 1000
#define MAX_LIMIT 10000
#define LOOK_MS 5 /* between looks whether it is there */

/* A call that waits until what is new has been told. */
struct flow_list {
    struct ovs_list node;
    struct rpc_call *call;
    char *port;
    struct flow_filter filter;
    uint64_t refresh;
};

static void
flow_list_destroy(struct flow_list *list)
{
    free(list->port);
    free(list);
}

/* ---- the answer ---- */

static void
add_flow(const struct flow_row *row, void *reply_)
{
    Fusuma__V1__ListFlowsResponse *reply = reply_;

    message_append(reply->flows, reply->n_flows, flow_message(row));
}

static void
answer(struct flow_list *list)
{
    Fusuma__V1__ListFlowsResponse *reply =
        message_new(&fusuma__v1__list_flows_response__descriptor);

    reply->truncated = flow_log_query(&list->filter, add_flow, reply);
    reply->budget = flow_budget_message();
    rpc_reply_with(list->call, reply);
}

/* ---- the request ---- */

static enum rpc_status
take_time(const char *field, const Google__Protobuf__Timestamp *t, uint64_t *ns, char **error)
{
    if (!t) {
        return RPC_OK;
    }
    if (t->seconds < 0 || t->seconds > INT64_MAX / 1000000000 - 1 || t->nanos < 0 ||
        t->nanos > 999999999) {
        return control_fail(error, RPC_INVALID_ARGUMENT, "%s: is not a time after 1970", field);
    }
    *ns = t->seconds * UINT64_C(1000000000) + t->nanos;
    return RPC_OK;
}

static enum rpc_status
take_filter(struct flow_list *list, const Fusuma__V1__ListFlowsRequest *r, char **error)
{
    struct flow_filter *f = &list->filter;
    const char *why = r->peer[0] ? acl_prefix_parse_why(r->peer, &f->peer) : NULL;
    enum rpc_status status;

    if (r->limit > MAX_LIMIT) {
        return control_fail(error, RPC_INVALID_ARGUMENT, "limit: %u is more than %d", r->limit,
                            MAX_LIMIT);
    }
    if (why) {
        return control_fail(error, RPC_INVALID_ARGUMENT, "peer: \"%s\": %s", r->peer, why);
    }
    status = take_time("from", r->from, &f->from_ns, error);
    status = status ? status : take_time("to", r->to, &f->to_ns, error);
    if (!status && r->to && f->to_ns < f->from_ns) {
        status = control_fail(error, RPC_INVALID_ARGUMENT, "to: is before 'from'");
    }
    f->port = r->port[0] ? list->port : NULL;
    f->by_peer = r->peer[0];
    f->limit = r->limit ? r->limit : DEFAULT_LIMIT;
    return status;
}

void
rpc_list_flows(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ListFlowsRequest *r = (const Fusuma__V1__ListFlowsRequest *) request;
    struct flow_list *list = xzalloc(sizeof *list);
    struct control *c = control;
    char *error = NULL;
    enum rpc_status status;

    list->call = call;
    list->port = xstrdup(r->port);
    status = take_filter(list, r, &error);
    if (status) {
        flow_list_destroy(list);
        rpc_fail_with(call, status, error);
        return;
    }
    list->refresh = flow_log_refresh();
    ovs_list_push_back(&c->flow_lists, &list->node);
}

void
flow_lists_run(struct control *c)
{
    struct flow_list *list;

    LIST_FOR_EACH_SAFE (list, node, &c->flow_lists) {
        if (flow_log_is_fresh(list->refresh)) {
            answer(list);
            ovs_list_remove(&list->node);
            flow_list_destroy(list);
        }
    }
}

void
flow_lists_wait(const struct control *c)
{
    if (!ovs_list_is_empty(&c->flow_lists)) {
        poll_timer_wait(LOOK_MS);
    }
}

void
flow_lists_stop(struct control *c)
{
    struct flow_list *list;

    LIST_FOR_EACH_SAFE (list, node, &c->flow_lists) {
        ovs_list_remove(&list->node);
        flow_list_destroy(list);
    }
}
