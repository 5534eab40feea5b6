/* Databases of every schema version, brought up to the newest and down again. */
#include <config.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/control.h"
#include "control/file.h"
#include "control/state_policy.h"
#include "control/state_quarantines.h"
#include "control/state_sets.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

#define NEWEST 8

/* Makes the database of tests/data/state/schema-VERSION.sql. */
static void
make_version(int version)
{
    char *path = xasprintf("%s/tests/data/state/schema-%d.sql", getenv("top_srcdir"), version);
    char *sql = NULL;
    size_t size;

    CU_ASSERT_EQUAL_FATAL(file_read(path, &sql, &size), 0);
    state_dir_execute(sql);
    free(sql);
    free(path);
}

/* ---- what a database has ---- */

static int
append_row(void *text, int n, char **values, char **names OVS_UNUSED)
{
    for (int i = 0; i < n; i++) {
        ds_put_format(text, "%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
    }
    ds_put_char(text, '\n');
    return 0;
}

static void
append_table(sqlite3 *db, const char *name, struct ds *text)
{
    char *sql = xasprintf("SELECT * FROM %s ORDER BY 1, 2", name);
    bool one = !strcmp(name, "initialised");

    ds_put_format(text, "-- %s\n", name);
    CU_ASSERT_EQUAL(
        sqlite3_exec(db, one ? "SELECT one FROM initialised" : sql, append_row, text, NULL),
        SQLITE_OK);
    free(sql);
}

static int
append_name(void *names, int n OVS_UNUSED, char **values, char **columns OVS_UNUSED)
{
    ds_put_format(names, "%s ", values[0]);
    return 0;
}

/* Version, tables with their columns, triggers and every row; not how the schema is spelled. */
static char *
everything(void)
{
    struct ds text = DS_EMPTY_INITIALIZER, names = DS_EMPTY_INITIALIZER;
    char *rest = NULL;
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(state_dir_database(), &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version", append_row, &text, NULL);
    sqlite3_exec(db,
                 "SELECT m.type, m.name, group_concat(p.name || ' ' || p.type || p.\"notnull\" ||"
                 " ifnull(p.dflt_value, '') || p.pk) FROM sqlite_master AS m"
                 " LEFT JOIN pragma_table_info(m.name) AS p WHERE m.name NOT LIKE 'sqlite_%'"
                 " GROUP BY m.name ORDER BY m.name",
                 append_row, &text, NULL);
    sqlite3_exec(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
                 append_name, &names, NULL);
    for (char *name = strtok_r(ds_cstr(&names), " ", &rest); name;
         name = strtok_r(NULL, " ", &rest)) {
        append_table(db, name, &text);
    }
    sqlite3_close(db);
    ds_destroy(&names);
    return ds_steal_cstr(&text);
}

static char *
everything_of(int version)
{
    char *text;

    make_version(version);
    text = everything();
    state_dir_clear();
    return text;
}

static void
down(int version, int from)
{
    char *error = NULL;
    int was;

    if (state_downgrade(state_dir(), version, &was, &error)) {
        expect_text(error, "no error");
        free(error);
    }
    CU_ASSERT_EQUAL(was, from);
}

static void
expect_database(const char *want)
{
    char *got = everything();

    expect_text(got, want);
    free(got);
}

/* ---- up ---- */

static void
append_port(const Fusuma__V1__PortSpec *spec, void *text)
{
    ds_put_format(text, "%s %s %s\n", spec->name, spec->mac, spec->vhost_user->socket);
}

static void
append_quarantine(struct quarantine *q, void *text)
{
    char *id = quarantine_id(q);

    ds_put_format(text, "%s of %s %d\n", id, q->port, q->resets);
    free(id);
    quarantine_destroy(q);
}

static void
append_binding(const struct state_binding *b, void *text)
{
    ds_put_format(text, "%s %s %s %lld\n", b->port, b->addr, b->how, (long long) b->expires_s);
}

/* What a switch finds in a database of that version. */
static void
expect_content(int version)
{
    struct state *s = state_dir_opened();
    struct ds text = DS_EMPTY_INITIALIZER;
    struct state_policy *p;
    struct state_pending pending;
    char *error, digest[65];

    CU_ASSERT_TRUE(state_is_initialised(s));
    CU_ASSERT_TRUE(state_load(s, append_port, &text));
    CU_ASSERT_TRUE(state_load_bindings(s, append_binding, &text));
    CU_ASSERT_EQUAL(state_load_quarantines(s, append_quarantine, &text, &error), 0);
    expect_text(ds_cstr(&text), version == 1 ? "desk1 02:00:00:00:00:01 desk1.sock\n"
                                               "desk2 02:00:00:00:00:02 desk2.sock\n"
                                               "port:desk2 of desk2 0\n"
                                             : "desk1 02:00:00:00:00:01 desk1.sock\n"
                                               "desk2 02:00:00:00:00:02 desk2.sock\n"
                                               "desk1 10.0.1.1 dhcp 4000000000\n"
                                               "desk2 fe80::2 link-local 0\n"
                                               "port:desk2 of desk2 0\n");
    CU_ASSERT_EQUAL_FATAL(state_policy_load(s, &p, &pending, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(p->n_sources, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(p->sources[0].yaml, "{ id: web, direction: egress"));
    policy_digest(p, digest);
    expect_text(p->digest, digest);
    CU_ASSERT_EQUAL(pending.confirm_by_s, 0);
    state_policy_destroy(p);
    ds_destroy(&text);
    state_close(s);
}

static void
test_up(void)
{
    for (int version = 1; version <= NEWEST; version++) {
        make_version(version);
        expect_content(version);
        expect_content(version); /* what it was brought to opens as it is */
        state_dir_clear();
    }
}

/* What is brought up is what is created, but for the rows. */
static void
test_same_tables(void)
{
    const char *tables = "SELECT group_concat(type || name || sql) FROM"
                         " (SELECT * FROM sqlite_master WHERE name NOT IN ('port', 'binding')"
                         " ORDER BY name)";
    char *created, *upgraded;

    state_close(state_dir_opened());
    created = state_dir_query(tables);
    state_dir_clear();
    make_version(1);
    state_close(state_dir_opened());
    upgraded = state_dir_query(tables);
    expect_text(upgraded, created);
    free(created);
    free(upgraded);
    state_dir_clear();
}

/* ---- down ---- */

static void
test_down(void)
{
    for (int version = 1; version < NEWEST; version++) {
        char *want = everything_of(version);

        make_version(version);
        state_close(state_dir_opened());
        down(version, NEWEST);
        expect_database(want);
        down(version, version); /* nothing is left to do */
        expect_database(want);
        expect_content(version); /* and up again */
        state_dir_clear();
        free(want);
    }
}

/* Step by step, from what the newest one writes. */
static void
test_down_from_newest(void)
{
    char *six = everything_of(6), *five = everything_of(5), *four = everything_of(4),
         *three = everything_of(3), *two = everything_of(2), *one = everything_of(1);

    make_version(NEWEST);
    down(7, 8);
    down(6, 7);
    expect_database(six);
    down(5, 6);
    expect_database(five);
    down(4, 5);
    expect_database(four);
    down(3, 4);
    expect_database(three);
    down(2, 3);
    expect_database(two);
    down(1, 2);
    expect_database(one);
    free(six);
    free(five);
    free(four);
    free(three);
    free(two);
    free(one);
    state_dir_clear();
}

static void
test_down_without_policy(void)
{
    char *n;

    state_close(state_dir_opened());
    down(2, NEWEST);
    n = state_dir_query("SELECT count(*) FROM policy");
    expect_text(n, "0");
    free(n);
    state_dir_clear();
}

static void
expect_refusal(int version, const char *why)
{
    char *error = NULL, *before = everything(), *want;
    int from;

    want = xasprintf("%s: %s", state_dir_database(), why);
    CU_ASSERT_NOT_EQUAL(state_downgrade(state_dir(), version, &from, &error), 0);
    expect_text(error, want);
    expect_database(before);
    free(error);
    free(before);
    free(want);
}

static void
change(int (*do_it)(struct state *, char **error))
{
    struct state *s = state_dir_opened();
    char *error = NULL;

    CU_ASSERT_EQUAL(do_it(s, &error), 0);
    state_close(s);
}

static int
wait_for_confirmation(struct state *s, char **error)
{
    struct state_pending pending = { 1000, 0 };

    return state_policy_set_pending(s, &pending, error);
}

static int
put_two_files(struct state *s, char **error)
{
    char text[] = "text";
    struct state_source sources[] = { { .name = text, .yaml = text },
                                      { .name = text, .yaml = text } };
    struct state_policy p = {
        .digest = text, .who = text, .comment = text, .sources = sources, .n_sources = 2
    };
    uint64_t version;

    return state_policy_put(s, &p, NULL, &version, error);
}

static int
put_set(struct state *s, char **error)
{
    return state_set_replace(s, "partners", (struct state_prefixes){ NULL, 0 },
                             (struct state_stamp){ 1, 2 }, error);
}

/* What an older schema says of a quarantine is one's name; which VM it was is in the port. */
static int
put_absent(struct state *s, char **error)
{
    char vm_id[] = "vm-9", port[] = "desk9", text[] = "x";
    struct quarantine q = { vm_id, port, 5, text, text, SVEC_EMPTY_INITIALIZER, false };

    return state_put_quarantine(s, &q, error);
}

static void
test_quarantine_of_a_vm(void)
{
    struct state *s;
    struct ds text = DS_EMPTY_INITIALIZER;
    struct test_spec spec;
    char vm_id[] = "vm-9", *error;

    make_version(6);
    change(put_absent);
    expect_refusal(7, "VM vm-9 is in quarantine and has no port, which it would lose: release it");
    s = state_dir_opened();
    spec_desktop(&spec, 3);
    spec.spec.vm_id = vm_id;
    CU_ASSERT_EQUAL(state_put_port(s, &spec.spec, &error), 0);
    state_close(s);
    down(6, NEWEST);
    s = state_dir_opened(); /* up again: it is the VM's */
    CU_ASSERT_EQUAL(state_load_quarantines(s, append_quarantine, &text, &error), 0);
    expect_text(ds_cstr(&text), "port:desk2 of desk2 0\nvm:vm-9 of desk3 0\n");
    ds_destroy(&text);
    state_close(s);
    state_dir_clear();
}

static void
test_refused(void)
{
    make_version(2);
    change(wait_for_confirmation);
    down(3, NEWEST);
    expect_refusal(2, "policy version 1 waits to be confirmed: confirm it or let it go back");
    state_dir_clear();
    make_version(2);
    change(put_two_files);
    down(3, NEWEST);
    expect_refusal(1, "policy version 2 has 2 files, where there is room for one: apply it as one"
                      " file");
    state_dir_clear();
    make_version(2);
    change(put_set);
    down(3, NEWEST);
    expect_refusal(2, "there are address sets, which it would lose: delete them");
    expect_refusal(0, "schema version 3 cannot be brought down to 0");
    expect_refusal(6, "schema version 3 cannot be brought down to 6");
    state_dir_execute("PRAGMA user_version = 99");
    expect_refusal(2, "schema version 99; this program knows 8");
    state_dir_clear();
}

static void
test_in_use_or_missing(void)
{
    struct state *s = state_dir_opened();
    char *error = NULL, *want = xasprintf("%s: another process uses it", state_dir_database());
    int from;

    CU_ASSERT_NOT_EQUAL(state_downgrade(state_dir(), 2, &from, &error), 0);
    expect_text(error, want);
    free(error);
    free(want);
    state_close(s);
    state_dir_clear();
    want = xasprintf("%s: unable to open database file", state_dir_database());
    CU_ASSERT_NOT_EQUAL(state_downgrade(state_dir(), 2, &from, &error), 0);
    expect_text(error, want);
    CU_ASSERT_NOT_EQUAL(access(state_dir_database(), F_OK), 0);
    free(error);
    free(want);
}

CU_SuiteInfo
state_schema_suite(void)
{
    static CU_TestInfo tests[] = {
        { "every version up", test_up },
        { "brought up as created", test_same_tables },
        { "every version down", test_down },
        { "down from the newest", test_down_from_newest },
        { "down without a policy", test_down_without_policy },
        { "not down with a loss", test_refused },
        { "a quarantine of a VM, down and up", test_quarantine_of_a_vm },
        { "not down in use, or without a file", test_in_use_or_missing },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){
        "state: schema versions", state_dir_setup, state_dir_teardown, NULL, NULL, tests
    };
}
