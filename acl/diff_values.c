/* Policies as named things with fields. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/diff_priv.h"
#include "acl/format.h"

size_t
acl_thing_count(const struct acl_policy *policy, enum acl_thing thing)
{
    switch (thing) {
    case ACL_THING_SERVICE:
        return policy->n_services;
    case ACL_THING_POOL:
        return policy->n_pools;
    case ACL_THING_DETECTION:
        return 1;
    case ACL_THING_RULE:
        return policy->n_rules;
    case ACL_THING_LIST:
        return policy->n_lists;
    case ACL_THING_SET:
    case ACL_THING_GROUP:
    default:
        return policy->n_groups;
    }
}

static const char *
group_name(const struct acl_group *group, bool set)
{
    return group->is_literal || group->is_set != set ? NULL : group->name;
}

/* Of two pools of a group the first holds. */
static const char *
pool_name(const struct acl_policy *policy, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (policy->pools[j].group == policy->pools[i].group) {
            return NULL;
        }
    }
    return policy->groups[policy->pools[i].group].name;
}

const char *
acl_thing_name(const struct acl_policy *policy, enum acl_thing thing, size_t i)
{
    switch (thing) {
    case ACL_THING_SERVICE:
        return policy->services[i].name;
    case ACL_THING_POOL:
        return pool_name(policy, i);
    case ACL_THING_DETECTION:
        return "detection";
    case ACL_THING_RULE:
        return policy->rules[i].id;
    case ACL_THING_LIST:
        return policy->lists[i].name;
    case ACL_THING_SET:
    case ACL_THING_GROUP:
    default:
        return group_name(&policy->groups[i], thing == ACL_THING_SET);
    }
}

const struct acl_place *
acl_thing_place(const struct acl_policy *policy, enum acl_thing thing, size_t i)
{
    switch (thing) {
    case ACL_THING_SERVICE:
        return &policy->services[i].place;
    case ACL_THING_POOL:
        return &policy->pools[i].place;
    case ACL_THING_DETECTION:
        return &policy->detection_place;
    case ACL_THING_RULE:
        return &policy->rules[i].place;
    case ACL_THING_LIST:
        return &policy->lists[i].place;
    case ACL_THING_SET:
    case ACL_THING_GROUP:
    default:
        return &policy->groups[i].place;
    }
}

/* ---- lists ---- */

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

/* "[a, b]", sorted and each once, of texts that are the caller's; NULL when memory is short. */
static char *
join(char **texts, size_t n)
{
    struct acl_text text = { .n = 0 };

    if (n) {
        qsort(texts, n, sizeof *texts, compare_texts);
    }
    acl_text_add(&text, "[");
    for (size_t i = 0; i < n; i++) {
        if (!i || strcmp(texts[i], texts[i - 1])) {
            acl_text_add(&text, i ? ", %s" : "%s", texts[i]);
        }
    }
    acl_text_add(&text, "]");
    return acl_text_take(&text);
}

static void
free_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++) {
        free(texts[i]);
    }
    free(texts);
}

static char *
prefix_text(const struct acl_prefix *prefix)
{
    struct acl_text text = { .n = 0 };

    acl_text_prefix(&text, prefix);
    return acl_text_take(&text);
}

/* A CIDR in one notation, whatever its author wrote. */
static char *
peer_text(const struct acl_group *group)
{
    return group->is_literal ? prefix_text(&group->in.prefixes[0]) : strdup(group->name);
}

static char *
label_text(const struct acl_label *label)
{
    struct acl_text text = { .n = 0 };

    acl_text_add(&text, "%s: %s", label->key, label->value);
    return acl_text_take(&text);
}

static char *
item_text(const struct acl_policy *policy, const struct acl_selector *s, const uint32_t *groups,
          const char *what, size_t i)
{
    switch (*what) {
    case 'l':
        return label_text(&s->labels[i]);
    case 'p':
        return strdup(s->ports[i]);
    case 'c':
        return prefix_text(&s->prefixes[i]);
    default:
        return peer_text(&policy->groups[groups[i]]);
    }
}

/* A list of 'n' labels, ports, cidrs or groups. */
static char *
list_text(const struct acl_policy *policy, const struct acl_selector *s, const uint32_t *groups,
          const char *what, size_t n)
{
    char **texts = calloc(n + 1, sizeof *texts), *text = NULL;
    bool ok = texts != NULL;

    for (size_t i = 0; i < n && ok; i++) {
        texts[i] = item_text(policy, s, groups, what, i);
        ok = texts[i] != NULL;
    }
    if (ok) {
        text = join(texts, n);
    }
    free_texts(texts, n);
    return text;
}

/* ---- fields ---- */

struct values {
    const struct acl_policy *policy;
    const struct acl_spans *tunnels;
    struct acl_value *v;
    size_t n;
    bool failed;
};

static struct acl_value *
take(struct values *values, const char *name, char *text)
{
    struct acl_value *value = &values->v[values->n++];

    *value = (struct acl_value){ .name = name, .text = text };
    values->failed = values->failed || !text;
    return value;
}

static void
word(struct values *values, const char *name, const char *text)
{
    take(values, name, strdup(text));
}

static void
groups(struct values *values, const char *name, const uint32_t *list, size_t n, bool none_is_any)
{
    take(values, name,
         none_is_any && !n ? strdup("any") : list_text(values->policy, NULL, list, "groups", n));
}

static void
services(struct values *values, const char *name, const struct acl_service *parts, size_t n,
         enum acl_action action)
{
    struct acl_text text = { .n = 0 };
    struct acl_value *value;

    acl_text_services(&text, parts, n);
    value = take(values, name, acl_text_take(&text));
    value->exact = true;
    if (!acl_service_spans(parts, n, action, values->tunnels, &value->spans)) {
        values->failed = true;
    }
}

/* Rules of either kind may use it: what it is to those that deny comes behind what it is to those
 * that allow. */
static void
service(struct values *values, const struct acl_named_service *s)
{
    const acl_u128 behind = (acl_u128) 1 << 32;
    struct acl_spans denied;
    struct acl_value *value;

    services(values, "parts", s->parts, s->n_parts, ACL_ALLOW);
    value = &values->v[values->n - 1];
    if (!acl_service_spans(s->parts, s->n_parts, ACL_DROP, values->tunnels, &denied)) {
        values->failed = true;
        return;
    }
    for (size_t i = 0; i < denied.n && !values->failed; i++) {
        values->failed =
            !acl_spans_add(&value->spans, denied.v[i].lo + behind, denied.v[i].hi + behind);
    }
    acl_spans_destroy(&denied);
}

static void
selector(struct values *values, const struct acl_selector *s, const char *const names[4])
{
    const struct acl_policy *policy = values->policy;
    struct acl_value *cidrs;

    take(values, names[0], list_text(policy, s, NULL, "labels", s->n_labels));
    take(values, names[1], list_text(policy, s, NULL, "ports", s->n_ports));
    cidrs = take(values, names[2], list_text(policy, s, NULL, "cidrs", s->n_prefixes));
    groups(values, names[3], s->groups, s->n_groups, false);
    cidrs->exact = true;
    for (size_t i = 0; i < s->n_prefixes && !values->failed; i++) {
        values->failed = !acl_spans_add_prefix(&cidrs->spans, &s->prefixes[i]);
    }
    acl_spans_normalise(&cidrs->spans);
}

static void
group(struct values *values, const struct acl_group *g)
{
    static const char *const in[] = { "labels", "ports", "cidrs", "groups" };
    static const char *const out[] = { "except.labels", "except.ports", "except.cidrs",
                                       "except.groups" };

    selector(values, &g->in, in);
    selector(values, &g->out, out);
}

static void
set(struct values *values, const struct acl_group *g)
{
    struct acl_text text = { .n = 0 };

    acl_text_add(&text, "%u", g->stale_after);
    take(values, "stale_after", acl_text_take(&text));
}

static const char *
mode(bool audit)
{
    return audit ? "audit" : "enforce";
}

static void
thresholds(struct values *values, const char *name,
           const uint32_t t[ACL_N_TARGET_SORTS][ACL_N_WINDOWS])
{
    struct acl_text text = { .n = 0 };

    for (int i = 0; i < ACL_N_TARGET_SORTS; i++) {
        acl_text_add(&text, "%s%s %u/%u/%u", i ? ", " : "", acl_target_sort_names[i], t[i][ACL_10S],
                     t[i][ACL_5MIN], t[i][ACL_24H]);
    }
    take(values, name, acl_text_take(&text));
}

static void
exclusions(struct values *values, const struct acl_detection *d)
{
    struct acl_text text = { .n = 0 };

    for (size_t i = 0; i < d->n_exclusions; i++) {
        const struct acl_exclusion *e = &d->exclusions[i];

        acl_text_add(&text, "%s", i ? "; " : "");
        acl_text_services(&text, e->services, e->n_services);
        acl_text_add(&text, " to %s up to %u", e->public_only ? "public" : "any", e->up_to);
    }
    take(values, "exclude", acl_text_take(&text));
}

static void
detection(struct values *values, const struct acl_detection *d)
{
    const struct acl_auto_quarantine *q = &d->quarantine;
    struct acl_text worm = { .n = 0 }, cut = { .n = 0 };
    char *decoys;

    groups(values, "desktops", d->desktops, d->n_desktops, false);
    thresholds(values, "sweep", d->sweep);
    thresholds(values, "port_scan", d->port_scan);
    acl_text_add(&worm, "%u networks", d->worm_networks);
    take(values, "worm", acl_text_take(&worm));
    exclusions(values, d);
    acl_text_add(&cut, "severity %s, rate %u, at most %u%s%s", acl_threat_name(q->severity),
                 q->rate, q->at_most, q->reset ? ", reset" : "", q->capture ? ", capture" : "");
    for (size_t i = 0; i < q->n_allow; i++) {
        acl_text_add(&cut, "%s%s", i ? ", " : ", allow ", q->allow[i]);
    }
    take(values, "quarantine", acl_text_take(&cut));
    groups(values, "never", q->never, q->n_never, false);
    decoys = list_text(values->policy, &(struct acl_selector){ .prefixes = d->decoys }, NULL,
                       "cidrs", d->n_decoys);
    take(values, "decoys", decoys);
}

static void
pool(struct values *values, const struct acl_pool *p)
{
    word(values, "mode", mode(p->audit));
    word(values, "default", mode(p->audit_default));
    word(values, "log", acl_log_name(p->default_log));
}

static void
rule(struct values *values, const struct acl_rule *r)
{
    word(values, "tier", acl_tier_name(r->tier));
    word(values, "direction", acl_direction_name(r->direction));
    groups(values, "applied_to", r->applied_to, r->n_applied_to, true);
    groups(values, "peer", r->peers, r->n_peers, true);
    services(values, "service", r->services, r->n_services, r->action);
    word(values, "action", acl_action_name(r->action));
    word(values, "log", acl_log_name(r->log));
    word(values, "mode", mode(r->audit));
}

static char *
list_rule_text(const struct acl_policy *policy, const struct acl_rule *r)
{
    char *peers = r->n_peers ? list_text(policy, NULL, r->peers, "groups", r->n_peers) : NULL;
    struct acl_text text = { .n = 0 };

    if (r->n_peers && !peers) {
        return NULL;
    }
    acl_text_add(&text, "{ direction: %s, peer: %s, service: ", acl_direction_name(r->direction),
                 peers ? peers : "any");
    acl_text_services(&text, r->services, r->n_services);
    acl_text_add(&text, " }");
    free(peers);
    return acl_text_take(&text);
}

/* Its rules all allow, so they have no order. */
static void
list(struct values *values, const struct acl_list *l)
{
    char **texts = calloc(l->n_rules + 1, sizeof *texts), *text = NULL;
    bool ok = texts != NULL;

    for (size_t i = 0; i < l->n_rules && ok; i++) {
        texts[i] = list_rule_text(values->policy, &l->rules[i]);
        ok = texts[i] != NULL;
    }
    if (ok) {
        text = join(texts, l->n_rules);
    }
    free_texts(texts, l->n_rules);
    take(values, "rules", text);
}

int
acl_thing_values(const struct acl_policy *policy, enum acl_thing thing, size_t i,
                 const struct acl_spans *tunnels, struct acl_value v[ACL_MAX_VALUES], size_t *n)
{
    struct values values = { .policy = policy, .tunnels = tunnels, .v = v };

    switch (thing) {
    case ACL_THING_SET:
        set(&values, &policy->groups[i]);
        break;
    case ACL_THING_GROUP:
        group(&values, &policy->groups[i]);
        break;
    case ACL_THING_SERVICE:
        service(&values, &policy->services[i]);
        break;
    case ACL_THING_POOL:
        pool(&values, &policy->pools[i]);
        break;
    case ACL_THING_DETECTION:
        detection(&values, &policy->detection);
        break;
    case ACL_THING_LIST:
        list(&values, &policy->lists[i]);
        break;
    case ACL_THING_RULE:
    default:
        rule(&values, &policy->rules[i]);
    }
    *n = values.n;
    return values.failed ? ENOMEM : 0;
}

void
acl_values_destroy(struct acl_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(values[i].text);
        acl_spans_destroy(&values[i].spans);
    }
}
