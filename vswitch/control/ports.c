#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "control/capturing.h"
#include "control/control.h"
#include "control/refresh_changes.h"
#include "control/session_changes.h"
#include "datapath/fdb.h"
#include "datapath/mcast.h"
#include "datapath/worker.h"
#include "openvswitch/vlog.h"
#include "telemetry/detect.h"
#include "telemetry/flow_log.h"
#include "telemetry/stream.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ports);

static enum rpc_status
status_from_errno(int error)
{
    switch (error) {
    case EINVAL:
    case ENAMETOOLONG:
        return RPC_INVALID_ARGUMENT;
    case ENODEV:
    case ENOENT:
    case ENXIO:
        return RPC_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE:
    case EBUSY:
        return RPC_ALREADY_EXISTS;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
        return RPC_RESOURCE_EXHAUSTED;
    default:
        return RPC_FAILED_PRECONDITION;
    }
}

/* ---- opening and closing ---- */

static uint16_t
least_loaded_worker(const struct control *c)
{
    unsigned n_ports[DP_MAX_WORKERS] = { 0 };
    struct shash_node *node;
    uint16_t best = 0;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        const struct desired_port *port = node->data;

        n_ports[port->worker] += port->dp != NULL;
    }
    for (uint16_t i = 1; i < c->eal.n_workers; i++) {
        if (n_ports[i] < n_ports[best]) {
            best = i;
        }
    }
    return best;
}

/* What the ledger already holds of the port's number belongs to ports that are gone. */
static void
take_ledger_base(struct desired_port *port)
{
    memset(&port->base, 0, sizeof port->base);
    for (uint32_t i = 0; i < dp_n_workers(); i++) {
        struct ledger_page page;

        ledger_read(dp_ledger(i), port->id, &page);
        ledger_page_add(&port->base, &page);
    }
    port->base.held = 0; /* a level, not a sum */
}

static struct port_spec
spec_to_open(const struct control *c, const struct desired_port *port)
{
    const Fusuma__V1__PortSpec *spec = port->spec;
    struct port_spec open = {
        .name = spec->name, .id = port->id, .n_workers = c->eal.n_workers, .pool = c->eal.pool
    };

    switch (spec->attachment_case) {
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER:
        open.type = PORT_VHOST_USER;
        open.socket = port->socket;
        open.client = spec->vhost_user->client;
        break;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET:
        open.type = PORT_AF_PACKET;
        open.interface = spec->af_packet->interface;
        break;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV:
        open.type = PORT_ETHDEV;
        open.devargs = spec->ethdev->devargs;
        break;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT__NOT_SET:
    default:
        OVS_NOT_REACHED(); /* desired_port_create() refuses it. */
    }
    return open;
}

enum rpc_status
ports_open(struct control *c, struct desired_port *port, char **error)
{
    struct port_spec open = spec_to_open(c, port);
    int retval = port_open(&open, &port->dp, error);

    if (retval) {
        port->dp = NULL;
        return status_from_errno(retval);
    }
    retval = port->mac ? fdb_bind(port->mac, port->vlan, port->id) : 0;
    if (retval) {
        port_close(port->dp);
        port->dp = NULL;
        return control_fail(error, status_from_errno(retval), "%s: mac: %s cannot be bound: %s",
                            port->spec->name, port->spec->mac, ovs_strerror(retval));
    }
    fdb_set_limit(port->id, port->limits.macs);
    port->worker = least_loaded_worker(c);
    port->changed = true;
    take_ledger_base(port);
    stream_set_port(port->id, port->spec->name, port->spec->user);
    detect_set_port(port->id, port->spec->name, port->role == PORT_DESKTOP);
    flow_log_name_port(port->id, port->role == PORT_DESKTOP ? port->spec->name : "",
                       port->role == PORT_DESKTOP ? port->spec->user : "");
    sessions_stamp(c, port);
    refresh_opened(c, port);
    return RPC_OK;
}

void
ports_close(struct control *c, struct desired_port *port)
{
    sessions_port_gone(c, port->spec->name);
    refresh_closed(c, port->spec->name);
    detect_set_port(port->id, "", false);
    capturing_port_gone(c, port->spec->name);
    if (!port->dp) {
        return;
    }
    if (port->mac) {
        fdb_unbind(port->mac, port->vlan);
    }
    fdb_flush_port(port->id);
    mcast_flush_port(port->id, dp_now_s());
    conn_flush_port(dp_connections(), port->id);
    bindings_forget(c, port);
    dp_synchronize(); /* No worker sends to it for a connection's sake after this. */
    port_close(port->dp);
    port->dp = NULL;
}

/* ---- start, stop, refresh ---- */

static bool
open_missing(struct control *c)
{
    struct shash_node *node;
    bool opened = false;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;
        char *error = NULL;

        if (port->dp) {
            continue;
        }
        if (ports_open(c, port, &error)) {
            if (!port->why_down || strcmp(port->why_down, error)) {
                VLOG_WARN("port %s is down, and tried again each second: %s", node->name, error);
            }
            free(port->why_down);
            port->why_down = error;
        } else {
            free(port->why_down);
            port->why_down = NULL;
            VLOG_INFO("port %s: opened as number %u on worker %u", node->name, port->id,
                      port->worker);
            opened = true;
        }
    }
    return opened;
}

void
ports_start(struct control *c)
{
    open_missing(c);
}

void
ports_stop(struct control *c)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;

        if (port->dp) {
            port_close(port->dp);
            port->dp = NULL;
        }
    }
}

void
ports_refresh(struct control *c)
{
    struct shash_node *node;

    port_sweep();
    if (open_missing(c) && publish(&c->publisher, &c->desired, NULL)) {
        VLOG_ERR("no memory to publish ports that were opened; they stay down");
    }
    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;

        if (port->dp) {
            port_refresh(port->dp);
        }
    }
}
