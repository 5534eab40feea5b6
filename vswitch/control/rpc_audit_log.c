#include <config.h>

#include "control/gate.h"
#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/audit_log.pb-c.h"
#include "util.h"

static void
add_line(const char *line, void *reply_)
{
    Fusuma__V1__ListAuditLogResponse *reply = reply_;

    message_append(reply->lines, reply->n_lines, xstrdup(line));
}

void
rpc_list_audit_log(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    uint32_t limit = ((const Fusuma__V1__ListAuditLogRequest *) request)->limit;
    const struct control *c = control;
    Fusuma__V1__ListAuditLogResponse *reply;

    if (limit > GATE_MAX_LINES) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "limit: %u is more than %d", limit,
                      GATE_MAX_LINES);
        return;
    }
    reply = message_new(&fusuma__v1__list_audit_log_response__descriptor);
    gate_lines(c->gate, limit ? limit : GATE_MAX_LINES, add_line, reply);
    rpc_reply_with(call, reply);
}
