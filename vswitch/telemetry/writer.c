#include <config.h>

#include "telemetry/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct ovs_list jobs[WRITER_N_CLASSES] = { OVS_LIST_INITIALIZER(&jobs[WRITER_STATE]),
                                                  OVS_LIST_INITIALIZER(&jobs[WRITER_DROPS]),
                                                  OVS_LIST_INITIALIZER(&jobs[WRITER_FLOWS]) };
static pthread_t thread;
static bool running, stopping;

/* The next job, taken out of its list, or NULL. */
static struct writer_job *
take_job(void)
{
    for (int i = 0; i < WRITER_N_CLASSES; i++) {
        if (!ovs_list_is_empty(&jobs[i])) {
            return CONTAINER_OF(ovs_list_pop_front(&jobs[i]), struct writer_job, node);
        }
    }
    return NULL;
}

static void *
writer_main(void *aux OVS_UNUSED)
{
    pthread_mutex_lock(&mutex);
    for (;;) {
        struct writer_job *job = take_job();

        if (job) {
            pthread_mutex_unlock(&mutex);
            job->run(job);
            pthread_mutex_lock(&mutex);
        } else if (stopping) {
            break;
        } else {
            pthread_cond_wait(&work, &mutex);
        }
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Signals are the control thread's business. */
int
writer_start(void)
{
    sigset_t all, old;
    int error;

    stopping = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(&thread, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!error) {
        pthread_setname_np(thread, "writer");
        running = true;
    }
    return error;
}

void
writer_stop(void)
{
    if (running) {
        pthread_mutex_lock(&mutex);
        stopping = true;
        pthread_cond_signal(&work);
        pthread_mutex_unlock(&mutex);
        pthread_join(thread, NULL);
        running = false;
    }
}

void
writer_submit(struct writer_job *job, enum writer_class class)
{
    pthread_mutex_lock(&mutex);
    ovs_list_push_back(&jobs[class], &job->node);
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&mutex);
}
