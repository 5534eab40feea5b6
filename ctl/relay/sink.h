/* A sink: what every type of them has in common.
 *
 * Events are delivered in order, at least once.  The cursor moves when the sink has accepted, and
 * settled: where a protocol has no acknowledgement (syslog), what was sent is kept for a while, and
 * sent once more if the connection breaks in that time. */
#ifndef CTL_RELAY_SINK_H
#define CTL_RELAY_SINK_H 1

#include "ctl/relay/cursor.h"
#include "ctl/relay/relay.h"

#define RELAY_MAX_PENDING 1000 /* events that are gathered */

enum relay_outcome {
    RELAY_ACCEPTED,
    RELAY_LATER,   /* the same events are tried again */
    RELAY_REFUSED, /* to try again would be of no use */
};

struct relay_sink;

/* One type.  All are called in the sink's thread, but open() and close(). */
struct relay_sink_ops {
    size_t batch; /* events that deliver() takes at once; 0: as the configuration says */
    unsigned settle_ms;
    /* Reads the files that the configuration names; connects to nothing.  0, or a positive errno
     * and '*error', which the caller frees. */
    int (*open)(struct relay_sink *, char **error);
    /* All of them or none; '*why', which the caller frees, unless RELAY_ACCEPTED. */
    enum relay_outcome (*deliver)(struct relay_sink *, struct relay_event *const *, size_t n,
                                  char **why);
    /* Or NULL.  False: what has not settled is lost, maybe. */
    bool (*alive)(struct relay_sink *);
    /* Or NULL: all.  Whether it takes such events. */
    bool (*wants)(const struct relay_event *);
    /* Or NULL.  SIGHUP. */
    void (*reopen)(struct relay_sink *);
    void (*close)(struct relay_sink *);
};
extern const struct relay_sink_ops relay_file_ops, relay_syslog_ops, relay_webhook_ops,
    relay_mail_ops, relay_command_ops;

struct relay_sink {
    struct relay *relay;
    const struct relay_sink_config *config;
    const struct relay_sink_ops *ops;
    void *aux; /* the type's */
    pthread_t deliverer, reading;

    /* Under the relay's mutex. */
    pthread_cond_t wake; /* for the deliverer: there is something */
    pthread_cond_t room; /* for the reader */
    struct ovs_list incoming;
    size_t n_incoming;
    struct rpc_reader *reader;
    bool has_position; /* where the reader is */
    uint64_t epoch, n;
    bool hangup; /* SIGHUP came */

    /* The deliverer's. */
    struct ovs_list pending, unsettled;
    size_t n_pending, n_unsettled;
    struct relay_cursor taken;  /* as if all that was taken from the relay were delivered */
    struct relay_cursor cursor; /* what is */
    bool dirty, store_failed;   /* the cursor is newer than its file; that was said */
    int64_t stored_ms;
    int64_t not_before_ms; /* no delivery until then */
    unsigned backoff_ms;
    size_t failing; /* that many events were tried last, and are tried again; 0: all is well */
    size_t singly;  /* the next ones are tried one by one */
    bool fresh;     /* there was no cursor, and it is to begin with what is to come */
    int64_t beat_ms;
    size_t n_beats; /* heartbeats under way */
    uint64_t watched;
    int64_t held_ms;  /* when what was held back is due; 0: nothing is */
    struct hmap seen; /* incidents that were taken: gather.c */
};

/* Reads its cursor and what its configuration names.  False, and said: it cannot be. */
bool relay_sink_init(struct relay_sink *, struct relay *, const struct relay_sink_config *);
void relay_sink_destroy(struct relay_sink *);
/* Whether what its configuration names can be used; says what cannot. */
bool relay_sink_check(struct relay *, const struct relay_sink_config *);
/* Threads. */
void *relay_sink_main(void *sink);
void *relay_reader_main(void *sink);

static inline bool
relay_sink_takes(const struct relay_sink_config *c, enum relay_what what)
{
    return c->what & 1u << what;
}
/* Whether it takes this event. */
bool relay_sink_wants(const struct relay_sink *, const struct relay_event *);
/* No delivery for so long; from within deliver(), which then overrules the pause after failures. */
void relay_sink_pause(struct relay_sink *, unsigned ms);

/* gather.c: moves what there is for the sink into 'pending', up to a bound.  The mutex is held. */
void relay_gather(struct relay_sink *);
void relay_gather_clear(struct relay_sink *);
/* What the relay knows of the switch and the sink. */
void relay_gather_pulse(const struct relay_sink *, struct relay_pulse *);

/* dead.c: into STATE/NAME.dead.  0, or a positive errno. */
int relay_dead_letter(const char *dir, const char *sink, const struct relay_event *,
                      const char *why);

#endif
