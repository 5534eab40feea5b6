/* Mails through a local sendmail: one about all that has come since the last one. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/mail.h"
#include "ctl/relay/sink.h"
#include "ctl/relay/spawn.h"
#include "util.h"

static int
mail_open(struct relay_sink *sink, char **error)
{
    if (access(sink->config->sendmail, X_OK)) {
        int rc = errno;

        *error = xasprintf("%s: %s", sink->config->sendmail, ovs_strerror(rc));
        return rc;
    }
    return 0;
}

static bool
mail_wants(const struct relay_event *e)
{
    return e->notable;
}

static enum relay_outcome
mail_deliver(struct relay_sink *sink, struct relay_event *const *events, size_t n, char **why)
{
    char *argv[] = { sink->config->sendmail, "-t", "-oi", NULL };
    char *mail = relay_mail_format(sink->config, sink->relay->name, events, n, relay_wall_ns());
    int status = relay_spawn(argv, mail, strlen(mail), sink->config->timeout_ms, why);

    free(mail);
    if (!status) {
        relay_sink_pause(sink, sink->config->every_ms);
        return RELAY_ACCEPTED;
    }
    if (status > 0) {
        *why = xasprintf("%s: exit status %d", argv[0], status);
    }
    return status == EX_DATAERR || status == EX_NOUSER || status == EX_NOHOST || status == EX_USAGE
               ? RELAY_REFUSED
               : RELAY_LATER;
}

static void
mail_close(struct relay_sink *sink OVS_UNUSED)
{
}

const struct relay_sink_ops relay_mail_ops = {
    .batch = 100,
    .open = mail_open,
    .deliver = mail_deliver,
    .wants = mail_wants,
    .close = mail_close,
};
