/* swctl policy replay: whose verdict another policy would change. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/policy.h"
#include "ctl/trace_input.h"
#include "util.h"

/* Packets of a request, and bytes beside the policy's: what is around a packet, and around all. */
#define BATCH 4096
#define AROUND 256
#define RESERVED 32768

struct totals {
    uint64_t packets, denied_before, denied_after, opened, closed, other, skipped;
};

/* ---- printing ---- */

/* "allowed by web", "dropped, spoof-ip", "rejected by smb". */
static char *
verdict_text(const Fusuma__V1__TraceVerdict *v, const Fusuma__V1__TraceRule *rule)
{
    const char *what = strcmp(v->verdict, "forwarded") ? v->verdict : "allowed";

    return rule ? xasprintf("%s by %s%s", what, rule->id, v->would_drop ? " (audits)" : "")
           : v->reason[0] ? xasprintf("%s, %s", what, v->reason)
                          : xasprintf("%s%s", what, v->would_drop ? ", policy audits" : "");
}

static void
add_row(struct columns *c, const char *name, const Fusuma__V1__ReplayChange *change)
{
    char *before = verdict_text(change->before, change->rule_before);
    char *after = verdict_text(change->after, change->rule_after);

    columns_text(c, name);
    columns_text(c, change->port);
    columns_text(c, change->packet);
    columns_text(c, before);
    columns_text(c, after);
    free(before);
    free(after);
}

static void
take_reply(const Fusuma__V1__ReplayPolicyResponse *r, const struct trace_input *list,
           struct columns *c, struct totals *t)
{
    t->packets += r->packets;
    t->denied_before += r->denied_before;
    t->denied_after += r->denied_after;
    t->skipped += r->n_skipped;
    for (size_t i = 0; i < r->n_changes; i++) {
        const Fusuma__V1__ReplayChange *change = r->changes[i];

        if (!change->verdict_changes) {
            t->other++;
            continue;
        }
        *(change->after->reason[0] ? &t->closed : &t->opened) += 1;
        if (change->index < r->packets) {
            add_row(c, list[change->index].name, change);
        }
    }
    for (size_t i = 0; i < r->n_skipped && r->skipped[i]->index < r->packets; i++) {
        output_line("-- %s: skipped: %s", list[r->skipped[i]->index].name, r->skipped[i]->why);
    }
}

static void
print_totals(const struct totals *t)
{
    output_line(
        "%" PRIu64 " packets, %" PRIu64 " of them denied by the policy in force and %" PRIu64
        " by this one: %" PRIu64 " would be allowed, %" PRIu64 " would be denied; %" PRIu64
        " by another rule; %" PRIu64 " skipped",
        t->packets, t->denied_before, t->denied_after, t->opened, t->closed, t->other, t->skipped);
}

/* ---- asking ---- */

/* Positions in what was given, not in the request. */
static void
print_objects(Fusuma__V1__ReplayPolicyResponse *r, size_t from)
{
    for (size_t i = 0; i < r->n_changes; i++) {
        r->changes[i]->index += from;
    }
    for (size_t i = 0; i < r->n_skipped; i++) {
        r->skipped[i]->index += from;
    }
    output_event(&r->base);
}

/* How many packets from 'from' on go into one request, beside the policy. */
static size_t
batch_of(const Fusuma__V1__ApplyPolicyRequest *policy, const struct trace_inputs *inputs,
         size_t from)
{
    size_t n = 0, bytes = RESERVED;

    for (size_t i = 0; i < policy->n_sources; i++) {
        bytes += strlen(policy->sources[i]->yaml) + strlen(policy->sources[i]->name);
    }
    do {
        bytes += inputs->list[from + n++].frame.data.len + AROUND;
    } while (from + n < inputs->n && n < BATCH &&
             bytes + inputs->list[from + n].frame.data.len + AROUND <= RPC_MAX_REQUEST);
    return n;
}

static int
replay_batch(struct ctl *ctl, const Fusuma__V1__ApplyPolicyRequest *policy,
             struct trace_inputs *inputs, size_t from, size_t n, struct columns *c,
             struct totals *t)
{
    Fusuma__V1__ReplayPolicyRequest request = FUSUMA__V1__REPLAY_POLICY_REQUEST__INIT;
    Fusuma__V1__TraceInput **packets = xcalloc(n, sizeof *packets);
    Fusuma__V1__ReplayPolicyResponse *reply;
    enum rpc_status status;
    char *error = NULL;

    for (size_t i = 0; i < n; i++) {
        packets[i] = &inputs->list[from + i].in;
        packets[i]->frame = &inputs->list[from + i].frame;
    }
    request.sources = policy->sources;
    request.n_sources = policy->n_sources;
    request.packets = packets;
    request.n_packets = n;
    status = client_try(ctl, &fusuma__v1__trace_service__descriptor, "ReplayPolicy", &request,
                        &reply, &error);
    free(packets);
    if (status != RPC_OK) {
        return policy_fail(ctl, status, error);
    }
    if (ctl->structured) {
        print_objects(reply, from);
    } else {
        take_reply(reply, &inputs->list[from], c, t);
    }
    client_free(reply);
    return CTL_OK;
}

static int
replay(struct ctl *ctl, const Fusuma__V1__ApplyPolicyRequest *policy, struct trace_inputs *inputs)
{
    struct totals totals = { .packets = 0 };
    struct columns c;
    int code = CTL_OK;

    columns_init(&c, "PACKET PORT WHAT BEFORE AFTER");
    for (size_t from = 0, n; from < inputs->n && code == CTL_OK; from += n) {
        n = batch_of(policy, inputs, from);
        code = replay_batch(ctl, policy, inputs, from, n, &c, &totals);
    }
    if (code == CTL_OK && !ctl->structured) {
        columns_print(&c);
        print_totals(&totals);
    } else {
        columns_destroy(&c);
    }
    return code;
}

int
policy_replay(struct ctl *ctl)
{
    Fusuma__V1__ApplyPolicyRequest policy = FUSUMA__V1__APPLY_POLICY_REQUEST__INIT;
    const char *against = args_value(ctl->args, OPT_AGAINST);
    const char *port = args_value(ctl->args, OPT_PORT);
    struct trace_inputs inputs = { .n = 0 };
    int code = CTL_USAGE;

    if (!against) {
        ctl_error("'policy replay' needs --against: drop records or a capture");
    } else if (ctl->args->values[OPT_PORT].n > 1) {
        ctl_error("'policy replay' takes --port once");
    } else if (trace_inputs_any(&inputs, against, port) &&
               policy_read_sources(ctl, &policy.sources, &policy.n_sources)) {
        code = replay(ctl, &policy, &inputs);
    }
    policy_sources_destroy(policy.sources, policy.n_sources);
    trace_inputs_destroy(&inputs);
    return code;
}
