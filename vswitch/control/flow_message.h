/* Flows as messages of the API.  Any thread; the caller frees them with message_free(). */
#ifndef CONTROL_FLOW_MESSAGE_H
#define CONTROL_FLOW_MESSAGE_H 1

#include "fusuma/v1/flow.pb-c.h"
#include "telemetry/flow_row.h"

Fusuma__V1__Flow *flow_message(const struct flow_row *);
/* What the journal can hold now, and what it could not. */
Fusuma__V1__FlowBudget *flow_budget_message(void);

#endif
