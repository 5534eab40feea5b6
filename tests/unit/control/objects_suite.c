/* Noticing what is watched: each change of the state becomes an event, whoever made it. */
#include <config.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/objects.h"
#include "control/refresh.h"
#include "fusuma/v1/watch.pb-c.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

struct watched {
    struct fixture f;
    struct objects *objects;
    struct object_reader *reader;
    int64_t confirm_by_s;
};

static void
put_object(struct ds *s, const struct object_event *e)
{
    const Fusuma__V1__Port *port = (const void *) e->message;
    const Fusuma__V1__PolicyInForce *policy = (const void *) e->message;
    const Fusuma__V1__Binding *binding = (const void *) e->message;
    const Fusuma__V1__QuarantineState *quarantine = (const void *) e->message;

    switch (e->kind) {
    case OBJECT_PORT:
        ds_put_format(s, "%s:%s%s:%" PRIu64, port->spec->name,
                      port->state == FUSUMA__V1__PORT_STATE__PORT_STATE_UP ? "up" : "down",
                      port->quarantined ? ":cut" : "", port->generation);
        break;
    case OBJECT_POLICY:
        ds_put_format(s, "policy:%" PRIu32 ":%" PRIu64 ":v%" PRIu64, policy->rules,
                      policy->generation, policy->version);
        if (policy->confirm_by) {
            ds_put_format(s, ":by%" PRId64, policy->confirm_by->seconds);
        }
        break;
    case OBJECT_BINDING:
        ds_put_format(s, "%s/%s/%s%s", binding->port, binding->ip, binding->how,
                      binding->expires_s ? "/ends" : "");
        break;
    case OBJECT_QUARANTINE:
        ds_put_format(s, "%s@%s:%" PRId64 "%s", quarantine->id, quarantine->port,
                      quarantine->since ? quarantine->since->seconds : 0,
                      quarantine->absent ? ":absent" : "");
        break;
    case N_OBJECT_KINDS:
    default:
        CU_FAIL("an object of no kind");
        break;
    }
}

/* Looks, and expects these events and no others. */
static void
expect(struct watched *w, const char *want)
{
    static const char *const signs[] = { "+", "=", "-", "!", "*" };
    struct ds s = DS_EMPTY_INITIALIZER;
    struct object_event e;

    CU_ASSERT_EQUAL(objects_update(w->objects, &w->f.d, &w->f.p, w->confirm_by_s), want[0] != '\0');
    while (object_reader_next(w->reader, &e)) {
        ds_put_format(&s, "%s%s", s.length ? " " : "", signs[e.type]);
        if (e.message) {
            put_object(&s, &e);
        }
    }
    expect_text(ds_cstr(&s), want);
    ds_destroy(&s);
}

static void
watched_open(struct watched *w)
{
    struct object_event e;

    w->confirm_by_s = 0;
    fixture_open(&w->f);
    w->objects = objects_create(3);
    w->reader = object_reader_open(objects_log(w->objects), OBJECT_KINDS_ALL, NULL);
    CU_ASSERT_TRUE(object_reader_next(w->reader, &e));
    CU_ASSERT_EQUAL(e.type, OBJECT_SYNCED);
}

static void
watched_close(struct watched *w)
{
    object_reader_close(w->reader);
    objects_destroy(w->objects);
    objects_destroy(NULL);
    fixture_close(&w->f);
}

static void
test_ports(void)
{
    struct watched w;
    struct desired_port *desk, *up;

    watched_open(&w);
    expect(&w, "");
    desk = fixture_desktop(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:1 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac");
    up = fixture_uplink(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+up1:up:2");
    fixture_publish(&w.f, NULL); /* a new generation, but nothing of theirs */
    expect(&w, "");

    atomic_store(&desk->dp->up, false);
    expect(&w, "=desk1:down:1");
    atomic_store(&desk->dp->up, true);
    expect(&w, "=desk1:up:1");
    fixture_delete(&w.f, up);
    expect(&w, "-up1:up:2");
    fixture_delete(&w.f, desk);
    expect(&w, "-desk1:up:1 -desk1/10.0.0.1/given -desk1/fe80::ff:fe00:1/mac");
    watched_close(&w);
}

/* Deleted and added again between two looks. */
static void
test_other_port_of_same_number(void)
{
    struct watched w;
    struct desired_port *first, *second;
    uint16_t id;

    watched_open(&w);
    first = fixture_desktop(&w.f, 1);
    fixture_desktop(&w.f, 2);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:1 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac "
               "+desk2:up:1 +desk2/10.0.0.2/given +desk2/fe80::ff:fe00:2/mac");
    id = first->id;
    fixture_delete(&w.f, first);
    w.f.d.next_id = id;
    first = fixture_desktop(&w.f, 3);
    second = fixture_desktop(&w.f, 1);
    CU_ASSERT_EQUAL(first->id, id);
    CU_ASSERT_NOT_EQUAL(second->id, id);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk3:up:3 +desk3/10.0.0.3/given +desk3/fe80::ff:fe00:3/mac "
               "+desk1:up:3 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac");
    watched_close(&w);
}

static void
test_policy(void)
{
    struct policy *policy;
    struct watched w;

    watched_open(&w);
    policy = fixture_policy(&w.f, POLICY(443));
    policy->text->version = 5;
    fixture_publish(&w.f, policy);
    expect(&w, "+policy:2:1:v5");
    fixture_publish(&w.f, NULL);
    expect(&w, "");
    policy = fixture_policy(&w.f, POLICY(80));
    policy->text->version = 6;
    w.confirm_by_s = 1700000000;
    fixture_publish(&w.f, policy);
    expect(&w, "=policy:2:3:v6:by1700000000");
    w.confirm_by_s = 0; /* confirmed: it is the same one */
    expect(&w, "=policy:2:3:v6");
    watched_close(&w);
}

static void
test_bindings(void)
{
    struct watched w;
    struct desired_port *desk;
    struct acl_addr a;
    bool changed;

    watched_open(&w);
    desk = fixture_desktop(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:1 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac");
    acl_addr_parse("10.0.0.77", &a);
    learned_bind(&w.f.d, desk, &a, LEARNED_DHCP, LLONG_MAX / 2, &changed);
    fixture_publish(&w.f, NULL);
    expect(&w, "=desk1:up:2 +desk1/10.0.0.77/dhcp");
    /* A lease that is renewed is the same binding. */
    learned_bind(&w.f.d, desk, &a, LEARNED_DHCP, LLONG_MAX / 3, &changed);
    fixture_publish(&w.f, NULL);
    for (int i = 0; i < DP_MAX_PORTS / 8; i++) {
        expect(&w, "");
    }
    learned_unbind(&w.f.d, desk, &a);
    fixture_publish(&w.f, NULL);
    expect(&w, "=desk1:up:4 -desk1/10.0.0.77/dhcp");
    watched_close(&w);
}

static void
test_quarantine(void)
{
    struct watched w;
    struct desired_port *desk;

    watched_open(&w);
    desk = fixture_desktop(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:1 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac");
    fixture_cut_off(&w.f, desk, 1700000000123456, NULL);
    fixture_publish(&w.f, NULL);
    expect(&w, "=desk1:up:cut:2 +port:desk1@desk1:1700000000");
    fixture_let_go(&w.f, desk);
    fixture_publish(&w.f, NULL);
    expect(&w, "=desk1:up:3 -port:desk1@desk1:1700000000");
    fixture_cut_off(&w.f, desk, 0, NULL); /* as one that an older switch did not note */
    fixture_publish(&w.f, NULL);
    expect(&w, "=desk1:up:cut:4 +port:desk1@desk1:0");
    fixture_delete(&w.f, desk);
    expect(&w, "-desk1:up:cut:4 -desk1/10.0.0.1/given -desk1/fe80::ff:fe00:1/mac"
               " =port:desk1@desk1:0:absent");
    desk = fixture_desktop(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:cut:6 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac"
               " =port:desk1@desk1:0");
    watched_close(&w);
}

/* Nothing is published when a refresh ends. */
static void
test_refresh(void)
{
    struct refresh *r = refresh_create("desk1", "", 1, "anna");
    struct desired_port *desk;
    struct watched w;

    watched_open(&w);
    desk = fixture_desktop(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:1 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac");
    refreshes_put(&w.f.d.refreshes, r);
    desk->refresh = r;
    r->flushed = true;
    expect(&w, "=desk1:up:1");
    CU_ASSERT_TRUE(refresh_look(r, 1, false, 5));
    expect(&w, "=desk1:up:1");
    expect(&w, "");
    watched_close(&w);
}

/* What nobody marks as changed is found all the same, a little later. */
static void
test_sweep(void)
{
    struct watched w;
    struct desired_port *desk;
    struct object_event e;
    int n = 0;

    watched_open(&w);
    desk = fixture_desktop(&w.f, 1);
    fixture_publish(&w.f, NULL);
    expect(&w, "+desk1:up:1 +desk1/10.0.0.1/given +desk1/fe80::ff:fe00:1/mac");
    desk->limits.storm_pps[STORM_BROADCAST]++;
    while (!objects_update(w.objects, &w.f.d, &w.f.p, 0) && n++ < DP_MAX_PORTS) {
        continue;
    }
    CU_ASSERT(n < DP_MAX_PORTS);
    CU_ASSERT_TRUE(object_reader_next(w.reader, &e));
    CU_ASSERT_EQUAL(e.type, OBJECT_CHANGED);
    expect(&w, "");
    watched_close(&w);
}

CU_SuiteInfo
objects_suite(void)
{
    static CU_TestInfo tests[] = {
        { "ports and their links", test_ports },
        { "another port of the same number", test_other_port_of_same_number },
        { "the policy in force", test_policy },
        { "bindings", test_bindings },
        { "quarantine", test_quarantine },
        { "a refresh", test_refresh },
        { "what nobody marks", test_sweep },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "objects", switch_init, switch_exit, NULL, NULL, tests };
}
