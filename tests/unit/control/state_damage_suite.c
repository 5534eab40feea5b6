/* Databases that are damaged in any way: what is opened is what was stored, or nothing at all and
 * an alarm; or it is not opened. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/file.h"
#include "control/state_policy.h"
#include "control/state_quarantines.h"
#include "control/state_sets.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "util.h"

#define PAGE 16384

struct bytes {
    char *data;
    size_t size;
};

/* As it was closed, and as a kill left it: the last change, a quarantine, is in the log only. */
static struct bytes closed, killed, killed_wal;
static char *content, *content_then; /* before and after the last change */

static int
cut_off(struct state *s)
{
    char vm_id[] = "", port[] = "desk7", who[] = "uid 0 (root)", comment[] = "INC-12", *error;
    struct quarantine q = { vm_id, port, 1700000000000001, who, comment, SVEC_EMPTY_INITIALIZER,
                            true };
    int retval;

    svec_add(&q.allow, "display");
    svec_add(&q.allow, "forensics");
    retval = state_put_quarantine(s, &q, &error);
    svec_destroy(&q.allow);
    return retval;
}

/* ---- what is stored ---- */

static void
append_port(const Fusuma__V1__PortSpec *spec, void *text)
{
    ds_put_format(text, "%s %d %s %s\n", spec->name, spec->role, spec->mac, spec->user);
}

static void
append_quarantine(struct quarantine *q, void *text)
{
    char *allow = svec_join(&q->allow, ",", "");

    ds_put_format(text, "quarantine %s %s %lld %s %s %s %d\n", q->vm_id, q->port,
                  (long long) q->since_us, q->who, q->comment, allow, q->resets);
    free(allow);
    quarantine_destroy(q);
}

static void
append_binding(const struct state_binding *b, void *text)
{
    ds_put_format(text, "%s %s %s %lld\n", b->port, b->addr, b->how, (long long) b->expires_s);
}

static void
append_set(const char *name, struct state_prefixes prefixes, struct state_stamp stamp, void *text)
{
    ds_put_format(text, "%s %lld %llu", name, (long long) stamp.changed_us,
                  (unsigned long long) stamp.revision);
    for (size_t i = 0; i < prefixes.n; i++) {
        ds_put_format(text, " %s", prefixes.text[i]);
    }
    ds_put_char(text, '\n');
}

/* Everything that a switch would act on; "unreadable" when it says so itself. */
static char *
content_of(struct state *s)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct state_pending pending;
    struct state_policy *p;
    uint64_t election;
    bool known;
    char *error = NULL;

    if (!state_load_election(s, &election, &known) || !state_load(s, append_port, &text) ||
        !state_load_bindings(s, append_binding, &text) ||
        state_policy_load(s, &p, &pending, &error) ||
        state_load_sets(s, append_set, &text, &error) ||
        state_load_quarantines(s, append_quarantine, &text, &error)) {
        free(error);
        ds_destroy(&text);
        return xstrdup("unreadable");
    }
    if (known) {
        ds_put_format(&text, "election %llu\n", (unsigned long long) election);
    }
    if (p) {
        ds_put_format(&text, "%llu %s %lld %s", (unsigned long long) p->version, p->sources[0].name,
                      (long long) pending.confirm_by_s, p->sources[0].yaml);
    }
    state_policy_destroy(p);
    return ds_steal_cstr(&text);
}

static struct bytes
read_bytes(const char *suffix)
{
    char *path = xasprintf("%s%s", state_dir_database(), suffix);
    struct bytes b = { NULL, 0 };

    CU_ASSERT_EQUAL_FATAL(file_read(path, &b.data, &b.size), 0);
    free(path);
    return b;
}

static void
write_bytes(const char *suffix, const char *data, size_t size)
{
    char *path = xasprintf("%s%s", state_dir_database(), suffix);
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(data, 1, size, f), size);
    fclose(f);
    free(path);
}

static void
put_policy(struct state *s, const char *yaml)
{
    char name[] = "office.yaml", *error;
    struct state_source source = { .name = name, .yaml = CONST_CAST(char *, yaml) };
    struct state_policy policy = {
        .digest = name, .who = name, .comment = name, .sources = &source, .n_sources = 1
    };
    uint64_t version;

    CU_ASSERT_EQUAL(state_policy_put(s, &policy, NULL, &version, &error), 0);
}

/* A policy of more than a page, address sets, ports with labels. */
static void
fill(void)
{
    const char *prefixes[] = { "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16" };
    struct state *s = state_dir_opened();
    struct ds yaml = DS_EMPTY_INITIALIZER;
    char *error;

    ds_put_cstr(&yaml, "version: 1\nrules:\n");
    for (int i = 0; i < 2000; i++) {
        ds_put_format(&yaml, "  - { id: r%d, direction: egress, peer: any, action: drop }\n", i);
    }
    for (unsigned i = 1; i <= 60; i++) {
        struct test_spec spec;

        spec_desktop(&spec, i);
        CU_ASSERT_EQUAL(state_put_port(s, &spec.spec, &error), 0);
    }
    put_policy(s, "version: 1");
    put_policy(s, ds_cstr(&yaml));
    CU_ASSERT_EQUAL(state_set_replace(s, "partners", (struct state_prefixes){ prefixes, 3 },
                                      (struct state_stamp){ 1, 2 }, &error),
                    0);
    CU_ASSERT_EQUAL(state_put_election(s, UINT64_MAX, &error), 0);
    CU_ASSERT_EQUAL(state_begin(s, &error), 0);
    CU_ASSERT_EQUAL(state_commit(s, &error), 0);
    state_close(s);
    ds_destroy(&yaml);
}

/* Comes first: makes what the others damage. */
static void
test_whole(void)
{
    struct state *s;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    fill();
    closed = read_bytes("");
    s = state_dir_opened();
    content = content_of(s);
    CU_ASSERT_EQUAL(cut_off(s), 0);
    content_then = content_of(s);
    CU_ASSERT_STRING_NOT_EQUAL(content, content_then);
    killed = read_bytes("");
    killed_wal = read_bytes("-wal");
    state_close(s);
    state_dir_clear();
}

static int
teardown(void)
{
    free(closed.data);
    free(killed.data);
    free(killed_wal.data);
    free(content);
    free(content_then);
    return state_dir_teardown();
}

/* ---- one damage ---- */

struct counts {
    unsigned refused, denied, whole, then;
};

/* Opens what is in the directory, and empties that. */
static void
expect_safe(struct counts *n, const char *what)
{
    struct state *s;
    char *error = NULL, *text;

    if (state_open(state_dir(), &s, &error)) {
        CU_ASSERT_PTR_NULL(s);
        CU_ASSERT_PTR_NOT_NULL(strstr(error, state_dir_database()));
        free(error);
        n->refused++;
        state_dir_clear();
        return;
    }
    text = content_of(s);
    if (!strcmp(text, content)) {
        n->whole++;
    } else if (!strcmp(text, content_then)) {
        n->then++;
    } else if (!*text && state_is_initialised(s) && state_damage(s)) {
        n->denied++;
    } else {
        fprintf(stderr, "\n    %s: it opens as\n%s\n", what, text);
        CU_FAIL("it opens as something else");
    }
    free(text);
    state_close(s);
    state_dir_clear();
}

/* Of 'bytes' with 'size' bytes from 'offset' replaced by 'how'. */
enum how { ZERO, ONES, FLIP, OTHER_PAGE };

static char *
damaged(struct bytes bytes, size_t offset, size_t size, enum how how)
{
    char *data = xmemdup(bytes.data, bytes.size);

    for (size_t i = offset; i < offset + size && i < bytes.size; i++) {
        data[i] = how == ZERO   ? 0
                  : how == ONES ? 0xff
                  : how == FLIP ? data[i] ^ (1 << (offset % 8))
                                : bytes.data[(i + PAGE) % bytes.size];
    }
    return data;
}

static void
try_page(struct counts *n, size_t page)
{
    for (enum how how = ZERO; how <= OTHER_PAGE; how++) {
        char *data = damaged(closed, page * PAGE, PAGE, how);

        write_bytes("", data, closed.size);
        expect_safe(n, "a page");
        free(data);
    }
}

static void
test_pages(void)
{
    struct counts n = { 0, 0, 0, 0 };

    CU_ASSERT_TRUE_FATAL(closed.size >= 18 * PAGE);
    for (size_t page = 0; page < closed.size / PAGE; page++) {
        try_page(&n, page);
    }
    printf("(%u refused, %u denied, %u whole) ", n.refused, n.denied, n.whole);
    CU_ASSERT_TRUE(n.denied > 60);
    CU_ASSERT_EQUAL(n.then, 0);
}

/* A bit here and there of what is not zero. */
static void
test_bits(void)
{
    struct counts n = { 0, 0, 0, 0 };

    for (size_t i = 0; i < closed.size; i++) {
        if (closed.data[i] && (i % 211 == 0 || i < 100)) {
            char *data = damaged(closed, i, 1, FLIP);

            write_bytes("", data, closed.size);
            expect_safe(&n, "a bit");
            free(data);
        }
    }
    printf("(%u refused, %u denied, %u whole) ", n.refused, n.denied, n.whole);
    CU_ASSERT_TRUE(n.denied > 300);
    CU_ASSERT_EQUAL(n.then, 0);
}

/* What is behind this is zero, as a file's end that is missing is read. */
static size_t
used_size(struct bytes bytes)
{
    size_t size = bytes.size;

    while (size && !bytes.data[size - 1]) {
        size--;
    }
    return size;
}

static void
test_truncated(void)
{
    struct counts n = { 0, 0, 0, 0 };
    size_t used = used_size(closed);

    for (size_t size = 0; size < used; size += PAGE / 4) {
        static const int more[] = { 0, 1, 99, 100, 512, PAGE / 4 - 1 };

        for (size_t i = 0; i < ARRAY_SIZE(more) && size + more[i] < used; i++) {
            char what[32];

            snprintf(what, sizeof what, "%zu bytes", size + more[i]);
            write_bytes("", closed.data, size + more[i]);
            expect_safe(&n, what);
        }
    }
    CU_ASSERT_TRUE(n.denied > 100);
    CU_ASSERT_EQUAL(n.whole, 0);
}

/* ---- the log ---- */

static void
try_log(struct counts *n, const char *wal, size_t size)
{
    write_bytes("", killed.data, killed.size);
    write_bytes("-wal", wal, size);
    expect_safe(n, "the log");
}

static void
test_log(void)
{
    struct counts n = { 0, 0, 0, 0 };
    char *data;

    try_log(&n, killed_wal.data, killed_wal.size);
    CU_ASSERT_EQUAL(n.then, 1); /* a kill loses nothing */
    for (size_t i = 0; i < killed_wal.size; i += i < 100 ? 1 : 37) {
        data = damaged(killed_wal, i, 1, FLIP);
        try_log(&n, data, killed_wal.size);
        free(data);
        try_log(&n, killed_wal.data, i);
    }
    printf("(%u refused, %u denied, %u before, %u after) ", n.refused, n.denied, n.whole, n.then);
    CU_ASSERT_TRUE(n.whole > 100); /* the log looks as if it ended before */
}

/* After state_settle() the database has it all, and its loss is no loss. */
static void
test_settled(void)
{
    struct state *s;
    char *text;
    struct bytes b, wal;

    write_bytes("", closed.data, closed.size);
    s = state_dir_opened();
    CU_ASSERT_EQUAL(cut_off(s), 0);
    state_settle(s);
    b = read_bytes("");
    wal = read_bytes("-wal");
    CU_ASSERT_EQUAL(wal.size, 0);
    state_close(s);
    state_dir_clear();
    write_bytes("", b.data, b.size);
    s = state_dir_opened();
    text = content_of(s);
    expect_text(text, content_then);
    state_close(s);
    free(text);
    free(b.data);
    free(wal.data);
    state_dir_clear();
}

/* ---- other things in its place ---- */

static void
test_log_alone(void)
{
    struct counts n = { 0, 0, 0, 0 };

    write_bytes("-wal", killed_wal.data, killed_wal.size);
    expect_safe(&n, "a log without its database");
    CU_ASSERT_EQUAL(n.denied, 1);
}

static void
test_directory(void)
{
    struct counts n = { 0, 0, 0, 0 };

    CU_ASSERT_EQUAL(mkdir(state_dir_database(), 0700), 0);
    expect_safe(&n, "a directory");
    CU_ASSERT_EQUAL(n.refused, 1);
}

/* As a user who may not: nothing is opened, begun or put aside. */
static void
test_permissions(void)
{
    static const mode_t modes[] = { 0000, 0200, 0400 };

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        bool root = !geteuid();
        struct counts n = { 0, 0, 0, 0 };
        struct state *s;
        char *error = NULL;

        write_bytes("", closed.data, closed.size);
        CU_ASSERT_EQUAL(chmod(state_dir_database(), modes[i]), 0);
        if (root) {
            CU_ASSERT_EQUAL(chown(state_dir_database(), 65534, 65534), 0);
            CU_ASSERT_EQUAL(chown(state_dir(), 65534, 65534), 0);
            CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
        }
        CU_ASSERT_NOT_EQUAL(state_open(state_dir(), &s, &error), 0);
        CU_ASSERT_PTR_NULL(s);
        free(error);
        CU_ASSERT_TRUE(!root || !seteuid(0));
        CU_ASSERT_EQUAL(chmod(state_dir_database(), 0600), 0);
        expect_safe(&n, "with permission again");
        CU_ASSERT_EQUAL(n.whole, 1);
    }
}

/* A disk without room while the damaged one is put aside: the start after it denies, too, and does
 * not take the directory for an empty one. */
static void
test_no_room(void)
{
    struct rlimit old, none;
    struct counts n = { 0, 0, 0, 0 };
    char *data = damaged(closed, 0, PAGE, ZERO), *error = NULL;
    struct state *s;

    for (rlim_t room = 0; room <= 8 * PAGE; room += PAGE / 2) {
        write_bytes("", data, closed.size);
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old);
        none = old;
        none.rlim_cur = room;
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &none), 0);
        if (!state_open(state_dir(), &s, &error)) {
            CU_ASSERT_TRUE(state_is_initialised(s));
            state_close(s);
        }
        free(error);
        error = NULL;
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &old), 0);
        expect_safe(&n, "with room again");
    }
    CU_ASSERT_EQUAL(n.denied, 17);
    free(data);
}

/* The alarm lasts over restarts, until the administrator has seen to it. */
static void
test_alarm(void)
{
    struct state *s;

    write_bytes("", closed.data, closed.size / 2);
    s = state_dir_opened();
    CU_ASSERT_PTR_NOT_NULL(state_damage(s));
    CU_ASSERT_PTR_NOT_NULL(strstr(state_damage(s), "everything is denied"));
    state_close(s);
    s = state_dir_opened();
    CU_ASSERT_PTR_NOT_NULL(state_damage(s));
    CU_ASSERT_PTR_NOT_NULL(strstr(state_damage(s), "/state.db.damaged-"));
    state_close(s);
    /* Without the database, too: it is no first start. */
    unlink(state_dir_database());
    s = state_dir_opened();
    CU_ASSERT_TRUE(state_is_initialised(s));
    CU_ASSERT_PTR_NOT_NULL(state_damage(s));
    state_close(s);
    state_dir_clear();
    s = state_dir_opened();
    CU_ASSERT_FALSE(state_is_initialised(s));
    CU_ASSERT_PTR_NULL(state_damage(s));
    state_close(s);
    state_dir_clear();
}

CU_SuiteInfo
state_damage_suite(void)
{
    static CU_TestInfo tests[] = {
        { "whole", test_whole },
        { "every page", test_pages },
        { "bits", test_bits },
        { "truncated", test_truncated },
        { "the log", test_log },
        { "settled", test_settled },
        { "a log alone", test_log_alone },
        { "a directory in its place", test_directory },
        { "without permission", test_permissions },
        { "without room", test_no_room },
        { "the alarm lasts", test_alarm },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "state: damage", state_dir_setup, teardown, NULL, NULL, tests };
}
