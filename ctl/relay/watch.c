/* Keeps the switch's incidents, quarantine and refreshes as they are, as docs/controller.md says.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "ctl/relay/relay.h"
#include "hash.h"
#include "util.h"

static void
free_event(Fusuma__V1__WatchEvent *event)
{
    protobuf_c_message_free_unpacked(&event->base, NULL);
}

/* ---- incidents ---- */

struct relay_incident *
relay_watch_incident(const struct relay *relay, uint64_t id)
{
    struct relay_incident *i;

    HMAP_FOR_EACH_WITH_HASH (i, node, hash_uint64(id), &relay->incidents) {
        if (i->event->incident->id == id) {
            return i;
        }
    }
    return NULL;
}

static void
put_incident(struct relay *relay, Fusuma__V1__WatchEvent *event)
{
    uint64_t id = event->incident->id;
    struct relay_incident *i = relay_watch_incident(relay, id);

    if (i) {
        free_event(i->event);
    } else {
        i = xzalloc(sizeof *i);
        hmap_insert(&relay->incidents, &i->node, hash_uint64(id));
    }
    i->event = event;
    i->confirmed = true;
}

static void
drop_incident(struct relay *relay, struct relay_incident *i)
{
    hmap_remove(&relay->incidents, &i->node);
    free_event(i->event);
    free(i);
}

/* ---- quarantine and refresh ---- */

static void
drop_object(struct shash *objects, struct shash_node *node)
{
    struct relay_object *o = node->data;

    shash_delete(objects, node);
    free_event(o->event);
    free(o);
}

static void
put_object(struct shash *objects, const char *name, Fusuma__V1__WatchEvent *event)
{
    struct relay_object *o = shash_find_data(objects, name);

    if (!o) {
        o = xzalloc(sizeof *o);
        shash_add(objects, name, o);
    } else {
        free_event(o->event);
    }
    o->event = event;
    o->confirmed = true;
}

/* What a port has been told of is kept until it has another one: a port may come and go meanwhile.
 */
static void sweep_objects(struct shash *, bool all);

static bool
put_port(struct relay *relay, Fusuma__V1__WatchEvent *event)
{
    if (!event->port->refresh || !event->port->spec) {
        return false;
    }
    put_object(&relay->refreshes, event->port->spec->name, event);
    if (relay->synced && shash_count(&relay->refreshes) > RELAY_REFRESHES) {
        sweep_objects(&relay->refreshes, false);
    }
    return true;
}

/* ---- the list ---- */

/* From here on, until SYNCED, a list is under way. */
static void
unconfirm(struct relay *relay)
{
    struct relay_incident *i;
    struct shash_node *node;

    relay->synced = false;
    HMAP_FOR_EACH (i, node, &relay->incidents) {
        i->confirmed = false;
    }
    SHASH_FOR_EACH (node, &relay->quarantines) {
        ((struct relay_object *) node->data)->confirmed = false;
    }
    SHASH_FOR_EACH (node, &relay->refreshes) {
        ((struct relay_object *) node->data)->confirmed = false;
    }
}

static void
sweep_objects(struct shash *objects, bool all)
{
    struct shash_node *node, *next;

    SHASH_FOR_EACH_SAFE (node, next, objects) {
        if (all || !((struct relay_object *) node->data)->confirmed) {
            drop_object(objects, node);
        }
    }
}

/* What the list did not have is gone; 'all' of it, listed or not. */
static void
sweep(struct relay *relay, bool all)
{
    struct relay_incident *i;

    HMAP_FOR_EACH_SAFE (i, node, &relay->incidents) {
        if (all || !i->confirmed) {
            drop_incident(relay, i);
        }
    }
    sweep_objects(&relay->quarantines, all);
    sweep_objects(&relay->refreshes, all);
}

void
relay_watch_clear(struct relay *relay)
{
    sweep(relay, true);
}

static void
remove_object(struct relay *relay, const Fusuma__V1__WatchEvent *event)
{
    if (event->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_INCIDENT) {
        struct relay_incident *i = relay_watch_incident(relay, event->incident->id);

        if (i) {
            drop_incident(relay, i);
        }
    } else if (event->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_QUARANTINE) {
        struct shash_node *node =
            shash_find(&relay->quarantines, ecs_quarantine_id(event->quarantine));

        if (node) {
            drop_object(&relay->quarantines, node);
        }
    } else if (event->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_PORT && event->port->spec) {
        struct relay_object *o = shash_find_data(&relay->refreshes, event->port->spec->name);

        if (o) {
            o->confirmed = false;
        }
    }
}

void
relay_watch_take(struct relay *relay, Fusuma__V1__WatchEvent *event)
{
    bool put = event->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_ADDED ||
               event->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_CHANGED;

    if (put && event->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_INCIDENT) {
        put_incident(relay, event);
        event = NULL;
    } else if (put && event->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_QUARANTINE) {
        put_object(&relay->quarantines, ecs_quarantine_id(event->quarantine), event);
        event = NULL;
    } else if (put && event->object_case == FUSUMA__V1__WATCH_EVENT__OBJECT_PORT) {
        event = put_port(relay, event) ? NULL : event;
    } else if (event->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_REMOVED) {
        remove_object(relay, event);
    } else if (event->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_RESET) {
        unconfirm(relay);
    } else if (event->type == FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_SYNCED) {
        if (!relay->synced) {
            sweep(relay, false);
        }
        relay->synced = true;
    }
    if (event) {
        free_event(event);
    }
    relay->watched++;
    if (relay->synced) {
        relay_wake_sinks(relay);
    }
}

/* ---- the thread ---- */

/* What goes on over connections.  The position does not: a whole list costs little, and lists
 * again what a broken one did not have. */
struct watching {
    bool incidents; /* asks for them, too */
    char *said;     /* the last error that was */
};

static struct rpc_reader *
open_watch(struct relay *relay, const struct watching *w)
{
    Fusuma__V1__WatchRequest request = FUSUMA__V1__WATCH_REQUEST__INIT;
    Fusuma__V1__WatchKind kinds[] = { FUSUMA__V1__WATCH_KIND__WATCH_KIND_QUARANTINE,
                                      FUSUMA__V1__WATCH_KIND__WATCH_KIND_PORTS,
                                      FUSUMA__V1__WATCH_KIND__WATCH_KIND_INCIDENTS };

    request.kinds = kinds;
    request.n_kinds = w->incidents ? 3 : 2;
    unconfirm(relay);
    return rpc_reader_open(relay->channel, &fusuma__v1__watch_service__descriptor, "Watch",
                           &request.base);
}

static enum rpc_status
read_all(struct relay *relay, char **error)
{
    enum rpc_status status;
    ProtobufCMessage *message;

    while ((message = rpc_reader_next(relay->watcher, &status, error)) != NULL) {
        pthread_mutex_lock(&relay->mutex);
        relay_watch_take(relay, (Fusuma__V1__WatchEvent *) message);
        pthread_mutex_unlock(&relay->mutex);
    }
    return status;
}

/* That the switch is not there, the pulse says. */
static void
explain(struct watching *w, enum rpc_status status, const char *error)
{
    if (status == RPC_UNAVAILABLE || status == RPC_OK) {
        w->incidents = true; /* who comes back may be a newer release */
        return;
    }
    if (status == RPC_INVALID_ARGUMENT && w->incidents) {
        relay_log(NULL, "the switch has no incidents to watch, so that no sink gets any: %s",
                  error ? error : "");
        w->incidents = false;
        return;
    }
    if (!w->said || strcmp(w->said, error ? error : "") != 0) {
        relay_log(NULL, "watching the switch: %s", error ? error : rpc_status_name(status));
        free(w->said);
        w->said = xstrdup(error ? error : "");
    }
}

void *
relay_watch_main(void *relay_)
{
    struct relay *relay = relay_;
    struct watching w = { .incidents = true };

    pthread_mutex_lock(&relay->mutex);
    while (!relay->stop) {
        enum rpc_status status = RPC_UNAVAILABLE;
        char *error = NULL;

        relay->watcher = open_watch(relay, &w);
        if (relay->watcher) {
            pthread_mutex_unlock(&relay->mutex);
            status = read_all(relay, &error);
            pthread_mutex_lock(&relay->mutex);
            rpc_reader_close(relay->watcher);
            relay->watcher = NULL;
        }
        if (!relay->stop) {
            explain(&w, status, error);
        }
        free(error);
        relay_sleep(relay, RELAY_RETRY_MS);
    }
    pthread_mutex_unlock(&relay->mutex);
    free(w.said);
    return NULL;
}
