#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "control/port_message.h"
#include "control/rpc.h"
#include "fusuma/v1/quarantine.pb-c.h"
#include "timeval.h"
#include "util.h"

#define TEXT_MAX 1000 /* bytes of a comment, of a reason */

/* A request that waits for its receipt. */
struct request {
    struct rpc_call *call;
    long long start_us;
};

static Fusuma__V1__QuarantineReceipt *
receipt_message(const struct request *r, const struct quarantine_receipt *receipt)
{
    Fusuma__V1__QuarantineReceipt *m = message_new(&fusuma__v1__quarantine_receipt__descriptor);

    m->port = xstrdup(receipt->port);
    m->vm_id = xstrdup(receipt->vm_id);
    m->quarantined = receipt->quarantined;
    m->generation = receipt->generation;
    m->elapsed_us = receipt->at_once ? MAX(receipt->in_force_us - r->start_us, 0) : 0;
    m->in_force_at = time_message(receipt->in_force_at_us);
    m->last_passed = time_message(receipt->last_passed_us);
    m->connections_ended = receipt->ended;
    m->resets_sent = receipt->resets;
    m->capture_id = receipt->capture_id;
    m->capture_error = xstrdup(receipt->capture_error ? receipt->capture_error : "");
    for (size_t i = 0; receipt->allow && i < receipt->allow->n; i++) {
        message_append(m->allow, m->n_allow, xstrdup(receipt->allow->names[i]));
    }
    return m;
}

static void
reply(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
      const struct quarantine_receipt *receipt, void *request)
{
    struct request *r = request;

    if (status) {
        rpc_call_fail(r->call, status, "%s", error);
    } else {
        rpc_reply_with(r->call, receipt_message(r, receipt));
    }
    free(r);
}

static struct request *
request_create(struct rpc_call *call)
{
    struct request *r = xzalloc(sizeof *r);

    r->call = call;
    r->start_us = time_usec();
    return r;
}

/* False, and the call has failed, when the text is longer than it may be. */
static bool
check_text(struct rpc_call *call, const char *name, const char *text)
{
    size_t length = strlen(text);

    if (length > TEXT_MAX) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "%s: it has %zu bytes; %d are allowed", name,
                      length, TEXT_MAX);
    }
    return length <= TEXT_MAX;
}

void
rpc_quarantine(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__QuarantineRequest *r = (const Fusuma__V1__QuarantineRequest *) request;
    const struct quarantine_options options = { .allow = (const char *const *) r->allow,
                                                .n_allow = r->n_allow,
                                                .resets = r->reset,
                                                .capture = r->capture };
    struct control *c = control;
    char *who;

    if (!check_text(call, "comment", r->comment)) {
        return;
    }
    who = access_who(&c->config.access, rpc_call_peer(call));
    ports_quarantine(c, r->port, who, r->comment, &options, reply, request_create(call));
    free(who);
}

void
rpc_release(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ReleaseRequest *r = (const Fusuma__V1__ReleaseRequest *) request;
    struct control *c = control;
    char *who;

    if (!r->port[0] == !r->vm_id[0]) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "one of port and vm_id is needed");
        return;
    }
    if (!r->reason[0]) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT,
                      "reason is missing: a release says why (it is in the audit log)");
        return;
    }
    if (!check_text(call, "reason", r->reason)) {
        return;
    }
    who = access_who(&c->config.access, rpc_call_peer(call));
    ports_release(c, r->port, r->vm_id, who, r->reason, reply, request_create(call));
    free(who);
}

void
rpc_list_quarantines(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED,
                     void *control)
{
    const struct desired *d = &((const struct control *) control)->desired;
    Fusuma__V1__ListQuarantinesResponse *m =
        message_new(&fusuma__v1__list_quarantines_response__descriptor);
    const struct shash_node **nodes = shash_sort(&d->quarantines.by_id);

    for (size_t i = 0; i < shash_count(&d->quarantines.by_id); i++) {
        const struct quarantine *q = nodes[i]->data;

        message_append(m->quarantines, m->n_quarantines,
                       quarantine_message(q, quarantine_port(d, q)));
    }
    free(nodes);
    rpc_reply_with(call, m);
}
