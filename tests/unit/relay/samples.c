#include <config.h>

#include <stdlib.h>

#include "tests/unit/relay/suites.h"
#include "util.h"

const struct relay_observer sample_observer = { .name = "host-3", .version = "1.2" };

Fusuma__V1__DropRecord *
sample_record(void)
{
    static Google__Protobuf__Timestamp time;
    static Fusuma__V1__Cursor cursor;
    static Fusuma__V1__DropRecord r;
    static uint8_t packet[] = { 1, 2, 3, 4 };

    google__protobuf__timestamp__init(&time);
    time.seconds = 1764307000;
    time.nanos = 123456789;
    fusuma__v1__cursor__init(&cursor);
    cursor.epoch = 77;
    cursor.n = 12;
    fusuma__v1__drop_record__init(&r);
    r.cursor = &cursor;
    r.time = &time;
    r.port = "d1";
    r.user = "aiko";
    r.peer_port = "d2";
    r.peer_user = "ben";
    r.src_mac = "02:00:00:00:00:0a";
    r.dst_mac = "02:00:00:00:00:02";
    r.ethertype = 0x0800;
    r.src_ip = "128.232.110.120";
    r.dst_ip = "66.35.250.204";
    r.protocol = 6;
    r.src_port = 34855;
    r.dst_port = 80;
    r.service = "tcp/80 http";
    r.rule = "no-lateral";
    r.reason = "egress-rule";
    r.log_class = "incident";
    r.count = 1;
    r.packet_length = 74;
    r.packet.data = packet;
    r.packet.len = sizeof packet;
    r.generation = 3;
    r.vlan = 10;
    return &r;
}

Fusuma__V1__Incident *
sample_incident(void)
{
    static Google__Protobuf__Timestamp first, last;
    static Fusuma__V1__IncidentAction opened, *actions[] = { &opened };
    static Fusuma__V1__IncidentTarget target, *targets[] = { &target };
    static char *addresses[] = { "10.0.0.11", "fd00::11" };
    static Fusuma__V1__Incident i;

    google__protobuf__timestamp__init(&first);
    google__protobuf__timestamp__init(&last);
    first.seconds = 1764307000;
    last.seconds = 1764307060;
    fusuma__v1__incident_action__init(&opened);
    opened.kind = FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_OPENED;
    opened.who = "switch";
    fusuma__v1__incident_target__init(&target);
    target.address = "10.0.0.12";
    target.port = "d2";
    target.user = "ben";
    fusuma__v1__incident__init(&i);
    i.id = 7;
    i.revision = 40;
    i.port = "d1";
    i.user = "aiko";
    i.addresses = addresses;
    i.n_addresses = 2;
    i.kind = FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_SWEEP;
    i.severity = FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_MEDIUM;
    i.grounds = "it tried 9 peers";
    i.first_seen = &first;
    i.last_seen = &last;
    i.packets = 30;
    i.distinct_targets = 9;
    i.distinct_services = 1;
    i.targets = targets;
    i.n_targets = 1;
    i.actions = actions;
    i.n_actions = 1;
    return &i;
}

Fusuma__V1__WatchEvent *
watch_event(Fusuma__V1__WatchEventType type, const Fusuma__V1__Incident *incident,
            const Fusuma__V1__QuarantineState *quarantine)
{
    Fusuma__V1__WatchEvent e = FUSUMA__V1__WATCH_EVENT__INIT, *copy;
    uint8_t *packed;
    size_t n;

    e.type = type;
    if (incident) {
        e.object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_INCIDENT;
        e.incident = (Fusuma__V1__Incident *) incident;
    } else if (quarantine) {
        e.object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_QUARANTINE;
        e.quarantine = (Fusuma__V1__QuarantineState *) quarantine;
    }
    n = fusuma__v1__watch_event__get_packed_size(&e);
    packed = xmalloc(n ? n : 1);
    fusuma__v1__watch_event__pack(&e, packed);
    copy = fusuma__v1__watch_event__unpack(NULL, n, packed);
    free(packed);
    return copy;
}
