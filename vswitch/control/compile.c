#include <config.h>

#include "control/compile.h"

#include <errno.h>
#include <stdlib.h>

#include "control/lint_facts.h"
#include "control/membership.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

#define SMALL 5000 /* rules times scopes: a millisecond */

struct compiler {
    pthread_t thread;
    struct latch *wake;
    struct ovs_mutex mutex;
    pthread_cond_t work;
    struct compile_job *pending OVS_GUARDED, *done OVS_GUARDED;
    bool stop OVS_GUARDED;
};

static int
compare(struct compile_job *job)
{
    static const struct acl_policy nothing;

    return acl_diff(job->before ? job->before : &nothing, job->policy, &job->diff);
}

static int
check(struct compile_job *job)
{
    bool *has_members = lint_facts_members(job);
    struct acl_lint_facts facts = { .has_members = has_members,
                                    .connections = job->connections,
                                    .n_connections = job->n_connections,
                                    .open = job->open,
                                    .n_open = job->n_open,
                                    .before = job->before };
    int error =
        has_members ? acl_lint(job->policy, &facts, &job->findings, &job->n_findings) : ENOMEM;

    free(has_members);
    error = error ? error : compare(job);
    if (error) {
        acl_compiled_destroy(&job->compiled);
    }
    return error;
}

void
compile_now(struct compile_job *job)
{
    size_t index;

    if (job->compare_only) {
        job->error = compare(job);
        return;
    }
    job->error = acl_compile(job->policy, job->slots, job->default_slots, job->members,
                             job->n_members, &job->compiled);
    for (size_t i = 0; i < job->n_ports && !job->error; i++) {
        job->error = !job->ports[i].groups
                         ? ENOMEM
                         : acl_compile_scope(job->policy, &job->compiled, job->ports[i].groups,
                                             job->ports[i].n, &index);
        if (job->error) {
            acl_compiled_destroy(&job->compiled);
        }
    }
    if (job->check && !job->error) {
        job->error = check(job);
    }
}

void
compile_add_ports(struct compile_job *job, const struct desired *d)
{
    struct shash_node *node;

    job->ports = xcalloc(shash_count(&d->ports) + 1, sizeof *job->ports);
    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (port->role == PORT_DESKTOP) {
            struct port_groups *groups = &job->ports[job->n_ports++];

            groups->groups = membership_of_port(job->policy, port, &groups->n);
        }
    }
}

void
compile_job_release(struct compile_job *job)
{
    for (size_t i = 0; i < job->n_ports; i++) {
        free(job->ports[i].groups);
    }
    acl_findings_destroy(job->findings, job->n_findings);
    acl_diff_destroy(&job->diff);
    lint_facts_release(job);
    job->findings = NULL;
    job->n_findings = 0;
    free(job->ports);
    free(job->slots);
    free(job->members);
    job->ports = NULL;
    job->n_ports = 0;
    job->slots = NULL;
    job->members = NULL;
}

static void *
compiler_main(void *compiler)
{
    struct compiler *c = compiler;

    ovsrcu_quiesce_start(); /* Nothing here is protected by RCU. */
    ovs_mutex_lock(&c->mutex);
    while (!c->stop) {
        struct compile_job *job = c->pending;

        if (!job) {
            ovs_mutex_cond_wait(&c->work, &c->mutex);
            continue;
        }
        c->pending = NULL;
        ovs_mutex_unlock(&c->mutex);
        compile_now(job);
        ovs_mutex_lock(&c->mutex);
        c->done = job;
        latch_set(c->wake);
    }
    ovs_mutex_unlock(&c->mutex);
    return NULL;
}

struct compiler *
compiler_create(struct latch *wake)
{
    struct compiler *c = xzalloc(sizeof *c);

    c->wake = wake;
    ovs_mutex_init(&c->mutex);
    xpthread_cond_init(&c->work, NULL);
    c->thread = ovs_thread_create("compile", compiler_main, c);
    return c;
}

void
compiler_destroy(struct compiler *c)
{
    if (c) {
        ovs_mutex_lock(&c->mutex);
        c->stop = true;
        xpthread_cond_signal(&c->work);
        ovs_mutex_unlock(&c->mutex);
        xpthread_join(c->thread, NULL);
        xpthread_cond_destroy(&c->work);
        ovs_mutex_destroy(&c->mutex);
        free(c);
    }
}

/* Whether it is done in the time that it takes to hand it over and back: a few rules, for one scope
 * or few. */
static bool
is_small(const struct compile_job *job)
{
    size_t scopes = 1;

    for (size_t i = 0; i < job->policy->n_rules; i++) {
        scopes = job->policy->rules[i].n_applied_to ? job->n_ports + 1 : scopes;
    }
    return !job->check && !job->compare_only && job->policy->n_rules * scopes < SMALL;
}

void
compiler_submit(struct compiler *c, struct compile_job *job)
{
    bool small = is_small(job);

    if (small) {
        compile_now(job);
    }
    ovs_mutex_lock(&c->mutex);
    if (small) {
        c->done = job;
        latch_set(c->wake);
    } else {
        c->pending = job;
        xpthread_cond_signal(&c->work);
    }
    ovs_mutex_unlock(&c->mutex);
}

struct compile_job *
compiler_take(struct compiler *c)
{
    struct compile_job *job;

    ovs_mutex_lock(&c->mutex);
    job = c->done;
    c->done = NULL;
    ovs_mutex_unlock(&c->mutex);
    return job;
}
