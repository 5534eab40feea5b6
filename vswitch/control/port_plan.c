#include <config.h>

#include "control/port_plan.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/message.h"
#include "openvswitch/vlog.h"
#include "proto/json.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(port_plan);

struct planned {
    const Fusuma__V1__PortSpec *spec; /* the plan's */
    struct config_place place;
    bool add;                  /* it is not there as it should be */
    struct desired_port *port; /* until it is in force */
};

/* A port that goes, as it is stored. */
struct going {
    char *name;
    Fusuma__V1__PortSpec *spec;
    bool replaced;
    struct desired_port *port; /* while it is out of what is wanted */
};

struct port_plan {
    char *file;
    Fusuma__V1__PortSpec **specs;
    struct planned *planned;
    size_t n_planned;
    struct going *going;
    size_t n_going;
};

struct port_plan *
port_plan_create(struct config *config, const char *file)
{
    struct port_plan *p = xzalloc(sizeof *p);

    p->file = xstrdup(file);
    p->specs = config->ports;
    p->n_planned = config->n_ports;
    p->planned = xcalloc(p->n_planned + 1, sizeof *p->planned);
    for (size_t i = 0; i < p->n_planned; i++) {
        p->planned[i].spec = p->specs[i];
        p->planned[i].place = config->places[i];
    }
    config->ports = NULL;
    config->n_ports = 0;
    return p;
}

static void
forget_going(struct port_plan *p)
{
    for (size_t i = 0; i < p->n_going; i++) {
        message_free(p->going[i].spec);
        free(p->going[i].name);
    }
    free(p->going);
    p->going = NULL;
    p->n_going = 0;
}

static void
forget_new(struct port_plan *p)
{
    for (size_t i = 0; i < p->n_planned; i++) {
        desired_port_destroy(p->planned[i].port);
        p->planned[i].port = NULL;
    }
}

void
port_plan_destroy(struct port_plan *p)
{
    if (!p) {
        return;
    }
    forget_going(p);
    forget_new(p);
    for (size_t i = 0; i < p->n_planned; i++) {
        message_free(p->specs[i]);
    }
    free(p->specs);
    free(p->planned);
    free(p->file);
    free(p);
}

/* ---- what there is to do ---- */

/* Labels have no order, and JSON's objects have none. */
static bool
same(const Fusuma__V1__PortSpec *a, const Fusuma__V1__PortSpec *b)
{
    json_t *x = proto_to_json(&a->base), *y = proto_to_json(&b->base);
    bool equal = json_equal(x, y);

    json_decref(x);
    json_decref(y);
    return equal;
}

static struct planned *
find_planned(const struct port_plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_planned; i++) {
        if (!strcmp(p->planned[i].spec->name, name)) {
            return &p->planned[i];
        }
    }
    return NULL;
}

static void
add_going(struct port_plan *p, const struct desired_port *port, bool replaced)
{
    p->going = xrealloc(p->going, (p->n_going + 1) * sizeof *p->going);
    p->going[p->n_going++] = (struct going){ .name = xstrdup(port->spec->name),
                                             .spec = message_copy(&port->spec->base),
                                             .replaced = replaced };
}

static void
compare(const struct control *c, struct port_plan *p)
{
    const struct shash_node **nodes = shash_sort(&c->desired.ports);

    for (size_t i = 0; i < p->n_planned; i++) {
        p->planned[i].add = true;
    }
    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        const struct desired_port *port = nodes[i]->data;
        struct planned *planned = find_planned(p, port->spec->name);

        if (planned && same(planned->spec, port->spec)) {
            planned->add = false;
        } else {
            add_going(p, port, planned != NULL);
        }
    }
    free(nodes);
}

static enum rpc_status
fail_at(const struct port_plan *p, const struct planned *planned, char **error)
{
    char *why = *error;

    *error = xasprintf("%s:%u:%u: %s", p->file, planned->place.line, planned->place.column, why);
    free(why);
    return RPC_INVALID_ARGUMENT;
}

enum rpc_status
port_plan_begin(struct control *c, struct port_plan *p, char **error)
{
    enum rpc_status status;

    forget_going(p);
    compare(c, p);
    for (size_t i = 0; i < p->n_planned; i++) {
        struct planned *planned = &p->planned[i];

        if (find_planned(p, planned->spec->name) != planned) {
            *error = xasprintf("%s: a port of this name is above", planned->spec->name);
            return fail_at(p, planned, error);
        }
    }
    status = port_plan_exchange(c, p, error); /* whether it can be done */
    if (!status) {
        port_plan_exchange_back(c, p);
    }
    return status;
}

/* ---- exchanging ---- */

static void
take_out_old(struct control *c, struct port_plan *p)
{
    for (size_t i = 0; i < p->n_going; i++) {
        p->going[i].port = desired_find(&c->desired, p->going[i].name);
        desired_remove(&c->desired, p->going[i].port);
    }
}

static enum rpc_status
put_in_new(struct control *c, const struct port_plan *p, struct planned *planned, char **error)
{
    struct desired_port *port;
    enum rpc_status status = desired_port_create(planned->spec, c->options->run_dir, &port, error);

    if (status) {
        return fail_at(p, planned, error);
    }
    if (desired_number(&c->desired, port, error)) {
        desired_port_destroy(port);
        return fail_at(p, planned, error);
    }
    desired_insert(&c->desired, port);
    planned->port = port;
    return RPC_OK;
}

enum rpc_status
port_plan_exchange(struct control *c, struct port_plan *p, char **error)
{
    enum rpc_status status = RPC_OK;

    take_out_old(c, p);
    for (size_t i = 0; i < p->n_planned && !status; i++) {
        if (p->planned[i].add) {
            status = put_in_new(c, p, &p->planned[i], error);
        }
    }
    if (status) {
        port_plan_exchange_back(c, p);
    }
    return status;
}

void
port_plan_exchange_back(struct control *c, struct port_plan *p)
{
    for (size_t i = 0; i < p->n_planned; i++) {
        if (p->planned[i].port) {
            desired_remove(&c->desired, p->planned[i].port);
        }
    }
    forget_new(p);
    for (size_t i = 0; i < p->n_going; i++) {
        desired_insert(&c->desired, p->going[i].port);
        p->going[i].port = NULL;
    }
}

void
port_plan_finish(struct control *c, struct port_plan *p)
{
    for (size_t i = 0; i < p->n_going; i++) {
        VLOG_INFO("port %s: %s by the configuration", p->going[i].name,
                  p->going[i].replaced ? "replaced" : "removed");
        ports_close(c, p->going[i].port);
        desired_port_destroy(p->going[i].port);
        p->going[i].port = NULL;
    }
    for (size_t i = 0; i < p->n_planned; i++) {
        p->planned[i].port = NULL; /* it is what is wanted now */
    }
    ports_refresh(c);
}

/* ---- storing ---- */

int
port_plan_store(struct state *state, const struct port_plan *p, char **error)
{
    int retval = 0;

    for (size_t i = 0; i < p->n_going && !retval; i++) {
        retval = state_delete_port(state, p->going[i].name, error);
    }
    for (size_t i = 0; i < p->n_planned && !retval; i++) {
        retval = p->planned[i].add ? state_put_port(state, p->planned[i].spec, error) : 0;
    }
    return retval;
}

int
port_plan_unstore(struct state *state, const struct port_plan *p, char **error)
{
    int retval = 0;

    for (size_t i = 0; i < p->n_planned && !retval; i++) {
        retval = p->planned[i].add ? state_delete_port(state, p->planned[i].spec->name, error) : 0;
    }
    for (size_t i = 0; i < p->n_going && !retval; i++) {
        retval = state_put_port(state, p->going[i].spec, error);
    }
    return retval;
}

/* ---- names ---- */

void
port_plan_names(const struct port_plan *p, struct port_plan_names *names)
{
    svec_init(&names->added);
    svec_init(&names->removed);
    svec_init(&names->replaced);
    for (size_t i = 0; i < p->n_going; i++) {
        svec_add(p->going[i].replaced ? &names->replaced : &names->removed, p->going[i].name);
    }
    for (size_t i = 0; i < p->n_planned; i++) {
        if (p->planned[i].add && !svec_contains(&names->replaced, p->planned[i].spec->name)) {
            svec_add(&names->added, p->planned[i].spec->name);
        }
    }
    svec_sort(&names->added);
}
