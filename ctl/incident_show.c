/* One incident, on a terminal. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/incident.h"
#include "ctl/output.h"
#include "ctl/when.h"
#include "util.h"

static void
show_time(const char *name, const Google__Protobuf__Timestamp *t)
{
    char *text = when_text(t);

    output_field(name, "%s", text ? text : "-");
    free(text);
}

static void
show_suspect(const Fusuma__V1__Incident *i)
{
    char *addresses = output_list(i->addresses, i->n_addresses);
    struct ds sessions = DS_EMPTY_INITIALIZER;

    for (size_t k = 0; k < i->n_sessions; k++) {
        ds_put_format(&sessions, "%s%s (%" PRIu64 ")", k ? ", " : "", i->sessions[k]->user,
                      i->sessions[k]->id);
    }
    output_field("Desktop:", "%s", i->port);
    output_field("User:", "%s", i->user);
    output_field("Sessions:", "%s%s", ds_cstr(&sessions),
                 i->n_sessions > 1 ? ": each is a candidate" : "");
    output_field("Addresses:", "%s", addresses);
    output_field("MAC:", "%s", i->mac);
    output_field("VM:", "%s", i->vm_id);
    ds_destroy(&sessions);
    free(addresses);
}

static void
show_extent(const Fusuma__V1__Incident *i)
{
    char *targets = incident_targets(i);
    char *services = incident_services(i);

    output_field("Tried:", "%s address%s, %s service%s", targets,
                 i->distinct_targets == 1 ? "" : "es", services,
                 i->distinct_services == 1 ? "" : "s");
    output_field("Packets:", "%" PRIu64 ", %" PRIu64 " of them without a record", i->packets,
                 i->packets_unrecorded);
    if (i->first_record && i->last_record) {
        output_field("Records:", "%" PRIu64 ".%" PRIu64 " to %" PRIu64 ".%" PRIu64,
                     i->first_record->epoch, i->first_record->n, i->last_record->epoch,
                     i->last_record->n);
    }
    free(targets);
    free(services);
}

static void
show_head(const Fusuma__V1__Incident *i)
{
    output_field("Incident:", "%" PRIu64 ", %s %s, %s", i->id, incident_severity(i->severity),
                 incident_kind(i->kind), incident_state(i));
    output_field("Grounds:", "%s", i->grounds);
    show_suspect(i);
    show_time("First attempt:", i->first_seen);
    show_time("Last attempt:", i->last_seen);
    show_extent(i);
    if (i->closed) {
        show_time("Closed:", i->closed_at);
        output_field("Closed by:", "%s", i->closed_by);
    }
}

static void
show_targets(const Fusuma__V1__Incident *i)
{
    struct columns c;

    columns_init(&c, "ADDRESS PORT USER >PACKETS SERVICES DENIED-BY +FIRST +LAST");
    for (size_t k = 0; k < i->n_targets; k++) {
        const Fusuma__V1__IncidentTarget *t = i->targets[k];
        char *services = output_list(t->services, t->n_services);
        char *rules = output_list(t->rules, t->n_rules);
        char *first = when_text(t->first_seen), *last = when_text(t->last_seen);

        columns_text(&c, t->address);
        columns_text(&c, t->port);
        columns_text(&c, t->user);
        columns_number(&c, t->packets);
        columns_format(&c, "%s%s", services, t->distinct_services > t->n_services ? ", ..." : "");
        columns_text(&c, rules);
        columns_text(&c, first ? first : "-");
        columns_text(&c, last ? last : "-");
        free(services);
        free(rules);
        free(first);
        free(last);
    }
    columns_print(&c);
    if (i->distinct_targets > i->n_targets) {
        output_line("-- and %" PRIu64 " more that are not listed",
                    i->distinct_targets - i->n_targets);
    }
}

static void
show_services(const Fusuma__V1__Incident *i)
{
    struct columns c;

    columns_init(&c, "SERVICE >TARGETS >PACKETS");
    for (size_t k = 0; k < i->n_services; k++) {
        columns_text(&c, i->services[k]->service);
        columns_number(&c, i->services[k]->targets);
        columns_number(&c, i->services[k]->packets);
    }
    columns_print(&c);
    if (i->distinct_services > i->n_services) {
        output_line("-- and %" PRIu64 " more that are not listed",
                    i->distinct_services - i->n_services);
    }
}

static void
show_actions(const Fusuma__V1__Incident *i)
{
    struct columns c;

    columns_init(&c, "TIME WHAT WHO TEXT");
    for (size_t k = 0; k < i->n_actions; k++) {
        char *time = when_text(i->actions[k]->time);

        columns_text(&c, time ? time : "-");
        columns_text(&c, incident_action(i->actions[k]->kind));
        columns_text(&c, i->actions[k]->who);
        columns_text(&c, i->actions[k]->text);
        free(time);
    }
    columns_print(&c);
}

void
print_incident(const void *incident)
{
    const Fusuma__V1__Incident *i = incident;

    show_head(i);
    putchar('\n');
    show_actions(i);
    putchar('\n');
    show_services(i);
    putchar('\n');
    show_targets(i);
}
