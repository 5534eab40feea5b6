/* Ports are cut off and released.  Each is a change (change.h); whatever fails, the port is rather
 * shut than open. */
#include <config.h>

#include <jansson.h>
#include <stdlib.h>

#include "control/capturing.h"
#include "control/control.h"
#include "control/incidents.h"
#include "control/port_message.h"
#include "control/state_quarantines.h"
#include "datapath/worker.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(quarantine);

struct quarantine_change {
    struct change change;
    struct quarantine *now;    /* quarantine: what is stored */
    struct quarantine *before; /* ... in the place of; release: what ends; NULL: nothing */
    char *id;                  /* of either */
    char *port, *vm_id;        /* that are said */
    char *who, *reason;        /* release */
    struct quarantine_receipt receipt;
    char *capture_error; /* why there is no capture, which was asked for */
    quarantine_done *done;
    void *aux;
};

static struct quarantine_change *
cast(struct change *change)
{
    return CONTAINER_OF(change, struct quarantine_change, change);
}

static void
change_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct quarantine_change *qc = cast(change);
    struct quarantine_receipt *r = &qc->receipt;

    r->capture_error = qc->capture_error;

    r->port = qc->port;
    r->vm_id = qc->vm_id;
    r->quarantined = qc->now || quarantines_find(&c->desired.quarantines, qc->vm_id, qc->port);
    r->allow = qc->now ? &qc->now->allow : NULL;
    qc->done(c, status, error, status ? NULL : r, qc->aux);
    quarantine_destroy(qc->now);
    quarantine_destroy(qc->before);
    free(qc->id);
    free(qc->port);
    free(qc->vm_id);
    free(qc->who);
    free(qc->reason);
    free(qc->capture_error);
    free(qc);
}

static struct quarantine_change *
create(const struct change_ops *ops, const char *port, const char *vm_id, quarantine_done *done,
       void *aux)
{
    struct quarantine_change *qc = xzalloc(sizeof *qc);

    qc->change.ops = ops;
    qc->port = xstrdup(port);
    qc->vm_id = xstrdup(vm_id);
    qc->done = done;
    qc->aux = aux;
    return qc;
}

/* A port's name may be wrong, a text have anything in it. */
static char *
quoted(const char *text)
{
    json_t *string = json_string(text);
    char *out = json_dumps(string, JSON_ENCODE_ANY);

    json_decref(string);
    return out;
}

/* ---- in force ---- */

/* Puts 'q' (NULL: none), of which it takes a copy, in the place of the quarantine 'id'. */
static enum rpc_status
put_in_force(struct control *c, const char *id, const struct quarantine *q, char **error)
{
    struct quarantine *old, *none;

    if (desired_put_quarantine(&c->desired, id, quarantine_copy(q), &old) &&
        publish(&c->publisher, &c->desired, NULL)) {
        desired_put_quarantine(&c->desired, id, old, &none);
        quarantine_destroy(none);
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the change");
    }
    quarantine_destroy(old);
    return RPC_OK;
}

/* What there is to say of it now. */
static void
fill_receipt(struct control *c, struct quarantine_change *qc, const struct desired_port *port)
{
    struct quarantine_receipt *r = &qc->receipt;
    int64_t now = time_wall_usec();
    uint64_t ago;

    r->generation = c->publisher.generation;
    r->at_once = true;
    r->in_force_us = c->publisher.in_force_us;
    r->in_force_at_us = now - (time_usec() - r->in_force_us);
    if (port && dp_last_passed(port->id, &ago)) {
        r->last_passed_us = now - ago;
    }
}

/* ---- quarantine ---- */

static int
store_quarantine(struct state *state, struct change *change, char **error)
{
    return state_put_quarantine(state, cast(change)->now, error);
}

static int
unstore_quarantine(struct state *state, struct change *change, char **error)
{
    const struct quarantine_change *qc = cast(change);

    return qc->before ? state_put_quarantine(state, qc->before, error)
                      : state_delete_quarantine(state, qc->id, error);
}

/* It was cut off before; but a release that was asked for earlier may have come in between. */
static enum rpc_status
commit_quarantine(struct control *c, struct change *change, char **error)
{
    struct quarantine_change *qc = cast(change);
    struct desired_port *port = desired_find(&c->desired, qc->port);
    enum rpc_status status;

    if (shash_find(&c->desired.quarantines.by_id, qc->id)) {
        return RPC_OK;
    }
    status = put_in_force(c, qc->id, qc->now, error);
    if (!status && port && port->quarantine) {
        quarantine_sweep(c, port->id);
    }
    return status;
}

/* The receipt says how the capture fares. */
static void
capture_opened(struct control *c, const struct capture_info *info, void *qc_)
{
    struct quarantine_change *qc = qc_;

    if (!info || info->state == CAPTURE_FAILED) {
        qc->capture_error = xasprintf("capture %" PRIu64 " has failed: %s", qc->receipt.capture_id,
                                      info ? info->why : "it is gone");
        qc->receipt.capture_id = 0;
    }
    change_done(c, &qc->change, RPC_OK, NULL);
}

static void
quarantine_done_(struct control *c, struct change *change, enum rpc_status status,
                 const char *error)
{
    const struct quarantine_change *qc = cast(change);
    const struct desired_port *port = desired_find(&c->desired, qc->port);

    if (status == RPC_INTERNAL && port && port->quarantine) {
        char *text =
            xasprintf("%s is in quarantine, but a restart would forget it: %s", qc->port, error);

        change_done(c, change, status, text);
        free(text);
    } else if (!status && qc->receipt.capture_id) {
        capturing_wait(c, qc->receipt.capture_id, CAPTURING_OPENED, capture_opened, cast(change));
    } else {
        change_done(c, change, status, error);
    }
}

static enum rpc_status
check_lists(const struct control *c, const struct desired_port *port,
            const struct quarantine_options *o, char **error)
{
    const struct policy *policy = c->publisher.policy;
    uint32_t list;

    if (o->n_allow > QUARANTINE_LISTS_MAX) {
        return control_fail(error, RPC_INVALID_ARGUMENT, "allow: %zu lists; at most %d are allowed",
                            o->n_allow, QUARANTINE_LISTS_MAX);
    }
    if (o->n_allow && port->role != PORT_DESKTOP) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "allow: %s is an uplink: lists are for desktops", port->spec->name);
    }
    for (size_t i = 0; i < o->n_allow; i++) {
        if (!policy || !acl_list_find(policy->parsed, o->allow[i], &list)) {
            char *name = quoted(o->allow[i]);
            enum rpc_status status =
                control_fail(error, RPC_NOT_FOUND,
                             "allow: the policy in force has no list %s (quarantine.lists)", name);

            free(name);
            return status;
        }
    }
    return RPC_OK;
}

/* What a port gets that is in 'before', or NULL: who was first was. */
static struct quarantine *
wanted(const struct desired_port *port, const struct quarantine *before, const char *who,
       const char *comment, const struct quarantine_options *o)
{
    struct quarantine *q = quarantine_copy(before);

    if (!q) {
        q = xzalloc(sizeof *q);
        q->vm_id = xstrdup(port->spec->vm_id);
        q->port = xstrdup(port->spec->name);
        q->since_us = time_wall_usec();
        q->who = xstrdup(who);
        q->comment = xstrdup("");
        svec_init(&q->allow);
    }
    if (comment[0]) {
        free(q->comment);
        q->comment = xstrdup(comment);
    }
    if (!before || !o->leave_as_is) {
        svec_clear(&q->allow);
        for (size_t i = 0; i < o->n_allow; i++) {
            svec_add(&q->allow, o->allow[i]);
        }
        svec_sort_unique(&q->allow);
        q->resets = o->resets;
    }
    return q;
}

static bool
same_effect(const struct quarantine *a, const struct quarantine *b)
{
    return a && svec_equal(&a->allow, &b->allow) && a->resets == b->resets;
}

static void
log_quarantine(const struct quarantine_change *qc)
{
    char *who = quoted(qc->now->who), *allow = svec_join(&qc->now->allow, ", ", "");

    VLOG_INFO("port %s: in quarantine, by %s, %s%s; %" PRIu64 " connections ended", qc->port, who,
              allow[0] ? "open for " : "nothing of it passes", allow, qc->receipt.ended);
    free(allow);
    free(who);
}

/* Before the port is cut off, so that nothing between is missed: what publishes that also marks the
 * port.  Should it fail, the port is cut off all the same. */
static void
begin_capture(struct control *c, const struct desired_port *port, const char *who,
              struct quarantine_change *qc)
{
    if (capturing_begin_quarantine(c, port, who, qc->now->comment, &qc->receipt.capture_id,
                                   &qc->capture_error)) {
        VLOG_ERR("port %s: it is cut off, but not captured: %s", qc->port, qc->capture_error);
        incidents_captured(c, qc->port, "switch", qc->capture_error);
        qc->receipt.capture_id = 0;
    }
    capturing_mark(c);
}

/* In force when it returns RPC_OK, and the connections ended. */
static enum rpc_status
cut_off(struct control *c, struct desired_port *port, struct quarantine_change *qc, char **error)
{
    enum rpc_status status = put_in_force(c, qc->id, qc->now, error);
    struct quarantine_swept swept;

    if (status) {
        return status;
    }
    fill_receipt(c, qc, port);
    swept = quarantine_sweep(c, port->id);
    qc->receipt.ended = swept.ended;
    qc->receipt.resets = swept.resets;
    log_quarantine(qc);
    return RPC_OK;
}

/* It stays as it is, but for what it says of itself. */
static void
take_comment(struct control *c, struct quarantine_change *qc)
{
    struct quarantine *q = shash_find_data(&c->desired.quarantines.by_id, qc->id);

    free(q->comment);
    q->comment = xstrdup(qc->now->comment);
    c->desired.quarantines.version++;
    qc->receipt.generation = c->publisher.generation;
    qc->receipt.in_force_at_us = q->since_us;
}

/* Cutting off does not wait for the disk, nor for changes that do. */
void
ports_quarantine(struct control *c, const char *name, const char *who, const char *comment,
                 const struct quarantine_options *options, quarantine_done *done, void *aux)
{
    static const struct quarantine_options none;
    static const struct change_ops ops = { .store = store_quarantine,
                                           .unstore = unstore_quarantine,
                                           .commit = commit_quarantine,
                                           .done = quarantine_done_ };
    const struct quarantine_options *o = options ? options : &none;
    struct desired_port *port = desired_find(&c->desired, name);
    struct quarantine_change *qc = create(&ops, name, port ? port->spec->vm_id : "", done, aux);
    char *error = NULL;
    enum rpc_status status =
        port ? check_lists(c, port, o, &error)
             : control_fail(&error, RPC_NOT_FOUND, "no port is named \"%s\"", name);

    if (port && !status) {
        qc->before = quarantine_copy(port->quarantine);
        qc->now = wanted(port, port->quarantine, who, comment, o);
        qc->id = quarantine_id(qc->now);
        if (o->capture) {
            begin_capture(c, port, who, qc);
        }
        if (same_effect(qc->before, qc->now)) {
            take_comment(c, qc);
        } else {
            status = cut_off(c, port, qc, &error);
        }
        capturing_publish(c); /* what is not yet */
    }
    if (status) {
        capturing_end(c, qc->receipt.capture_id, "the port could not be cut off");
        change_done(c, &qc->change, status, error);
        free(error);
    } else {
        change_submit(c, &qc->change);
    }
}

void
quarantines_warn(const struct control *c)
{
    const struct acl_policy *policy = c->publisher.policy->parsed;
    struct shash_node *node;
    uint32_t list;

    SHASH_FOR_EACH (node, &c->desired.quarantines.by_id) {
        const struct quarantine *q = node->data;

        for (size_t i = 0; i < q->allow.n; i++) {
            if (!acl_list_find(policy, q->allow.names[i], &list)) {
                VLOG_WARN("port %s: its quarantine keeps list %s open, which the policy does not "
                          "have: it allows nothing",
                          q->port, q->allow.names[i]);
            }
        }
    }
}

/* ---- release ---- */

static const struct desired_port *
port_of(const struct desired *d, const char *name, const char *vm_id)
{
    struct shash_node *node;

    if (name[0]) {
        return desired_find(d, name);
    }
    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (!strcmp(port->spec->vm_id, vm_id)) {
            return port;
        }
    }
    return NULL;
}

/* The quarantine that the port is in; or, when that is not there, the one that it left. */
static const struct quarantine *
find_quarantine(const struct desired *d, const char *name, const char *vm_id)
{
    const struct desired_port *port = port_of(d, name, vm_id);
    struct shash_node *node;

    if (port) {
        return port->quarantine;
    }
    SHASH_FOR_EACH (node, &d->quarantines.by_id) {
        const struct quarantine *q = node->data;

        if (name[0] ? !strcmp(q->port, name) : !strcmp(q->vm_id, vm_id)) {
            return q;
        }
    }
    return NULL;
}

static enum rpc_status
begin_release(struct control *c, struct change *change, char **error)
{
    struct quarantine_change *qc = cast(change);
    const struct quarantine *q = find_quarantine(&c->desired, qc->port, qc->vm_id);
    const char *held;
    char *name;
    enum rpc_status status;

    if (!q && qc->port[0] && desired_find(&c->desired, qc->port)) {
        return RPC_OK; /* it is in none */
    }
    if (!q) {
        name = quoted(qc->port[0] ? qc->port : qc->vm_id);
        status = qc->port[0]
                     ? control_fail(error, RPC_NOT_FOUND, "no port is named %s", name)
                     : control_fail(error, RPC_NOT_FOUND, "no VM %s is in quarantine", name);
        free(name);
        return status;
    }
    qc->before = quarantine_copy(q);
    qc->id = quarantine_id(q);
    held = quarantine_port(&c->desired, q);
    free(qc->vm_id);
    qc->vm_id = xstrdup(q->vm_id);
    if (!qc->port[0]) {
        free(qc->port);
        qc->port = xstrdup(held ? held : q->port);
    }
    return RPC_OK;
}

static int
store_release(struct state *state, struct change *change, char **error)
{
    const struct quarantine_change *qc = cast(change);

    return qc->id ? state_delete_quarantine(state, qc->id, error) : 0;
}

static int
unstore_release(struct state *state, struct change *change, char **error)
{
    const struct quarantine_change *qc = cast(change);

    return qc->before ? state_put_quarantine(state, qc->before, error) : 0;
}

static enum rpc_status
commit_release(struct control *c, struct change *change, char **error)
{
    struct quarantine_change *qc = cast(change);
    enum rpc_status status = qc->id ? put_in_force(c, qc->id, NULL, error) : RPC_OK;
    char *who, *reason;

    qc->receipt.generation = c->publisher.generation;
    if (status || !qc->id) {
        return status;
    }
    fill_receipt(c, qc, NULL);
    incidents_released(c, qc->port, qc->who, qc->reason);
    capturing_end_quarantine(c, qc->port, "the port was released");
    who = quoted(qc->who);
    reason = quoted(qc->reason);
    VLOG_INFO("port %s: released by %s: %s", qc->port, who, reason);
    free(who);
    free(reason);
    return RPC_OK;
}

void
ports_release(struct control *c, const char *name, const char *vm_id, const char *who,
              const char *reason, quarantine_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = begin_release,
                                           .store = store_release,
                                           .unstore = unstore_release,
                                           .commit = commit_release,
                                           .done = change_done };
    struct quarantine_change *qc = create(&ops, name, vm_id, done, aux);

    qc->who = xstrdup(who);
    qc->reason = xstrdup(reason);
    change_submit(c, &qc->change);
}
