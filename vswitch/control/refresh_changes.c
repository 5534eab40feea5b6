#include <config.h>

#include "control/refresh_changes.h"

#include <inttypes.h>
#include <stdlib.h>

#include "control/control.h"
#include "control/state_refresh.h"
#include "datapath/mcast.h"
#include "datapath/worker.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(refresh);

#define RETRY_MS 1000 /* after a disk has failed: it is not asked as fast as it fails */

/* ---- begin ---- */

static uint32_t
attachment_of(const struct desired_port *port)
{
    return port->dp ? atomic_load(&port->dp->attachment) : 0;
}

struct refresh *
refresh_prepare(const struct desired_port *port, const struct session *last, int64_t at_us)
{
    struct refresh *r = refresh_of_logoff(port->refresh, port->spec->name, port->spec->vm_id,
                                          last->id, last->user, at_us);

    r->seen = attachment_of(port);
    r->gone_us = r->gone_us ? r->gone_us : r->seen & 1 ? 0 : time_wall_usec();
    r->flushed = !port->quarantine;
    return r;
}

/* Nothing of the last user's is left: who comes next finds neither connections nor addresses. */
static void
flush(struct control *c, struct desired_port *port)
{
    size_t n_addresses = learned_forget(&c->desired, port);
    uint32_t n_connections;

    bindings_forget(c, port);
    if (n_addresses && publish(&c->publisher, &c->desired, NULL)) {
        VLOG_ERR("port %s: no memory to publish that its learned addresses are gone",
                 port->spec->name);
    }
    mcast_flush_port(port->id, dp_now_s());
    n_connections = conn_flush_port(dp_connections(), port->id);
    dp_synchronize(); /* No burst holds one of them any more. */
    VLOG_INFO("port %s: its refresh begins: %" PRIu32 " connections and %zu learned addresses "
              "are gone",
              port->spec->name, n_connections, n_addresses);
}

/* The oldest of those whose port is gone makes room. */
static void
make_room(struct control *c)
{
    struct refresh *oldest = NULL;
    struct shash_node *node;

    if (shash_count(&c->desired.refreshes) < DP_MAX_PORTS + REFRESHES_GONE) {
        return;
    }
    SHASH_FOR_EACH (node, &c->desired.refreshes) {
        struct refresh *r = node->data;

        if (!desired_find(&c->desired, r->port) && (!oldest || r->since_us < oldest->since_us)) {
            oldest = r;
        }
    }
    if (oldest) {
        shash_find_and_delete(&c->desired.refreshes, oldest->port);
        refresh_destroy(oldest);
    }
}

void
refresh_commit(struct control *c, struct desired_port *port, struct refresh *r)
{
    if (!port->refresh) {
        make_room(c);
    }
    refreshes_put(&c->desired.refreshes, r);
    port->refresh = r;
    if (r->flushed && port->quarantine) { /* cut off while it was stored */
        r->flushed = false;
        r->unstored = true;
    }
    if (r->flushed) {
        flush(c, port);
    } else {
        VLOG_INFO("port %s: its refresh is held: it is in quarantine", port->spec->name);
    }
}

/* ---- ports that come and go ---- */

void
refresh_opened(struct control *c, const struct desired_port *port)
{
    /* A port that is being added is not among the others yet. */
    struct refresh *r = shash_find_data(&c->desired.refreshes, port->spec->name);

    if (r) {
        refresh_port_opened(r, port->spec->vm_id, time_wall_usec());
    }
}

void
refresh_closed(struct control *c, const char *port)
{
    struct refresh *r = shash_find_data(&c->desired.refreshes, port);

    if (r) {
        r->closed_us = time_wall_usec();
    }
}

/* ---- storing ---- */

struct refresh_change {
    struct change change;
    struct refresh **rows; /* copies */
    size_t n;
};

static int
store(struct state *state, struct change *change, char **error)
{
    const struct refresh_change *rc = CONTAINER_OF(change, struct refresh_change, change);
    int retval = 0;

    for (size_t i = 0; i < rc->n && !retval; i++) {
        retval = state_put_refresh(state, rc->rows[i], error);
    }
    return retval;
}

static enum rpc_status
commit(struct control *c OVS_UNUSED, struct change *change OVS_UNUSED, char **error OVS_UNUSED)
{
    return RPC_OK; /* it was in force before */
}

static void
done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 60);
    struct refresh_change *rc = CONTAINER_OF(change, struct refresh_change, change);

    if (status) {
        VLOG_WARN_RL(&rl, "refreshes are not stored, a restart would forget them: %s", error);
        c->refresh_store_ms = time_msec() + RETRY_MS;
    }
    c->refresh_storing = false;
    for (size_t i = 0; i < rc->n; i++) {
        struct refresh *r = shash_find_data(&c->desired.refreshes, rc->rows[i]->port);

        if (status && r) {
            r->unstored = true;
        }
        refresh_destroy(rc->rows[i]);
    }
    free(rc->rows);
    free(rc);
}

/* One change at a time, of all that is new since the last one: a slow disk folds them. */
static void
store_changes(struct control *c)
{
    static const struct change_ops ops = { .store = store, .commit = commit, .done = done };
    struct refresh_change *rc = NULL;
    struct shash_node *node;

    if (c->refresh_storing || time_msec() < c->refresh_store_ms) {
        return;
    }
    SHASH_FOR_EACH (node, &c->desired.refreshes) {
        struct refresh *r = node->data;

        if (r->unstored) {
            if (!rc) {
                rc = xzalloc(sizeof *rc);
                rc->change.ops = &ops;
                rc->rows = xcalloc(shash_count(&c->desired.refreshes), sizeof *rc->rows);
            }
            rc->rows[rc->n++] = refresh_copy(r);
            r->unstored = false;
        }
    }
    if (rc) {
        c->refresh_storing = true;
        change_submit(c, &rc->change);
    }
}

/* ---- the round ---- */

static void
look_at(struct control *c, struct desired_port *port)
{
    struct refresh *r = port->refresh;

    if (refresh_look(r, attachment_of(port), port->quarantine, time_wall_usec())) {
        VLOG_INFO("port %s: a new machine is attached: the one before lived %" PRId64
                  " ms after the logoff of session %" PRIu64,
                  port->spec->name, refresh_lived_us(r) / 1000, r->session);
    } else if (!r->flushed && port->spec->refresh_on_logoff && !port->quarantine &&
               !sessions_next(&c->sessions, port->spec->name, NULL)) {
        r->flushed = r->unstored = true;
        r->changes++;
        flush(c, port);
    }
}

void
refreshes_run(struct control *c)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;

        if (port->refresh && !port->refresh->done_us) {
            look_at(c, port);
        }
    }
    store_changes(c);
}

/* ---- at the start ---- */

static void
load(struct refresh *r, void *control)
{
    struct control *c = control;
    struct desired_port *port = desired_find(&c->desired, r->port);

    refreshes_put(&c->desired.refreshes, r);
    if (port) {
        port->refresh = r;
    }
}

static void
load_added(const char *name, int64_t added_us, void *control)
{
    struct desired_port *port = desired_find(&((struct control *) control)->desired, name);

    if (port) {
        port->added_us = added_us;
    }
}

int
refreshes_load(struct control *c, char **error)
{
    int retval = state_load_refreshes(c->state, load, c, error);

    return retval ? retval : state_load_added(c->state, load_added, c, error);
}
