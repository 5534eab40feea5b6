/* Ports are added and deleted.  Each is a change (change.h). */
#include <config.h>

#include <stdlib.h>

#include "control/control.h"
#include "control/message.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(port_changes);

struct port_change {
    struct change change;
    char *name;
    Fusuma__V1__PortSpec *spec; /* add: what is asked for; delete: what is put back */
    struct desired_port *port;  /* add: until the change is done */
    port_done *done;
    void *aux;
};

static struct port_change *
port_change_cast(struct change *change)
{
    return CONTAINER_OF(change, struct port_change, change);
}

static void
submit(struct control *c, const struct change_ops *ops, const char *name,
       const Fusuma__V1__PortSpec *spec, port_done *done, void *aux)
{
    struct port_change *pc = xzalloc(sizeof *pc);

    pc->change.ops = ops;
    pc->name = xstrdup(name);
    pc->spec = spec ? message_copy(&spec->base) : NULL;
    pc->done = done;
    pc->aux = aux;
    change_submit(c, &pc->change);
}

static void
port_change_done(struct control *c, struct change *change, enum rpc_status status,
                 const char *error)
{
    struct port_change *pc = port_change_cast(change);

    pc->done(c, status, error, status ? NULL : desired_find(&c->desired, pc->name), pc->aux);
    message_free(pc->spec);
    free(pc->name);
    free(pc);
}

static enum rpc_status
publish_ports(struct control *c, char **error)
{
    return publish(&c->publisher, &c->desired, NULL)
               ? control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the change")
               : RPC_OK;
}

static enum rpc_status
find(struct control *c, struct change *change, char **error)
{
    const char *name = port_change_cast(change)->name;

    return desired_find(&c->desired, name)
               ? RPC_OK
               : control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", name);
}

/* ---- storing ---- */

static int
store_port(struct state *state, struct change *change, char **error)
{
    return state_put_port(state, port_change_cast(change)->spec, error);
}

static int
store_no_port(struct state *state, struct change *change, char **error)
{
    return state_delete_port(state, port_change_cast(change)->name, error);
}

/* ---- add ---- */

static enum rpc_status
begin_add(struct control *c, struct change *change, char **error)
{
    struct port_change *pc = port_change_cast(change);
    enum rpc_status status = desired_port_create(pc->spec, c->options->run_dir, &pc->port, error);

    status = status ? status : desired_number(&c->desired, pc->port, error);
    status = status ? status : ports_open(c, pc->port, error);
    if (status) {
        desired_port_destroy(pc->port);
        pc->port = NULL;
    }
    return status;
}

static void
abort_add(struct control *c, struct change *change)
{
    struct port_change *pc = port_change_cast(change);

    ports_close(c, pc->port);
    desired_port_destroy(pc->port);
}

static enum rpc_status
commit_add(struct control *c, struct change *change, char **error)
{
    struct desired_port *port = port_change_cast(change)->port;
    enum rpc_status status;

    desired_insert(&c->desired, port);
    status = publish_ports(c, error);
    if (status) {
        desired_remove(&c->desired, port);
    } else {
        VLOG_INFO("port %s: added as number %u on worker %u%s", port->spec->name, port->id,
                  port->worker, port->quarantine ? ", in quarantine" : "");
    }
    return status;
}

void
ports_add(struct control *c, const Fusuma__V1__PortSpec *spec, port_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = begin_add,
                                           .store = store_port,
                                           .unstore = store_no_port,
                                           .commit = commit_add,
                                           .abort = abort_add,
                                           .done = port_change_done };

    submit(c, &ops, spec ? spec->name : "", spec, done, aux);
}

/* ---- delete ---- */

static enum rpc_status
commit_delete(struct control *c, struct change *change, char **error)
{
    struct port_change *pc = port_change_cast(change);
    struct desired_port *port = desired_find(&c->desired, pc->name);
    enum rpc_status status;

    desired_remove(&c->desired, port);
    status = publish_ports(c, error);
    if (status) {
        desired_insert(&c->desired, port);
        pc->spec = message_copy(&port->spec->base); /* to be put back */
        return status;
    }
    VLOG_INFO("port %s: removed", pc->name);
    ports_close(c, port);
    desired_port_destroy(port);
    return RPC_OK;
}

void
ports_delete(struct control *c, const char *name, port_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = find,
                                           .store = store_no_port,
                                           .unstore = store_port,
                                           .commit = commit_delete,
                                           .done = port_change_done };

    submit(c, &ops, name, NULL, done, aux);
}
