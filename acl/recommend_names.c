/* Names of rules and of groups that the recommendation defines. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/recommend_priv.h"

/* ---- names that are free ---- */

static bool
is_taken(const struct acl_recommender *r, const char *name, bool rule)
{
    uint32_t group;

    for (size_t i = 0; rule && i < r->policy->n_rules; i++) {
        if (!strcmp(r->policy->rules[i].id, name)) {
            return true;
        }
    }
    for (size_t i = 0; rule && i < r->n_rules; i++) {
        if (r->rules[i].id && !strcmp(r->rules[i].id, name)) {
            return true;
        }
    }
    for (size_t i = 0; !rule && i < r->n_groups; i++) {
        if (!strcmp(r->groups[i].name, name)) {
            return true;
        }
    }
    return !rule && acl_group_find(r->policy, name, &group);
}

/* 'base', or that and a number.  NULL when memory is short. */
static char *
free_name(const struct acl_recommender *r, const char *base, bool rule)
{
    for (unsigned i = 1;; i++) {
        struct acl_text text = { .n = 0 };
        char *name;

        acl_text_add(&text, "%.*s", ACL_RECOMMEND_NAME_MAX - 11, base);
        if (i > 1) {
            acl_text_add(&text, "-%u", i);
        }
        name = acl_text_take(&text);
        if (!name || !is_taken(r, name, rule)) {
            return name;
        }
        free(name);
    }
}

static char *
make_id(const struct acl_recommender *r, const struct acl_rule_draft *rule)
{
    struct acl_text text = { .n = 0 };
    char *base, *id;

    acl_text_add(&text, rule->direction == ACL_EGRESS ? "seen-%s" : "seen-in-%s",
                 rule->services.v[0]);
    base = acl_text_take(&text);
    for (char *c = base ? strchr(base, '/') : NULL; c; c = strchr(c, '/')) {
        *c = '-';
    }
    id = base ? free_name(r, base, true) : NULL;
    free(base);
    return id;
}

/* ---- groups that the recommendation defines ---- */

static bool
same_values(const struct acl_strings *a, const struct acl_strings *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (strcmp(a->v[i], b->v[i])) {
            return false;
        }
    }
    return a->n == b->n;
}

const char *
acl_recommend_define(struct acl_recommender *r, const char *base, const char *key,
                     struct acl_strings *values, bool commented)
{
    struct acl_group_draft *groups, *g;

    for (size_t i = 0; i < r->n_groups && !values->failed; i++) {
        g = &r->groups[i];
        if (!strcmp(g->key, key) && same_values(&g->values, values)) {
            g->commented = g->commented && commented;
            acl_strings_destroy(values);
            return g->name;
        }
    }
    groups = reallocarray(r->groups, r->n_groups + 1, sizeof *groups);
    if (!groups) {
        acl_strings_destroy(values);
        return NULL;
    }
    r->groups = groups;
    g = &groups[r->n_groups];
    *g = (struct acl_group_draft){ .name = free_name(r, base, false),
                                   .key = strdup(key),
                                   .values = *values,
                                   .commented = commented };
    r->n_groups += g->name != NULL; /* a name that is looked for later has to be there */
    if (!g->name) {
        free(g->key);
        acl_strings_destroy(&g->values);
        return NULL;
    }
    return g->key && !g->values.failed ? g->name : NULL;
}

int
acl_recommend_names(struct acl_recommender *r)
{
    int rc = 0;

    r->spans = calloc(r->facts->site->n_ports + 1, sizeof *r->spans);
    if (!r->spans) {
        return ENOMEM;
    }
    for (size_t i = 0; i < r->n_rules && !rc; i++) {
        struct acl_rule_draft *rule = &r->rules[i];

        rc = acl_recommend_services(r, rule);
        rule->id = rc ? NULL : make_id(r, rule);
        rc = rule->id ? acl_recommend_desktops(r, rule) : ENOMEM;
        rc = rc ? rc : acl_recommend_peers(r, rule);
    }
    return rc;
}
