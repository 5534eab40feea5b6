#include <config.h>

#include "ctl/relay/event.h"

#include <stdlib.h>

#include "util.h"

const char *const relay_what_names[] = { "incidents", "drops",     "quarantine",
                                         "refresh",   "heartbeat", NULL };
const char *const relay_severity_names[] = { "info", "low", "medium", "high", "critical", NULL };

struct relay_event *
relay_event_new(enum relay_what what)
{
    struct relay_event *e = xzalloc(sizeof *e);

    ovs_list_init(&e->node);
    e->what = what;
    return e;
}

void
relay_event_free(struct relay_event *e)
{
    if (e) {
        if (e->what == RELAY_QUARANTINE || e->what == RELAY_REFRESH) {
            free(e->at.port.name);
            free(e->at.port.state);
        }
        free(e->id);
        free(e->json);
        free(e->text);
        free(e);
    }
}

void
relay_events_free(struct ovs_list *events)
{
    struct relay_event *e, *next;

    LIST_FOR_EACH_SAFE (e, next, node, events) {
        relay_event_free(e);
    }
    ovs_list_init(events);
}
