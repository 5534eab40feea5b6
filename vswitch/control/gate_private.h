/* Shared by gate.c, which lets a request in or not, and gate_record.c, which has the audit log told
 * of it, and lets its answer go after that; for nobody else. */
#ifndef CONTROL_GATE_PRIVATE_H
#define CONTROL_GATE_PRIVATE_H 1

#include <jansson.h>

#include "control/gate.h"
#include "control/request_digest.h"
#include "control/request_ids.h"
#include "openvswitch/list.h"
#include "openvswitch/thread.h"

#define GATE_MAX_ERROR 300

struct gate {
    struct audit_log *log;
    struct latch *wake;
    struct request_ids *ids;
    struct state *state;
    uint64_t election, stored_election; /* the highest so far; the one that a restart knows of */
    long long refill_s;
    unsigned refusals; /* that may be said now */
    uint64_t unsaid;
    bool direct; /* there is no writer thread any more */
    char *lines[GATE_MAX_LINES];
    size_t n_lines;               /* ever; the newest is at (n_lines - 1) % GATE_MAX_LINES */
    struct request_digest digest; /* of the request that is being handled, if it writes */
    struct ovs_mutex mutex;
    struct ovs_list written OVS_GUARDED; /* of struct record, by the writer */
};

/* A change under way: from its request to its answer. */
struct write {
    struct gate *gate;
    struct rpc_call *call;
    struct request *id; /* or NULL: it has none */
    char *who;
    char *rpc;
    uint64_t seq;      /* the writer: of the line of its request; 0: that is lost */
    uint64_t election; /* to be stored before anything of it is; 0: none.  0 when it could not be */
    struct rpc_answer answer;
};

/* Text of peers is theirs: cut to 'max' bytes, and JSON sees to the rest. */
void gate_put_text(json_t *entry, const char *key, const char *text, size_t max);
/* Takes a line for gate_lines(). */
void gate_keep_line(struct gate *, char *line);
/* Takes 'entry', a line of the change (NULL: of none); the log has it before what the control
 * thread stores after this. */
void gate_submit(struct gate *, json_t *entry, struct write *, bool is_result);
/* What the handler has to say, which is not for the peer yet; 'write' is its change. */
void gate_answered(struct rpc_call *, struct rpc_answer *, void *write);

#endif
