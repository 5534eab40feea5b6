#include <config.h>

#include <inttypes.h>
#include <stdlib.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/when.h"
#include "fusuma/v1/flow.pb-c.h"
#include "util.h"

static void
add_flow(struct columns *c, const Fusuma__V1__Flow *f)
{
    char *first = when_text(f->first), *last = when_text(f->last);

    columns_text(c, f->port);
    columns_text(c, f->direction);
    columns_text(c, f->peer);
    columns_text(c, f->peer_port);
    columns_text(c, f->service);
    columns_text(c, f->rule);
    columns_number(c, f->connections);
    columns_number(c, f->answered);
    columns_number(c, f->packets_out);
    columns_number(c, f->bytes_out);
    columns_number(c, f->packets_in);
    columns_number(c, f->bytes_in);
    columns_number(c, f->vlan);
    columns_text(c, first);
    columns_text(c, last);
    columns_text(c, f->user);
    free(last);
    free(first);
}

static void
print_gap(const Fusuma__V1__FlowGap *gap)
{
    char *from = when_text(gap->from), *to = when_text(gap->to);

    output_line("-- the switch was killed: something of %s to %s may be missing", from, to);
    free(to);
    free(from);
}

static void
print_flows(const void *reply)
{
    const Fusuma__V1__ListFlowsResponse *list = reply;
    const Fusuma__V1__FlowBudget *b = list->budget;
    char *oldest = when_text(b ? b->oldest : NULL);
    struct columns c;

    columns_init(&c, "PORT DIR PEER +PEER-PORT SERVICE RULE >CONNS +>ANSWERED +>PACKETS-OUT "
                     ">BYTES-OUT +>PACKETS-IN >BYTES-IN +>VLAN +FIRST LAST USER");
    for (size_t i = 0; i < list->n_flows; i++) {
        add_flow(&c, list->flows[i]);
    }
    columns_print(&c);
    if (list->truncated) {
        output_line("-- these are the newest %zu; --limit shows more", list->n_flows);
    }
    if (b) {
        output_line("-- the journal holds %" PRIu64 " flows of at most %" PRIu64
                    ", since %s; %" PRIu64 " were put out and %" PRIu64 " connections lost%s",
                    b->held, b->capacity, *oldest ? oldest : "now", b->put_out, b->lost,
                    b->storing ? "" : "; the disk does not take them");
    }
    for (size_t i = 0; b && i < b->n_gaps; i++) {
        print_gap(b->gaps[i]);
    }
    free(oldest);
}

int
flow_list(struct ctl *ctl)
{
    Fusuma__V1__ListFlowsRequest request = FUSUMA__V1__LIST_FLOWS_REQUEST__INIT;
    const char *port = args_value(ctl->args, OPT_PORT), *peer = args_value(ctl->args, OPT_ADDRESS);
    Google__Protobuf__Timestamp since, until;

    if (!args_number(ctl->args, OPT_LIMIT, 1, UINT32_MAX, &request.limit) ||
        !when_option(ctl->args, OPT_SINCE, &since, &request.from) ||
        !when_option(ctl->args, OPT_UNTIL, &until, &request.to)) {
        return CTL_USAGE;
    }
    request.port = CONST_CAST(char *, port ? port : "");
    request.peer = CONST_CAST(char *, peer ? peer : "");
    return client_show(ctl, &fusuma__v1__flow_service__descriptor, "ListFlows", &request,
                       print_flows);
}
