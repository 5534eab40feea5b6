#include <config.h>

#include "control/port_message.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "control/message.h"
#include "control/refresh.h"
#include "timeval.h"
#include "util.h"

bool
port_is_up(const struct desired_port *port)
{
    return port->dp && atomic_load_explicit(&port->dp->up, memory_order_relaxed);
}

static Fusuma__V1__PortRefresh *
refresh_message(const struct desired_port *port)
{
    const struct refresh *r = port->refresh;
    Fusuma__V1__PortRefresh *m;
    const char *held_by;

    if (!r) {
        return NULL;
    }
    held_by = refresh_held_by(r, port->quarantine != NULL, port->spec->refresh_on_logoff);
    m = message_new(&fusuma__v1__port_refresh__descriptor);
    m->state = r->done_us ? FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_DONE
               : held_by  ? FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_HELD
                          : FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY;
    m->since = time_message(r->since_us);
    m->session_id = r->session;
    m->user = xstrdup(r->user);
    m->vm_id = xstrdup(r->vm_id);
    m->held_by = xstrdup(held_by ? held_by : "");
    m->done = time_message(r->done_us);
    m->image_lived_ms = r->done_us ? refresh_lived_us(r) / 1000 : 0;
    return m;
}

Fusuma__V1__Port *
port_message(const struct desired_port *port)
{
    Fusuma__V1__Port *message = message_new(&fusuma__v1__port__descriptor);

    message->spec = message_copy(&port->spec->base);
    message->id = port->id;
    message->state = port_is_up(port) ? FUSUMA__V1__PORT_STATE__PORT_STATE_UP
                                      : FUSUMA__V1__PORT_STATE__PORT_STATE_DOWN;
    message->quarantined = port->quarantine != NULL;
    message->worker = port->worker;
    message->generation = port->generation;
    message->storm = limits_storm_message(&port->limits);
    message->mac_limit = port->limits.macs;
    if (port->quarantine) {
        message->quarantine = quarantine_message(port->quarantine, port->spec->name);
    }
    message->refresh = refresh_message(port);
    return message;
}

Fusuma__V1__QuarantineState *
quarantine_message(const struct quarantine *q, const char *port)
{
    Fusuma__V1__QuarantineState *m = message_new(&fusuma__v1__quarantine_state__descriptor);

    m->id = quarantine_id(q);
    m->port = xstrdup(port ? port : q->port);
    m->absent = !port;
    m->vm_id = xstrdup(q->vm_id);
    m->who = xstrdup(q->who);
    m->comment = xstrdup(q->comment);
    m->since = time_message(q->since_us);
    m->reset = q->resets;
    for (size_t i = 0; i < q->allow.n; i++) {
        message_append(m->allow, m->n_allow, xstrdup(q->allow.names[i]));
    }
    return m;
}

const char *
quarantine_port(const struct desired *d, const struct quarantine *q)
{
    const char *first = NULL;
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        if (((const struct desired_port *) node->data)->quarantine == q &&
            (!first || strcmp(node->name, first) < 0)) {
            first = node->name;
        }
    }
    return first;
}

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
