#include <config.h>

#include "control/change.h"

#include <stdlib.h>

#include "control/control.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(change);

#define SETTLE_MS 200
#define MAX_SETTLE_MS 2000

void
changes_init(struct changes *q, struct latch *wake)
{
    q->state = NULL;
    q->wake = wake;
    q->written = NULL;
    q->unsettled = q->settling = false;
    ovs_list_init(&q->queue);
    ovs_mutex_init(&q->mutex);
}

void
changes_destroy(struct changes *q)
{
    ovs_mutex_destroy(&q->mutex);
}

/* ---- the writer thread ---- */

static void
change_write(struct writer_job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct changes *q = change->queue;
    const struct change_ops *ops = change->ops;

    change->write_error =
        (change->undoing ? ops->unstore : ops->store)(q->state, change, &change->write_why);
    ovs_mutex_lock(&q->mutex);
    q->written = change;
    ovs_mutex_unlock(&q->mutex);
    latch_set(q->wake);
}

static void
settle(struct writer_job *job)
{
    struct changes *q = CONTAINER_OF(job, struct changes, settle);

    state_settle(q->state);
    ovs_mutex_lock(&q->mutex);
    q->settling = false;
    ovs_mutex_unlock(&q->mutex);
}

/* ---- the control thread ---- */

static struct change *
first(const struct changes *q)
{
    return ovs_list_is_empty(&q->queue)
               ? NULL
               : CONTAINER_OF(ovs_list_front(&q->queue), struct change, node);
}

/* Takes the first out of the queue and says how it ended. */
static void
end(struct control *c, struct change *change, enum rpc_status status, char *why)
{
    if (status && change->begun && change->ops->abort) {
        change->ops->abort(c, change);
    }
    ovs_list_remove(&change->node);
    change->ops->done(c, change, status, status ? why : NULL);
    free(why);
}

/* It takes as long as a change, and so keeps out of the way of one that follows soon. */
static bool
may_settle(const struct changes *q)
{
    return q->unsettled && ovs_list_is_empty(&q->queue);
}

static void
settle_when_idle(struct changes *q)
{
    bool settling;

    if (!may_settle(q) || time_msec() < q->settle_due_ms) {
        return;
    }
    ovs_mutex_lock(&q->mutex);
    settling = q->settling;
    q->settling = true;
    ovs_mutex_unlock(&q->mutex);
    if (!settling) {
        q->unsettled = false;
        q->settle.run = settle;
        writer_submit(&q->settle, WRITER_STATE);
    }
}

static void
hand_over(struct change *change)
{
    struct changes *q = change->queue;
    long long now = time_msec();

    q->unsettled_since_ms = q->unsettled ? q->unsettled_since_ms : now;
    q->unsettled = true;
    q->settle_due_ms = MIN(now + SETTLE_MS, q->unsettled_since_ms + MAX_SETTLE_MS);
    change->job.run = change_write;
    change->handed_over_us = time_usec();
    writer_submit(&change->job, WRITER_STATE);
}

static void
take_time(struct elapsed *e, int64_t begun_us, int64_t in_force_us)
{
    e->publish_us = in_force_us - begun_us;
    e->total_us = MAX(in_force_us - (e->asked_us ? e->asked_us : begun_us), 1);
}

static void
commit(struct control *c, struct change *change)
{
    uint64_t generation = c->publisher.generation;
    int64_t begun_us = time_usec();

    change->elapsed.store_us = begun_us - change->handed_over_us;
    change->status = change->ops->commit(c, change, &change->why);
    if (change->status) {
        change->undoing = true;
        hand_over(change);
        return;
    }
    if (c->publisher.generation != generation) {
        take_time(&change->elapsed, begun_us, c->publisher.in_force_us);
    }
    end(c, change, RPC_OK, NULL);
}

/* Goes on with the change that the writer has done its part of. */
static void
resume(struct control *c, struct change *change)
{
    char *error = change->write_why;

    change->write_why = NULL;
    if (change->undoing) {
        if (change->write_error) {
            VLOG_ERR("a change that was refused is still stored: %s", error);
        }
        end(c, change, change->status, change->why);
    } else if (change->write_error) {
        end(c, change, RPC_INTERNAL, xasprintf("not stored: %s", error));
    } else {
        commit(c, change);
    }
    free(error);
}

/* Begins changes until one is under way. */
static void
begin_next(struct control *c)
{
    struct change *change;

    while ((change = first(&c->changes)) && !change->begun) {
        char *why = NULL;
        enum rpc_status status = change->ops->begin ? change->ops->begin(c, change, &why) : RPC_OK;

        if (status) {
            end(c, change, status, why);
        } else {
            change->begun = true;
            hand_over(change);
        }
    }
}

void
change_submit(struct control *c, struct change *change)
{
    change->queue = &c->changes;
    ovs_list_push_back(&c->changes.queue, &change->node);
    begin_next(c);
}

static struct change *
take_written(struct changes *q)
{
    ovs_mutex_lock(&q->mutex);
    struct change *change = q->written;

    q->written = NULL;
    ovs_mutex_unlock(&q->mutex);
    return change;
}

void
changes_run(struct control *c)
{
    struct change *change;

    while ((change = take_written(&c->changes))) {
        resume(c, change);
        begin_next(c);
    }
    settle_when_idle(&c->changes);
}

void
changes_wait(struct control *c)
{
    if (may_settle(&c->changes)) {
        poll_timer_wait_until(c->changes.settle_due_ms);
    }
}

void
changes_stop(struct control *c)
{
    struct change *change;

    while ((change = first(&c->changes))) {
        free(change->write_why);
        free(change->why);
        end(c, change, RPC_UNAVAILABLE, xstrdup("the switch is stopping"));
    }
}
