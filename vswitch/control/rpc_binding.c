#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/port_message.h"
#include "control/rpc.h"
#include "fusuma/v1/port.pb-c.h"
#include "util.h"

static void
append(Fusuma__V1__Binding *binding, void *reply_)
{
    Fusuma__V1__ListBindingsResponse *reply = reply_;

    message_append(reply->bindings, reply->n_bindings, binding);
}

void
rpc_list_bindings(struct rpc_call *call, const ProtobufCMessage *request_, void *control)
{
    const Fusuma__V1__ListBindingsRequest *request = (const void *) request_;
    struct control *c = control;
    Fusuma__V1__ListBindingsResponse *reply;
    const struct shash_node **nodes;

    if (*request->port && !desired_find(&c->desired, request->port)) {
        rpc_call_fail(call, RPC_NOT_FOUND, "no port is named \"%s\"", request->port);
        return;
    }
    reply = message_new(&fusuma__v1__list_bindings_response__descriptor);
    nodes = shash_sort(&c->desired.ports);
    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        if (!*request->port || !strcmp(nodes[i]->name, request->port)) {
            port_bindings(nodes[i]->data, append, reply);
        }
    }
    free(nodes);
    rpc_reply_with(call, reply);
}
