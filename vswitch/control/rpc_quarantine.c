#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/quarantine.pb-c.h"
#include "timeval.h"
#include "util.h"

static void
set(struct control *c, struct rpc_call *call, const char *name, bool on)
{
    long long start = time_usec();
    Fusuma__V1__QuarantineReceipt *receipt;
    char *error;
    enum rpc_status status = ports_quarantine(c, name, on, &error);

    if (status) {
        rpc_fail_with(call, status, error);
        return;
    }
    receipt = message_new(&fusuma__v1__quarantine_receipt__descriptor);
    receipt->port = xstrdup(name);
    receipt->quarantined = on;
    receipt->generation = c->publisher.generation;
    receipt->elapsed_us = time_usec() - start;
    rpc_reply_with(call, receipt);
}

void
rpc_quarantine(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    set(control, call, ((const Fusuma__V1__QuarantineRequest *) request)->port, true);
}

void
rpc_release(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    set(control, call, ((const Fusuma__V1__ReleaseRequest *) request)->port, false);
}
