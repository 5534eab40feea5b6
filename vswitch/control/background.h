/* Questions that take long: each is worked on in a thread, one after the other, so that neither the
 * control thread nor anything that waits for it is held up.  Everything here is for the control
 * thread, but for 'work'. */
#ifndef CONTROL_BACKGROUND_H
#define CONTROL_BACKGROUND_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "latch.h"
#include "openvswitch/list.h"

/* The head of every question's own structure. */
struct background_job {
    struct ovs_list node;
    void (*work)(struct background_job *);    /* its thread; looks at 'stop' now and then */
    void (*done)(struct background_job *);    /* the control thread, afterwards: answers */
    void (*destroy)(struct background_job *); /* after done(), or without it at the end */
    struct latch *wake;
    atomic_bool finished, stop;
};

struct background {
    struct ovs_list jobs; /* the first one is at work in 'thread' */
    size_t n, max;
    const char *name; /* of the thread */
    struct latch *wake;
    pthread_t thread;
};

/* 'max' jobs wait at most, the one at work included. */
void background_init(struct background *, const char *name, size_t max, struct latch *wake);
/* Ends the one at work, and forgets the others. */
void background_destroy(struct background *);
/* Takes the job, whose functions are set.  False: there are too many, and it is still the
 * caller's. */
bool background_submit(struct background *, struct background_job *);
void background_run(struct background *);

#endif
