/* Traces as messages: what each stage said, in words, and the rules behind it.  The caller owns
 * what is returned.  Control thread only. */
#ifndef CONTROL_TRACE_MESSAGE_H
#define CONTROL_TRACE_MESSAGE_H 1

#include "control/control.h"
#include "datapath/trace.h"
#include "fusuma/v1/trace.pb-c.h"

/* What judged: a snapshot, and the policy that its tables are of (NULL: none). */
struct trace_judge {
    const struct snapshot *snapshot;
    const struct policy *policy;
};

/* All but port and user. */
Fusuma__V1__TracePacketResponse *trace_message(const struct control *, const struct trace_judge *,
                                               const struct port_leaf *from, const struct trace *);
Fusuma__V1__TraceVerdict *trace_verdict_message(const struct control *, const struct trace_judge *,
                                                const struct trace *);
/* "tcp 10.0.0.7:49152 -> 10.0.0.9:445". */
char *trace_packet_text(const struct trace *);

/* trace_rules.c */
/* The slot of the rule that decided: that denied it or, of the first table that was asked, allowed
 * it. UINT32_MAX: none did. */
uint32_t trace_deciding_slot(const struct trace *);
/* NULL: UINT32_MAX, or a rule that is gone. */
Fusuma__V1__TraceRule *trace_rule_message(const struct policy *, uint32_t slot);
/* Adds the stages of the two tables. */
void trace_add_tables(const struct control *, const struct trace_judge *, const struct trace *,
                      Fusuma__V1__TracePacketResponse *);
Fusuma__V1__TraceStage *trace_add_stage(Fusuma__V1__TracePacketResponse *, const char *stage,
                                        const char *result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "desk7"; the caller's to free. */
char *trace_port_name(const struct control *, uint16_t id);

#endif
