#include <config.h>

#include "control/set_changes.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "control/state_sets.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(sets);

#define NAME_MAX_LENGTH 63 /* as in a policy */

/* Texts for the state. */
struct texts {
    char **text;
    size_t n;
};

struct set_change {
    struct change change;
    struct set_edit *edit;
    struct address_set *next;    /* until it is in force; NULL: deleted */
    struct texts added, removed; /* what differs from the one before */
    bool was_there;
    struct state_stamp stamp, stamp_before;
    bool indifferent; /* the prefixes are as they were */
    set_done *done;
    void *aux;
};

static struct set_change *
set_change_cast(struct change *change)
{
    return CONTAINER_OF(change, struct set_change, change);
}

void
set_edit_destroy(struct set_edit *edit)
{
    if (edit) {
        free(edit->name);
        free(edit->add);
        free(edit->remove);
        free(edit);
    }
}

static const struct acl_policy *
policy_of(const struct control *c)
{
    return c->publisher.policy ? c->publisher.policy->parsed : NULL;
}

/* ---- what is asked for ---- */

static enum rpc_status
check_name(const char *name, char **error)
{
    size_t len = strlen(name);
    struct acl_prefix prefix;

    if (!len || len > NAME_MAX_LENGTH) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "name: \"%.70s\" has %zu characters; 1 to %d are allowed", name, len,
                            NAME_MAX_LENGTH);
    }
    for (const char *p = name; *p; p++) {
        if (!isalnum((unsigned char) *p) && !strchr("._-", *p)) {
            return control_fail(error, RPC_INVALID_ARGUMENT,
                                "name: \"%s\" may hold only letters, digits, '.', '_' and '-'",
                                name);
        }
    }
    if (!strcmp(name, "any") || acl_prefix_parse(name, &prefix)) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "name: a set cannot be called \"%s\": in a policy it means something "
                            "else",
                            name);
    }
    return RPC_OK;
}

static enum rpc_status
check_present(const struct set_edit *e, const struct address_set *old, char **error)
{
    uint64_t revision = old ? old->revision : 0;

    if (!old && e->action != SET_PUT) {
        return control_fail(error, RPC_NOT_FOUND, "no address set is named \"%s\"", e->name);
    }
    if (e->has_expected && e->expected != revision) {
        return old ? control_fail(error, RPC_ABORTED,
                                  "%s has revision %" PRIu64 ", not the expected %" PRIu64, e->name,
                                  revision, e->expected)
                   : control_fail(error, RPC_ABORTED,
                                  "no address set is named \"%s\"; revision %" PRIu64
                                  " is expected",
                                  e->name, e->expected);
    }
    return RPC_OK;
}

static enum rpc_status
check_limits(const struct control *c, const struct set_edit *e, const struct address_set *old,
             const struct address_set *next, char **error)
{
    const struct sets *sets = &c->desired.sets;
    size_t all = sets_count_prefixes(sets) - (old ? old->n : 0) + next->n;

    if (!old && shash_count(&sets->by_name) >= SETS_MAX) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED,
                            "%s: there are %d address sets already, which is the limit", e->name,
                            SETS_MAX);
    }
    if (next->n > SET_PREFIXES_MAX) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED,
                            "%s: it would have %zu prefixes; at most %d are allowed", e->name,
                            next->n, SET_PREFIXES_MAX);
    }
    if (all > SETS_PREFIXES_MAX && (!old || next->n > old->n)) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED,
                            "%s: all address sets would have %zu prefixes; at most %u are allowed",
                            e->name, all, SETS_PREFIXES_MAX);
    }
    return RPC_OK;
}

static struct address_set *
edited(const struct set_edit *e, const struct address_set *old)
{
    struct address_set *next =
        set_changed(e->action == SET_PUT ? NULL : old, e->add, e->n_add, e->remove, e->n_remove);

    next->revision = old ? old->revision : 0;
    return next;
}

/* ---- storing ---- */

/* The prefixes of 'a' that are not in 'b'. */
static struct texts
texts_of_difference(const struct address_set *a, const struct address_set *b)
{
    struct texts t;
    struct acl_prefix *prefixes = set_minus(a, b, &t.n);

    t.text = xcalloc(t.n + 1, sizeof *t.text);
    for (size_t i = 0; i < t.n; i++) {
        t.text[i] = prefix_text(&prefixes[i]);
    }
    free(prefixes);
    return t;
}

static void
texts_free(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->text[i]);
    }
    free(t->text);
}

static struct state_prefixes
lent(const struct texts *t)
{
    return (struct state_prefixes){ (const char *const *) t->text, t->n };
}

static int
store_set(struct state *state, struct change *change, char **error)
{
    const struct set_change *sc = set_change_cast(change);

    const char *name = sc->edit->name;

    if (sc->edit->action == SET_DELETE) {
        return state_set_delete(state, name, error);
    }
    /* One that was left out at the start may still be stored. */
    return sc->was_there ? state_set_patch(state, name, lent(&sc->added), lent(&sc->removed),
                                           sc->stamp, error)
                         : state_set_replace(state, name, lent(&sc->added), sc->stamp, error);
}

static int
unstore_set(struct state *state, struct change *change, char **error)
{
    const struct set_change *sc = set_change_cast(change);

    return sc->was_there ? state_set_patch(state, sc->edit->name, lent(&sc->removed),
                                           lent(&sc->added), sc->stamp_before, error)
                         : state_set_delete(state, sc->edit->name, error);
}

/* ---- the change ---- */

static struct state_stamp
stamp_of(const struct address_set *set)
{
    return (struct state_stamp){ .changed_us = set->changed_us, .revision = set->revision };
}

static enum rpc_status
begin_set(struct control *c, struct change *change, char **error)
{
    struct set_change *sc = set_change_cast(change);
    const struct set_edit *e = sc->edit;
    const struct address_set *old = sets_find(&c->desired.sets, e->name);
    enum rpc_status status = check_present(e, old, error);

    if (status) {
        return status;
    }
    if (e->action == SET_DELETE) {
        if (sets_group(policy_of(c), e->name)) {
            return control_fail(error, RPC_FAILED_PRECONDITION,
                                "%s: the policy in force names it; put it without prefixes to "
                                "empty it",
                                e->name);
        }
    } else {
        sc->next = edited(e, old);
        status = check_limits(c, e, old, sc->next, error);
        if (status) {
            return status;
        }
    }
    sc->added = texts_of_difference(sc->next, old);
    sc->removed = texts_of_difference(old, sc->next);
    sc->was_there = old != NULL;
    sc->indifferent = !sc->added.n && !sc->removed.n;
    sc->stamp_before = old ? stamp_of(old) : (struct state_stamp){ 0, 0 };
    if (sc->next) {
        set_touch(sc->next, !old || !sc->indifferent);
        sc->stamp = stamp_of(sc->next);
    }
    return RPC_OK;
}

static enum rpc_status
commit_set(struct control *c, struct change *change, char **error)
{
    struct set_change *sc = set_change_cast(change);
    const char *name = sc->edit->name;
    bool members_changed = c->desired.members_changed;
    struct address_set *old = sets_replace(&c->desired.sets, name, sc->next);

    if (!sc->indifferent && sets_group(policy_of(c), name)) {
        c->desired.members_changed = true;
        if (publish(&c->publisher, &c->desired, NULL)) {
            sets_replace(&c->desired.sets, name, old);
            c->desired.members_changed = members_changed;
            return control_fail(error, RPC_RESOURCE_EXHAUSTED, "no memory to publish the change");
        }
    }
    sc->next = NULL; /* the sets' */
    set_destroy(old);
    if (!sc->indifferent) {
        VLOG_DBG("address set %s: %zu prefixes came, %zu went", name, sc->added.n, sc->removed.n);
    }
    return RPC_OK;
}

static void
set_change_done(struct control *c, struct change *change, enum rpc_status status, const char *error)
{
    struct set_change *sc = set_change_cast(change);
    struct set_outcome outcome = { sc->edit->name, sets_find(&c->desired.sets, sc->edit->name),
                                   sc->added.n, sc->removed.n, change->elapsed };

    sc->done(c, status, error, status ? NULL : &outcome, sc->aux);
    set_destroy(sc->next);
    texts_free(&sc->added);
    texts_free(&sc->removed);
    set_edit_destroy(sc->edit);
    free(sc);
}

void
sets_submit(struct control *c, struct set_edit *edit, set_done *done, void *aux)
{
    static const struct change_ops ops = { .begin = begin_set,
                                           .store = store_set,
                                           .unstore = unstore_set,
                                           .commit = commit_set,
                                           .done = set_change_done };
    char *error = NULL;
    enum rpc_status status = check_name(edit->name, &error);
    struct set_change *sc;

    if (status) {
        done(c, status, error, NULL, aux);
        free(error);
        set_edit_destroy(edit);
        return;
    }
    sc = xzalloc(sizeof *sc);
    sc->change.ops = &ops;
    sc->change.elapsed.asked_us = edit->asked_us;
    sc->edit = edit;
    sc->done = done;
    sc->aux = aux;
    change_submit(c, &sc->change);
}

/* ---- after a restart ---- */

struct load {
    struct sets *sets;
    bool ok;
};

static void
load_set(const char *name, struct state_prefixes texts, struct state_stamp stamp, void *load)
{
    struct acl_prefix *prefixes = xcalloc(texts.n + 1, sizeof *prefixes);
    struct load *l = load;
    size_t n = 0;

    while (n < texts.n && acl_prefix_parse(texts.text[n], &prefixes[n])) {
        n++;
    }
    if (n < texts.n) {
        VLOG_ERR("the stored address set %s is left out: \"%s\" is no prefix", name, texts.text[n]);
        l->ok = false;
    } else {
        struct address_set *set = set_changed(NULL, prefixes, n, NULL, 0);

        set_restore(set, stamp.revision, stamp.changed_us);
        set_destroy(sets_replace(l->sets, name, set));
    }
    free(prefixes);
}

bool
sets_load(struct control *c)
{
    struct load l = { &c->desired.sets, true };
    char *error = NULL;

    if (state_load_sets(c->state, load_set, &l, &error)) {
        VLOG_ERR("the stored address sets cannot be read: %s", error);
        free(error);
        l.ok = false;
    }
    return l.ok;
}

/* ---- stale ---- */

static void
say_stale(struct control *c, const struct acl_group *group)
{
    const struct address_set *set = sets_find(&c->desired.sets, group->name);

    if (set_is_stale(set, group) && sset_add(&c->desired.sets.stale, group->name)) {
        VLOG_WARN("address set %s is stale: %s for %" PRIu32 " s; it stays in force as it is",
                  group->name, set ? "nobody has confirmed it" : "nobody has put it",
                  group->stale_after);
    }
}

void
sets_check_stale(struct control *c)
{
    const struct acl_policy *policy = policy_of(c);
    struct sset *stale = &c->desired.sets.stale;
    const char *name;

    for (size_t i = 0; policy && i < policy->n_groups; i++) {
        if (policy->groups[i].is_set) {
            say_stale(c, &policy->groups[i]);
        }
    }
    SSET_FOR_EACH_SAFE(name, stale)
    {
        if (!set_is_stale(sets_find(&c->desired.sets, name), sets_group(policy, name))) {
            VLOG_INFO("address set %s is stale no more", name);
            sset_find_and_delete(stale, name);
        }
    }
}
