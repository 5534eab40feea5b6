/* Reads the drop stream for one sink, from its cursor on. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/sink.h"
#include "util.h"

#define MAX_INCOMING 1000 /* events that wait for the deliverer; the rest waits in the switch */

/* Begins with what is to come, and says so to the cursor: a restart is to go on from here.  The
 * mutex is held. */
static void
begin_now(struct relay_sink *sink)
{
    struct relay_event *e = relay_event_new(RELAY_DROPS);

    sink->has_position = true;
    sink->epoch = e->at.drop.epoch = sink->relay->pulse.drop_epoch;
    sink->n = e->at.drop.n = sink->relay->pulse.drops_newest;
    e->skip = true;
    ovs_list_push_back(&sink->incoming, &e->node);
    sink->n_incoming++;
    pthread_cond_signal(&sink->wake);
}

/* Where it begins, into 'cursor'.  False: that is not known yet. */
static bool
take_position(struct relay_sink *sink, Fusuma__V1__WatchDropsRequest *request,
              Fusuma__V1__Cursor *cursor)
{
    if (!sink->has_position && sink->config->start == RELAY_NOW) {
        if (!sink->relay->pulse.known) {
            return false;
        }
        begin_now(sink);
    }
    cursor->epoch = sink->epoch;
    cursor->n = sink->n;
    request->resume = sink->has_position ? cursor : NULL;
    request->follow = 1;
    return true;
}

/* The mutex is held.  NULL: not now. */
static struct rpc_reader *
open_reader(struct relay_sink *sink)
{
    Fusuma__V1__WatchDropsRequest request = FUSUMA__V1__WATCH_DROPS_REQUEST__INIT;
    Fusuma__V1__Cursor cursor = FUSUMA__V1__CURSOR__INIT;

    if (!take_position(sink, &request, &cursor)) {
        return NULL;
    }
    return rpc_reader_open(sink->relay->channel, &fusuma__v1__drop_service__descriptor,
                           "WatchDrops", &request.base);
}

static struct relay_event *
to_event(const Fusuma__V1__DropEvent *m, const struct relay_observer *observer)
{
    switch (m->event_case) {
    case FUSUMA__V1__DROP_EVENT__EVENT_RECORD:
        return ecs_drop(m->record, observer);
    case FUSUMA__V1__DROP_EVENT__EVENT_UNSAID:
        return ecs_unsaid(m->unsaid, observer);
    case FUSUMA__V1__DROP_EVENT__EVENT_CORRECTION:
        return ecs_correction(m->correction, observer);
    case FUSUMA__V1__DROP_EVENT__EVENT_GAP:
        return ecs_gap(m->gap, observer);
    case FUSUMA__V1__DROP_EVENT__EVENT__NOT_SET:
    default:
        return NULL;
    }
}

/* Of those that are not for the sink only the last one's position counts.  The mutex is held. */
static void
push(struct relay_sink *sink, struct relay_event *e)
{
    struct relay_event *last =
        sink->n_incoming ? CONTAINER_OF(ovs_list_back(&sink->incoming), struct relay_event, node)
                         : NULL;

    sink->has_position = true;
    sink->epoch = e->at.drop.epoch;
    sink->n = e->at.drop.n;
    e->skip = !relay_sink_wants(sink, e);
    if (e->skip && last && last->skip) {
        last->at = e->at;
        relay_event_free(e);
        return;
    }
    while (sink->n_incoming >= MAX_INCOMING && !sink->relay->stop) {
        pthread_cond_wait(&sink->room, &sink->relay->mutex);
    }
    ovs_list_push_back(&sink->incoming, &e->node);
    sink->n_incoming++;
    pthread_cond_signal(&sink->wake);
}

/* Reads until the stream ends.  Its status, and '*error'. */
static enum rpc_status
read_all(struct relay_sink *sink, struct rpc_reader *reader, const struct relay_observer *observer,
         char **error)
{
    enum rpc_status status;
    ProtobufCMessage *message;

    while ((message = rpc_reader_next(reader, &status, error)) != NULL) {
        struct relay_event *e = to_event((const Fusuma__V1__DropEvent *) message, observer);

        protobuf_c_message_free_unpacked(message, NULL);
        if (e) {
            pthread_mutex_lock(&sink->relay->mutex);
            push(sink, e);
            pthread_mutex_unlock(&sink->relay->mutex);
        }
    }
    return status;
}

/* That the switch is not there, the pulse says.  The mutex is held. */
static void
explain(struct relay_sink *sink, enum rpc_status status, const char *error)
{
    if (status == RPC_UNAVAILABLE || status == RPC_OK || sink->relay->stop) {
        return;
    }
    relay_log(sink->config->name, "drops: %s", error ? error : rpc_status_name(status));
    if (status == RPC_INVALID_ARGUMENT && sink->has_position) {
        /* The switch's state was put back to an earlier one: rather twice than not at all. */
        relay_log(sink->config->name,
                  "the switch does not know its position; it gets again all that is held");
        sink->has_position = false;
    }
}

void *
relay_reader_main(void *sink_)
{
    struct relay_sink *sink = sink_;
    struct relay *relay = sink->relay;

    pthread_mutex_lock(&relay->mutex);
    while (!relay->stop) {
        char version[sizeof relay->version];
        struct relay_observer observer = { .name = relay->name, .version = version };
        enum rpc_status status = RPC_OK;
        char *error = NULL;

        ovs_strlcpy(version, relay->version, sizeof version);
        sink->reader = open_reader(sink);
        if (sink->reader) {
            pthread_mutex_unlock(&relay->mutex);
            status = read_all(sink, sink->reader, &observer, &error);
            pthread_mutex_lock(&relay->mutex);
            rpc_reader_close(sink->reader);
            sink->reader = NULL;
            explain(sink, status, error);
            free(error);
        }
        relay_sleep(relay, RELAY_RETRY_MS);
    }
    pthread_mutex_unlock(&relay->mutex);
    return NULL;
}
