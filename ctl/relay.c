/* swctl relay: the command. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/relay/sink.h"
#include "ctl/relay/status.h"
#include "util.h"

/* Of the host, when the file does not say. */
static const char *
switch_name(const struct relay_config *config, char host[HOST_NAME_MAX + 1])
{
    if (config->switch_name) {
        return config->switch_name;
    }
    if (gethostname(host, HOST_NAME_MAX + 1) || !host[0]) {
        ovs_strlcpy(host, "fusuma", HOST_NAME_MAX + 1);
    }
    return host;
}

/* Two relays on one directory would move each other's cursors.  A descriptor, or -1, said. */
static int
lock_state(const char *dir)
{
    char *path = xasprintf("%s/relay.lock", dir);
    int fd;

    if (mkdir(dir, 0700) && errno != EEXIST) {
        ctl_error("%s: %s", dir, ovs_strerror(errno));
        free(path);
        return -1;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        ctl_error("%s: %s", path, ovs_strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        ctl_error("%s: %s", path,
                  errno == EWOULDBLOCK ? "another relay runs on this directory"
                                       : ovs_strerror(errno));
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

/* What the configuration names can be read: nothing is connected to. */
static int
check(const struct relay_config *config, const char *name)
{
    struct relay relay = { .config = config, .name = name };
    int code = CTL_OK;

    for (size_t i = 0; i < config->n_sinks; i++) {
        if (!relay_sink_check(&relay, &config->sinks[i])) {
            code = CTL_USAGE;
        }
    }
    if (code == CTL_OK) {
        printf("%zu sink%s: the configuration is good\n", config->n_sinks,
               config->n_sinks == 1 ? "" : "s");
    }
    return code;
}

static int
run(struct ctl *ctl, const struct relay_config *config, const char *name)
{
    struct relay relay = { .config = config, .name = name };
    int lock = lock_state(config->state);
    int code;

    if (lock < 0) {
        return CTL_REFUSED;
    }
    ctl->channel = rpc_channel_open(ctl->target, ctl->tls.cert ? &ctl->tls : NULL);
    if (!ctl->channel) {
        ovs_abort(ENOMEM, "no channel");
    }
    relay.channel = ctl->channel;
    code = relay_run(&relay);
    close(lock);
    return code;
}

int
relay(struct ctl *ctl)
{
    const char *dir = args_value(ctl->args, OPT_STATUS);
    char host[HOST_NAME_MAX + 1] = "";
    struct relay_config *config;
    char *error;
    int code;

    if (dir ? ctl->arg || args_has(ctl->args, OPT_CHECK) : !ctl->arg) {
        ctl_error("'relay' needs CONFIG, or --status and neither CONFIG nor --check");
        return CTL_USAGE;
    }
    if (dir) {
        return relay_status(ctl, dir);
    }
    if (relay_config_read(ctl->arg, &config, &error)) {
        client_fail_at(error);
        return CTL_USAGE;
    }
    code = args_has(ctl->args, OPT_CHECK) ? check(config, switch_name(config, host))
                                          : run(ctl, config, switch_name(config, host));
    relay_config_destroy(config);
    return code;
}
