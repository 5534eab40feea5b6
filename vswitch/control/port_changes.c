/* What may happen to a port: it is added, deleted, quarantined and released.  Each is a change
 * (change.h); whatever fails, the port is rather shut than open. */
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
    Fusuma__V1__PortSpec *spec;  /* add: what is asked for; delete: what is put back */
    bool quarantined;            /* ... likewise */
    struct quarantine_note note; /* quarantine: what is stored; delete and release: put back */
    struct desired_port *port;   /* add: until the change is done */
    port_done *done;
    void *aux;
};

static struct port_change *
port_change_cast(struct change *change)
{
    return CONTAINER_OF(change, struct port_change, change);
}

static struct port_change *
create(const struct change_ops *ops, const char *name, const Fusuma__V1__PortSpec *spec,
       port_done *done, void *aux)
{
    struct port_change *pc = xzalloc(sizeof *pc);

    pc->change.ops = ops;
    pc->name = xstrdup(name);
    pc->spec = spec ? message_copy(&spec->base) : NULL;
    pc->done = done;
    pc->aux = aux;
    return pc;
}

static void
submit(struct control *c, const struct change_ops *ops, const char *name,
       const Fusuma__V1__PortSpec *spec, port_done *done, void *aux)
{
    change_submit(c, &create(ops, name, spec, done, aux)->change);
}

static void
port_change_done(struct control *c, struct change *change, enum rpc_status status,
                 const char *error)
{
    struct port_change *pc = port_change_cast(change);

    pc->done(c, status, error, status ? NULL : desired_find(&c->desired, pc->name), pc->aux);
    message_free(pc->spec);
    quarantine_note_clear(&pc->note);
    free(pc->name);
    free(pc);
}

static enum rpc_status
no_such_port(const char *name, char **error)
{
    return control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", name);
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

    return desired_find(&c->desired, name) ? RPC_OK : no_such_port(name, error);
}

/* ... and keeps what there is of its quarantine, to be put back. */
static enum rpc_status
find_with_note(struct control *c, struct change *change, char **error)
{
    struct port_change *pc = port_change_cast(change);
    const struct desired_port *port = desired_find(&c->desired, pc->name);

    if (!port) {
        return no_such_port(pc->name, error);
    }
    pc->note = quarantine_note_copy(&port->note);
    return RPC_OK;
}

/* ---- storing ---- */

static int
store_quarantine(struct state *state, struct change *change, char **error)
{
    const struct port_change *pc = port_change_cast(change);
    const struct quarantine_note *n = &pc->note;

    return state_set_quarantine(
        state, pc->name,
        &(struct state_quarantine){ .on = true,
                                    .since_us = n->since_us,
                                    .who = n->who ? n->who : "",
                                    .comment = n->comment ? n->comment : "" },
        error);
}

static int
store_port(struct state *state, struct change *change, char **error)
{
    struct port_change *pc = port_change_cast(change);
    int retval = state_put_port(state, pc->spec, error);

    return retval || !pc->quarantined ? retval : store_quarantine(state, change, error);
}

static int
store_no_port(struct state *state, struct change *change, char **error)
{
    return state_delete_port(state, port_change_cast(change)->name, error);
}

static int
store_release(struct state *state, struct change *change, char **error)
{
    return state_set_quarantine(state, port_change_cast(change)->name,
                                &(struct state_quarantine){ .who = "", .comment = "" }, error);
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
        VLOG_INFO("port %s: added as number %u on worker %u", port->spec->name, port->id,
                  port->worker);
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
        pc->quarantined = port->quarantined;
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
    static const struct change_ops ops = { .begin = find_with_note,
                                           .store = store_no_port,
                                           .unstore = store_port,
                                           .commit = commit_delete,
                                           .done = port_change_done };

    submit(c, &ops, name, NULL, done, aux);
}

/* ---- quarantine and release ---- */

/* 'note' NULL: released. */
static enum rpc_status
set_quarantine(struct control *c, const char *name, const struct quarantine_note *note,
               char **error)
{
    bool on = note != NULL;
    struct desired_port *port = desired_find(&c->desired, name);
    enum rpc_status status;

    if (!port) {
        return no_such_port(name, error);
    }
    if (port->quarantined == on) {
        return RPC_OK;
    }
    port->quarantined = on;
    port->changed = true;
    status = publish_ports(c, error);
    if (status) {
        port->quarantined = !on;
    } else {
        port->quarantine_us = time_usec();
        quarantine_note_clear(&port->note);
        if (on) {
            port->note = quarantine_note_copy(note);
        }
        VLOG_INFO("port %s: %s", name, on ? "quarantined" : "released");
    }
    return status;
}

/* It was cut off before; but a release that was asked for earlier may have come in between. */
static enum rpc_status
commit_quarantine(struct control *c, struct change *change, char **error)
{
    const struct port_change *pc = port_change_cast(change);

    return set_quarantine(c, pc->name, &pc->note, error);
}

static void
quarantine_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    const struct port_change *pc = port_change_cast(change);
    const struct desired_port *port = desired_find(&c->desired, pc->name);

    if (status == RPC_INTERNAL && port && port->quarantined) {
        char *text =
            xasprintf("%s is in quarantine, but a restart would forget it: %s", pc->name, error);

        port_change_done(c, change, status, text);
        free(text);
    } else {
        port_change_done(c, change, status, error);
    }
}

/* What there is to say of it, now that it is in force: who was first was. */
static void
take_note(struct desired_port *port, const char *comment, struct quarantine_note *note)
{
    if (comment[0]) {
        free(port->note.comment);
        port->note.comment = xstrdup(comment);
    }
    quarantine_note_clear(note);
    *note = quarantine_note_copy(&port->note);
}

/* Cutting off does not wait for the disk, nor for changes that do. */
void
ports_quarantine(struct control *c, const char *name, const char *who, const char *comment,
                 port_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = find,
                                           .store = store_quarantine,
                                           .unstore = store_release,
                                           .commit = commit_quarantine,
                                           .done = quarantine_done };
    struct port_change *pc = create(&ops, name, NULL, done, aux);
    char *error = NULL;
    enum rpc_status status;

    pc->note = (struct quarantine_note){ .since_us = time_wall_usec(), .who = xstrdup(who) };
    status = set_quarantine(c, name, &pc->note, &error);
    if (status) {
        port_change_done(c, &pc->change, status, error);
        free(error);
    } else {
        take_note(desired_find(&c->desired, name), comment, &pc->note);
        change_submit(c, &pc->change);
    }
}

static enum rpc_status
commit_release(struct control *c, struct change *change, char **error)
{
    return set_quarantine(c, port_change_cast(change)->name, NULL, error);
}

void
ports_release(struct control *c, const char *name, port_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = find_with_note,
                                           .store = store_release,
                                           .unstore = store_quarantine,
                                           .commit = commit_release,
                                           .done = port_change_done };

    submit(c, &ops, name, NULL, done, aux);
}
