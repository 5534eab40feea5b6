/* 'swctl relay': takes what the switch says to sinks, each at its own pace.
 *
 * Threads: main (signals), one that asks the switch how it is (pulse.c), one that watches its
 * incidents and quarantine (watch.c), and for each sink one that delivers (sink.c) and, if it wants
 * drops, one that reads them (reader.c).  A sink that stands still holds up its own two only: its
 * reader stops reading, and the switch keeps what it has not read in its journal. */
#ifndef CTL_RELAY_RELAY_H
#define CTL_RELAY_RELAY_H 1

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/relay/config.h"
#include "ctl/relay/ecs.h"
#include "openvswitch/hmap.h"
#include "proto/rpc.h"
#include "openvswitch/shash.h"

#define RELAY_RETRY_MS 500 /* to connect */
/* Refreshes of ports that are gone are known until there are more than that of all. */
#define RELAY_REFRESHES 4096

/* An incident, a quarantine, or a port as the switch has it. */
struct relay_incident {
    struct hmap_node node;
    Fusuma__V1__WatchEvent *event; /* that has it */
    bool confirmed;                /* in the list that is under way */
};
struct relay_object {
    Fusuma__V1__WatchEvent *event;
    bool confirmed; /* of a refresh also: its port is there */
};

struct relay {
    const struct relay_config *config;
    struct rpc_channel *channel;
    const char *name; /* of the switch */

    /* Everything below is under it, and so is each sink's part that says so. */
    pthread_mutex_t mutex;
    pthread_cond_t stopping; /* 'stop' was set */
    bool stop;

    /* pulse.c */
    struct relay_pulse pulse; /* without the sink's part; 'alarm' is ours */
    char version[64];         /* of the switch; "" until it has said it */
    int64_t answered_ms;      /* monotonic; when the relay began, if never */
    bool asked;               /* it was asked once */

    /* watch.c */
    struct hmap incidents;    /* of struct relay_incident, by id */
    struct shash quarantines; /* of struct relay_object, by id */
    struct shash refreshes;   /* likewise, by port: of ports with a refresh */
    bool synced;              /* they are the switch's */
    uint64_t watched;         /* rises with every change of them */
    struct rpc_reader *watcher;

    struct relay_sink *sinks;
    size_t n_sinks;
};

/* Sleeps; true when the relay is to stop.  The mutex is held. */
bool relay_sleep(struct relay *, int ms);
/* Every sink has something to look at.  The mutex is held. */
void relay_wake_sinks(struct relay *);
/* "swctl: sink NAME: what" on standard error; 'sink' may be NULL. */
void relay_log(const char *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *relay_pulse_main(void *relay);
void *relay_watch_main(void *relay);

/* watch.c.  The mutex is held. */
void relay_watch_take(struct relay *, Fusuma__V1__WatchEvent *); /* owns it */
void relay_watch_clear(struct relay *);
struct relay_incident *relay_watch_incident(const struct relay *, uint64_t id); /* or NULL */

/* relay_run.c: until SIGTERM or SIGINT.  An exit code. */
int relay_run(struct relay *);

#endif
