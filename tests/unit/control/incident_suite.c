/* Incidents: from what detection has to messages and back, and on the disk. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/incident_message.h"
#include "control/incident_store.h"
#include "control/message.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

#define NOW_US (INT64_C(1700000000) * 1000000)
#define NOW_S 50000u

static struct suspect_target *
add_target(struct detected *d, const char *address, bool is_desktop)
{
    struct acl_addr addr;

    CU_ASSERT_FATAL(acl_addr_parse(address, &addr));
    return suspect_restore(&d->suspect, &addr, is_desktop, 10, NOW_S);
}

static struct detected *
make_detected(void)
{
    struct detected *d = xzalloc(sizeof *d);
    struct suspect_target *t;

    CU_ASSERT_EQUAL_FATAL(suspect_init(&d->suspect), 0);
    d->id = 5;
    ovs_strzcpy(d->port, "d1", sizeof d->port);
    ovs_strzcpy(d->user, "aiko", sizeof d->user);
    ovs_strzcpy(d->sessions, "3 ben\n4 chiyo\n", sizeof d->sessions);
    d->grade = (struct suspect_grade){ SUSPECT_SWEEP,
                                       ACL_THREAT_HIGH,
                                       { .kind = GROUNDS_DESKTOPS, .count = 9, .within_s = 300 } };
    d->first_us = NOW_US - 60000000;
    d->last_us = NOW_US;
    d->first_n = 7;
    d->last_n = 9;
    t = add_target(d, "10.0.0.2", true);
    t->port = xstrdup("d2");
    t->user = xstrdup("emi");
    t->first_us = NOW_US - 60000000;
    t->last_us = NOW_US - 10000000;
    t->packets = 4;
    t->services[0] = 6 << 16 | 445;
    t->services[1] = SERVICE_ARP;
    t->service_packets[0] = 3;
    t->service_packets[1] = 1;
    t->n_services = 2;
    t->rules[t->n_rules++] = xstrdup("no-lateral");
    t = add_target(d, "2001:db8::1", false);
    t->packets = 1;
    t->services[0] = 6 << 16 | 445;
    t->service_packets[0] = 1;
    t->services[1] = 58 << 16 | 128 << 8;
    t->n_services = 2;
    d->suspect.packets = 5;
    return d;
}

static void
detected_free(struct detected *d)
{
    suspect_destroy(&d->suspect);
    free(d);
}

/* The switch's own words have a form, which others say in their language; people's have none. */
static void
test_grounds(void)
{
    Fusuma__V1__Incident *m = message_new(&fusuma__v1__incident__descriptor);
    struct detected *d = make_detected();

    m->id = 5;
    incident_message_update(m, d, 77);
    expect_text(m->grounds, "9 desktops tried within 5 minutes");
    incident_message_act_by_itself(
        m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_OPENED, NOW_US,
        FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_UNSPECIFIED);
    d->grade.grounds = (struct suspect_grounds){ GROUNDS_SERVICE, 1200, 64, true, 86400 };
    incident_message_update(m, d, 77);
    expect_text(m->grounds, "the same service of 1,200 or more addresses in 64 or more networks "
                            "tried within 24 hours");
    incident_message_act_by_itself(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_NOTE,
                                   NOW_US,
                                   FUSUMA__V1__INCIDENT_GROUNDS_KIND__INCIDENT_GROUNDS_KIND_SPARED);
    incident_message_quarantined(m, NOW_US, "switch",
                                 "incident 5: 9 desktops tried within 5 minutes");
    incident_message_quarantined(m, NOW_US, "unix:sato(1001)",
                                 "not cut off: the policy says never");
    CU_ASSERT_EQUAL_FATAL(m->n_actions, 4);
    expect_text(m->actions[0]->text, "9 desktops tried within 5 minutes");
    CU_ASSERT(m->actions[0]->because && m->actions[0]->because->count == 9);
    expect_text(m->actions[1]->text, "not cut off: the policy says never");
    expect_text(m->actions[1]->who, "switch");
    CU_ASSERT(m->actions[2]->because && m->actions[2]->because->count == 9);
    CU_ASSERT(!m->actions[3]->because);
    /* Of an incident from before there are only words. */
    d->grade.grounds = (struct suspect_grounds){ .kind = GROUNDS_UNKNOWN };
    incident_message_update(m, d, 77);
    CU_ASSERT_EQUAL(m->because->networks, 64);
    message_free(m);
    detected_free(d);
}

static void
test_message(void)
{
    Fusuma__V1__Incident *m = message_new(&fusuma__v1__incident__descriptor);
    struct detected *d = make_detected(), *back = xzalloc(sizeof *back);
    struct suspect_target *t;

    incident_message_update(m, d, 77);
    incident_message_update(m, d, 77); /* the second time takes the place of the first */
    CU_ASSERT_EQUAL(m->kind, FUSUMA__V1__INCIDENT_KIND__INCIDENT_KIND_SWEEP);
    CU_ASSERT_EQUAL(m->severity, FUSUMA__V1__INCIDENT_SEVERITY__INCIDENT_SEVERITY_HIGH);
    expect_text(m->user, "ben, chiyo");
    CU_ASSERT(m->n_sessions == 2 && m->sessions[1]->id == 4);
    CU_ASSERT(m->packets == 5 && m->distinct_targets == 2 && !m->estimated);
    CU_ASSERT_EQUAL_FATAL(m->n_targets, 2);
    expect_text(m->targets[0]->services[0], "tcp/445 smb");
    expect_text(m->targets[0]->rules[0], "no-lateral");
    expect_text(m->targets[1]->address, "2001:db8::1");
    CU_ASSERT_EQUAL_FATAL(m->n_services, 3);
    expect_text(m->services[0]->service, "tcp/445 smb"); /* that of most targets */
    CU_ASSERT(m->services[0]->targets == 2 && m->services[0]->packets == 4);
    CU_ASSERT(m->first_record->n == 7 && m->last_record->n == 9 && m->last_record->epoch == 77);

    CU_ASSERT_EQUAL_FATAL(suspect_init(&back->suspect), 0);
    incident_message_restore(m, back, NOW_S, NOW_US);
    expect_text(back->sessions, d->sessions);
    CU_ASSERT(back->grade.grounds.kind == GROUNDS_DESKTOPS && back->grade.grounds.count == 9);
    CU_ASSERT_EQUAL(back->grade.grounds.within_s, 300);
    CU_ASSERT(back->grade.kind == SUSPECT_SWEEP && back->grade.severity == ACL_THREAT_HIGH);
    CU_ASSERT(back->suspect.packets == 5 && back->suspect.n_targets == 2);
    t = &back->suspect.targets[0];
    CU_ASSERT(t->is_desktop && t->last_s == NOW_S - 10 && t->packets == 4 && t->n_services == 2);
    CU_ASSERT(t->services[0] == (6 << 16 | 445) && t->services[1] == SERVICE_ARP);
    CU_ASSERT_EQUAL(back->suspect.targets[1].services[1], 58 << 16 | 128 << 8);
    message_free(m);
    detected_free(d);
    detected_free(back);
}

static struct drop_correction
told_late(int64_t from_us, int64_t to_us, bool withdrawn)
{
    return (struct drop_correction){ (uint64_t) from_us * 1000, (uint64_t) to_us * 1000,
                                     withdrawn };
}

/* Also of one that has ended long ago. */
static void
test_correction(void)
{
    Fusuma__V1__Incident *m = message_new(&fusuma__v1__incident__descriptor);
    struct detected *d = make_detected();
    struct drop_correction login = told_late(NOW_US - 5, NOW_US + 5, false);
    struct drop_correction logout = told_late(NOW_US - 5, NOW_US + 5, true);

    incident_message_update(m, d, 77);
    CU_ASSERT_FALSE(incident_message_correct(m, "3 ben\n", &login, ""));
    CU_ASSERT_FALSE(incident_message_correct(m, "3 ben\n", &logout, "")); /* hers until then */
    CU_ASSERT(incident_message_correct(m, "9 emi\n", &login, ""));
    expect_text(m->user, "ben, chiyo, emi");
    CU_ASSERT(m->n_sessions == 3 && m->sessions[2]->id == 9);
    logout.from_ns -= 60000000ull * 1000;
    CU_ASSERT(incident_message_correct(m, "4 chiyo\n", &logout, ""));
    CU_ASSERT(incident_message_correct(m, "9 emi\n", &logout, ""));
    CU_ASSERT(incident_message_correct(m, "3 ben\n", &logout, "aiko"));
    expect_text(m->user, "aiko");
    CU_ASSERT_EQUAL(m->n_sessions, 0);
    login = told_late(NOW_US + 1, NOW_US + 5, false);
    CU_ASSERT_FALSE(incident_message_correct(m, "3 ben\n", &login, ""));
    message_free(m);
    detected_free(d);
}

/* Of many targets, desktops have a place however late they came. */
static void
test_many_targets(void)
{
    Fusuma__V1__Incident *m = message_new(&fusuma__v1__incident__descriptor);
    struct detected *d = make_detected();
    unsigned desktops = 0;

    for (unsigned i = 0; i < 600; i++) {
        char *address = xasprintf("10.1.%u.%u", i / 250, i % 250);

        add_target(d, address, i >= 590);
        free(address);
    }
    incident_message_update(m, d, 1);
    CU_ASSERT_EQUAL(m->n_targets, INCIDENT_TARGETS);
    CU_ASSERT_EQUAL(m->distinct_targets, 602);
    for (size_t i = 0; i < m->n_targets; i++) {
        desktops +=
            !strncmp(m->targets[i]->address, "10.1.2.9", 8) || !strcmp(m->targets[i]->port, "d2");
    }
    CU_ASSERT_EQUAL(desktops, 11);
    message_free(m);
    detected_free(d);
}

static void
test_actions(void)
{
    Fusuma__V1__Incident *m = message_new(&fusuma__v1__incident__descriptor), *copy;

    incident_message_act(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_OPENED, 1,
                         "switch", "first");
    for (unsigned i = 0; i < INCIDENT_ACTIONS + 10; i++) {
        incident_message_act(m, FUSUMA__V1__INCIDENT_ACTION_KIND__INCIDENT_ACTION_KIND_NOTE, i + 2,
                             "me", i < 11 ? "old" : "new");
    }
    CU_ASSERT_EQUAL(m->n_actions, INCIDENT_ACTIONS);
    expect_text(m->actions[0]->text, "first");
    expect_text(m->actions[1]->text, "new");
    copy = incident_message_short(m);
    CU_ASSERT(!copy->n_actions && m->n_actions == INCIDENT_ACTIONS);
    message_free(copy);
    message_free(m);
}

struct loaded {
    Fusuma__V1__Incident *array[8];
    size_t n;
};

static void
keep(Fusuma__V1__Incident *m, void *loaded_)
{
    struct loaded *loaded = loaded_;

    CU_ASSERT_FATAL(loaded->n < ARRAY_SIZE(loaded->array));
    loaded->array[loaded->n++] = m;
}

static void
test_store(void)
{
    Fusuma__V1__Incident *incidents[3];
    struct incident_store *store;
    struct loaded loaded = { .n = 0 };
    char *path = xasprintf("%s/incidents.db", state_dir()), *warning = NULL, *error = NULL;

    CU_ASSERT_EQUAL_FATAL(incident_store_open(path, &store, &warning, &error), 0);
    for (unsigned i = 0; i < 3; i++) {
        incidents[i] = message_new(&fusuma__v1__incident__descriptor);
        incidents[i]->id = i + 1;
        incidents[i]->port = xstrdup("d1");
        incidents[i]->last_seen = time_message(NOW_US);
    }
    CU_ASSERT_EQUAL(incident_store_put(store, incidents, 3, 2, &error), 0);
    incidents[2]->closed = true;
    CU_ASSERT_EQUAL(incident_store_put(store, incidents + 2, 1, 2, &error), 0);
    incident_store_close(store);

    CU_ASSERT_EQUAL_FATAL(incident_store_open(path, &store, &warning, &error), 0);
    CU_ASSERT_PTR_NULL(warning);
    CU_ASSERT_EQUAL(incident_store_load(store, keep, &loaded, &error), 0);
    CU_ASSERT_EQUAL_FATAL(loaded.n, 2);
    CU_ASSERT(loaded.array[0]->id == 2 && loaded.array[1]->id == 3 && loaded.array[1]->closed);
    CU_ASSERT_EQUAL(loaded.array[1]->last_seen->seconds, NOW_US / 1000000);
    incident_store_close(store);
    for (unsigned i = 0; i < 3; i++) {
        message_free(incidents[i]);
    }
    message_free(loaded.array[0]);
    message_free(loaded.array[1]);
    free(path);
    state_dir_clear();
}

CU_SuiteInfo
incident_suite(void)
{
    static CU_TestInfo tests[] = {
        { "there and back", test_message },
        { "what is told late of who it was", test_correction },
        { "more targets than a message lists", test_many_targets },
        { "a history is bounded", test_actions },
        { "the switch's own words", test_grounds },
        { "stored, and as many as are kept", test_store },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "incidents", state_dir_setup, state_dir_teardown, NULL, NULL, tests };
}
