/* What a sink is told of incidents, quarantine and silence: by messages as the switch sends them.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/sink.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/relay/suites.h"
#include "util.h"

#define ADDED FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_ADDED
#define CHANGED FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_CHANGED
#define REMOVED FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_REMOVED
#define SYNCED FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_SYNCED
#define RESET FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_RESET
#define HIGH FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_HIGH
#define LOW FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_LOW

static struct relay_sink_config sink_config;
static struct relay_config config = { .sinks = &sink_config, .n_sinks = 1 };
static struct relay relay;
static struct relay_sink sink;
static char dir[] = "/tmp/fusuma-gather-XXXXXX";

static void
begin_relay(void)
{
    relay = (struct relay){ .config = &config, .name = "host-3", .sinks = &sink, .n_sinks = 1 };
    pthread_mutex_init(&relay.mutex, NULL);
    hmap_init(&relay.incidents);
    shash_init(&relay.quarantines);
    shash_init(&relay.refreshes);
    relay.answered_ms = relay_now_ms();
    memset(&sink, 0, sizeof sink);
    CU_ASSERT_TRUE_FATAL(relay_sink_init(&sink, &relay, &sink_config));
}

static void
begin(unsigned what)
{
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    config.state = dir;
    config.heartbeat_ms = 1000;
    sink_config = (struct relay_sink_config){
        .name = "a", .type = RELAY_FILE, .path = "/dev/null", .what = what
    };
    begin_relay();
}

static void
end_relay(void)
{
    relay_sink_destroy(&sink);
    relay_watch_clear(&relay);
    hmap_destroy(&relay.incidents);
    shash_destroy(&relay.quarantines);
    shash_destroy(&relay.refreshes);
}

static void
end(void)
{
    char *path = xasprintf("%s/a.cursor", dir);

    end_relay();
    unlink(path);
    free(path);
    rmdir(dir);
}

/* The process ends when all that was gathered is delivered, and begins anew. */
static void
restart(void)
{
    CU_ASSERT_EQUAL(relay_cursor_store(&sink.taken, dir, "a"), 0);
    end_relay();
    begin_relay();
}

static void
tell(Fusuma__V1__WatchEventType type, const Fusuma__V1__Incident *i,
     const Fusuma__V1__QuarantineState *q)
{
    relay_watch_take(&relay, watch_event(type, i, q));
}

static void
tell_incident(Fusuma__V1__WatchEventType type, uint64_t id, uint64_t revision,
              Fusuma__V1__IncidentSeverity severity, bool closed)
{
    Fusuma__V1__Incident *i = sample_incident();

    i->id = id;
    i->revision = revision;
    i->severity = severity;
    i->closed = closed;
    if (closed) {
        i->actions[0]->kind = FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_CLOSED;
    }
    tell(type, i, NULL);
}

static void
tell_quarantine(Fusuma__V1__WatchEventType type, const char *port, int64_t since)
{
    Fusuma__V1__QuarantineState q = FUSUMA__V1__QUARANTINE_STATE__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    time.nanos = (int32_t) since;
    q.port = (char *) port;
    q.since = &time;
    tell(type, NULL, &q);
}

/* Gathers: "ACTION ID@FLOOR, ..." of incidents, else "ID, ..."; "-ID" of what is skipped. */
static void
expect_gathered(const char *want)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct relay_event *e;

    relay_gather(&sink);
    LIST_FOR_EACH_POP (e, node, &sink.pending) {
        ds_put_format(&s, "%s%s", s.length ? ", " : "", e->skip ? "-" : "");
        if (e->what == RELAY_INCIDENTS) {
            ds_put_format(&s, "%s %s@%llu", e->action + strlen("incident-"),
                          e->id + strlen("incident-"), (unsigned long long) e->at.incident.all);
        } else {
            ds_put_cstr(&s, e->what == RELAY_HEARTBEAT ? e->action : e->id);
        }
        sink.n_beats -= e->what == RELAY_HEARTBEAT;
        relay_event_free(e);
    }
    sink.n_pending = 0;
    expect_text(ds_cstr(&s), want);
    ds_destroy(&s);
}

/* What is held back becomes due. */
static void
let_time_pass(void)
{
    sink.held_ms = 1;
    relay_gather_clear(&sink); /* as if nothing had been told of late */
}

static void
test_life(void)
{
    begin(1u << RELAY_INCIDENTS);
    tell_incident(ADDED, 7, 40, LOW, false);
    expect_gathered(""); /* a list is not a state before it is whole */
    tell(SYNCED, NULL, NULL);
    expect_gathered("opened 7-40@40");
    expect_gathered("");
    tell_incident(CHANGED, 7, 41, HIGH, false);
    expect_gathered("raised 7-41@41");
    tell_incident(CHANGED, 7, 42, HIGH, true);
    expect_gathered("closed 7-42@42");
    tell_incident(REMOVED, 7, 42, HIGH, true);
    expect_gathered("");
    end();
}

/* What merely grows is told once in a while; the cursor does not pass what is held back. */
static void
test_held_back(void)
{
    begin(1u << RELAY_INCIDENTS);
    tell_incident(ADDED, 7, 40, LOW, false);
    tell(SYNCED, NULL, NULL);
    expect_gathered("opened 7-40@40");
    tell_incident(CHANGED, 7, 41, LOW, false);
    tell_incident(CHANGED, 8, 42, LOW, false);
    expect_gathered("opened 8-42@40");
    CU_ASSERT_EQUAL(sink.taken.revision, 40);
    CU_ASSERT_TRUE(sink.held_ms > relay_now_ms());
    expect_gathered("");
    let_time_pass();
    expect_gathered("changed 7-41@41"); /* and 8 not again: that would be another event */
    tell_incident(CHANGED, 8, 43, LOW, true);
    expect_gathered("closed 8-43@43");
    CU_ASSERT_TRUE(hmap_is_empty(&sink.taken.told));
    end();
}

/* ... also when the relay is started anew in between. */
static void
test_held_back_over_restart(void)
{
    begin(1u << RELAY_INCIDENTS);
    tell_incident(ADDED, 7, 40, LOW, false);
    tell_incident(ADDED, 8, 39, LOW, false);
    tell(SYNCED, NULL, NULL);
    expect_gathered("opened 8-39@39, opened 7-40@40");
    tell_incident(CHANGED, 7, 41, LOW, false);
    tell_incident(CHANGED, 8, 42, LOW, true);
    tell_incident(ADDED, 9, 43, LOW, false);
    expect_gathered("closed 8-42@40, opened 9-43@40");
    restart();
    tell_incident(ADDED, 7, 41, LOW, false);
    tell_incident(ADDED, 8, 42, LOW, true);
    tell_incident(ADDED, 9, 43, LOW, false);
    tell(SYNCED, NULL, NULL);
    expect_gathered("changed 7-41@41");
    end();
}

/* Nothing is remembered of what the switch has forgotten. */
static void
test_forgotten(void)
{
    begin(1u << RELAY_INCIDENTS);
    tell(SYNCED, NULL, NULL);
    for (uint64_t id = 1; id <= 5000; id++) {
        tell_incident(ADDED, id, 40 + id, LOW, id % 2);
        if (id > 10) {
            tell_incident(REMOVED, id - 10, 30 + id, LOW, id % 2);
        }
        relay_gather(&sink);
        relay_events_free(&sink.pending);
        ovs_list_init(&sink.pending);
        sink.n_pending = 0;
    }
    CU_ASSERT_EQUAL(hmap_count(&sink.seen), 10);
    CU_ASSERT_EQUAL(hmap_count(&sink.taken.open), 5);
    CU_ASSERT_TRUE(hmap_is_empty(&sink.taken.told));
    end();
}

/* After a restart of the relay: nothing twice that its cursor has passed, all that it has not. */
static void
test_restart(void)
{
    begin(1u << RELAY_INCIDENTS);
    tell_incident(ADDED, 7, 40, LOW, false);
    tell_incident(ADDED, 6, 39, HIGH, false);
    tell_incident(ADDED, 5, 38, HIGH, true);
    tell(SYNCED, NULL, NULL);
    expect_gathered("closed 5-38@38, opened 6-39@39, opened 7-40@40");
    restart();
    tell_incident(ADDED, 5, 38, HIGH, true);
    tell_incident(ADDED, 6, 39, HIGH, false);
    tell_incident(ADDED, 7, 44, HIGH, false);
    tell_incident(ADDED, 9, 43, LOW, false);
    tell(SYNCED, NULL, NULL);
    expect_gathered("opened 9-43@43, raised 7-44@44");
    end();
}

/* After a restart of the switch it lists anew: revisions hold, so nothing is told twice. */
static void
test_reset(void)
{
    begin(1u << RELAY_INCIDENTS | 1u << RELAY_QUARANTINE);
    tell_incident(ADDED, 7, 40, LOW, false);
    tell_quarantine(ADDED, "d1", 5);
    tell_quarantine(ADDED, "d2", 6);
    tell(SYNCED, NULL, NULL);
    relay_gather(&sink);
    CU_ASSERT_EQUAL(sink.n_pending, 3);
    relay_events_free(&sink.pending);
    ovs_list_init(&sink.pending);
    sink.n_pending = 0;
    tell(RESET, NULL, NULL);
    expect_gathered("");
    tell_incident(ADDED, 7, 40, LOW, false);
    tell_quarantine(ADDED, "d2", 6);
    tell(SYNCED, NULL, NULL);
    expect_gathered("quarantine-d1-5-released");
    end();
}

static void
test_severity(void)
{
    begin(1u << RELAY_INCIDENTS);
    sink_config.min_severity = RELAY_HIGH;
    tell_incident(ADDED, 7, 40, LOW, false);
    tell(SYNCED, NULL, NULL);
    expect_gathered("-opened 7-40@40");
    tell_incident(CHANGED, 7, 41, HIGH, false);
    expect_gathered("opened 7-41@41");
    end();
}

static void
test_quarantine(void)
{
    begin(1u << RELAY_QUARANTINE);
    tell_quarantine(ADDED, "d1", 5);
    tell(SYNCED, NULL, NULL);
    expect_gathered("quarantine-d1-5-set");
    tell_quarantine(CHANGED, "d1", 5); /* its comment */
    expect_gathered("");
    restart();
    tell_quarantine(ADDED, "d1", 9); /* released and cut off again meanwhile */
    tell(SYNCED, NULL, NULL);
    expect_gathered("quarantine-d1-9-set");
    tell_quarantine(REMOVED, "d1", 0);
    expect_gathered("quarantine-d1-9-released");
    end();
}

/* That of a VM may have no port, and another port may get the VM. */
static void
test_quarantine_of_a_vm(void)
{
    Fusuma__V1__QuarantineState q = FUSUMA__V1__QUARANTINE_STATE__INIT;
    struct relay_event *e;

    begin(1u << RELAY_QUARANTINE);
    q.id = (char *) "vm:7";
    q.port = (char *) "d1";
    tell(ADDED, NULL, &q);
    tell(SYNCED, NULL, NULL);
    expect_gathered("quarantine-d1-0-set");
    q.port = (char *) "d2";
    tell(CHANGED, NULL, &q);
    expect_gathered("quarantine-d2-0-set");
    q.port = (char *) "";
    tell(REMOVED, NULL, &q);
    relay_gather(&sink);
    CU_ASSERT_EQUAL_FATAL(ovs_list_size(&sink.pending), 1);
    e = CONTAINER_OF(ovs_list_pop_front(&sink.pending), struct relay_event, node);
    CU_ASSERT_STRING_EQUAL(e->id, "quarantine-d2-0-released");
    CU_ASSERT_PTR_NOT_NULL(strstr(e->text, "d2 is out of quarantine"));
    relay_event_free(e);
    sink.n_pending--;
    end();
}

static void
tell_refresh_of(const char *port_name, Fusuma__V1__WatchEventType type,
                Fusuma__V1__RefreshState state, int32_t since)
{
    Fusuma__V1__WatchEvent event = FUSUMA__V1__WATCH_EVENT__INIT;
    Fusuma__V1__Port port = FUSUMA__V1__PORT__INIT;
    Fusuma__V1__PortSpec spec = FUSUMA__V1__PORT_SPEC__INIT;
    Fusuma__V1__PortRefresh refresh = FUSUMA__V1__PORT_REFRESH__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    uint8_t packed[256];
    size_t n;

    time.nanos = since;
    spec.name = (char *) port_name;
    refresh.state = state;
    refresh.since = &time;
    refresh.user = (char *) "aiko";
    port.spec = &spec;
    port.refresh = state ? &refresh : NULL;
    event.type = type;
    event.object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_PORT;
    event.port = &port;
    n = fusuma__v1__watch_event__pack(&event, packed);
    CU_ASSERT_FATAL(n <= sizeof packed);
    relay_watch_take(&relay, fusuma__v1__watch_event__unpack(NULL, n, packed));
}

static void
tell_refresh(Fusuma__V1__RefreshState state, int32_t since)
{
    tell_refresh_of("d1", CHANGED, state, since);
}

/* Desktops whose names are used once do not pile up. */
static void
test_many_refreshes(void)
{
    char name[16];

    begin(1u << RELAY_REFRESH);
    tell(SYNCED, NULL, NULL);
    for (int i = 0; i < 3 * RELAY_REFRESHES; i++) {
        snprintf(name, sizeof name, "d%d", i);
        tell_refresh_of(name, CHANGED, FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY, 5);
        tell_refresh_of(name, REMOVED, FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY, 5);
        if (i % 100 == 0) {
            relay_gather(&sink);
            relay_events_free(&sink.pending);
            ovs_list_init(&sink.pending);
            sink.n_pending = 0;
        }
    }
    relay_gather(&sink);
    CU_ASSERT(shash_count(&relay.refreshes) <= RELAY_REFRESHES);
    CU_ASSERT(smap_count(&sink.taken.refreshed) <= RELAY_REFRESHES);
    end();
}

static void
test_refresh(void)
{
    begin(1u << RELAY_REFRESH);
    tell_refresh(FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNSPECIFIED, 0); /* it has none */
    tell(SYNCED, NULL, NULL);
    expect_gathered("");
    tell_refresh(FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY, 5);
    expect_gathered("refresh-d1-5-begun");
    tell_refresh(FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY, 5); /* something else of it */
    expect_gathered("");
    restart();
    tell_refresh(FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_DONE, 5);
    tell(SYNCED, NULL, NULL);
    expect_gathered("refresh-d1-5-done");
    tell_refresh(FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_HELD, 9);
    expect_gathered("refresh-d1-9-held");
    end();
}

/* A sink that begins with what is to come is not told what there is. */
static void
test_start_now(void)
{
    begin(1u << RELAY_INCIDENTS | 1u << RELAY_QUARANTINE);
    sink.fresh = true;
    tell_incident(ADDED, 7, 40, LOW, false);
    tell_quarantine(ADDED, "d1", 5);
    tell(SYNCED, NULL, NULL);
    expect_gathered("");
    tell_incident(ADDED, 8, 41, LOW, false);
    tell_quarantine(REMOVED, "d1", 0);
    expect_gathered("opened 8-41@41, quarantine-d1-5-released");
    end();
}

static void
test_silence(void)
{
    begin(1u << RELAY_HEARTBEAT);
    expect_gathered(""); /* nobody has asked yet */
    relay.asked = relay.pulse.up = true;
    expect_gathered("heartbeat");
    expect_gathered("");
    sink.beat_ms = relay_now_ms();
    relay.pulse.up = false;
    expect_gathered("heartbeat");
    relay.answered_ms -= 2001;
    expect_gathered("sensor-silent");
    expect_gathered("");
    restart();
    relay.asked = true;
    relay.answered_ms -= 5000;
    expect_gathered("heartbeat"); /* it was told before */
    relay.pulse.up = true;
    expect_gathered("sensor-back");
    end();
}

/* One heartbeat that is not taken is enough. */
static void
test_no_pile(void)
{
    begin(1u << RELAY_HEARTBEAT);
    relay.asked = relay.pulse.up = true;
    for (int i = 0; i < 3; i++) {
        sink.beat_ms = relay_now_ms();
        relay_gather(&sink);
    }
    CU_ASSERT_EQUAL(sink.n_pending, 1);
    end();
}

CU_SuiteInfo
gather_suite(void)
{
    static CU_TestInfo tests[] = {
        { "an incident's life", test_life },
        { "what is held back", test_held_back },
        { "... over a restart of the relay", test_held_back_over_restart },
        { "what the switch has forgotten", test_forgotten },
        { "a restart of the relay", test_restart },
        { "a restart of the switch", test_reset },
        { "what is not severe enough", test_severity },
        { "quarantine", test_quarantine },
        { "quarantine of a VM", test_quarantine_of_a_vm },
        { "refresh", test_refresh },
        { "refreshes of many ports that come and go", test_many_refreshes },
        { "beginning with what is to come", test_start_now },
        { "silence", test_silence },
        { "heartbeats that nobody takes", test_no_pile },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "what there is for a sink", .pTests = tests };
}
