/* Messages of the switch as events: Elastic Common Schema 8, and a sentence for people.
 *
 * docs/delivery.md lists the fields.  What the schema has no place for is under "fusuma".  Ids:
 *     EPOCH-N                       a drop record, what has no record of its own, a correction
 *     gap-EPOCH-N-EPOCH-N           what is missing of the drops
 *     incident-ID-REVISION          an incident as it was then
 *     quarantine-PORT-TIME-set      and -released
 *     NAME-heartbeat-TIME           of this sink's heartbeat; sensor-silent, sensor-back likewise
 */
#ifndef CTL_RELAY_ECS_H
#define CTL_RELAY_ECS_H 1

#include "ctl/relay/event.h"

#include "fusuma/v1/drop.pb-c.h"
#include "fusuma/v1/watch.pb-c.h"

/* Who observed it. */
struct relay_observer {
    const char *name, *version;
};

struct relay_event *ecs_drop(const Fusuma__V1__DropRecord *, const struct relay_observer *);
struct relay_event *ecs_unsaid(const Fusuma__V1__Unsaid *, const struct relay_observer *);
struct relay_event *ecs_correction(const Fusuma__V1__Correction *, const struct relay_observer *);
struct relay_event *ecs_gap(const Fusuma__V1__Gap *, const struct relay_observer *);

/* 'action' says what has become of it: "incident-opened", -raised, -changed, -closed. */
struct relay_event *ecs_incident(const Fusuma__V1__Incident *, const char *action,
                                 const struct relay_observer *);

/* Set, or released (then only 'id' and 'port' of the state count, and 'since' is when it began).
 * 'now_ns' is the time of a release. */
struct relay_event *ecs_quarantine(const Fusuma__V1__QuarantineState *, bool set, const char *since,
                                   int64_t now_ns, const struct relay_observer *);
/* When it was set, as ids have it: nanoseconds, "0" when nobody knows.  The caller's to free, as is
 * what a sink is told of it, "SINCE PORT". */
char *ecs_since(const Fusuma__V1__QuarantineState *);
char *ecs_quarantine_state(const Fusuma__V1__QuarantineState *);
/* What it is kept by: of a VM's there may be no port. */
const char *ecs_quarantine_id(const Fusuma__V1__QuarantineState *);

/* A refresh that has begun, is held, or is done; 'port' has one.  And its state, another one
 * whenever there is something to tell; the caller's to free. */
struct relay_event *ecs_refresh(const Fusuma__V1__Port *, int64_t now_ns,
                                const struct relay_observer *);
char *ecs_refresh_state(const Fusuma__V1__PortRefresh *);

/* What a heartbeat says. */
struct relay_pulse {
    bool up; /* the switch has answered at the last attempt; what follows is of the last answer */
    bool known; /* there was one */
    uint64_t drop_epoch, drops_newest;
    bool storing;
    uint32_t workers, workers_alive, ports, ports_up, quarantined;
    const char *alarm; /* of the switch, or "" */
    /* Of this sink, since its cursor began. */
    bool has_lag;
    uint64_t lag; /* drop events that it has still to get */
    uint64_t delivered, refused, missing;
};
/* 'action': "heartbeat", "sensor-silent", "sensor-back". */
struct relay_event *ecs_heartbeat(const char *sink, const char *action, const struct relay_pulse *,
                                  int64_t now_ns, const struct relay_observer *);

#endif
