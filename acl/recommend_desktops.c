/* Whom a rule is for: groups and labels where they name these desktops and no others, else the
 * ports themselves. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/recommend_priv.h"

/* Desktops that are still to be named. */
struct rest {
    const struct acl_recommender *r;
    bool *wanted, *left; /* by port of the site */
    size_t n_left;
};

typedef bool member(const struct acl_recommender *, size_t port, const void *aux);

/* How many of those that are left it would name; 0 when it names others, too. */
static size_t
count_gain(const struct rest *rest, member *is_member, const void *aux)
{
    size_t gain = 0;

    for (size_t i = 0; i < rest->r->facts->site->n_ports; i++) {
        if (rest->r->facts->site->ports[i].is_desktop && is_member(rest->r, i, aux)) {
            if (!rest->wanted[i]) {
                return 0;
            }
            gain += rest->left[i];
        }
    }
    return gain;
}

static void
take(struct rest *rest, member *is_member, const void *aux)
{
    for (size_t i = 0; i < rest->r->facts->site->n_ports; i++) {
        if (rest->left[i] && is_member(rest->r, i, aux)) {
            rest->left[i] = false;
            rest->n_left--;
        }
    }
}

static bool
in_group(const struct acl_recommender *r, size_t port, const void *group_)
{
    const struct acl_trial_port *p = &r->trial.ports[port];
    uint32_t group = *(const uint32_t *) group_;

    for (size_t i = 0; i < p->n_groups; i++) {
        if (p->groups[i] == group) {
            return true;
        }
    }
    return false;
}

static bool
has_label(const struct acl_recommender *r, size_t port, const void *label_)
{
    const struct acl_site_port *p = &r->facts->site->ports[port];
    const struct acl_label *label = label_;

    for (size_t i = 0; i < p->n_labels; i++) {
        if (!strcmp(p->labels[i].key, label->key) && !strcmp(p->labels[i].value, label->value)) {
            return true;
        }
    }
    return false;
}

static void
take_groups(struct rest *rest, struct acl_strings *to)
{
    const struct acl_policy *policy = rest->r->policy;

    for (size_t best = 1; best && rest->n_left;) {
        uint32_t at = 0;

        best = 0;
        for (uint32_t g = 0; g < policy->n_groups; g++) {
            size_t gain = policy->groups[g].has_ports ? count_gain(rest, in_group, &g) : 0;

            if (gain > best) {
                best = gain;
                at = g;
            }
        }
        if (best) {
            acl_strings_add(to, policy->groups[at].name);
            take(rest, in_group, &at);
        }
    }
}

/* What may stand in a policy. */
static bool
is_name(const char *s)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t n = strlen(s);

    return n && n <= ACL_RECOMMEND_NAME_MAX && strspn(s, allowed) == n;
}

/* The label that names most of those left; the more it is a pool, the better. */
static const struct acl_label *
best_label(const struct rest *rest, size_t *gain)
{
    const struct acl_site *site = rest->r->facts->site;
    const struct acl_label *best = NULL;

    *gain = 1; /* of one desktop a name says more */
    for (size_t i = 0; i < site->n_ports; i++) {
        for (size_t j = 0; j < site->ports[i].n_labels && rest->left[i]; j++) {
            const struct acl_label *label = &site->ports[i].labels[j];
            size_t n = is_name(label->key) && is_name(label->value)
                           ? count_gain(rest, has_label, label)
                           : 0;

            if (n > *gain ||
                (n == *gain && best && strcmp(best->key, "pool") && !strcmp(label->key, "pool"))) {
                *gain = n;
                best = label;
            }
        }
    }
    return best;
}

/* Takes 'base', NULL when memory was short for it, and 'values'. */
static const char *
define(struct acl_recommender *r, char *base, const char *key, struct acl_strings *values,
       bool commented)
{
    const char *name = NULL;

    if (base) {
        name = acl_recommend_define(r, base, key, values, commented);
    } else {
        acl_strings_destroy(values);
    }
    free(base);
    return name;
}

static int
take_labels(struct acl_recommender *r, struct rest *rest, bool commented, struct acl_strings *to)
{
    const struct acl_label *label;
    size_t gain;

    while (rest->n_left && (label = best_label(rest, &gain))) {
        struct acl_strings values = { .n = 0 };
        struct acl_text base = { .n = 0 }, value = { .n = 0 };
        const char *name;
        char *s;

        acl_text_add(&base, "%s-%s", label->key, label->value);
        acl_text_add(&value, "%s: \"%s\"", label->key, label->value);
        acl_strings_take(&values, acl_text_take(&value));
        s = acl_text_take(&base);
        name = define(r, s, "labels", &values, commented);
        if (!name) {
            return ENOMEM;
        }
        acl_strings_add(to, name);
        take(rest, has_label, label);
    }
    return 0;
}

static int
take_ports(struct acl_recommender *r, struct rest *rest, const struct acl_rule_draft *rule,
           struct acl_strings *to)
{
    struct acl_strings values = { .n = 0 };
    struct acl_text base = { .n = 0 };
    const char *name;
    char *s;

    for (size_t i = 0; i < r->facts->site->n_ports; i++) {
        if (rest->left[i]) {
            acl_strings_add(&values, r->facts->site->ports[i].name);
        }
    }
    acl_text_add(&base, values.n == 1 ? "desktop-%s" : "desktops-%s",
                 values.n == 1 ? values.v[0] : rule->id);
    s = acl_text_take(&base);
    name = define(r, s, "ports", &values, rule->commented);
    if (name) {
        acl_strings_add(to, name);
    }
    return name ? 0 : ENOMEM;
}

int
acl_recommend_desktops(struct acl_recommender *r, struct acl_rule_draft *rule)
{
    size_t n = r->facts->site->n_ports;
    struct rest rest = { .r = r,
                         .wanted = calloc(n + 1, sizeof *rest.wanted),
                         .left = calloc(n + 1, sizeof *rest.left),
                         .n_left = rule->box.n[0] };
    int rc = rest.wanted && rest.left ? 0 : ENOMEM;

    for (size_t i = 0; i < rule->box.n[0] && !rc; i++) {
        rest.wanted[rule->box.v[0][i]] = rest.left[rule->box.v[0][i]] = true;
    }
    if (!rc) {
        take_groups(&rest, &rule->applied_to);
        rc = take_labels(r, &rest, rule->commented, &rule->applied_to);
    }
    if (!rc && rest.n_left) {
        rc = take_ports(r, &rest, rule, &rule->applied_to);
    }
    free(rest.wanted);
    free(rest.left);
    return rule->applied_to.failed ? ENOMEM : rc;
}
