#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/quarantine.pb-c.h"
#include "timeval.h"
#include "util.h"

#define COMMENT_MAX 1000

/* A request that waits for its receipt. */
struct request {
    struct rpc_call *call;
    long long start_us;
    char *port;
    bool quarantine;
};

static void
receipt(struct control *c, enum rpc_status status, const char *error,
        const struct desired_port *port, void *request)
{
    struct request *r = request;
    long long in_force_us = port ? port->quarantine_us : time_usec();

    if (status) {
        rpc_call_fail(r->call, status, "%s", error);
    } else {
        Fusuma__V1__QuarantineReceipt *m = message_new(&fusuma__v1__quarantine_receipt__descriptor);

        m->port = xstrdup(r->port);
        m->quarantined = r->quarantine;
        m->generation = c->publisher.generation;
        m->elapsed_us = MAX(in_force_us - r->start_us, 0); /* 0: it was already */
        rpc_reply_with(r->call, m);
    }
    free(r->port);
    free(r);
}

static struct request *
request_create(struct rpc_call *call, const char *port, bool quarantine)
{
    struct request *r = xzalloc(sizeof *r);

    r->call = call;
    r->start_us = time_usec();
    r->port = xstrdup(port);
    r->quarantine = quarantine;
    return r;
}

void
rpc_quarantine(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__QuarantineRequest *r = (const Fusuma__V1__QuarantineRequest *) request;
    size_t length = strlen(r->comment);
    struct control *c = control;
    char *who;

    if (length > COMMENT_MAX) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "comment: it has %zu bytes; %d are allowed",
                      length, COMMENT_MAX);
        return;
    }
    who = access_who(&c->config.access, rpc_call_peer(call));
    ports_quarantine(c, r->port, who, r->comment, receipt, request_create(call, r->port, true));
    free(who);
}

void
rpc_release(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const char *port = ((const Fusuma__V1__ReleaseRequest *) request)->port;

    ports_release(control, port, receipt, request_create(call, port, false));
}
