/* Earlier versions of the policy: looking at them, going back to one, and going back by itself when
 * the one in force is not confirmed in time. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "control/control.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(policy_history);

#define RETRY_MS 10000

/* ---- a version by its number ---- */

/* A change that changes nothing: the writer has the database. */
struct fetch {
    struct change change;
    uint64_t version;
    struct state_policy *found;
    policy_found *done;
    void *aux;
};

static struct fetch *
fetch_cast(struct change *change)
{
    return CONTAINER_OF(change, struct fetch, change);
}

static int
fetch_store(struct state *state, struct change *change, char **error)
{
    struct fetch *f = fetch_cast(change);
    int retval = state_policy_get(state, f->version, &f->found, error);

    if (retval == ENOENT) {
        free(*error);
        *error = NULL;
        return 0;
    }
    return retval;
}

static enum rpc_status
nothing_to_commit(struct control *c OVS_UNUSED, struct change *change OVS_UNUSED,
                  char **error OVS_UNUSED)
{
    return RPC_OK;
}

static void
fetch_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct fetch *f = fetch_cast(change);
    char *missing = NULL;

    if (!status && !f->found) {
        status = control_fail(&missing, RPC_NOT_FOUND,
                              "there is no policy version %" PRIu64 " (any more)", f->version);
        error = missing;
    }
    f->done(c, status, error, f->found, f->aux);
    state_policy_destroy(f->found);
    free(missing);
    free(f);
}

static const struct change_ops fetch_ops = { .store = fetch_store,
                                             .commit = nothing_to_commit,
                                             .done = fetch_done };

void
policies_fetch(struct control *c, uint64_t version, policy_found *done, void *aux)
{
    struct fetch *f = xzalloc(sizeof *f);

    f->change.ops = &fetch_ops;
    f->version = version;
    f->done = done;
    f->aux = aux;
    change_submit(c, &f->change);
}

/* ---- all of them ---- */

struct list {
    struct change change;
    struct state_policy *versions;
    size_t n, allocated;
    policy_listed *done;
    void *aux;
};

static struct list *
list_cast(struct change *change)
{
    return CONTAINER_OF(change, struct list, change);
}

static void
list_one(const struct state_policy *p, void *list)
{
    struct list *l = list;

    if (l->n == l->allocated) {
        l->versions = x2nrealloc(l->versions, &l->allocated, sizeof *l->versions);
    }
    l->versions[l->n] = *p;
    l->versions[l->n].digest = xstrdup(p->digest);
    l->versions[l->n].who = xstrdup(p->who);
    l->versions[l->n++].comment = xstrdup(p->comment);
}

static int
list_store(struct state *state, struct change *change, char **error)
{
    struct list *l = list_cast(change);

    return state_policy_list(state, list_one, l, error);
}

static void
list_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct list *l = list_cast(change);

    l->done(c, status, error, l->versions, l->n, l->aux);
    for (size_t i = 0; i < l->n; i++) {
        free(l->versions[i].digest);
        free(l->versions[i].who);
        free(l->versions[i].comment);
    }
    free(l->versions);
    free(l);
}

static const struct change_ops list_ops = { .store = list_store,
                                            .commit = nothing_to_commit,
                                            .done = list_done };

void
policies_list(struct control *c, policy_listed *done, void *aux)
{
    struct list *l = xzalloc(sizeof *l);

    l->change.ops = &list_ops;
    l->done = done;
    l->aux = aux;
    change_submit(c, &l->change);
}

/* ---- going back ---- */

struct rollback {
    char *who, *comment;
    struct policy_options options;
    policy_done *done;
    void *aux;
};

static struct state_policy *
copy_text(const struct state_policy *p, const struct rollback *r)
{
    struct state_policy *copy = state_policy_copy_sources(p);

    copy->who = xstrdup(r->who);
    copy->comment =
        r->comment[0] ? xstrdup(r->comment) : xasprintf("back to version %" PRIu64, p->version);
    return copy;
}

static void
rollback_found(struct control *c, enum rpc_status status, const char *error,
               const struct state_policy *p, void *rollback)
{
    struct rollback *r = rollback;

    if (status) {
        r->done(c, status, error, NULL, r->aux);
    } else {
        policies_apply(c, copy_text(p, r), &r->options, r->done, r->aux);
    }
    free(r->who);
    free(r->comment);
    free(r);
}

void
policies_rollback(struct control *c, uint64_t version, const char *who, const char *comment,
                  const struct policy_options *options, policy_done *done, void *aux)
{
    struct rollback *r = xzalloc(sizeof *r);

    r->who = xstrdup(who);
    r->comment = xstrdup(comment);
    r->options = *options;
    r->done = done;
    r->aux = aux;
    policies_fetch(c, version, rollback_found, r);
}

/* ---- confirmation ---- */

struct confirm {
    struct change change;
    uint64_t version;
    policy_done *done;
    void *aux;
};

static struct confirm *
confirm_cast(struct change *change)
{
    return CONTAINER_OF(change, struct confirm, change);
}

static enum rpc_status
confirm_begin(struct control *c, struct change *change, char **error)
{
    uint64_t version = c->publisher.policy ? c->publisher.policy->text->version : 0;
    uint64_t wanted = confirm_cast(change)->version;

    if (!c->pending.confirm_by_s) {
        return control_fail(error, RPC_FAILED_PRECONDITION,
                            "nothing waits to be confirmed: version %" PRIu64 " is in force",
                            version);
    }
    if (wanted && wanted != version) {
        return control_fail(error, RPC_FAILED_PRECONDITION,
                            "version %" PRIu64 " waits to be confirmed, not %" PRIu64, version,
                            wanted);
    }
    return RPC_OK;
}

static int
confirm_store(struct state *state, struct change *change OVS_UNUSED, char **error)
{
    return state_policy_set_pending(state, NULL, error);
}

static enum rpc_status
confirm_commit(struct control *c, struct change *change OVS_UNUSED, char **error OVS_UNUSED)
{
    c->pending.confirm_by_s = 0;
    VLOG_INFO("policy version %" PRIu64 " is confirmed", c->publisher.policy->text->version);
    return RPC_OK;
}

static void
confirm_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct confirm *f = confirm_cast(change);
    struct policy_outcome outcome = { .policy = c->publisher.policy };

    f->done(c, status, error, status ? NULL : &outcome, f->aux);
    free(f);
}

static const struct change_ops confirm_ops = {
    .begin = confirm_begin, .store = confirm_store, .commit = confirm_commit, .done = confirm_done
};

void
policies_confirm(struct control *c, uint64_t version, policy_done *done, void *aux)
{
    struct confirm *f = xzalloc(sizeof *f);

    f->change.ops = &confirm_ops;
    f->version = version;
    f->done = done;
    f->aux = aux;
    change_submit(c, &f->change);
}

/* ---- nobody has confirmed ---- */

static void
went_back(struct control *c, enum rpc_status status, const char *error,
          const struct policy_outcome *outcome OVS_UNUSED, void *aux OVS_UNUSED)
{
    c->going_back = false;
    if (status == RPC_ABORTED) {
        return; /* another one came first */
    }
    if (status) {
        VLOG_EMER("the policy was not confirmed, and going back has failed: %s", error);
        c->pending_due_ms = time_msec() + RETRY_MS;
    }
}

void
policies_check_pending(struct control *c)
{
    uint64_t version = c->publisher.policy ? c->publisher.policy->text->version : 0;
    struct policy_options options = { .has_expected = true, .expected = version };

    if (!c->pending.confirm_by_s || c->going_back || time_msec() < c->pending_due_ms) {
        return;
    }
    VLOG_WARN("policy version %" PRIu64 " was not confirmed in time: going back to %" PRIu64,
              version, c->pending.go_back);
    c->going_back = true;
    if (c->pending.go_back) {
        policies_rollback(c, c->pending.go_back, "vswitchd", "not confirmed in time", &options,
                          went_back, NULL);
    } else {
        struct state_policy *none = xzalloc(sizeof *none);

        none->who = xstrdup("vswitchd");
        none->comment = xstrdup("not confirmed in time: there was none before");
        none->n_sources = 1;
        none->sources = xcalloc(1, sizeof *none->sources);
        none->sources[0].name = xstrdup("");
        none->sources[0].yaml = xstrdup("version: 1\n"); /* denies everything */
        policies_apply(c, none, &options, went_back, NULL);
    }
}

void
policies_wait_pending(const struct control *c)
{
    if (c->pending.confirm_by_s && !c->going_back) {
        poll_timer_wait_until(c->pending_due_ms);
    }
}
