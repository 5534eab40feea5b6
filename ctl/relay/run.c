/* The relay's threads and signals. */
#include <config.h>

#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/relay/clock.h"
#include "ctl/relay/sink.h"
#include "util.h"

void
relay_log(const char *sink, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    ctl_error("%s%s%s%s", sink ? "sink " : "", sink ? sink : "", sink ? ": " : "", text);
    free(text);
}

bool
relay_sleep(struct relay *relay, int ms)
{
    int64_t ns = relay_clock_ns(CLOCK_MONOTONIC) + ms * INT64_C(1000000);
    struct timespec until = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

    while (!relay->stop && relay_clock_ns(CLOCK_MONOTONIC) < ns) {
        pthread_cond_timedwait(&relay->stopping, &relay->mutex, &until);
    }
    return relay->stop;
}

void
relay_wake_sinks(struct relay *relay)
{
    for (size_t i = 0; i < relay->n_sinks; i++) {
        pthread_cond_signal(&relay->sinks[i].wake);
    }
}

static void
hang_up(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    for (size_t i = 0; i < relay->n_sinks; i++) {
        relay->sinks[i].hangup = true;
    }
    relay_wake_sinks(relay);
    pthread_mutex_unlock(&relay->mutex);
}

static void
stop(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    relay->stop = true;
    pthread_cond_broadcast(&relay->stopping);
    relay_wake_sinks(relay);
    for (size_t i = 0; i < relay->n_sinks; i++) {
        pthread_cond_signal(&relay->sinks[i].room);
        if (relay->sinks[i].reader) {
            rpc_reader_cancel(relay->sinks[i].reader);
        }
    }
    if (relay->watcher) {
        rpc_reader_cancel(relay->watcher);
    }
    pthread_mutex_unlock(&relay->mutex);
}

static void
start_thread(pthread_t *thread, void *(*main)(void *), void *aux)
{
    int rc = pthread_create(thread, NULL, main, aux);

    if (rc) {
        ovs_abort(rc, "cannot start a thread");
    }
}

static bool
reads_drops(const struct relay_sink *sink)
{
    return relay_sink_takes(sink->config, RELAY_DROPS);
}

/* Until a signal ends it; its number. */
static int
serve(struct relay *relay, const sigset_t *signals)
{
    pthread_t pulse, watch;
    int signo;

    start_thread(&pulse, relay_pulse_main, relay);
    start_thread(&watch, relay_watch_main, relay);
    for (size_t i = 0; i < relay->n_sinks; i++) {
        start_thread(&relay->sinks[i].deliverer, relay_sink_main, &relay->sinks[i]);
        if (reads_drops(&relay->sinks[i])) {
            start_thread(&relay->sinks[i].reading, relay_reader_main, &relay->sinks[i]);
        }
    }
    while ((signo = sigwaitinfo(signals, NULL)) == SIGHUP || signo < 0) {
        if (signo == SIGHUP) {
            hang_up(relay);
        }
    }
    stop(relay);
    pthread_join(pulse, NULL);
    pthread_join(watch, NULL);
    for (size_t i = 0; i < relay->n_sinks; i++) {
        if (reads_drops(&relay->sinks[i])) {
            pthread_join(relay->sinks[i].reading, NULL);
        }
        pthread_join(relay->sinks[i].deliverer, NULL);
    }
    return signo;
}

static void
init(struct relay *relay)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&relay->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&relay->stopping, &attr);
    pthread_condattr_destroy(&attr);
    hmap_init(&relay->incidents);
    shash_init(&relay->quarantines);
    shash_init(&relay->refreshes);
    relay->answered_ms = relay_now_ms();
    relay->sinks = xcalloc(relay->config->n_sinks, sizeof *relay->sinks);
}

static void
destroy(struct relay *relay)
{
    for (size_t i = 0; i < relay->n_sinks; i++) {
        relay_sink_destroy(&relay->sinks[i]);
    }
    free(relay->sinks);
    relay_watch_clear(relay);
    hmap_destroy(&relay->incidents);
    shash_destroy(&relay->quarantines);
    shash_destroy(&relay->refreshes);
    free((char *) relay->pulse.alarm);
    pthread_cond_destroy(&relay->stopping);
    pthread_mutex_destroy(&relay->mutex);
}

int
relay_run(struct relay *relay)
{
    int signo = 0, code = CTL_OK;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* threads inherit it */
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    json_object_seed(0); /* before there are threads */
    init(relay);
    for (size_t i = 0; i < relay->config->n_sinks && code == CTL_OK; i++) {
        relay->n_sinks++;
        if (!relay_sink_init(&relay->sinks[i], relay, &relay->config->sinks[i])) {
            code = CTL_USAGE;
        }
    }
    if (code == CTL_OK) {
        signo = serve(relay, &signals);
    }
    destroy(relay);
    curl_global_cleanup();
    return code != CTL_OK ? code : signo == SIGINT ? CTL_INTERRUPTED : CTL_OK;
}
