/* ApplyConfig: ports and policy of the configuration file, at once.  A policy goes the way of every
 * policy (policies.c), and takes the ports along. */
#include <config.h>

#include <stdlib.h>

#include "control/digest.h"
#include "control/message.h"
#include "control/policy_message.h"
#include "control/port_plan.h"
#include "control/rpc.h"
#include "fusuma/v1/system.pb-c.h"
#include "timeval.h"
#include "util.h"

struct request {
    struct change change;
    struct rpc_call *call;
    struct port_plan *plan;
    char *file;
    bool dry_run;
};

static struct request *
request_cast(struct change *change)
{
    return CONTAINER_OF(change, struct request, change);
}

/* ---- the reply ---- */

static void
take_names(struct svec *names, char ***arrayp, size_t *n)
{
    *n = names->n;
    *arrayp = names->names;
    svec_init(names); /* the message's now */
}

static Fusuma__V1__ApplyConfigResponse *
reply_of(const struct control *c, const struct request *r)
{
    Fusuma__V1__ApplyConfigResponse *m =
        message_new(&fusuma__v1__apply_config_response__descriptor);
    struct port_plan_names names;

    port_plan_names(r->plan, &names);
    take_names(&names.added, &m->added, &m->n_added);
    take_names(&names.removed, &m->removed, &m->n_removed);
    take_names(&names.replaced, &m->replaced, &m->n_replaced);
    m->file = xstrdup(r->file);
    m->generation = c->publisher.generation;
    return m;
}

/* 'outcome' NULL: the policy stays. */
static void
answer(struct control *c, struct request *r, enum rpc_status status, const char *error,
       const struct policy_outcome *outcome)
{
    if (status) {
        rpc_call_fail(r->call, status, "%s", error);
    } else {
        Fusuma__V1__ApplyConfigResponse *m = reply_of(c, r);

        if (outcome && !r->dry_run) {
            m->policy_version = outcome->policy->text->version;
        }
        if (outcome && outcome->checked) {
            policy_changes_message(&outcome->checked->diff, &m->policy_changes,
                                   &m->n_policy_changes);
        }
        rpc_reply_with(r->call, m);
    }
    port_plan_destroy(r->plan);
    free(r->file);
    free(r);
}

/* ---- with a policy ---- */

static void
applied(struct control *c, enum rpc_status status, const char *error,
        const struct policy_outcome *outcome, void *request)
{
    answer(c, request, status, error, outcome);
}

static struct state_policy *
text_of(const struct config *config, char *who)
{
    struct state_source source = { .name = config->policy_file, .yaml = config->policy };
    struct state_policy one = { .sources = &source, .n_sources = 1 };
    struct state_policy *text = state_policy_copy_sources(&one);

    text->who = who;
    text->comment = xasprintf("configuration: %s", config->policy_file);
    return text;
}

static bool
is_in_force(const struct control *c, const struct state_policy *text)
{
    char digest[65];

    policy_digest(text, digest);
    return c->publisher.policy && !strcmp(c->publisher.policy->digest, digest);
}

/* ---- without: ports alone ---- */

static enum rpc_status
ports_begin(struct control *c, struct change *change, char **error)
{
    return port_plan_begin(c, request_cast(change)->plan, error);
}

static int
in_transaction(struct state *state, struct change *change,
               int (*step)(struct state *, const struct port_plan *, char **error), char **error)
{
    int retval = state_begin(state, error);

    if (retval) {
        return retval;
    }
    retval = step(state, request_cast(change)->plan, error);
    retval = retval ? retval : state_commit(state, error);
    if (retval) {
        state_rollback(state);
    }
    return retval;
}

static int
ports_store(struct state *state, struct change *change, char **error)
{
    return in_transaction(state, change, port_plan_store, error);
}

static int
ports_unstore(struct state *state, struct change *change, char **error)
{
    return in_transaction(state, change, port_plan_unstore, error);
}

static enum rpc_status
ports_commit(struct control *c, struct change *change, char **error)
{
    struct port_plan *plan = request_cast(change)->plan;
    enum rpc_status status = port_plan_exchange(c, plan, error);

    if (status) {
        return status;
    }
    if (publish(&c->publisher, &c->desired, NULL)) {
        port_plan_exchange_back(c, plan);
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the change");
    }
    port_plan_finish(c, plan);
    return RPC_OK;
}

static void
ports_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    answer(c, request_cast(change), status, error, NULL);
}

static const struct change_ops ports_ops = { .begin = ports_begin,
                                             .store = ports_store,
                                             .unstore = ports_unstore,
                                             .commit = ports_commit,
                                             .done = ports_done };

/* ---- the call ---- */

static void
apply(struct control *c, struct request *r, struct config *config)
{
    char *error = NULL;
    enum rpc_status status = port_plan_begin(c, r->plan, &error);
    struct state_policy *text =
        status || !config->policy
            ? NULL
            : text_of(config, access_who(&c->config.access, rpc_call_peer(r->call)));

    if (text && is_in_force(c, text)) {
        state_policy_destroy(text);
        text = NULL;
    }
    if (text) {
        struct policy_options options = { .dry_run = r->dry_run,
                                          .ports = r->plan,
                                          .asked_us = rpc_call_asked_us(r->call) };

        policies_apply(c, text, &options, applied, r);
    } else if (status || r->dry_run) {
        answer(c, r, status, error, NULL);
    } else {
        r->change.ops = &ports_ops;
        change_submit(c, &r->change);
    }
    free(error);
}

void
rpc_apply_config(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ApplyConfigRequest *m = (const Fusuma__V1__ApplyConfigRequest *) request;
    struct control *c = control;
    const char *file = m->file[0] ? m->file : c->options->config_file;
    struct config config;
    struct request *r;
    char *error;

    if (!file) {
        rpc_call_fail(call, RPC_FAILED_PRECONDITION,
                      "file: the switch was started without --config, so one must be named");
        return;
    }
    if (file[0] != '/') {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "file: \"%s\" is not an absolute path", file);
        return;
    }
    config_init(&config);
    if (config_read(file, &config, &error)) {
        config_destroy(&config);
        rpc_fail_with(call, RPC_INVALID_ARGUMENT, error);
        return;
    }
    r = xzalloc(sizeof *r);
    r->call = call;
    r->file = xstrdup(file);
    r->dry_run = m->dry_run;
    r->plan = port_plan_create(&config, file);
    apply(c, r, &config);
    config_destroy(&config);
}
