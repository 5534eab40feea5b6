#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/policy_message.h"
#include "control/port_message.h"
#include "control/rpc.h"
#include "datapath/fdb.h"
#include "util.h"

static Fusuma__V1__Port *
port_now(const struct control *c, const struct desired_port *port)
{
    Fusuma__V1__Port *message = port_message(port);

    message->macs_learned = port->dp ? fdb_learned(port->id) : 0;
    message->policy = port_policy_message(c, port);
    return message;
}

static void
added(struct control *c, enum rpc_status status, const char *error, const struct desired_port *port,
      void *call)
{
    if (status) {
        rpc_call_fail(call, status, "%s", error);
    } else {
        rpc_reply_with(call, port_now(c, port));
    }
}

void
rpc_add_port(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    ports_add(control, ((const Fusuma__V1__AddPortRequest *) request)->spec, added, call);
}

static void
deleted(struct control *c, enum rpc_status status, const char *error,
        const struct desired_port *port OVS_UNUSED, void *call)
{
    Fusuma__V1__DeletePortResponse *reply;

    if (status) {
        rpc_call_fail(call, status, "%s", error);
        return;
    }
    reply = message_new(&fusuma__v1__delete_port_response__descriptor);
    reply->generation = c->publisher.generation;
    rpc_reply_with(call, reply);
}

void
rpc_delete_port(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    ports_delete(control, ((const Fusuma__V1__DeletePortRequest *) request)->name, deleted, call);
}

void
rpc_get_port(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__GetPortRequest *r = (const Fusuma__V1__GetPortRequest *) request;
    struct control *c = control;
    const struct desired_port *port = desired_find(&c->desired, r->name);

    if (port) {
        rpc_reply_with(call, port_now(c, port));
    } else {
        rpc_call_fail(call, RPC_NOT_FOUND, "no port is named \"%s\"", r->name);
    }
}

void
rpc_list_ports(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__ListPortsResponse *reply =
        message_new(&fusuma__v1__list_ports_response__descriptor);
    struct control *c = control;
    const struct shash_node **nodes = shash_sort(&c->desired.ports);

    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        message_append(reply->ports, reply->n_ports, port_now(c, nodes[i]->data));
    }
    free(nodes);
    rpc_reply_with(call, reply);
}
