#include <config.h>

#include "control/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "control/metrics_copy.h"
#include "control/metrics_write.h"
#include "openvswitch/vlog.h"
#include "proto/http_server.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(metrics);

/* A server of Prometheus has one; some more for people who look. */
#define MAX_CONNECTIONS 16
#define TIMEOUT_S 10
#define MAX_BODY 1024 /* that nobody reads */

struct metrics {
    struct http_server *server;
    struct ovs_mutex mutex;
    struct metrics_copy *copy OVS_GUARDED; /* the newest */
    /* The server's thread. */
    struct metrics_copy *written; /* ... of which 'text' is */
    char *text;
};

/* ---- the server's thread ---- */

static const char *
newest_text(struct metrics *m)
{
    struct metrics_copy *copy;

    ovs_mutex_lock(&m->mutex);
    copy = metrics_copy_ref(m->copy);
    ovs_mutex_unlock(&m->mutex);
    if (copy == m->written) {
        metrics_copy_unref(copy);
    } else {
        metrics_copy_unref(m->written);
        m->written = copy;
        free(m->text);
        m->text = metrics_write(copy);
    }
    return m->text;
}

static void
handle(const struct http_request *r, struct http_answer *answer, void *metrics)
{
    if (strcmp(r->path, "/metrics")) {
        http_answer_text(answer, 404, "text/plain; charset=utf-8",
                         xstrdup("there is /metrics, and nothing else\n"));
    } else if (strcmp(r->method, "GET") && strcmp(r->method, "HEAD")) {
        http_answer_text(answer, 405, "text/plain; charset=utf-8", xstrdup("only GET\n"));
        http_answer_field(answer, "Allow", "GET, HEAD");
    } else {
        http_answer_text(answer, 200, "text/plain; version=0.0.4; charset=utf-8",
                         xstrdup(newest_text(metrics)));
    }
}

/* ---- control ---- */

int
metrics_start(const struct control *c, const char *listen, struct metrics **metricsp, char **error)
{
    struct metrics *m = xzalloc(sizeof *m);
    struct http_server_options options = { .listen = listen,
                                           .max_connections = MAX_CONNECTIONS,
                                           .timeout_s = TIMEOUT_S,
                                           .max_body = MAX_BODY,
                                           .handle = handle,
                                           .aux = m };
    char *why = NULL;
    int retval;

    ovs_mutex_init(&m->mutex);
    metrics_refresh(m, c);
    retval = http_server_start(&options, &m->server, &why);
    if (retval) {
        *error = xasprintf("settings: metrics: %s", why ? why : ovs_strerror(retval));
        free(why);
        metrics_stop(m);
        return retval;
    }
    VLOG_INFO("metrics: http://%s/metrics", listen);
    *metricsp = m;
    return 0;
}

void
metrics_refresh(struct metrics *m, const struct control *c)
{
    struct metrics_copy *before, *now;

    if (!m) {
        return;
    }
    ovs_mutex_lock(&m->mutex);
    before = m->copy; /* only this thread exchanges it */
    ovs_mutex_unlock(&m->mutex);
    now = metrics_copy_create(c, before);
    ovs_mutex_lock(&m->mutex);
    m->copy = now;
    ovs_mutex_unlock(&m->mutex);
    metrics_copy_unref(before);
}

void
metrics_stop(struct metrics *m)
{
    if (m) {
        http_server_stop(m->server);
        metrics_copy_unref(m->copy);
        metrics_copy_unref(m->written);
        free(m->text);
        ovs_mutex_destroy(&m->mutex);
        free(m);
    }
}
