/* Packets to ask the switch about: from captures, from drop records, or described. */
#ifndef CTL_TRACE_INPUT_H
#define CTL_TRACE_INPUT_H 1

#include "ctl/ctl.h"
#include "fusuma/v1/trace.pb-c.h"

#define TRACE_INPUTS_MAX 100000

struct trace_inputs {
    struct trace_input {
        Fusuma__V1__TraceInput in;
        Fusuma__V1__TraceFrame frame; /* whose bytes, and the port's name, are ours */
        char *name;                   /* "desk.pcap: frame 3", "drops.json: event 7"; "": none */
        char *was;                    /* of a drop record: why it was dropped; or NULL */
    } * list;
    size_t n, allocated;
};

/* Each adds to '*inputs'; false, said on standard error, when something is wrong with it. */
bool trace_inputs_capture(struct trace_inputs *, const char *file, const char *port);
/* Events or records as 'swctl drops -o json' prints them, or arrays of them; "-" is standard input.
 */
bool trace_inputs_drops(struct trace_inputs *, const char *file);
/* A capture or drop records, whichever it is by its first byte ("-": drop records).  'port' may be
 * NULL; a drop record has its own, and that is an error then. */
bool trace_inputs_any(struct trace_inputs *, const char *file, const char *port);
/* The record at EPOCH.N, which the switch is asked for; an exit code. */
int trace_inputs_record(struct ctl *, struct trace_inputs *, uint64_t epoch, uint64_t n);
void trace_inputs_destroy(struct trace_inputs *);

/* From the service ("tcp/445", "icmp/8", "47"), --src and --dst.  Strings are the options' or in
 * '*owned', which the caller frees. */
bool trace_describe(const struct ctl *, Fusuma__V1__TraceDescription *, char *owned[2]);

#endif
