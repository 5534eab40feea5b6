/* What is wanted, from the state and the configuration, before anything starts. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "control/control.h"
#include "control/refresh_changes.h"
#include "control/session_changes.h"
#include "control/set_changes.h"
#include "control/state_quarantines.h"
#include "openvswitch/vlog.h"
#include "proto/rpc_endpoint.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(prepare);

void
control_alarm(struct control *c, char *text)
{
    VLOG_EMER("%s", text);
    free(c->alarm);
    c->alarm = text;
}

static int
want_port(struct control *c, const Fusuma__V1__PortSpec *spec, char **error)
{
    struct desired_port *port;

    if (desired_port_create(spec, c->options->run_dir, &port, error)) {
        return EINVAL;
    }
    if (desired_number(&c->desired, port, error)) {
        desired_port_destroy(port);
        return EINVAL;
    }
    desired_insert(&c->desired, port);
    return 0;
}

static void
load_quarantine(struct quarantine *q, void *control)
{
    struct quarantines *qs = &((struct control *) control)->desired.quarantines;
    char *id = quarantine_id(q);

    quarantine_destroy(quarantines_put(qs, id, q));
    free(id);
}

static void
load_port(const Fusuma__V1__PortSpec *spec, void *control)
{
    char *error;

    if (want_port(control, spec, &error)) {
        VLOG_ERR("a stored port is left out: %s", error);
        free(error);
    }
}

/* A policy whose time to be confirmed ran out while the switch was down was not: it never is in
 * force again. */
static int
go_back(struct control *c, char **error)
{
    int64_t now = time_wall_usec();
    uint64_t version;

    if (!c->pending.confirm_by_s || now / 1000000 < c->pending.confirm_by_s) {
        c->pending_due_ms = time_msec() + c->pending.confirm_by_s * 1000 - now / 1000;
        return 0;
    }
    VLOG_WARN("policy version %" PRIu64 " was not confirmed in time: going back to %" PRIu64,
              c->first_policy ? c->first_policy->version : 0, c->pending.go_back);
    state_policy_destroy(c->first_policy);
    c->first_policy = NULL;
    int retval = c->pending.go_back
                     ? state_policy_restore(c->state, c->pending.go_back, "vswitchd",
                                            "not confirmed in time", now, NULL, &version, error)
                     : state_policy_put_none(c->state, error);
    return retval ? retval : state_policy_load(c->state, &c->first_policy, &c->pending, error);
}

static void
load_state(struct control *c)
{
    char *error = NULL, *unknown = NULL;
    int quarantines = state_load_quarantines(c->state, load_quarantine, c, &unknown);
    bool ok = state_load(c->state, load_port, c);

    c->alarm = nullable_xstrdup(state_damage(c->state));
    ok = sets_load(c) && ok;
    if (sessions_load(c, &error) || refreshes_load(c, &error)) {
        VLOG_ERR("the stored sessions and refreshes cannot be read: %s", error);
        free(error);
        error = NULL;
        ok = false;
    }
    if (!ok) {
        control_alarm(c,
                      xasprintf("%s: not all of the state can be read; what is missing is denied",
                                c->options->state_dir));
    }
    if (quarantines) { /* whoever may be in one is not let out */
        control_alarm(
            c,
            xasprintf("the stored quarantines cannot be read, everything is denied: %s", unknown));
        free(unknown);
    } else if (state_policy_load(c->state, &c->first_policy, &c->pending, &error) ||
               go_back(c, &error)) {
        control_alarm(
            c, xasprintf("the stored policy cannot be read, everything is denied: %s", error));
        free(error);
    }
    VLOG_INFO("%s: %zu ports, %s", c->options->state_dir, shash_count(&c->desired.ports),
              c->first_policy ? "a policy" : "no policy: everything is denied");
    if (c->config.n_ports || c->config.policy) {
        VLOG_WARN("%s: its ports and policy are ignored, for the state directory has its own; only "
                  "settings are read ('swctl config apply' reads all)",
                  c->options->config_file);
    }
}

static int
check_policy(const struct control *c, char **error)
{
    struct acl_policy *policy = NULL;
    struct acl_error e = { .text = "" };
    const char *text = c->config.policy;
    struct acl_source source = { text, text ? strlen(text) : 0 };
    int retval = text ? acl_policy_parse(&source, 1, &policy, &e) : 0;

    if (retval) {
        *error = xasprintf("%s:%u:%u: %s", c->config.policy_file, e.line, e.column, e.text);
    }
    acl_policy_destroy(policy);
    return retval;
}

static int
store_config(struct control *c, char **error)
{
    int retval = 0;

    for (size_t i = 0; i < c->config.n_ports && !retval; i++) {
        retval = state_put_port(c->state, c->config.ports[i], error);
    }
    if (!retval && c->config.policy) {
        struct state_source source = { .name = c->config.policy_file, .yaml = c->config.policy };
        struct state_policy text = { .who = (char *) "configuration",
                                     .comment = (char *) "",
                                     .applied_us = time_wall_usec(),
                                     .sources = &source,
                                     .n_sources = 1 };
        char digest[65];
        uint64_t version;

        policy_digest(&text, digest);
        text.digest = digest;
        retval = state_policy_put(c->state, &text, NULL, &version, error);
    }
    return retval;
}

/* Takes the configuration's ports and policy into the empty state, whole or not at all. */
static int
adopt_config(struct control *c, char **error)
{
    int retval = 0;

    for (size_t i = 0; i < c->config.n_ports; i++) {
        char *why;

        if (want_port(c, c->config.ports[i], &why)) {
            *error = xasprintf("%s:%u:%u: %s", c->options->config_file, c->config.places[i].line,
                               c->config.places[i].column, why);
            free(why);
            return EINVAL;
        }
    }
    retval = check_policy(c, error);
    if (retval) {
        return retval;
    }
    retval = state_begin(c->state, error);
    if (retval) {
        return retval;
    }
    retval = store_config(c, error);
    retval = retval ? retval : state_commit(c->state, error);
    if (retval) {
        state_rollback(c->state);
        return retval;
    }
    return state_policy_load(c->state, &c->first_policy, &c->pending, error);
}

/* SQLite maps the index of the log that it writes ahead, and sees to it that each page has one
 * block of the disk, not all of them. */
static void
warn_of_small_blocks(const char *dir)
{
    struct statvfs fs;

    if (!statvfs(dir, &fs) && fs.f_bsize < (unsigned long) sysconf(_SC_PAGESIZE)) {
        VLOG_WARN("%s: its file system has blocks of %lu bytes, less than a page: if it is full, "
                  "the kernel may end the switch (SIGBUS)",
                  dir, fs.f_bsize);
    }
}

int
control_prepare(struct control *c, const struct control_options *options, char **error)
{
    int retval = 0;

    memset(c, 0, sizeof *c);
    c->options = options;
    config_init(&c->config);
    desired_init(&c->desired);
    sessions_init(&c->sessions);
    publisher_init(&c->publisher);
    slots_init(&c->slots);
    c->bindings = bindings_create();
    latch_init(&c->wake);
    changes_init(&c->changes, &c->wake);
    ovs_mutex_init(&c->rpc_mutex);
    ovs_list_init(&c->applies);
    ovs_list_init(&c->watches);
    ovs_list_init(&c->flushes);
    ovs_list_init(&c->flow_lists);
    for (size_t i = 0; i < options->n_endpoints && !retval; i++) {
        enum rpc_endpoint_kind kind;
        char *target = rpc_endpoint_target(options->endpoints[i], &kind, error);

        retval = target ? 0 : EINVAL;
        free(target);
    }
    if (!retval && options->tls.cert) {
        retval = rpc_tls_check(&options->tls, error);
    }
    if (!retval && options->config_file) {
        retval = config_read(options->config_file, &c->config, error);
    }
    retval = retval ? retval : state_open(options->state_dir, &c->state, error);
    if (!retval) {
        warn_of_small_blocks(options->state_dir);
    }
    if (!retval && state_is_initialised(c->state)) {
        load_state(c);
    } else if (!retval) {
        retval = adopt_config(c, error);
    }
    return retval;
}
