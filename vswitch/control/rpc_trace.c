#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/rpc.h"
#include "control/trace_frame.h"
#include "control/trace_message.h"
#include "util.h"

void
rpc_trace_packet(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__TracePacketRequest *r = (const Fusuma__V1__TracePacketRequest *) request;
    const struct control *c = control;
    struct trace_judge judge = { c->publisher.snapshot, c->publisher.policy };
    struct trace_frame *f = xmalloc(sizeof *f);
    Fusuma__V1__TracePacketResponse *reply;
    struct trace trace;
    char *error = NULL;
    enum rpc_status status = trace_frame_make(c, r->input, f, &error);

    if (status) {
        rpc_fail_with(call, status, error);
    } else {
        trace_packet(judge.snapshot, f->leaf, f->vlan, f->fill, true, &f->m, &trace);
        reply = trace_message(c, &judge, f->leaf, &trace);
        reply->port = xstrdup(f->port->spec->name);
        reply->user = xstrdup(f->port->spec->user);
        rpc_reply_with(call, reply);
    }
    free(f);
}

/* ---- replay ---- */

#define SOURCES_MAX 64
#define PACKETS_MAX 8192

struct replay {
    struct rpc_call *call;
    Fusuma__V1__ReplayPolicyRequest *request;
    Fusuma__V1__ReplayPolicyResponse *reply;
    struct trace_judge before, after;
    struct trace_frame frame;
    struct trace was, is; /* of the packet at hand */
};

static struct state_policy *
text_of(const Fusuma__V1__ReplayPolicyRequest *r)
{
    struct state_policy *text = xzalloc(sizeof *text);

    text->n_sources = r->n_sources;
    text->sources = xcalloc(r->n_sources, sizeof *text->sources);
    for (size_t i = 0; i < r->n_sources; i++) {
        text->sources[i].name = xstrdup(r->sources[i]->name);
        text->sources[i].yaml = xstrdup(r->sources[i]->yaml);
    }
    return text;
}

/* Slots are of ids, and stay with them from policy to policy. */
static bool
same(const struct trace *a, const struct trace *b)
{
    return a->fate == b->fate && a->reason == b->reason && a->judged == b->judged &&
           a->judgement.denial.rule_slot == b->judgement.denial.rule_slot &&
           a->judgement.rule_slot[ACL_EGRESS] == b->judgement.rule_slot[ACL_EGRESS] &&
           a->judgement.rule_slot[ACL_INGRESS] == b->judgement.rule_slot[ACL_INGRESS] &&
           !a->judgement.n_audits == !b->judgement.n_audits;
}

static bool
is_denied(const struct trace *t)
{
    return t->fate == TRACE_DROPPED;
}

static void
add_change(const struct control *c, struct replay *r, uint32_t i)
{
    Fusuma__V1__ReplayChange *m = message_new(&fusuma__v1__replay_change__descriptor);

    m->index = i;
    m->port = xstrdup(r->frame.port->spec->name);
    m->packet = trace_packet_text(&r->was);
    m->before = trace_verdict_message(c, &r->before, &r->was);
    m->after = trace_verdict_message(c, &r->after, &r->is);
    m->rule_before = trace_rule_message(r->before.policy, trace_deciding_slot(&r->was));
    m->rule_after = trace_rule_message(r->after.policy, trace_deciding_slot(&r->is));
    m->verdict_changes = is_denied(&r->was) != is_denied(&r->is);
    message_append(r->reply->changes, r->reply->n_changes, m);
}

/* A trace spoils its frame, so there are two.  False, and '*error': it cannot be made. */
static bool
trace_both(const struct control *c, struct replay *r, uint32_t i, char **error)
{
    const Fusuma__V1__TraceInput *in = r->request->packets[i];
    struct trace_frame *f = &r->frame;
    const struct port_leaf *after;

    if (trace_frame_make(c, in, f, error)) {
        return false;
    }
    trace_packet(r->before.snapshot, f->leaf, f->vlan, f->fill, false, &f->m, &r->was);
    if (trace_frame_make(c, in, f, error)) {
        return false;
    }
    after = r->after.snapshot->ports[f->port->id];
    if (!after) { /* it is about to go */
        *error = xasprintf("port: %s is not open", f->port->spec->name);
        return false;
    }
    trace_packet(r->after.snapshot, after, f->vlan, f->fill, false, &f->m, &r->is);
    return true;
}

static void
replay_one(const struct control *c, struct replay *r, uint32_t i)
{
    Fusuma__V1__ReplaySkipped *skipped;
    char *error = NULL;

    if (!trace_both(c, r, i, &error)) {
        skipped = message_new(&fusuma__v1__replay_skipped__descriptor);
        skipped->index = i;
        skipped->why = error;
        message_append(r->reply->skipped, r->reply->n_skipped, skipped);
        return;
    }
    r->reply->denied_before += is_denied(&r->was);
    r->reply->denied_after += is_denied(&r->is);
    if (!same(&r->was, &r->is)) {
        add_change(c, r, i);
    }
}

static void
replay(const struct control *c, struct replay *r, struct policy *next)
{
    struct preview preview;

    if (preview_create(&c->publisher, &c->desired, next, &preview)) {
        rpc_call_fail(r->call, RPC_RESOURCE_EXHAUSTED, "no memory for the tables of the policy");
        return;
    }
    r->before = (struct trace_judge){ c->publisher.snapshot, c->publisher.policy };
    r->after = (struct trace_judge){ preview.snapshot, next };
    r->reply = message_new(&fusuma__v1__replay_policy_response__descriptor);
    r->reply->digest = xstrdup(next->digest);
    r->reply->packets = r->request->n_packets;
    for (uint32_t i = 0; i < r->request->n_packets; i++) {
        replay_one(c, r, i);
    }
    rpc_reply_with(r->call, r->reply);
    preview_destroy(&preview);
}

static void
compiled(struct control *c, enum rpc_status status, const char *error,
         const struct policy_outcome *outcome, void *replay_)
{
    struct replay *r = replay_;

    if (status) {
        rpc_call_fail(r->call, status, "%s", error);
    } else {
        replay(c, r, outcome->policy);
    }
    message_free(r->request);
    free(r);
}

void
rpc_replay_policy(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__ReplayPolicyRequest *m = (const Fusuma__V1__ReplayPolicyRequest *) request;
    struct policy_options options = { .dry_run = true };
    struct replay *r;

    if (!m->n_sources || m->n_sources > SOURCES_MAX) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "sources: %zu; there are 1 to %d", m->n_sources,
                      SOURCES_MAX);
        return;
    } else if (m->n_packets > PACKETS_MAX) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "packets: %zu are more than %d at once",
                      m->n_packets, PACKETS_MAX);
        return;
    }
    r = xzalloc(sizeof *r);
    r->call = call;
    r->request = message_copy(request);
    policies_apply(control, text_of(m), &options, compiled, r);
}
