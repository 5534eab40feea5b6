/* The writer thread: while the switch runs, it alone writes to the disk (the files of captures
 * aside).
 *
 * It does jobs one at a time, each kind in the order they came: first changes of the desired state,
 * for somebody waits for their receipt, then batches of drop events, then of flows.  A disk that
 * stalls or is full holds up jobs, and nothing else. */
#ifndef TELEMETRY_WRITER_H
#define TELEMETRY_WRITER_H 1

#include "openvswitch/list.h"

enum writer_class { WRITER_STATE, WRITER_DROPS, WRITER_FLOWS, WRITER_N_CLASSES };

/* Part of whatever the job is about. */
struct writer_job {
    struct ovs_list node;
    /* Called in the writer thread, once; from then on the job is not the writer's any more, so that
     * this function may free or submit it again. */
    void (*run)(struct writer_job *);
};

/* 0 or a positive errno. */
int writer_start(void);
/* Does what was submitted, jobs that those submit included, and ends.  Nothing if it never began.
 */
void writer_stop(void);
/* Any thread.  The job must not be waiting already. */
void writer_submit(struct writer_job *, enum writer_class);

#endif
