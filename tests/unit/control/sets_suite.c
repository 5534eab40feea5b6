/* Address sets: what is in one and how old it is, and that a change of one is stored, in force, and
 * compiles nothing. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"
#include "control/set_changes.h"
#include "control/state_sets.h"
#include "datapath/worker.h"
#include "openvswitch/dynamic-string.h"
#include "telemetry/writer.h"
#include "tests/unit/control/state_dir.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "timeval.h"
#include "util.h"

/* ---- prefixes from a text ---- */

struct list {
    struct acl_prefix *prefixes;
    size_t n;
};

/* Separated by spaces. */
static struct list
list_of(const char *text)
{
    struct list l = { xcalloc(strlen(text) + 1, sizeof *l.prefixes), 0 };
    char *copy = xstrdup(text), *save = NULL;

    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        CU_ASSERT_TRUE_FATAL(acl_prefix_parse(p, &l.prefixes[l.n++]));
    }
    free(copy);
    return l;
}

static void
expect_set(const struct address_set *set, const char *want)
{
    struct ds got = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; set && i < set->n; i++) {
        char *text = prefix_text(&set->prefixes[i]);

        ds_put_format(&got, "%s%s", i ? " " : "", text);
        free(text);
    }
    expect_text(set ? ds_cstr(&got) : "none", want);
    ds_destroy(&got);
}

static struct address_set *
patched(const struct address_set *old, const char *add, const char *remove)
{
    struct list in = list_of(add), out = list_of(remove);
    struct address_set *set = set_changed(old, in.prefixes, in.n, out.prefixes, out.n);

    free(in.prefixes);
    free(out.prefixes);
    return set;
}

static void
test_changed(void)
{
    struct address_set *a =
        patched(NULL, "10.0.0.7 fd00::/64 10.0.0.0/8 10.0.0.7 0.0.0.0/0 ::/0", "");
    struct address_set *b, *c;

    expect_set(a, "::/0 0.0.0.0/0 10.0.0.0/8 10.0.0.7/32 fd00::/64");
    b = patched(a, "10.0.0.1 10.0.0.0/8", "10.0.0.7 fd00::/63 ::/0");
    expect_set(b, "0.0.0.0/0 10.0.0.0/8 10.0.0.1/32 fd00::/64");
    expect_set(a, "::/0 0.0.0.0/0 10.0.0.0/8 10.0.0.7/32 fd00::/64");
    c = patched(b, "", "0.0.0.0/0 10.0.0.0/8 10.0.0.1 fd00::/64");
    expect_set(c, "");
    CU_ASSERT_EQUAL(c->n, 0);
    set_destroy(a);
    set_destroy(b);
    set_destroy(c);
    set_destroy(NULL);
}

static void
expect_minus(const struct address_set *a, const struct address_set *b, const char *want)
{
    struct address_set difference = { .n = 0 };

    difference.prefixes = set_minus(a, b, &difference.n);
    expect_set(&difference, want);
    free(difference.prefixes);
}

static void
test_minus(void)
{
    struct address_set *a = patched(NULL, "10.0.0.1 10.0.0.2 10.0.0.0/24", "");
    struct address_set *b = patched(NULL, "10.0.0.2 10.0.0.3 10.0.0.0/25", "");

    expect_minus(a, b, "10.0.0.0/24 10.0.0.1/32");
    expect_minus(b, a, "10.0.0.0/25 10.0.0.3/32");
    expect_minus(a, a, "");
    expect_minus(a, NULL, "10.0.0.0/24 10.0.0.1/32 10.0.0.2/32");
    expect_minus(NULL, a, "");
    set_destroy(a);
    set_destroy(b);
}

static void
test_age(void)
{
    struct address_set *set = patched(NULL, "10.0.0.1", "");
    struct acl_group group = { .is_set = true, .stale_after = 60 };
    int64_t now = time_wall_usec();
    uint64_t revision;

    set_touch(set, true);
    revision = set->revision;
    CU_ASSERT_NOT_EQUAL(revision, 0);
    CU_ASSERT_FALSE(set_is_stale(set, &group));
    set->fresh_ms -= 59000;
    CU_ASSERT(set_age_s(set) >= 59);
    set->fresh_ms -= 1000;
    CU_ASSERT_TRUE(set_is_stale(set, &group));
    CU_ASSERT_FALSE(set_is_stale(set, NULL)); /* the policy does not name it */
    CU_ASSERT_TRUE(set_is_stale(NULL, &group));
    group.stale_after = 0;
    CU_ASSERT_FALSE(set_is_stale(set, &group));
    CU_ASSERT_FALSE(set_is_stale(NULL, &group));

    group.stale_after = 60;
    set_touch(set, false);
    CU_ASSERT_FALSE(set_is_stale(set, &group));
    CU_ASSERT_EQUAL(set->revision, revision);
    set_touch(set, true); /* at the same moment, maybe */
    CU_ASSERT(set->revision > revision);

    set_restore(set, 77, now - 100 * INT64_C(1000000));
    CU_ASSERT(set_age_s(set) >= 99);
    CU_ASSERT_EQUAL(set->revision, 77);
    CU_ASSERT_TRUE(set_is_stale(set, &group));
    set_restore(set, 77, now + 3600 * INT64_C(1000000)); /* the clock has been set */
    CU_ASSERT(set_age_s(set) >= 3000 && set_age_s(set) <= 3600);
    CU_ASSERT_TRUE(set_is_stale(set, &group));
    set_destroy(set);
}

/* ---- changes ---- */

/* The linker sends every publication through here (--wrap, see automake.mk). */
int __real_publish(struct publisher *, struct desired *, struct policy *);
int __wrap_publish(struct publisher *, struct desired *, struct policy *);
static bool no_memory;

int
__wrap_publish(struct publisher *p, struct desired *d, struct policy *next)
{
    return no_memory ? ENOMEM : __real_publish(p, d, next);
}

#define SETS_POLICY                                                                                \
    "version: 1\n"                                                                                 \
    "address_sets:\n"                                                                              \
    "  others: { stale_after: 60 }\n"                                                              \
    "groups:\n"                                                                                    \
    "  both: { cidrs: [10.7.0.0/16], groups: [others] }\n"                                         \
    "rules:\n"                                                                                     \
    "  - { id: peers, direction: egress, peer: others, protocol: tcp, ports: [445],"               \
    " action: allow }\n"                                                                           \
    "  - { id: web, direction: egress, peer: both, protocol: tcp, ports: [443], action: allow }\n"

/* A control with the state of this directory; and the policy. */
struct world {
    struct control c;
    struct fixture f; /* compiles */
    struct state *state;
};

static void
put_policy_in_force(struct world *w)
{
    struct policy *policy = fixture_policy(&w->f, SETS_POLICY);
    size_t scope;

    /* The scope of a desktop that no rule names. */
    CU_ASSERT_EQUAL_FATAL(acl_compile_scope(policy->parsed, &policy->compiled, NULL, 0, &scope), 0);
    CU_ASSERT_EQUAL_FATAL(scope, 0);
    CU_ASSERT_EQUAL_FATAL(publish(&w->c.publisher, &w->c.desired, policy), 0);
}

static void
world_open(struct world *w, bool policy)
{
    memset(w, 0, sizeof *w);
    fixture_open(&w->f);
    desired_init(&w->c.desired);
    publisher_init(&w->c.publisher);
    latch_init(&w->c.wake);
    changes_init(&w->c.changes, &w->c.wake);
    w->state = w->c.state = w->c.changes.state = state_dir_opened();
    CU_ASSERT_TRUE(sets_load(&w->c));
    CU_ASSERT_EQUAL_FATAL(writer_start(), 0);
    if (policy) {
        put_policy_in_force(w);
    }
}

static void
world_close(struct world *w, bool clear)
{
    writer_stop();
    changes_stop(&w->c);
    state_close(w->state);
    dp_stop();
    dp_publish(NULL);
    publisher_destroy(&w->c.publisher);
    publisher_destroy(&w->f.p);
    desired_destroy(&w->f.d);
    desired_destroy(&w->c.desired);
    changes_destroy(&w->c.changes);
    latch_destroy(&w->c.wake);
    if (clear) {
        state_dir_clear();
    }
}

/* How a change ended. */
struct end {
    bool ended;
    enum rpc_status status;
    char text[256]; /* the error, or "N prefixes +ADDED -REMOVED" */
};

static void
ended(struct control *c OVS_UNUSED, enum rpc_status status, const char *error,
      const struct set_outcome *o, void *end)
{
    struct end *e = end;

    e->ended = true;
    e->status = status;
    if (status) {
        CU_ASSERT_PTR_NULL(o);
        snprintf(e->text, sizeof e->text, "%s", error);
    } else {
        snprintf(e->text, sizeof e->text, "%zu prefixes +%zu -%zu", o->set ? o->set->n : 0,
                 o->n_added, o->n_removed);
    }
}

static struct set_edit *
edit_of(enum set_action action, const char *name, const char *add, const char *remove)
{
    struct set_edit *e = xzalloc(sizeof *e);
    struct list in = list_of(add), out = list_of(remove);

    e->action = action;
    e->name = xstrdup(name);
    e->add = in.prefixes;
    e->n_add = in.n;
    e->remove = out.prefixes;
    e->n_remove = out.n;
    return e;
}

static void
expect_end(struct world *w, struct set_edit *edit, enum rpc_status status, const char *text)
{
    struct end e = { .ended = false };

    sets_submit(&w->c, edit, ended, &e);
    for (int i = 0; i < 10000 && !e.ended; i++) {
        changes_run(&w->c);
        usleep(1000);
    }
    CU_ASSERT_TRUE_FATAL(e.ended);
    CU_ASSERT_EQUAL(e.status, status);
    expect_text(e.text, text);
}

static void
put(struct world *w, const char *name, const char *prefixes, const char *want)
{
    expect_end(w, edit_of(SET_PUT, name, prefixes, ""), RPC_OK, want);
}

static void
patch(struct world *w, const char *name, const char *add, const char *remove, const char *want)
{
    expect_end(w, edit_of(SET_PATCH, name, add, remove), RPC_OK, want);
}

static const struct address_set *
set_of(const struct world *w, const char *name)
{
    return sets_find(&w->c.desired.sets, name);
}

static enum acl_action
verdict(const struct world *w, const char *peer, uint16_t dport)
{
    struct acl_key key = { .sport = 40000, .dport = dport, .protocol = 6 };
    struct acl_verdict v;
    struct acl_addr addr;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(peer, &addr));
    key.peer_class = acl_classmap_lookup(w->c.publisher.snapshot->classes, &addr);
    acl_table_lookup(w->c.publisher.policy->compiled.scopes[0].table[ACL_EGRESS], &key, &v);
    return (enum acl_action) v.action;
}

/* What connections were judged by stays: the tables' ids; and once the classes are known, the
 * tables themselves. */
static void
test_members_decide(void)
{
    struct world w;
    const struct acl_table *table;
    uint64_t generation;
    uint32_t id;

    world_open(&w, true);
    id = w.c.publisher.policy->compiled.scopes[0].id[ACL_EGRESS];
    CU_ASSERT_NOT_EQUAL(id, 0);
    generation = w.c.publisher.generation;
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.7", 445), ACL_DROP);

    put(&w, "others", "10.0.0.7 10.7.0.1", "2 prefixes +2 -0");
    CU_ASSERT_EQUAL(w.c.publisher.generation, generation + 1);
    CU_ASSERT_FALSE(w.c.desired.members_changed);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.7", 445), ACL_ALLOW);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.7", 443), ACL_ALLOW); /* of the group that has the set */
    CU_ASSERT_EQUAL(verdict(&w, "10.7.0.1", 445), ACL_ALLOW);
    CU_ASSERT_EQUAL(verdict(&w, "10.7.0.2", 445), ACL_DROP);
    CU_ASSERT_EQUAL(verdict(&w, "10.7.0.2", 443), ACL_ALLOW);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.8", 445), ACL_DROP);
    table = w.c.publisher.policy->compiled.scopes[0].table[ACL_EGRESS];

    patch(&w, "others", "10.0.0.8", "10.0.0.7", "2 prefixes +1 -1");
    CU_ASSERT_EQUAL(w.c.publisher.generation, generation + 2);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.7", 445), ACL_DROP);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.8", 445), ACL_ALLOW);
    CU_ASSERT_PTR_EQUAL(w.c.publisher.policy->compiled.scopes[0].table[ACL_EGRESS], table);
    CU_ASSERT_EQUAL(w.c.publisher.policy->compiled.scopes[0].id[ACL_EGRESS], id);
    world_close(&w, true);
}

/* Of what nobody is judged by, and of what is as it was, nothing is published. */
static void
test_nothing_to_publish(void)
{
    struct world w;
    uint64_t generation, revision;

    world_open(&w, true);
    generation = w.c.publisher.generation;
    put(&w, "unnamed", "10.0.0.7", "1 prefixes +1 -0");
    put(&w, "both", "10.0.0.7", "1 prefixes +1 -0"); /* a group, no set */
    put(&w, "others", "", "0 prefixes +0 -0");
    CU_ASSERT_EQUAL(w.c.publisher.generation, generation);
    put(&w, "others", "10.0.0.7", "1 prefixes +1 -0");
    CU_ASSERT_EQUAL(w.c.publisher.generation, generation + 1);
    revision = set_of(&w, "others")->revision;

    CONST_CAST(struct address_set *, set_of(&w, "others"))->fresh_ms -= 100000;
    CU_ASSERT(set_age_s(set_of(&w, "others")) >= 100);
    patch(&w, "others", "", "", "1 prefixes +0 -0");
    CU_ASSERT(set_age_s(set_of(&w, "others")) < 100);
    patch(&w, "others", "10.0.0.7", "10.0.0.9", "1 prefixes +0 -0");
    put(&w, "others", "10.0.0.7/32", "1 prefixes +0 -0");
    CU_ASSERT_EQUAL(w.c.publisher.generation, generation + 1);
    CU_ASSERT_EQUAL(set_of(&w, "others")->revision, revision);
    patch(&w, "others", "10.0.0.9", "", "2 prefixes +1 -0");
    CU_ASSERT(set_of(&w, "others")->revision > revision);
    world_close(&w, true);
}

static void
test_refused(void)
{
    struct world w;
    struct set_edit *e;
    char text[128];
    uint64_t revision;

    world_open(&w, true);
    expect_end(&w, edit_of(SET_PATCH, "others", "10.0.0.1", ""), RPC_NOT_FOUND,
               "no address set is named \"others\"");
    expect_end(&w, edit_of(SET_DELETE, "others", "", ""), RPC_NOT_FOUND,
               "no address set is named \"others\"");
    CU_ASSERT_PTR_NULL(set_of(&w, "others"));
    put(&w, "others", "10.0.0.1", "1 prefixes +1 -0");
    expect_end(&w, edit_of(SET_DELETE, "others", "", ""), RPC_FAILED_PRECONDITION,
               "others: the policy in force names it; put it without prefixes to empty it");
    expect_end(&w, edit_of(SET_PUT, "", "", ""), RPC_INVALID_ARGUMENT,
               "name: \"\" has 0 characters; 1 to 63 are allowed");
    expect_end(&w, edit_of(SET_PUT, "a b", "", ""), RPC_INVALID_ARGUMENT,
               "name: \"a b\" may hold only letters, digits, '.', '_' and '-'");
    expect_end(&w, edit_of(SET_PUT, "any", "", ""), RPC_INVALID_ARGUMENT,
               "name: a set cannot be called \"any\": in a policy it means something else");
    expect_end(&w, edit_of(SET_PUT, "10.0.0.1", "", ""), RPC_INVALID_ARGUMENT,
               "name: a set cannot be called \"10.0.0.1\": in a policy it means something else");
    expect_set(set_of(&w, "others"), "10.0.0.1/32");

    revision = set_of(&w, "others")->revision;
    e = edit_of(SET_PATCH, "others", "10.0.0.2", "");
    e->has_expected = true;
    e->expected = revision - 1;
    snprintf(text, sizeof text, "others has revision %" PRIu64 ", not the expected %" PRIu64,
             revision, revision - 1);
    expect_end(&w, e, RPC_ABORTED, text);
    e = edit_of(SET_PUT, "others", "", "");
    e->has_expected = true; /* only if it is not there */
    snprintf(text, sizeof text, "others has revision %" PRIu64 ", not the expected 0", revision);
    expect_end(&w, e, RPC_ABORTED, text);
    e = edit_of(SET_PUT, "more", "", "");
    e->has_expected = true;
    e->expected = 7;
    expect_end(&w, e, RPC_ABORTED, "no address set is named \"more\"; revision 7 is expected");
    expect_set(set_of(&w, "others"), "10.0.0.1/32");
    e = edit_of(SET_PATCH, "others", "10.0.0.2", "");
    e->has_expected = true;
    e->expected = revision;
    expect_end(&w, e, RPC_OK, "2 prefixes +1 -0");
    world_close(&w, true);
}

/* 'n' host prefixes from 10.0.0.0 on. */
static void
fill(struct set_edit *e, size_t n)
{
    e->add = xrealloc(e->add, n * sizeof *e->add);
    e->n_add = n;
    for (size_t i = 0; i < n; i++) {
        e->add[i] = (struct acl_prefix){ acl_addr_from_v4(htonl(0x0a000000 + i)), 128 };
    }
}

static void
test_limits(void)
{
    struct world w;
    struct set_edit *e;
    struct address_set *large;
    char name[32];

    world_open(&w, false);
    e = edit_of(SET_PUT, "large", "", "");
    fill(e, SET_PREFIXES_MAX + 1);
    expect_end(&w, e, RPC_RESOURCE_EXHAUSTED,
               "large: it would have 65537 prefixes; at most 65536 are allowed");
    CU_ASSERT_PTR_NULL(set_of(&w, "large"));
    e = edit_of(SET_PUT, "large", "", "");
    fill(e, SET_PREFIXES_MAX);
    expect_end(&w, e, RPC_OK, "65536 prefixes +65536 -0");
    expect_end(&w, edit_of(SET_PATCH, "large", "10.9.0.0/16", ""), RPC_RESOURCE_EXHAUSTED,
               "large: it would have 65537 prefixes; at most 65536 are allowed");
    CU_ASSERT_EQUAL(set_of(&w, "large")->n, SET_PREFIXES_MAX);
    patch(&w, "large", "10.9.0.0/16", "10.0.0.0", "65536 prefixes +1 -1");

    for (int i = 1; i < 16; i++) { /* as if they had been put */
        snprintf(name, sizeof name, "large%d", i);
        large = set_changed(set_of(&w, "large"), NULL, 0, NULL, 0);
        sets_replace(&w.c.desired.sets, name, large);
    }
    expect_end(&w, edit_of(SET_PUT, "straw", "10.0.0.1", ""), RPC_RESOURCE_EXHAUSTED,
               "straw: all address sets would have 1048577 prefixes; at most 1048576 are allowed");
    put(&w, "straw", "", "0 prefixes +0 -0");
    patch(&w, "large", "", "10.0.0.1", "65535 prefixes +0 -1");
    put(&w, "straw", "10.0.0.1", "1 prefixes +1 -0");
    for (int i = 17; i < SETS_MAX; i++) {
        snprintf(name, sizeof name, "small%d", i);
        sets_replace(&w.c.desired.sets, name, set_changed(NULL, NULL, 0, NULL, 0));
    }
    expect_end(&w, edit_of(SET_PUT, "last", "", ""), RPC_RESOURCE_EXHAUSTED,
               "last: there are 4096 address sets already, which is the limit");
    put(&w, "straw", "", "0 prefixes +0 -1"); /* one that is there */
    world_close(&w, true);
}

/* In the state of a switch that does not run. */
static void
confirmed_before(const char *name, int seconds, uint64_t revision)
{
    static const struct state_prefixes none = { NULL, 0 };
    struct state_stamp stamp = { time_wall_usec() - seconds * INT64_C(1000000), revision };
    struct state *s = state_dir_opened();
    char *error;

    CU_ASSERT_EQUAL(state_set_patch(s, name, none, none, stamp, &error), 0);
    state_close(s);
}

static void
test_restart(void)
{
    struct world w;
    uint64_t age, revision;

    world_open(&w, true);
    put(&w, "others", "10.0.0.1 10.0.0.2 fd00::/64", "3 prefixes +3 -0");
    patch(&w, "others", "10.0.0.3", "10.0.0.1", "3 prefixes +1 -1");
    revision = set_of(&w, "others")->revision;
    patch(&w, "others", "", "", "3 prefixes +0 -0"); /* confirming is no change */
    put(&w, "empty", "", "0 prefixes +0 -0");
    put(&w, "gone", "10.0.0.9", "1 prefixes +1 -0");
    expect_end(&w, edit_of(SET_DELETE, "gone", "", ""), RPC_OK, "0 prefixes +0 -1");
    CU_ASSERT_PTR_NULL(set_of(&w, "gone"));
    world_close(&w, false);

    world_open(&w, true);
    CU_ASSERT_EQUAL(set_of(&w, "others")->revision, revision);
    world_close(&w, false);
    confirmed_before("others", 5000, revision);
    confirmed_before("empty", 5000, 1);
    world_open(&w, true);
    expect_set(set_of(&w, "others"), "10.0.0.2/32 10.0.0.3/32 fd00::/64");
    expect_set(set_of(&w, "empty"), "");
    expect_set(set_of(&w, "gone"), "none");
    age = set_age_s(set_of(&w, "others"));
    CU_ASSERT(age >= 5000 && age < 6000);
    CU_ASSERT_EQUAL(set_of(&w, "others")->revision, revision);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.3", 445), ACL_ALLOW);

    /* Confirmed: that outlives the next restart. */
    patch(&w, "others", "", "", "3 prefixes +0 -0");
    world_close(&w, false);
    world_open(&w, true);
    CU_ASSERT(set_age_s(set_of(&w, "others")) < 1000);
    CU_ASSERT(set_age_s(set_of(&w, "empty")) >= 5000);
    world_close(&w, true);
}

/* What cannot be stored is not in force, and what cannot be put in force is not stored. */
static void
test_neither_or_both(void)
{
    struct world w;
    uint64_t revision;
    char *text;

    world_open(&w, true);
    put(&w, "others", "10.0.0.1 10.0.0.2", "2 prefixes +2 -0");
    revision = set_of(&w, "others")->revision;
    no_memory = true;
    expect_end(&w, edit_of(SET_PATCH, "others", "10.0.0.3", "10.0.0.1"), RPC_RESOURCE_EXHAUSTED,
               "no memory to publish the change");
    no_memory = false;
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.1", 445), ACL_ALLOW);
    expect_set(set_of(&w, "others"), "10.0.0.1/32 10.0.0.2/32");
    CU_ASSERT_EQUAL(set_of(&w, "others")->revision, revision);
    world_close(&w, false);

    state_dir_execute("CREATE TRIGGER full BEFORE INSERT ON address_set BEGIN"
                      "  SELECT RAISE(ABORT, 'no room'); END");
    world_open(&w, true);
    expect_set(set_of(&w, "others"), "10.0.0.1/32 10.0.0.2/32");
    text = xasprintf("not stored: %s: no room", state_dir_database());
    expect_end(&w, edit_of(SET_PATCH, "others", "10.0.0.3", ""), RPC_INTERNAL, text);
    free(text);
    CU_ASSERT_EQUAL(verdict(&w, "10.0.0.3", 445), ACL_DROP);
    expect_set(set_of(&w, "others"), "10.0.0.1/32 10.0.0.2/32");
    world_close(&w, true);
}

static int
set_up(void)
{
    return state_dir_setup() || switch_init();
}

static int
tear_down(void)
{
    return switch_exit() || state_dir_teardown();
}

CU_SuiteInfo
sets_suite(void)
{
    static CU_TestInfo tests[] = {
        { "what comes and what goes", test_changed },
        { "difference", test_minus },
        { "age", test_age },
        { "members decide, tables stay", test_members_decide },
        { "nothing to publish", test_nothing_to_publish },
        { "refused", test_refused },
        { "limits", test_limits },
        { "restart", test_restart },
        { "stored and in force, or neither", test_neither_or_both },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "address sets", set_up, tear_down, NULL, NULL, tests };
}
