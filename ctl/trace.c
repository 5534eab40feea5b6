/* swctl trace: what would become of a packet. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/trace_input.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__trace_service__descriptor;

/* ---- printing ---- */

/* Under a stage. */
static void print_aside(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
print_aside(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    output_line("  %-18s %s", "", text);
    free(text);
}

/* "web (sales.yaml:6:5)". */
static char *
rule_text(const Fusuma__V1__TraceRule *r)
{
    return r->line ? xasprintf("%s (%s%s%" PRIu32 ":%" PRIu32 ")", r->id, r->source,
                               r->source[0] ? ":" : "line ", r->line, r->column)
                   : xstrdup(r->id);
}

static void
print_rules(const char *what, Fusuma__V1__TraceRule *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *rule = rule_text(rules[i]);

        print_aside("%s %s", what, rule);
        free(rule);
    }
}

static void
print_stage(const Fusuma__V1__TraceStage *s)
{
    output_line("  %-11s %-6s %s", s->stage, strcmp(s->result, "note") ? s->result : "", s->text);
    print_rules("passed on by", s->passed, s->n_passed);
    print_rules("in audit mode, it would be denied by", s->audited, s->n_audited);
    if (s->rule && s->rule->text[0]) {
        print_aside("%s", s->rule->text);
    }
    if (s->nearest) {
        char *missed = output_list(s->missed, s->n_missed), *rule = rule_text(s->nearest);

        print_aside("nearest: %s, which would allow it but for: %s", rule, missed);
        print_aside("%s", s->nearest->text);
        free(missed);
        free(rule);
    }
}

static void
print_verdict(const Fusuma__V1__TraceVerdict *v)
{
    char *to = output_list(v->to, v->n_to);

    if (v->reason[0]) {
        bool by_rule = v->rule[0] && strncmp(v->rule, "default-", 8);

        output_line("Verdict: %s, %s%s%s", v->verdict, v->reason, by_rule ? " by " : "",
                    by_rule ? v->rule : "");
    } else {
        output_line("Verdict: %s%s%s%s", v->verdict, v->n_to ? " to " : "", to,
                    v->would_drop ? "; policy would deny it, but audits" : "");
    }
    free(to);
}

static void
print_trace(const void *reply)
{
    const Fusuma__V1__TracePacketResponse *r = reply;

    output_line("%s, in by %s%s%s%s", r->packet, r->port, r->user[0] ? " (" : "", r->user,
                r->user[0] ? ")" : "");
    for (size_t i = 0; i < r->n_stages; i++) {
        print_stage(r->stages[i]);
    }
    print_verdict(r->verdict);
}

/* ---- asking ---- */

static int
trace_described(struct ctl *ctl)
{
    Fusuma__V1__TracePacketRequest request = FUSUMA__V1__TRACE_PACKET_REQUEST__INIT;
    Fusuma__V1__TraceInput in = FUSUMA__V1__TRACE_INPUT__INIT;
    Fusuma__V1__TraceDescription d = FUSUMA__V1__TRACE_DESCRIPTION__INIT;
    char *owned[2] = { NULL, NULL };
    int code = CTL_USAGE;

    if (trace_describe(ctl, &d, owned)) {
        request.input = &in;
        in.packet_case = FUSUMA__V1__TRACE_INPUT__PACKET_DESCRIPTION;
        in.description = &d;
        if (args_has(ctl->args, OPT_PORT)) {
            in.port = (char *) args_value(ctl->args, OPT_PORT);
        }
        code = client_show(ctl, service, "TracePacket", &request, print_trace);
    }
    free(owned[0]);
    free(owned[1]);
    return code;
}

/* One packet of several: said which it is, and a refusal, too. */
static int
trace_one(struct ctl *ctl, struct trace_input *in)
{
    Fusuma__V1__TracePacketRequest request = FUSUMA__V1__TRACE_PACKET_REQUEST__INIT;
    Fusuma__V1__TracePacketResponse *reply;
    char *error = NULL, *named;
    enum rpc_status status;

    request.input = &in->in;
    in->in.frame = &in->frame;
    status = client_try(ctl, service, "TracePacket", &request, &reply, &error);
    if (status != RPC_OK) {
        bool refused = status != RPC_UNAVAILABLE && status != RPC_DEADLINE_EXCEEDED;

        named = refused ? xasprintf("%s: %s", in->name, error ? error : rpc_status_name(status))
                        : nullable_xstrdup(error);
        free(error);
        return client_fail(ctl, status, named);
    }
    if (ctl->structured) {
        output_event(&reply->base);
    } else {
        output_line("-- %s%s%s", in->name, in->was ? ", dropped then: " : "",
                    in->was ? in->was : "");
        print_trace(reply);
    }
    client_free(reply);
    return output_flush() ? CTL_OK : CTL_REFUSED;
}

static int
trace_all(struct ctl *ctl, struct trace_inputs *inputs)
{
    uint32_t limit = 1000;
    int code = CTL_OK;

    if (!args_number(ctl->args, OPT_LIMIT, 1, TRACE_INPUTS_MAX, &limit)) {
        return CTL_USAGE;
    }
    for (size_t i = 0; i < inputs->n && i < limit && code == CTL_OK; i++) {
        code = trace_one(ctl, &inputs->list[i]);
    }
    if (code == CTL_OK && inputs->n > limit && !ctl->structured) {
        output_line("-- %zu more; --limit N prints more", inputs->n - limit);
    }
    return code;
}

/* EPOCH.N, or a file. */
static int
take_drop(struct ctl *ctl, struct trace_inputs *inputs)
{
    const char *text = args_value(ctl->args, OPT_DROP);
    uint64_t epoch = 0, n = 0;

    if (text[strspn(text, "0123456789.")] || !strchr(text, '.')) {
        return trace_inputs_drops(inputs, text) ? CTL_OK : CTL_USAGE;
    }
    return args_position(ctl->args, OPT_DROP, &epoch, &n)
               ? trace_inputs_record(ctl, inputs, epoch, n)
               : CTL_USAGE;
}

static bool
check_options(const struct ctl *ctl)
{
    bool pcap = args_has(ctl->args, OPT_PCAP), drop = args_has(ctl->args, OPT_DROP);
    bool described = ctl->arg || args_has(ctl->args, OPT_SRC) || args_has(ctl->args, OPT_DST);

    if (pcap + drop + described != 1) {
        ctl_error(pcap + drop + described
                      ? "a packet is described, or of --pcap, or of --drop: one of them"
                      : "which packet?  Describe it, or give --pcap or --drop; see 'swctl trace "
                        "--help'");
    } else if (described && !ctl->arg) {
        ctl_error("which service?  Such as tcp/445, udp/53, icmp or 47");
    } else if (drop && args_has(ctl->args, OPT_PORT)) {
        ctl_error("--port: a drop record has its port");
    } else if (args_has(ctl->args, OPT_LIMIT) && described) {
        ctl_error("--limit: there is one packet only");
    } else if (ctl->args->values[OPT_PORT].n > 1) {
        ctl_error("'trace' takes --port once");
    } else {
        return true;
    }
    return false;
}

int
trace(struct ctl *ctl)
{
    struct trace_inputs inputs = { .n = 0 };
    const char *port = args_value(ctl->args, OPT_PORT);
    int code;

    if (!check_options(ctl)) {
        return CTL_USAGE;
    } else if (ctl->arg) {
        return trace_described(ctl);
    } else if (args_has(ctl->args, OPT_DROP)) {
        code = take_drop(ctl, &inputs);
    } else {
        code = trace_inputs_capture(&inputs, args_value(ctl->args, OPT_PCAP), port ? port : "")
                   ? CTL_OK
                   : CTL_USAGE;
    }
    code = code == CTL_OK ? trace_all(ctl, &inputs) : code;
    trace_inputs_destroy(&inputs);
    return code;
}
