#include <config.h>

#include "control/conn_filter.h"

#include <netinet/in.h>
#include <string.h>

#include "util.h"

static bool
has_user_port(const struct conn_filter *f, uint16_t port)
{
    return port < DP_MAX_PORTS && f->user_ports[port / 64] >> port % 64 & 1;
}

static enum rpc_status
take_ports(struct conn_filter *f, const struct desired *d, const Fusuma__V1__ConnectionFilter *m,
           char **error)
{
    struct shash_node *node;
    bool found = false;

    if (m->port[0]) {
        const struct desired_port *port = desired_find(d, m->port);

        if (!port) {
            return control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", m->port);
        }
        f->by_port = true;
        f->port = port->id;
    }
    if (!m->user[0]) {
        return RPC_OK;
    }
    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (!strcmp(port->spec->user, m->user)) {
            f->user_ports[port->id / 64] |= UINT64_C(1) << port->id % 64;
            found = true;
        }
    }
    f->by_user = true;
    return found ? RPC_OK
                 : control_fail(error, RPC_NOT_FOUND, "no port is used by \"%s\"", m->user);
}

static enum rpc_status
take_prefix(const char *field, const char *text, struct acl_prefix *prefix, bool *by, char **error)
{
    const char *why = text[0] ? acl_prefix_parse_why(text, prefix) : NULL;

    *by = text[0];
    return why ? control_fail(error, RPC_INVALID_ARGUMENT, "%s: \"%s\": %s", field, text, why)
               : RPC_OK;
}

static enum rpc_status
take_state(struct conn_filter *f, const char *text, char **error)
{
    if (!text[0]) {
        return RPC_OK;
    }
    for (f->state = 0; f->state < CONN_N_STATES; f->state++) {
        if (!strcmp(text, conn_state_name(f->state))) {
            f->by_state = true;
            return RPC_OK;
        }
    }
    return control_fail(error, RPC_INVALID_ARGUMENT,
                        "state: \"%s\" is none of unreplied, replied, syn-sent, syn-received, "
                        "established, closing, closed",
                        text);
}

static enum rpc_status
check_number(const char *field, uint32_t value, uint32_t max, char **error)
{
    return value > max ? control_fail(error, RPC_INVALID_ARGUMENT, "%s: %u is more than %u", field,
                                      value, max)
                       : RPC_OK;
}

static enum rpc_status
take_numbers(struct conn_filter *f, const Fusuma__V1__ConnectionFilter *m, char **error)
{
    enum rpc_status status = check_number("protocol", m->protocol, UINT8_MAX, error);

    status = status ? status : check_number("source_port", m->source_port, UINT16_MAX, error);
    status =
        status ? status : check_number("destination_port", m->destination_port, UINT16_MAX, error);
    f->protocol = m->protocol;
    f->source_port = m->source_port;
    f->destination_port = m->destination_port;
    return status;
}

enum rpc_status
conn_filter_init(struct conn_filter *f, const struct desired *d,
                 const Fusuma__V1__ConnectionFilter *m, char **error)
{
    enum rpc_status status;

    memset(f, 0, sizeof *f);
    if (!m) {
        f->selects_all = true;
        return RPC_OK;
    }
    status = take_ports(f, d, m, error);
    status = status ? status : take_prefix("source", m->source, &f->source, &f->by_source, error);
    status = status ? status
                    : take_prefix("destination", m->destination, &f->destination,
                                  &f->by_destination, error);
    status = status ? status : take_state(f, m->state, error);
    status = status ? status : take_numbers(f, m, error);
    f->selects_all = !f->by_port && !f->by_user && !f->by_source && !f->by_destination &&
                     !f->by_state && !f->protocol && !f->source_port && !f->destination_port;
    return status;
}

/* Only TCP and UDP have ports; an ICMP identifier that looks like one is not meant. */
static bool
selects_service(const struct conn_filter *f, const struct conn *c)
{
    unsigned src = c->initiator & 1;

    if (f->protocol && f->protocol != c->key.protocol) {
        return false;
    }
    if (!f->source_port && !f->destination_port) {
        return true;
    }
    return (c->key.protocol == IPPROTO_TCP || c->key.protocol == IPPROTO_UDP) &&
           (!f->source_port || f->source_port == c->key.l4[src]) &&
           (!f->destination_port || f->destination_port == c->key.l4[!src]);
}

bool
conn_filter_selects(const struct conn_filter *f, const struct conn *c)
{
    unsigned src = c->initiator & 1;

    return (!f->by_port || c->port[0] == f->port || c->port[1] == f->port) &&
           (!f->by_user || has_user_port(f, c->port[0]) || has_user_port(f, c->port[1])) &&
           (!f->by_source || acl_prefix_contains(&f->source, &c->key.addr[src])) &&
           (!f->by_destination || acl_prefix_contains(&f->destination, &c->key.addr[!src])) &&
           selects_service(f, c) && (!f->by_state || f->state == conn_state(c));
}
