/* The log of objects that controllers watch: what readers are told, and when. */
#include <config.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "control/object_log.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/suites.h"
#include "util.h"

#define EPOCH 7
#define N_OWNERS 2000

/* An object is a binding that says its state as its MAC. */
static struct object
object(enum object_kind kind, const char *name, const char *state)
{
    Fusuma__V1__Binding *m = message_new(&fusuma__v1__binding__descriptor);

    m->port = xstrdup(name);
    m->mac = xstrdup(state);
    return (struct object){ kind, xstrdup(name), &m->base };
}

static bool
set1(struct object_log *log, uint32_t owner, const char *name, const char *state)
{
    struct object o = object(OBJECT_PORT, name, state);

    return object_log_set(log, owner, &o, 1);
}

static bool
clear(struct object_log *log, uint32_t owner)
{
    return object_log_set(log, owner, NULL, 0);
}

/* One word an event: "+a:1@2" is an addition, '=' a change, '-' a removal. */
static void
put_event(struct ds *s, const struct object_event *e)
{
    static const char signs[] = { [OBJECT_ADDED] = '+',
                                  [OBJECT_CHANGED] = '=',
                                  [OBJECT_REMOVED] = '-',
                                  [OBJECT_SYNCED] = '!',
                                  [OBJECT_RESET] = '*' };
    const Fusuma__V1__Binding *m = (const Fusuma__V1__Binding *) e->message;

    ds_put_format(s, "%s%c", s->length ? " " : "", signs[e->type]);
    if (m) {
        ds_put_format(s, "%s:%s", m->port, m->mac);
    }
    if (e->revision) {
        ds_put_format(s, "@%" PRIu64, e->revision);
    }
}

/* All that the reader has to say. */
static void
expect(struct object_reader *r, const char *want)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct object_event e;

    while (object_reader_next(r, &e)) {
        put_event(&s, &e);
    }
    expect_text(ds_cstr(&s), want);
    ds_destroy(&s);
}

static void
expect_one(struct object_reader *r, const char *want)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct object_event e;

    if (object_reader_next(r, &e)) {
        put_event(&s, &e);
    }
    expect_text(ds_cstr(&s), want);
    ds_destroy(&s);
}

static struct object_reader *
resume(struct object_log *log, uint64_t revision)
{
    struct object_position at = { EPOCH, revision };

    return object_reader_open(log, OBJECT_KINDS_ALL, &at);
}

static void
test_list_and_changes(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 10);
    struct object_reader *r = object_reader_open(log, OBJECT_KINDS_ALL, NULL), *late;

    expect(r, "!@1"); /* nothing is a list, too */
    expect(r, "");
    CU_ASSERT_TRUE(set1(log, 1, "a", "1"));
    CU_ASSERT_TRUE(set1(log, 2, "b", "1"));
    expect(r, "+a:1@2 +b:1@3");
    CU_ASSERT_FALSE(set1(log, 1, "a", "1")); /* the same again */
    expect(r, "");
    CU_ASSERT_TRUE(set1(log, 1, "a", "2"));
    expect(r, "=a:2@4");
    CU_ASSERT_TRUE(clear(log, 2));
    CU_ASSERT_FALSE(clear(log, 2));
    expect(r, "-b:1@5");
    CU_ASSERT_TRUE(set1(log, 2, "b", "1")); /* as it was, but it was gone */
    expect(r, "+b:1@6");

    late = object_reader_open(log, OBJECT_KINDS_ALL, NULL);
    expect(late, "+a:2 +b:1 !@6");
    CU_ASSERT_EQUAL(object_log_n_readers(log), 2);
    object_reader_close(late);
    object_reader_close(r);
    object_reader_close(NULL);
    CU_ASSERT_EQUAL(object_log_n_readers(log), 0);
    object_log_destroy(log);
    object_log_destroy(NULL);
}

static void
test_owner_replaces_all_it_has(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 10);
    struct object_reader *r = object_reader_open(log, OBJECT_KINDS_ALL, NULL);
    struct object first[] = { object(OBJECT_PORT, "a", "1"), object(OBJECT_BINDING, "x", "1"),
                              object(OBJECT_BINDING, "y", "1") };
    struct object second[] = { object(OBJECT_PORT, "a", "1"), object(OBJECT_BINDING, "y", "2"),
                               object(OBJECT_BINDING, "z", "1") };

    set1(log, 2, "other", "1");
    CU_ASSERT_TRUE(object_log_set(log, 1, first, 3));
    expect(r, "!@1 +other:1@2 +a:1@3 +x:1@4 +y:1@5");
    CU_ASSERT_TRUE(object_log_set(log, 1, second, 3));
    expect(r, "=y:2@6 +z:1@7 -x:1@8");
    /* A port that comes back with another number: the old one's are taken away first. */
    CU_ASSERT_TRUE(clear(log, 1));
    CU_ASSERT_TRUE(set1(log, 3, "a", "2"));
    expect(r, "-y:2@10 -z:1@11 +a:2@12");
    /* ... and then its old owner has it no more. */
    CU_ASSERT_FALSE(clear(log, 1));
    expect(r, "");
    object_reader_close(r);
    object_log_destroy(log);
}

static void
test_same_name_of_other_kind(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 10);
    struct object both[] = { object(OBJECT_QUARANTINE, "a", "q"), object(OBJECT_PORT, "a", "p") };
    struct object_reader *all, *one;

    object_log_set(log, 1, both, 2);
    all = object_reader_open(log, OBJECT_KINDS_ALL, NULL);
    one = object_reader_open(log, 1u << OBJECT_QUARANTINE, NULL);
    expect(all, "+a:p +a:q !@3"); /* a list is by kind */
    expect(one, "+a:q !@3");
    set1(log, 1, "a", "p2");
    expect(all, "=a:p2@4 -a:q@5");
    expect(one, "-a:q@5");
    object_reader_close(all);
    object_reader_close(one);
    object_log_destroy(log);
}

static void
test_resume(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 10);
    struct object_reader *r;

    set1(log, 1, "a", "1"); /* 2 */
    set1(log, 2, "b", "1"); /* 3 */
    set1(log, 3, "c", "1"); /* 4 */
    set1(log, 4, "d", "1"); /* 5 */
    set1(log, 1, "a", "2"); /* 6 */
    clear(log, 2);          /* 7 */
    set1(log, 5, "e", "1"); /* 8 */

    r = resume(log, 4);
    expect(r, "+d:1@5 =a:2@6 -b:1@7 +e:1@8 !@8");
    set1(log, 3, "c", "2");
    expect(r, "=c:2@9");
    object_reader_close(r);
    r = resume(log, 9);
    expect(r, "!@9");
    object_reader_close(r);
    r = resume(log, 6); /* from the middle of what was missed */
    expect(r, "-b:1@7 +e:1@8 =c:2@9 !@9");
    object_reader_close(r);
    object_log_destroy(log);
}

static void
test_reset(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 2);
    struct object_position other = { EPOCH + 1, 3 };
    struct object_reader *r;

    for (int i = 1; i <= 5; i++) {
        char name[2] = { 'a' + i - 1, '\0' };

        set1(log, i, name, "1"); /* 2 to 6 */
    }
    r = object_reader_open(log, OBJECT_KINDS_ALL, &other);
    expect(r, "* +a:1 +b:1 +c:1 +d:1 +e:1 !@6");
    object_reader_close(r);

    clear(log, 1); /* 7: forgotten below */
    clear(log, 2); /* 8 */
    clear(log, 3); /* 9 */
    r = resume(log, 6);
    expect(r, "* +d:1 +e:1 !@9");
    object_reader_close(r);
    r = resume(log, 7); /* that one is known to be gone */
    expect(r, "-b:1@8 -c:1@9 !@9");
    object_reader_close(r);
    /* What is back need not be remembered as removed. */
    set1(log, 2, "b", "2"); /* 10 */
    clear(log, 4);          /* 11 */
    r = resume(log, 7);
    expect(r, "-c:1@9 +b:2@10 -d:1@11 !@11");
    object_reader_close(r);
    object_log_destroy(log);
}

/* Only removals of what a reader watches concern it. */
static void
test_kinds_are_forgotten_apart(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 1);
    struct object_position at = { EPOCH, 2 };
    struct object policy = object(OBJECT_POLICY, "", "1");
    struct object_reader *r;

    object_log_set(log, 0, &policy, 1);
    for (int i = 1; i < 10; i++) {
        set1(log, i, "a", "1");
        clear(log, i);
        set1(log, i, "b", "1");
        clear(log, i);
    }
    r = object_reader_open(log, 1u << OBJECT_POLICY, &at);
    expect(r, "!@38");
    object_reader_close(r);
    r = object_reader_open(log, OBJECT_KINDS_ALL, &at);
    expect(r, "* +:1 !@38");
    object_reader_close(r);
    object_log_destroy(log);
}

/* A reader that does not read: each object once, and what was there when it opened first. */
static void
test_slow_reader(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 10);
    struct object_reader *r;
    char state[16];

    set1(log, 1, "a", "0");
    set1(log, 2, "b", "0");
    r = object_reader_open(log, OBJECT_KINDS_ALL, NULL);
    for (int i = 1; i <= 1000; i++) {
        snprintf(state, sizeof state, "%d", i);
        set1(log, 1, "a", state);
        set1(log, 3, "c", state);
    }
    clear(log, 2);
    set1(log, 4, "d", "0");
    clear(log, 4); /* came and went */
    expect(r, "+a:0 +b:0 !@3 =a:1000@2002 =c:1000@2003 -b:0@2004 -d:0@2006");
    object_reader_close(r);
    object_log_destroy(log);
}

/* So slow that removals were forgotten. */
static void
test_slower_reader(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 2);
    struct object_reader *listed = object_reader_open(log, OBJECT_KINDS_ALL, NULL), *listing;
    char name[16];

    expect(listed, "!@1");
    set1(log, 1, "z", "1");
    listing = object_reader_open(log, OBJECT_KINDS_ALL, NULL);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "n%d", i);
        set1(log, 2, name, "1");
    }
    clear(log, 1);
    expect(listed, "* +n3:1 !@10");
    expect_one(listing, "+z:1"); /* its list stands, and then it learns */
    expect(listing, "!@2 * +n3:1 !@10");
    set1(log, 2, "n3", "2");
    expect(listed, "=n3:2@11");
    expect(listing, "=n3:2@11");
    object_reader_close(listed);
    object_reader_close(listing);
    object_log_destroy(log);
}

/* What a reader was lent outlives what happens to the object, and a reader may go at any time. */
static void
test_lent_messages(void)
{
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 1);
    struct object_reader *r;
    struct object_event e;

    set1(log, 1, "a", "1");
    set1(log, 2, "b", "1");
    r = object_reader_open(log, OBJECT_KINDS_ALL, NULL);
    CU_ASSERT_TRUE(object_reader_next(r, &e));
    set1(log, 1, "a", "2");
    clear(log, 1);
    clear(log, 2);
    expect_text(((const Fusuma__V1__Binding *) e.message)->mac, "1");
    object_reader_close(r); /* in the middle of its list */
    object_log_destroy(log);
}

/* ---- a writer and readers at once ---- */

#define OBJECTS 50
#define ROUNDS 20000

struct follower {
    pthread_t thread;
    struct object_log *log;
    atomic_bool *over;
    bool resumes;
    unsigned state[OBJECTS]; /* 0: not there */
    bool ok;
};

static void
follow_event(struct follower *f, const struct object_event *e, struct object_position *at)
{
    const Fusuma__V1__Binding *m = (const Fusuma__V1__Binding *) e->message;

    if (e->type == OBJECT_RESET) {
        memset(f->state, 0, sizeof f->state);
    } else if (m) {
        unsigned i = atoi(m->port), state = atoi(m->mac);

        /* States rise: nothing comes that is older than what came before. */
        f->ok = f->ok && i < OBJECTS && state >= f->state[i];
        f->state[i] = e->type == OBJECT_REMOVED ? 0 : state;
    }
    if (e->revision) {
        f->ok = f->ok && e->revision >= at->revision;
        *at = (struct object_position){ EPOCH, e->revision };
    }
}

static void *
follow(void *follower)
{
    struct follower *f = follower;
    struct object_reader *r = object_reader_open(f->log, OBJECT_KINDS_ALL, NULL);
    struct object_position at = { EPOCH, 0 };
    struct object_event e;
    unsigned n = 0;

    for (;;) {
        bool over = atomic_load(f->over);

        if (object_reader_next(r, &e)) {
            follow_event(f, &e, &at);
        } else if (over) {
            break;
        }
        if (f->resumes && at.revision && ++n % 97 == 0) {
            object_reader_close(r);
            r = object_reader_open(f->log, OBJECT_KINDS_ALL, &at);
        }
    }
    object_reader_close(r);
    return NULL;
}

static void
write_states(struct object_log *log, unsigned states[OBJECTS])
{
    for (unsigned i = 1; i <= ROUNDS; i++) {
        unsigned n = i * 7919u % OBJECTS;
        char name[16], state[16];

        snprintf(name, sizeof name, "%u", n);
        snprintf(state, sizeof state, "%u", i);
        states[n] = i % 5 ? i : 0;
        if (states[n]) {
            set1(log, n, name, state);
        } else {
            clear(log, n);
        }
    }
}

static void
test_threads(void)
{
    /* Few removals are remembered, so that readers are reset, too. */
    struct object_log *log = object_log_create(EPOCH, N_OWNERS, 8);
    unsigned states[OBJECTS] = { 0 };
    struct follower f[3];
    atomic_bool over = false;

    for (int i = 0; i < 3; i++) {
        f[i] = (struct follower){ .log = log, .over = &over, .resumes = i > 0, .ok = true };
        CU_ASSERT_EQUAL_FATAL(pthread_create(&f[i].thread, NULL, follow, &f[i]), 0);
    }
    write_states(log, states);
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(f[i].thread, NULL);
        CU_ASSERT_TRUE(f[i].ok);
        CU_ASSERT_EQUAL(memcmp(f[i].state, states, sizeof states), 0);
    }
    object_log_destroy(log);
}

CU_SuiteInfo
object_log_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a list, then changes", test_list_and_changes },
        { "an owner replaces all that it has", test_owner_replaces_all_it_has },
        { "names are of a kind", test_same_name_of_other_kind },
        { "resuming gives what was missed", test_resume },
        { "what cannot be resumed is a reset", test_reset },
        { "kinds are forgotten apart", test_kinds_are_forgotten_apart },
        { "a slow reader gets each object once", test_slow_reader },
        { "a slower one is reset", test_slower_reader },
        { "lent messages", test_lent_messages },
        { "a writer and readers at once", test_threads },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "object log", NULL, NULL, NULL, NULL, tests };
}
