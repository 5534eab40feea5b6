/* Asks the switch how it is. */
#include <config.h>

#include <stdlib.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/relay.h"
#include "fusuma/v1/system.pb-c.h"
#include "util.h"

#define ASK_MS 5000   /* how long it may take to answer */
#define AGAIN_MS 1000 /* when it does not */

/* Of each worker: how often it had polled when it was asked last. */
struct polls {
    uint64_t *counts;
    size_t n;
};

static enum rpc_status
ask(struct relay *relay, const char *method, const ProtobufCMessage *request, void *reply,
    char **error)
{
    int ms = (int) MIN(ASK_MS, MAX(relay->config->heartbeat_ms, AGAIN_MS));

    return rpc_unary(relay->channel, &fusuma__v1__system_service__descriptor, method, request, ms,
                     reply, error);
}

/* One is alive that sleeps, or has polled since. */
static uint32_t
count_alive(struct polls *polls, const Fusuma__V1__ListWorkersResponse *r)
{
    uint32_t alive = 0;

    if (polls->n != r->n_workers) {
        free(polls->counts);
        polls->counts = xcalloc(r->n_workers ? r->n_workers : 1, sizeof *polls->counts);
        polls->n = r->n_workers;
    }
    for (size_t i = 0; i < r->n_workers; i++) {
        alive += r->workers[i]->sleeping || r->workers[i]->polls != polls->counts[i];
        polls->counts[i] = r->workers[i]->polls;
    }
    return alive;
}

/* The mutex is held. */
static void
take_info(struct relay *relay, const Fusuma__V1__Info *info)
{
    struct relay_pulse *p = &relay->pulse;

    p->known = true;
    p->drop_epoch = info->drop_epoch;
    p->drops_newest = info->drops_newest;
    p->storing = info->drops_stored;
    p->ports = info->ports;
    p->ports_up = info->ports_up;
    p->quarantined = info->quarantined;
    free((char *) p->alarm);
    p->alarm = xstrdup(info->alarm);
    ovs_strlcpy(relay->version, info->version, sizeof relay->version);
}

/* The mutex is held. */
static void
took(struct relay *relay, bool up, const char *error)
{
    static bool said_down;

    if (up) {
        relay->answered_ms = relay_now_ms();
        if (said_down) {
            relay_log(NULL, "the switch answers again");
            said_down = false;
        }
    } else if (!said_down && !relay->stop) {
        relay_log(NULL, "cannot reach the switch: %s; trying again", error ? error : "");
        said_down = true;
    }
    if (relay->pulse.up != up || !relay->asked) {
        relay_wake_sinks(relay);
    }
    relay->pulse.up = up;
    relay->asked = true;
}

static bool
ask_all(struct relay *relay, struct polls *polls)
{
    Fusuma__V1__GetInfoRequest of_info = FUSUMA__V1__GET_INFO_REQUEST__INIT;
    Fusuma__V1__ListWorkersRequest of_workers = FUSUMA__V1__LIST_WORKERS_REQUEST__INIT;
    Fusuma__V1__Info *info = NULL;
    Fusuma__V1__ListWorkersResponse *workers = NULL;
    char *error = NULL;
    bool up = ask(relay, "GetInfo", &of_info.base, &info, &error) == RPC_OK &&
              ask(relay, "ListWorkers", &of_workers.base, &workers, &error) == RPC_OK;

    pthread_mutex_lock(&relay->mutex);
    if (up) {
        take_info(relay, info);
        relay->pulse.workers = (uint32_t) workers->n_workers;
        relay->pulse.workers_alive = count_alive(polls, workers);
    }
    took(relay, up, error);
    pthread_mutex_unlock(&relay->mutex);
    if (info) {
        protobuf_c_message_free_unpacked(&info->base, NULL);
    }
    if (workers) {
        protobuf_c_message_free_unpacked(&workers->base, NULL);
    }
    free(error);
    return up;
}

void *
relay_pulse_main(void *relay_)
{
    struct relay *relay = relay_;
    struct polls polls = { NULL, 0 };
    int every = (int) relay->config->heartbeat_ms;
    bool stop = false;

    while (!stop) {
        bool up = ask_all(relay, &polls);

        pthread_mutex_lock(&relay->mutex);
        stop = relay_sleep(relay, up ? every : MIN(every, AGAIN_MS));
        pthread_mutex_unlock(&relay->mutex);
    }
    free(polls.counts);
    return NULL;
}
