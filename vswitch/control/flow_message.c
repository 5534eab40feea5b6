#include <config.h>

#include "control/flow_message.h"

#include <stdlib.h>

#include "acl/format.h"
#include "control/drop_message.h"
#include "control/message.h"
#include "telemetry/flow_log.h"
#include "util.h"

Fusuma__V1__Flow *
flow_message(const struct flow_row *row)
{
    Fusuma__V1__Flow *m = message_new(&fusuma__v1__flow__descriptor);

    m->port = xstrdup(row->port);
    m->direction = xstrdup(acl_direction_name(row->direction));
    m->peer = addr_text(&row->peer);
    m->peer_port = xstrdup(row->peer_port);
    m->service = service_key_text((uint32_t) row->protocol << 16 | row->service);
    m->rule = xstrdup(row->rule);
    m->first = time_message(row->first_ns / 1000);
    m->last = time_message(row->last_ns / 1000);
    m->connections = row->connections;
    m->answered = row->answered;
    m->packets_out = row->packets_out;
    m->bytes_out = row->bytes_out;
    m->packets_in = row->packets_in;
    m->bytes_in = row->bytes_in;
    m->user = sessions_message(row->sessions, row->user, &m->sessions, &m->n_sessions);
    m->vlan = row->vlan;
    return m;
}

static Fusuma__V1__FlowGap *
gap_message(const struct flow_gap *gap)
{
    Fusuma__V1__FlowGap *m = message_new(&fusuma__v1__flow_gap__descriptor);

    m->from = time_message(gap->from_ns / 1000);
    m->to = time_message(gap->to_ns / 1000);
    return m;
}

Fusuma__V1__FlowBudget *
flow_budget_message(void)
{
    Fusuma__V1__FlowBudget *m = message_new(&fusuma__v1__flow_budget__descriptor);
    struct flow_budget budget;

    flow_log_budget(&budget);
    m->capacity = budget.capacity;
    m->held = budget.held;
    m->put_out = budget.put_out;
    m->lost = budget.lost;
    m->oldest = time_message(budget.oldest_ns / 1000);
    m->storing = budget.storing;
    for (size_t i = 0; i < budget.n_gaps; i++) {
        message_append(m->gaps, m->n_gaps, gap_message(&budget.gaps[i]));
    }
    return m;
}
