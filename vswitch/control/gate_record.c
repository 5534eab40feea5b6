/* What the gate has the audit log told, and the answers that wait for it. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/answers.h"
#include "control/audit_log.h"
#include "control/control.h"
#include "control/election.h"
#include "control/gate_private.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(gate_record);

/* A line on its way. */
struct record {
    struct writer_job job;
    struct ovs_list node;
    struct gate *gate;
    json_t *entry;
    struct write *write; /* that it is of, or NULL */
    bool is_result;
    char *lines;
};

/* ---- lines ---- */

void
gate_put_text(json_t *entry, const char *key, const char *text, size_t max)
{
    size_t n = MIN(strlen(text), max);

    while (n && n == max && ((unsigned char) text[n] & 0xc0) == 0x80) {
        n--;
    }
    json_object_set_new(entry, key, json_stringn(text, n));
}

void
gate_keep_line(struct gate *gate, char *line)
{
    char **slot = &gate->lines[gate->n_lines++ % GATE_MAX_LINES];

    free(*slot);
    *slot = line;
}

static void
keep_lines(struct gate *gate, const char *lines)
{
    for (size_t n; *lines; lines += n + 1) {
        n = strcspn(lines, "\n");
        gate_keep_line(gate, xmemdup0(lines, n));
    }
}

void
gate_lines(const struct gate *gate, size_t n, void (*cb)(const char *line, void *aux), void *aux)
{
    size_t kept = MIN(gate->n_lines, GATE_MAX_LINES);

    for (size_t i = gate->n_lines - MIN(n, kept); i < gate->n_lines; i++) {
        cb(gate->lines[i % GATE_MAX_LINES], aux);
    }
}

static void
store_election(struct gate *gate, struct write *w)
{
    char *error = NULL;

    if (w->election && state_put_election(gate->state, w->election, &error)) {
        VLOG_EMER("election id %" PRIu64 " is not stored, and a restart would forget it: %s",
                  w->election, error);
        free(error);
        w->election = 0;
    }
}

static void
write_record(struct record *r)
{
    if (r->write && !r->is_result) {
        store_election(r->gate, r->write);
    }
    if (r->is_result && r->write->id) {
        answers_store(r->gate->state, r->write->id, &r->write->answer);
    }
    if (r->is_result && r->write->seq) {
        json_object_set_new(r->entry, "of", json_integer(r->write->seq));
    }
    audit_log_append(r->gate->log, r->entry, r->is_result,
                     r->write && !r->is_result ? &r->write->seq : NULL, &r->lines);
}

/* The writer thread. */
static void
record_job(struct writer_job *job)
{
    struct record *r = CONTAINER_OF(job, struct record, job);
    struct gate *gate = r->gate;
    bool hurry = r->is_result || !r->write; /* otherwise the change's end will take it along */

    write_record(r);
    ovs_mutex_lock(&gate->mutex);
    ovs_list_push_back(&gate->written, &r->node);
    ovs_mutex_unlock(&gate->mutex);
    if (hurry) {
        latch_set(gate->wake);
    }
}

static void record_done(struct record *);

void
gate_submit(struct gate *gate, json_t *entry, struct write *w, bool is_result)
{
    struct record *r = xzalloc(sizeof *r);

    r->gate = gate;
    r->entry = entry;
    r->write = w;
    r->is_result = is_result;
    if (gate->direct) {
        write_record(r);
        record_done(r);
    } else {
        r->job.run = record_job;
        writer_submit(&r->job, WRITER_STATE);
    }
}

/* ---- the end of a change ---- */

static void
write_destroy(struct write *w)
{
    rpc_answer_destroy(&w->answer);
    free(w->who);
    free(w->rpc);
    free(w);
}

static void
record_done(struct record *r)
{
    struct write *w = r->write;

    keep_lines(r->gate, r->lines);
    free(r->lines);
    if (r->is_result) {
        rpc_call_answer(w->call, &w->answer);
        if (w->id) {
            request_ids_answer(r->gate->ids, w->id, &w->answer, time_msec());
        }
        write_destroy(w);
    } else if (w && w->election) {
        r->gate->stored_election = w->election;
    }
    json_decref(r->entry);
    free(r);
}

void
gate_run(struct control *c)
{
    struct gate *gate = c->gate;
    struct ovs_list written;
    struct record *r;

    ovs_list_init(&written);
    ovs_mutex_lock(&gate->mutex);
    ovs_list_push_back_all(&written, &gate->written);
    ovs_mutex_unlock(&gate->mutex);
    LIST_FOR_EACH_POP (r, node, &written) {
        record_done(r);
    }
}

void
gate_answered(struct rpc_call *call OVS_UNUSED, struct rpc_answer *answer, void *write)
{
    struct write *w = write;
    struct control *c = CONTAINER_OF(w->gate->wake, struct control, wake);
    json_t *entry = audit_entry("result");

    w->answer = *answer;
    gate_put_text(entry, "who", w->who, GATE_MAX_ERROR);
    json_object_set_new(entry, "rpc", json_string(w->rpc));
    json_object_set_new(entry, "status", json_string(rpc_status_name(answer->status)));
    if (answer->error) {
        gate_put_text(entry, "error", answer->error, GATE_MAX_ERROR);
    }
    json_object_set_new(entry, "generation", json_integer(c->publisher.generation));
    gate_submit(w->gate, entry, w, true);
}
