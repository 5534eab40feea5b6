/* Changes of what survives a restart: ports, policy, quarantine.
 *
 * One change at a time, in the order they came: it is checked and prepared, stored by the writer
 * thread, and put in force.  In between, the control thread goes on with everything else; a disk
 * that stalls holds up changes only (and of a quarantine only the receipt). Control thread, except
 * where it says otherwise. */
#ifndef CONTROL_CHANGE_H
#define CONTROL_CHANGE_H 1

#include "control/elapsed.h"
#include "control/state.h"
#include "latch.h"
#include "openvswitch/list.h"
#include "ovs-thread.h"
#include "proto/rpc.h"
#include "telemetry/writer.h"

struct change;
struct control;

/* What a change does.  begin and commit return RPC_OK, or a status and '*error'; then what they did
 * is undone. */
struct change_ops {
    /* Checks and prepares; nothing is in force yet.  Or NULL. */
    enum rpc_status (*begin)(struct control *, struct change *, char **error);
    /* The writer thread: stores it; takes it back.  0, or a positive errno and '*error'. */
    int (*store)(struct state *, struct change *, char **error);
    int (*unstore)(struct state *, struct change *, char **error);
    /* Puts it in force. */
    enum rpc_status (*commit)(struct control *, struct change *, char **error);
    /* Undoes begin: it could not be stored, or not be put in force.  Or NULL. */
    void (*abort)(struct control *, struct change *);
    /* The end of every change: tells whoever waits, and frees it.  'error' is NULL after RPC_OK. */
    void (*done)(struct control *, struct change *, enum rpc_status, const char *error);
};

/* The head of every change's own structure. */
struct change {
    const struct change_ops *ops;
    struct ovs_list node;
    struct writer_job job;
    struct changes *queue;
    bool begun, undoing;
    enum rpc_status status; /* why it is undone */
    char *why;
    /* 'asked_us' and what comes before it is stored is the submitter's; the rest is filled in, for
     * done() too, when the change publishes something. */
    struct elapsed elapsed;
    int64_t handed_over_us; /* to the writer */
    int write_error;        /* of store or unstore */
    char *write_why;
};

struct changes {
    struct state *state; /* set before the first change is submitted */
    struct latch *wake;
    struct ovs_list queue; /* the first one is under way */
    struct ovs_mutex mutex;
    struct change *written OVS_GUARDED; /* by the writer, to be taken up again */
    struct writer_job settle; /* of the state, when there has been no change for a while */
    bool unsettled;
    long long unsettled_since_ms, settle_due_ms;
    bool settling OVS_GUARDED;
};

/* 'wake' is set whenever changes_run() has work. */
void changes_init(struct changes *, struct latch *wake);
void changes_destroy(struct changes *);
/* Queues a change; its done() is called now or later, from here or from changes_run(). */
void change_submit(struct control *, struct change *);
void changes_run(struct control *);
void changes_wait(struct control *); /* in the poll loop */
/* After the writer thread has ended: ends what is left with RPC_UNAVAILABLE. */
void changes_stop(struct control *);

#endif
