#include <config.h>

#include "control/background.h"

#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

void
background_init(struct background *b, const char *name, size_t max, struct latch *wake)
{
    *b = (struct background){ .max = max, .name = name, .wake = wake };
    ovs_list_init(&b->jobs);
}

static struct background_job *
first_of(struct background *b)
{
    return ovs_list_is_empty(&b->jobs)
               ? NULL
               : CONTAINER_OF(ovs_list_front(&b->jobs), struct background_job, node);
}

static void *
background_main(void *job_)
{
    struct background_job *job = job_;

    ovsrcu_quiesce_start(); /* Nothing here is protected by RCU. */
    job->work(job);
    atomic_store(&job->finished, true);
    latch_set(job->wake);
    return NULL;
}

static void
work_on_next(struct background *b)
{
    struct background_job *job = first_of(b);

    if (job) {
        b->thread = ovs_thread_create(b->name, background_main, job);
    }
}

bool
background_submit(struct background *b, struct background_job *job)
{
    if (b->n == b->max) {
        return false;
    }
    job->wake = b->wake;
    atomic_init(&job->finished, false);
    atomic_init(&job->stop, false);
    ovs_list_push_back(&b->jobs, &job->node);
    if (!b->n++) {
        work_on_next(b);
    }
    return true;
}

void
background_run(struct background *b)
{
    struct background_job *job = first_of(b);

    if (job && atomic_load(&job->finished)) {
        xpthread_join(b->thread, NULL);
        ovs_list_remove(&job->node);
        b->n--;
        work_on_next(b);
        job->done(job);
        job->destroy(job);
    }
}

void
background_destroy(struct background *b)
{
    struct background_job *job = first_of(b), *next;

    if (job) {
        atomic_store(&job->stop, true);
        xpthread_join(b->thread, NULL);
    }
    LIST_FOR_EACH_SAFE (job, next, node, &b->jobs) {
        ovs_list_remove(&job->node);
        job->destroy(job);
    }
    b->n = 0;
}
