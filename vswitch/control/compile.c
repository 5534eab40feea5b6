#include <config.h>

#include "control/compile.h"

#include <stdlib.h>

#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

struct compiler {
    pthread_t thread;
    struct latch *wake;
    struct ovs_mutex mutex;
    pthread_cond_t work;
    struct compile_job *pending OVS_GUARDED, *done OVS_GUARDED;
    bool stop OVS_GUARDED;
};

void
compile_now(struct compile_job *job)
{
    job->error = acl_compile(job->policy, job->slots, job->default_slots, job->members,
                             job->n_members, &job->compiled);
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

void
compiler_submit(struct compiler *c, struct compile_job *job)
{
    ovs_mutex_lock(&c->mutex);
    c->pending = job;
    xpthread_cond_signal(&c->work);
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
