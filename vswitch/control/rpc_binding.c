#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/port.pb-c.h"
#include "timeval.h"
#include "util.h"

static Fusuma__V1__Binding *
new_binding(const struct desired_port *port, const struct acl_addr *a, const char *how)
{
    Fusuma__V1__Binding *b = message_new(&fusuma__v1__binding__descriptor);

    b->port = xstrdup(port->spec->name);
    b->ip = addr_text(a);
    b->mac = mac_text(port->mac);
    b->how = xstrdup(how);
    return b;
}

void
port_bindings(const struct desired_port *port, void (*take)(Fusuma__V1__Binding *, void *aux),
              void *aux)
{
    for (size_t i = 0; i < port->n_given; i++) {
        take(new_binding(port, &port->addrs[i], i < port->spec->n_ips ? "given" : "mac"), aux);
    }
    for (size_t i = 0; i < port->n_learned; i++) {
        const struct learned *l = &port->learned[i];
        Fusuma__V1__Binding *b = new_binding(port, &l->addr, learned_how_name(l->how));

        if (l->expires_ms != LEARNED_FOR_EVER) {
            b->expires_s = MAX(1, (l->expires_ms - time_msec() + 999) / 1000);
        }
        take(b, aux);
    }
}

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
