#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/rpc.h"
#include "control/set_changes.h"
#include "fusuma/v1/address_set.pb-c.h"
#include "util.h"

static const struct acl_policy *
policy_of(const struct control *c)
{
    return c->publisher.policy ? c->publisher.policy->parsed : NULL;
}

/* ---- changes ---- */

/* False: '*error' names the field and the entry. */
static bool
parse_prefixes(const char *field, char *const *texts, size_t n, struct acl_prefix **prefixesp,
               char **error)
{
    struct acl_prefix *prefixes = xcalloc(n + 1, sizeof *prefixes);

    for (size_t i = 0; i < n; i++) {
        const char *why = acl_prefix_parse_why(texts[i], &prefixes[i]);

        if (why) {
            *error = xasprintf("%s[%zu]: \"%.60s\": %s", field, i, texts[i], why);
            free(prefixes);
            return false;
        }
    }
    *prefixesp = prefixes;
    return true;
}

/* An order for who only has to find equals. */
static int
compare_prefixes(const void *a_, const void *b_)
{
    const struct acl_prefix *a = *(const struct acl_prefix *const *) a_;
    const struct acl_prefix *b = *(const struct acl_prefix *const *) b_;

    return acl_prefix_compare(a, b);
}

static const struct acl_prefix **
sorted(const struct acl_prefix *prefixes, size_t n)
{
    const struct acl_prefix **p = xcalloc(n + 1, sizeof *p);

    for (size_t i = 0; i < n; i++) {
        p[i] = &prefixes[i];
    }
    qsort(p, n, sizeof *p, compare_prefixes);
    return p;
}

/* To take out and to put in the same prefix is a mistake of whoever asks for it. */
static bool
check_apart(const struct set_edit *e, char **error)
{
    const struct acl_prefix **add = sorted(e->add, e->n_add);
    const struct acl_prefix **remove = sorted(e->remove, e->n_remove);
    size_t i = 0, j = 0;

    *error = NULL;
    while (i < e->n_add && j < e->n_remove && !*error) {
        int order = compare_prefixes(&add[i], &remove[j]);

        if (!order) {
            char *text = prefix_text(add[i]);

            *error = xasprintf("add[%td]: \"%s\" is in remove, too", add[i] - e->add, text);
            free(text);
        }
        i += order < 0;
        j += order > 0;
    }
    free(add);
    free(remove);
    return !*error;
}

static void
changed(struct control *c, enum rpc_status status, const char *error,
        const struct set_outcome *outcome, void *call)
{
    Fusuma__V1__AddressSetChanged *m;

    if (status) {
        rpc_call_fail(call, status, "%s", error);
        return;
    }
    m = message_new(&fusuma__v1__address_set_changed__descriptor);
    m->name = xstrdup(outcome->name);
    if (outcome->set) {
        m->revision = outcome->set->revision;
        m->prefix_count = outcome->set->n;
    }
    m->added = outcome->n_added;
    m->removed = outcome->n_removed;
    m->generation = c->publisher.generation;
    m->in_policy = sets_group(policy_of(c), outcome->name) != NULL;
    m->elapsed = elapsed_message(&outcome->elapsed);
    rpc_reply_with(call, m);
}

static struct set_edit *
edit_create(enum set_action action, const char *name, uint64_t expected, bool has_expected)
{
    struct set_edit *e = xzalloc(sizeof *e);

    e->action = action;
    e->name = xstrdup(name);
    e->expected = expected;
    e->has_expected = expected || has_expected;
    return e;
}

static void
submit(struct control *c, struct rpc_call *call, bool good, struct set_edit *e, char *error)
{
    if (good) {
        e->asked_us = rpc_call_asked_us(call);
        sets_submit(c, e, changed, call);
    } else {
        set_edit_destroy(e);
        rpc_fail_with(call, RPC_INVALID_ARGUMENT, error);
    }
}

void
rpc_put_address_set(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__PutAddressSetRequest *r = (const Fusuma__V1__PutAddressSetRequest *) request;
    struct set_edit *e = edit_create(SET_PUT, r->name, r->expected_revision, r->has_expected);
    char *error = NULL;
    bool good = parse_prefixes("prefixes", r->prefixes, r->n_prefixes, &e->add, &error);

    e->n_add = r->n_prefixes;
    submit(control, call, good, e, error);
}

void
rpc_patch_address_set(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__PatchAddressSetRequest *r =
        (const Fusuma__V1__PatchAddressSetRequest *) request;
    struct set_edit *e = edit_create(SET_PATCH, r->name, r->expected_revision, false);
    char *error = NULL;
    bool good = parse_prefixes("add", r->add, r->n_add, &e->add, &error) &&
                parse_prefixes("remove", r->remove, r->n_remove, &e->remove, &error);

    e->n_add = r->n_add;
    e->n_remove = r->n_remove;
    good = good && check_apart(e, &error);
    submit(control, call, good, e, error);
}

void
rpc_delete_address_set(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__DeleteAddressSetRequest *r =
        (const Fusuma__V1__DeleteAddressSetRequest *) request;

    submit(control, call, true, edit_create(SET_DELETE, r->name, r->expected_revision, false),
           NULL);
}

/* ---- questions ---- */

/* 'set' NULL: nobody has put it; 'group' NULL: the policy in force does not name it. */
static Fusuma__V1__AddressSet *
set_message(const char *name, const struct address_set *set, const struct acl_group *group)
{
    Fusuma__V1__AddressSet *m = message_new(&fusuma__v1__address_set__descriptor);

    m->name = xstrdup(name);
    if (set) {
        m->prefix_count = set->n;
        m->revision = set->revision;
        m->age_s = set_age_s(set);
    }
    m->stale_after_s = group ? group->stale_after : 0;
    m->stale = set_is_stale(set, group);
    m->in_policy = group != NULL;
    return m;
}

void
rpc_get_address_set(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const char *name = ((const Fusuma__V1__GetAddressSetRequest *) request)->name;
    struct control *c = control;
    const struct address_set *set = sets_find(&c->desired.sets, name);
    const struct acl_group *group = sets_group(policy_of(c), name);
    Fusuma__V1__AddressSet *m;

    if (!set && !group) {
        rpc_call_fail(call, RPC_NOT_FOUND, "no address set is named \"%s\"", name);
        return;
    }
    m = set_message(name, set, group);
    if (set) {
        m->prefixes = xcalloc(set->n + 1, sizeof *m->prefixes);
        for (size_t i = 0; i < set->n; i++) {
            m->prefixes[m->n_prefixes++] = prefix_text(&set->prefixes[i]);
        }
    }
    rpc_reply_with(call, m);
}

/* Those that are there, and those that the policy names. */
static void
collect_names(const struct control *c, struct sset *names)
{
    const struct acl_policy *policy = policy_of(c);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.sets.by_name) {
        sset_add(names, node->name);
    }
    for (size_t i = 0; policy && i < policy->n_groups; i++) {
        if (policy->groups[i].is_set) {
            sset_add(names, policy->groups[i].name);
        }
    }
}

void
rpc_list_address_sets(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED,
                      void *control)
{
    Fusuma__V1__ListAddressSetsResponse *reply =
        message_new(&fusuma__v1__list_address_sets_response__descriptor);
    struct sset names = SSET_INITIALIZER(&names);
    const struct control *c = control;
    const char **array;

    collect_names(c, &names);
    array = sset_sort(&names);
    for (size_t i = 0; i < sset_count(&names); i++) {
        message_append(reply->sets, reply->n_sets,
                       set_message(array[i], sets_find(&c->desired.sets, array[i]),
                                   sets_group(policy_of(c), array[i])));
    }
    free(array);
    sset_destroy(&names);
    rpc_reply_with(call, reply);
}
