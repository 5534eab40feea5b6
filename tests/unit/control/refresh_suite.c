/* Refreshes: which machine is new, what holds one up, and that they are stored. */
#include <config.h>

#include <stdlib.h>

#include "control/desired.h"
#include "control/refresh.h"
#include "control/state_refresh.h"
#include "control/state_sessions.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "timeval.h"
#include "util.h"

/* Of machine vm-1, which is attached as number 5 of its port, at 1,000. */
static struct refresh *
logoff(void)
{
    struct refresh *r = refresh_of_logoff(NULL, "d1", "vm-1", 7, "anna", 1000);

    r->seen = 5;
    r->flushed = true;
    return r;
}

static void
test_new_machine(void)
{
    struct refresh *r = logoff();

    CU_ASSERT_EQUAL(r->since_us, 1000);
    CU_ASSERT_FALSE(refresh_look(r, 5, false, 2000));
    CU_ASSERT_FALSE(r->unstored);
    CU_ASSERT_FALSE(refresh_look(r, 6, false, 3000)); /* it goes */
    CU_ASSERT_TRUE(r->unstored);
    CU_ASSERT_FALSE(refresh_look(r, 6, false, 4000));
    CU_ASSERT_TRUE(refresh_look(r, 7, false, 5000));
    CU_ASSERT_EQUAL(r->done_us, 5000);
    CU_ASSERT_EQUAL(refresh_lived_us(r), 2000);
    CU_ASSERT_FALSE(refresh_look(r, 9, false, 6000)); /* it is done */
    CU_ASSERT_EQUAL(r->done_us, 5000);
    refresh_destroy(r);

    r = logoff();
    CU_ASSERT_TRUE(refresh_look(r, 7, false, 5000)); /* between two looks */
    CU_ASSERT_EQUAL(refresh_lived_us(r), 4000);
    refresh_destroy(r);
}

static void
test_port_opened(void)
{
    struct refresh *r = logoff();

    refresh_port_opened(r, "vm-1", 2000); /* by a start of the switch, or exchanged */
    CU_ASSERT_FALSE(refresh_look(r, 0, false, 3000));
    CU_ASSERT_FALSE(refresh_look(r, 1, false, 3000)); /* it comes back */
    CU_ASSERT_EQUAL(r->gone_us, 0);
    CU_ASSERT_FALSE(refresh_look(r, 2, false, 4000));
    refresh_port_opened(r, "vm-1", 5000);
    CU_ASSERT_TRUE(refresh_look(r, 1, false, 6000)); /* it had gone before */
    CU_ASSERT_EQUAL(refresh_lived_us(r), 3000);
    refresh_port_opened(r, "vm-2", 9000);
    CU_ASSERT_EQUAL(r->gone_us, 4000);
    refresh_destroy(r);

    r = logoff();
    r->closed_us = 1500;
    refresh_port_opened(r, "vm-2", 2000); /* another machine */
    CU_ASSERT_TRUE(refresh_look(r, 1, false, 3000));
    CU_ASSERT_EQUAL(refresh_lived_us(r), 500);
    refresh_destroy(r);
}

static void
test_held(void)
{
    struct refresh *r = logoff();

    CU_ASSERT_PTR_NULL(refresh_held_by(r, false, true));
    CU_ASSERT_PTR_NULL(refresh_held_by(r, false, false)); /* it has begun */
    expect_text(refresh_held_by(r, true, true), "quarantine");
    r->flushed = false;
    expect_text(refresh_held_by(r, true, true), "quarantine");
    expect_text(refresh_held_by(r, false, true), "session");
    expect_text(refresh_held_by(r, false, false), "spec");
    CU_ASSERT_FALSE(refresh_look(r, 6, true, 2000));
    CU_ASSERT_FALSE(refresh_look(r, 7, true, 3000)); /* what was cut off, for all that is known */
    CU_ASSERT_EQUAL(r->gone_us, 0);
    CU_ASSERT_FALSE(refresh_look(r, 7, false, 4000));
    CU_ASSERT_TRUE(refresh_look(r, 9, false, 5000));
    CU_ASSERT_PTR_NULL(refresh_held_by(r, true, true));
    refresh_destroy(r);
}

/* Another one logs off from the same machine. */
static void
test_again(void)
{
    struct refresh *r = logoff(), *next = refresh_of_logoff(r, "d1", "vm-x", 8, "ben", 3000);

    CU_ASSERT_EQUAL(next->session, 8);
    expect_text(next->user, "ben");
    expect_text(next->vm_id, "vm-1");
    CU_ASSERT_EQUAL(next->since_us, 1000);
    CU_ASSERT_NOT_EQUAL(next->changes, r->changes);
    refresh_destroy(next);
    CU_ASSERT_TRUE(refresh_look(r, 7, false, 2000));
    next = refresh_of_logoff(r, "d1", "vm-x", 8, "ben", 3000); /* from the new one */
    expect_text(next->vm_id, "vm-x");
    CU_ASSERT_EQUAL(next->since_us, 3000);
    refresh_destroy(next);
    refresh_destroy(r);
}

static void
take(struct refresh *r, void *all)
{
    refreshes_put(all, r);
}

static void
append_added(const char *port, int64_t added_us, void *text)
{
    ds_put_format(text, "%s:%s ", port, added_us ? "known" : "not");
}

static size_t
n_bindings(struct state *state)
{
    char *n;
    size_t count;

    state_close(state);
    n = state_dir_query("SELECT count(*) FROM binding");
    count = strtoul(n, NULL, 10);
    free(n);
    return count;
}

static void
put_port(struct state *state, unsigned n)
{
    struct test_spec s;
    char *error;

    spec_desktop(&s, n);
    CU_ASSERT_EQUAL_FATAL(state_put_port(state, &s.spec, &error), 0);
}

static void
test_stored(void)
{
    struct state_binding binding = { .port = "desk1", .addr = "10.0.1.1", .how = "dhcp" };
    const char *port = "desk1";
    struct state *state = state_dir_opened();
    struct refresh *r = refresh_create("desk1", "vm-1", UINT64_C(1) << 40, "anna"), *got;
    struct ds text = DS_EMPTY_INITIALIZER;
    struct shash all = SHASH_INITIALIZER(&all);
    char *error;

    put_port(state, 1);
    CU_ASSERT_EQUAL(state_set_bindings(state, &port, 1, &binding, 1, &error), 0);
    r->since_us = 1000;
    CU_ASSERT_EQUAL(state_end_sessions(state, NULL, 0, 1, r, &error), 0); /* held */
    CU_ASSERT_EQUAL(n_bindings(state), 1);
    state = state_dir_opened();
    r->flushed = true;
    CU_ASSERT_EQUAL(state_end_sessions(state, NULL, 0, 1, r, &error), 0);
    CU_ASSERT_EQUAL(n_bindings(state), 0);
    state = state_dir_opened();
    CU_ASSERT_EQUAL(state_set_bindings(state, &port, 1, &binding, 1, &error), 0);
    r->gone_us = 2000;
    r->done_us = 3000;
    CU_ASSERT_EQUAL(state_put_refresh(state, r, &error), 0);
    CU_ASSERT_EQUAL(n_bindings(state), 1); /* the new machine's */
    state = state_dir_opened();
    CU_ASSERT_EQUAL(state_load_refreshes(state, take, &all, &error), 0);
    CU_ASSERT_EQUAL(shash_count(&all), 1);
    got = shash_find_data(&all, "desk1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    expect_text(got->vm_id, "vm-1");
    expect_text(got->user, "anna");
    CU_ASSERT_EQUAL(got->session, r->session);
    CU_ASSERT_EQUAL(got->since_us, 1000);
    CU_ASSERT_EQUAL(got->gone_us, 2000);
    CU_ASSERT_EQUAL(got->done_us, 3000);
    CU_ASSERT_TRUE(got->flushed);
    CU_ASSERT_FALSE(got->unstored);
    CU_ASSERT_EQUAL(state_load_added(state, append_added, &text, &error), 0);
    expect_text(ds_cstr(&text), "desk1:known ");
    ds_destroy(&text);
    refreshes_destroy(&all);
    refresh_destroy(r);
    state_close(state);
    state_dir_clear();
}

/* A refresh outlives its port, but not for ever. */
static void
test_trimmed(void)
{
    struct state *state = state_dir_opened();
    char *error, *n;

    put_port(state, 1);
    CU_ASSERT_EQUAL(state_begin(state, &error), 0);
    for (int i = 1; i <= REFRESHES_GONE + 10; i++) {
        char *name = xasprintf("desk%d", i);
        struct refresh *r = refresh_create(name, "", 1, "anna");

        r->since_us = i;
        CU_ASSERT_EQUAL(state_put_refresh(state, r, &error), 0);
        refresh_destroy(r);
        free(name);
    }
    CU_ASSERT_EQUAL(state_commit(state, &error), 0);
    CU_ASSERT_EQUAL(state_trim_refreshes(state, &error), 0);
    state_close(state);
    n = state_dir_query("SELECT count(*) || ' ' || sum(port = 'desk1') || ' ' ||"
                        " min(since_us) FILTER (WHERE port <> 'desk1') FROM refresh");
    expect_text(n, "1025 1 11");
    free(n);
    state_dir_clear();
}

/* Whoever is put in finds it by its name, and so does who is put back. */
static void
test_of_ports(void)
{
    struct refresh *r = refresh_create("desk1", "", 1, "anna");
    struct desired_port *port;
    struct test_spec s;
    struct desired d;
    char *error;

    desired_init(&d);
    refreshes_put(&d.refreshes, r);
    refreshes_put(&d.refreshes, refresh_copy(r)); /* in its place */
    spec_desktop(&s, 1);
    port = spec_created(&s);
    CU_ASSERT(llabs(port->added_us - time_wall_usec()) < INT64_C(3600000000));
    CU_ASSERT_EQUAL(desired_number(&d, port, &error), RPC_OK);
    desired_insert(&d, port);
    CU_ASSERT_PTR_NOT_NULL(port->refresh);
    CU_ASSERT_PTR_EQUAL(port->refresh, shash_find_data(&d.refreshes, "desk1"));
    desired_destroy(&d);
}

CU_SuiteInfo
refresh_suite(void)
{
    static CU_TestInfo tests[] = {
        { "which machine is new", test_new_machine },
        { "which is not: the port was away", test_port_opened },
        { "what holds it up", test_held },
        { "several logoffs", test_again },
        { "stored", test_stored },
        { "of ports that are gone", test_trimmed },
        { "found by their ports", test_of_ports },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "refresh", state_dir_setup, state_dir_teardown, NULL, NULL, tests };
}
