/* Syslog: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587, octet counting) and TLS (RFC 5425).
 *
 * No receiver acknowledges.  What was sent counts when its connection has lived on for a while; if
 * it breaks before, everything since is sent again, with the same ids. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/link.h"
#include "ctl/relay/sink.h"
#include "ctl/relay/syslog.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

enum {
    BATCH = 64,
    SETTLE_MS = 2000,
    UDP_PAUSE_MS = 5, /* after a batch: receivers have short queues */
    UDP_SIZE = 2048,  /* RFC 5426, 3.2: what a receiver should take */
    TCP_SIZE = 8192,  /* what rsyslog takes unless it is told otherwise */
};

struct syslog {
    struct relay_link *link;
    struct relay_syslog format;
    uint32_t sequence;
};

static int
syslog_open(struct relay_sink *sink, char **error)
{
    const struct relay_sink_config *c = sink->config;
    struct syslog *s = xzalloc(sizeof *s);
    int rc = relay_link_new(c, &s->link, error);

    if (rc) {
        free(s);
        return rc;
    }
    s->format = (struct relay_syslog){
        .facility = c->facility,
        .format = c->format,
        .hostname = sink->relay->name,
        .sd_id = c->sd_id ? c->sd_id : "fusuma@32473",
        .pid = (int) getpid(),
        .max_size = c->max_size                 ? c->max_size
                    : c->transport == RELAY_UDP ? UDP_SIZE
                                                : TCP_SIZE,
    };
    sink->aux = s;
    return 0;
}

static void
syslog_close(struct relay_sink *sink)
{
    struct syslog *s = sink->aux;

    if (s) {
        relay_link_free(s->link);
        free(s);
    }
}

static int
send_datagrams(struct syslog *s, struct relay_event *const *events, size_t n, char **why)
{
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        char *message = relay_syslog_format(&s->format, events[i], ++s->sequence);

        rc = relay_link_send(s->link, message, strlen(message), why);
        free(message);
    }
    return rc;
}

/* RFC 6587, 3.4.1, and RFC 5425, 4.3. */
static int
send_frames(struct syslog *s, struct relay_event *const *events, size_t n, char **why)
{
    struct ds frames = DS_EMPTY_INITIALIZER;
    int rc;

    for (size_t i = 0; i < n; i++) {
        char *message = relay_syslog_format(&s->format, events[i], ++s->sequence);

        ds_put_format(&frames, "%" PRIuSIZE " %s", strlen(message), message);
        free(message);
    }
    rc = relay_link_send(s->link, ds_cstr(&frames), frames.length, why);
    ds_destroy(&frames);
    return rc;
}

static bool
syslog_alive(struct relay_sink *sink)
{
    struct syslog *s = sink->aux;

    /* One that is not up has nothing to lose, or has lost it. */
    return relay_link_is_up(s->link) && relay_link_alive(s->link);
}

static enum relay_outcome
syslog_deliver(struct relay_sink *sink, struct relay_event *const *events, size_t n, char **why)
{
    struct syslog *s = sink->aux;
    bool udp = sink->config->transport == RELAY_UDP;

    if (relay_link_connect(s->link, why)) {
        return RELAY_LATER;
    }
    if (udp ? send_datagrams(s, events, n, why) : send_frames(s, events, n, why)) {
        return RELAY_LATER;
    }
    if (udp) {
        relay_sink_pause(sink, UDP_PAUSE_MS);
    }
    return RELAY_ACCEPTED;
}

const struct relay_sink_ops relay_syslog_ops = {
    .batch = BATCH,
    .settle_ms = SETTLE_MS,
    .open = syslog_open,
    .deliver = syslog_deliver,
    .alive = syslog_alive,
    .close = syslog_close,
};
