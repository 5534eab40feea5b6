/* A program that gets each event on its standard input. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/relay/sink.h"
#include "ctl/relay/spawn.h"
#include "util.h"

static int
command_open(struct relay_sink *sink, char **error)
{
    const char *program = sink->config->argv.words[0];

    if (access(program, X_OK)) {
        int rc = errno;

        *error = xasprintf("%s: %s", program, ovs_strerror(rc));
        return rc;
    }
    return 0;
}

/* 0 accepts; EX_TEMPFAIL, a time that is up and a kill are tried again; all else refuses. */
static enum relay_outcome
command_deliver(struct relay_sink *sink, struct relay_event *const *events, size_t n OVS_UNUSED,
                char **why)
{
    char *line = xasprintf("%s\n", events[0]->json);
    int status =
        relay_spawn(sink->config->argv.words, line, strlen(line), sink->config->timeout_ms, why);

    free(line);
    if (status > 0) {
        *why = xasprintf("%s: exit status %d", sink->config->argv.words[0], status);
    }
    return !status                               ? RELAY_ACCEPTED
           : status < 0 || status == EX_TEMPFAIL ? RELAY_LATER
                                                 : RELAY_REFUSED;
}

static void
command_close(struct relay_sink *sink OVS_UNUSED)
{
}

const struct relay_sink_ops relay_command_ops = {
    .batch = 1,
    .open = command_open,
    .deliver = command_deliver,
    .close = command_close,
};
