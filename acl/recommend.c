#include <config.h>

#include "acl/recommend_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each takes a table of the whole policy. */
#define TRIED_MAX 256

/* ---- strings ---- */

void
acl_strings_take(struct acl_strings *s, char *string)
{
    if (s->n == s->allocated && string && !s->failed) {
        size_t allocated = s->allocated ? 2 * s->allocated : 8;
        char **v = reallocarray(s->v, allocated, sizeof *v);

        if (v) {
            s->v = v;
            s->allocated = allocated;
        } else {
            s->failed = true;
        }
    }
    s->failed |= !string;
    if (s->failed) {
        free(string);
    } else {
        s->v[s->n++] = string;
    }
}

void
acl_strings_add(struct acl_strings *s, const char *string)
{
    acl_strings_take(s, strdup(string));
}

void
acl_strings_destroy(struct acl_strings *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i]);
    }
    free(s->v);
    *s = (struct acl_strings){ .n = 0 };
}

/* ---- rules ---- */

static bool
same_cover(const struct acl_need *a, const struct acl_need *b)
{
    return a->desktops == b->desktops && a->tier == b->tier && a->direction == b->direction;
}

static int
compare_triples(const void *a, const void *b)
{
    const struct acl_triple *x = a, *y = b;

    for (int s = 0; s < ACL_SIDES; s++) {
        if (x->v[s] != y->v[s]) {
            return x->v[s] > y->v[s] ? 1 : -1;
        }
    }
    return 0;
}

static struct acl_triple
triple_of(const struct acl_need *need)
{
    return (struct acl_triple){ { need->port, need->peer_id, need->unit } };
}

/* The triples of needs [first, first + n), each once: '*np' of them. */
static struct acl_triple *
make_triples(const struct acl_need *needs, size_t n, size_t *np)
{
    struct acl_triple *t = malloc(n * sizeof *t);
    size_t kept = 0;

    for (size_t i = 0; i < n && t; i++) {
        t[i] = triple_of(&needs[i]);
    }
    if (t) {
        qsort(t, n, sizeof *t, compare_triples);
    }
    for (size_t i = 0; i < n && t; i++) {
        if (!kept || compare_triples(&t[kept - 1], &t[i])) {
            t[kept++] = t[i];
        }
    }
    *np = kept;
    return t;
}

/* Makes rules of a cover, whose boxes they take. */
static int
draft(struct acl_recommender *r, const struct acl_need *first, struct acl_cover *cover)
{
    struct acl_rule_draft *rules = reallocarray(r->rules, r->n_rules + cover->n + 1, sizeof *rules);

    if (!rules) {
        return ENOMEM;
    }
    r->rules = rules;
    for (size_t i = 0; i < cover->n; i++) {
        rules[r->n_rules++] = (struct acl_rule_draft){
            .direction = first->direction,
            .tier = first->tier,
            .commented = first->desktops && !r->facts->desktops,
            .box = cover->boxes[i],
        };
        cover->boxes[i] = (struct acl_box){ .witness = 0 };
    }
    return 0;
}

/* Rules for the needs [first, first + n), which are of one tier and direction. */
static int
cover_needs(struct acl_recommender *r, size_t first, size_t n)
{
    struct acl_need *needs = &r->needs[first];
    struct acl_cover cover = { .n = 0 };
    size_t n_triples, base = r->n_rules;
    struct acl_triple *triples = make_triples(needs, n, &n_triples);
    int rc = triples ? acl_cover_build(triples, n_triples, &cover) : ENOMEM;

    rc = rc ? rc : draft(r, needs, &cover);
    for (size_t i = 0; i < n && !rc; i++) {
        struct acl_triple key = triple_of(&needs[i]);
        size_t at = (size_t) ((struct acl_triple *) bsearch(&key, triples, n_triples, sizeof key,
                                                            compare_triples) -
                              triples);
        struct acl_rule_draft *rule = &r->rules[base + cover.owner[at]];

        needs[i].rule_id = base + cover.owner[at];
        if (rule->box.witness == at) {
            rule->witness = first + i;
        }
    }
    free(triples);
    acl_cover_destroy(&cover);
    return rc;
}

static int
cover_all(struct acl_recommender *r)
{
    int rc = 0;

    for (size_t i = 0, n; i < r->n_needs && !rc; i += n) {
        for (n = 1; i + n < r->n_needs && same_cover(&r->needs[i], &r->needs[i + n]);) {
            n++;
        }
        rc = cover_needs(r, i, n);
    }
    return rc;
}

/* ---- whether it holds ---- */

static void
count_rules(struct acl_recommender *r)
{
    for (size_t i = 0; i < r->n_rules; i++) {
        r->out->n_rules += !r->rules[i].commented;
        r->out->n_desktop_rules += r->rules[i].commented;
    }
}

static bool
is_allowed(const struct acl_recommender *r, const struct acl_trial *trial, const struct acl_flow *f)
{
    const struct acl_site *site = r->facts->site;
    uint32_t rule;

    for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
        struct acl_trial_query q = { .port = d == ACL_EGRESS ? f->from : f->to,
                                     .direction = (enum acl_direction) d,
                                     .peer = d == ACL_EGRESS ? f->dst : f->src,
                                     .protocol = f->protocol,
                                     .service = f->service };

        if (q.port < site->n_ports && site->ports[q.port].is_desktop &&
            !acl_trial_allows(trial, &q, &rule)) {
            return false;
        }
    }
    return true;
}

static bool
is_commented(const struct acl_recommender *r, const struct acl_need *need)
{
    return need && r->rules[need->rule_id].commented;
}

/* Asks about every flow. */
static void
judge_flows(struct acl_recommender *r, const struct acl_trial *trial)
{
    struct acl_recommendation *out = r->out;

    for (size_t i = 0; i < r->facts->flows->n; i++) {
        const struct acl_flow *f = &r->facts->flows->v[i];
        const struct acl_need *from = acl_recommend_find(r, f, ACL_EGRESS);
        const struct acl_need *to = acl_recommend_find(r, f, ACL_INGRESS);

        if (!from && !to) {
            out->n_allowed++;
        } else if (is_commented(r, from) || is_commented(r, to)) {
            out->n_desktop_flows++;
        } else {
            out->n_flows++;
            out->n_denied += !is_allowed(r, trial, f);
        }
    }
}

static bool
find_rule(const struct acl_policy *policy, const char *id, uint32_t *rule)
{
    for (uint32_t i = 0; i < policy->n_rules; i++) {
        if (!strcmp(policy->rules[i].id, id)) {
            *rule = i;
            return true;
        }
    }
    return false;
}

/* Asks about every rule: is its witness lost without it? */
static int
judge_rules(struct acl_recommender *r, const struct acl_trial *trial)
{
    int rc = 0;

    for (size_t i = 0; i < r->n_rules && !rc && r->out->n_tried < TRIED_MAX; i++) {
        const struct acl_need *need = &r->needs[r->rules[i].witness];
        struct acl_trial_query q = { .port = need->port,
                                     .direction = need->direction,
                                     .peer = need->peer,
                                     .protocol = need->protocol,
                                     .service = need->service };
        bool allows = true;
        uint32_t rule;

        if (!r->rules[i].commented && find_rule(trial->policy, r->rules[i].id, &rule)) {
            rc = acl_trial_allows_without(trial, &q, rule, &allows);
            r->out->n_needless += allows;
            r->out->n_tried++;
        }
    }
    return rc;
}

static int
parse_both(const struct acl_recommender *r, const char *text, struct acl_policy **policy,
           struct acl_error *error)
{
    size_t n = r->facts->n_sources;
    struct acl_source *sources = calloc(n + 1, sizeof *sources);
    int rc = ENOMEM;

    if (sources) {
        sources[0] = (struct acl_source){ text, strlen(text) };
        for (size_t i = 0; i < n; i++) {
            sources[i + 1] = r->facts->sources[i];
        }
        rc = acl_policy_parse(sources, n + 1, policy, error);
    }
    free(sources);
    return rc;
}

static int
verify(struct acl_recommender *r, const char *text, struct acl_error *error)
{
    struct acl_policy *policy = NULL;
    struct acl_trial trial = { .ports = NULL };
    int rc = parse_both(r, text, &policy, error);

    if (!rc) {
        rc = acl_trial_open(&trial, policy, r->facts->site);
    }
    if (!rc) {
        judge_flows(r, &trial);
        rc = judge_rules(r, &trial);
    }
    acl_trial_close(&trial);
    acl_policy_destroy(policy);
    return rc;
}

/* ---- all of it ---- */

static char *
join(const char *a, const char *b)
{
    struct acl_text text = { .n = 0 };

    acl_text_add(&text, "%s%s", a, b);
    return acl_text_take(&text);
}

static int
write_text(struct acl_recommender *r, struct acl_error *error)
{
    char *body = acl_recommend_body(r), *head = NULL;
    int rc = body ? verify(r, body, error) : ENOMEM;

    if (!rc) {
        head = acl_recommend_head(r);
        r->out->text = head ? join(head, body) : NULL;
        rc = r->out->text ? 0 : ENOMEM;
    }
    free(head);
    free(body);
    return rc;
}

static void
recommender_free(struct acl_recommender *r)
{
    for (size_t i = 0; i < r->n_rules; i++) {
        struct acl_rule_draft *rule = &r->rules[i];

        for (int s = 0; s < ACL_SIDES; s++) {
            free(rule->box.v[s]);
        }
        free(rule->id);
        free(rule->about.s);
        acl_strings_destroy(&rule->applied_to);
        acl_strings_destroy(&rule->peers);
        acl_strings_destroy(&rule->services);
    }
    for (size_t i = 0; i < r->n_groups; i++) {
        free(r->groups[i].name);
        free(r->groups[i].key);
        acl_strings_destroy(&r->groups[i].values);
    }
    for (size_t i = 0; r->spans && i < r->facts->site->n_ports; i++) {
        acl_site_spans_destroy(r->spans[i], r->policy->n_groups);
    }
    acl_trial_close(&r->trial);
    acl_policy_destroy(r->policy);
    acl_policy_destroy(r->shipped);
    free(r->kin);
    free(r->needs);
    free(r->peers);
    free(r->rules);
    free(r->groups);
    free(r->spans);
}

int
acl_recommend(const struct acl_recommend_facts *facts, struct acl_recommendation *out,
              struct acl_error *error)
{
    struct acl_recommender r = { .facts = facts, .out = out };
    int rc;

    *out = (struct acl_recommendation){ .text = NULL };
    rc = acl_policy_parse(facts->sources, facts->n_sources, &r.policy, error);
    if (!rc) {
        rc = acl_trial_open(&r.trial, r.policy, facts->site);
        rc = rc ? rc : acl_recommend_needs(&r);
        rc = rc ? rc : acl_recommend_units(&r);
        rc = rc ? rc : cover_all(&r);
    }
    if (!rc) {
        count_rules(&r);
        acl_recommend_about(&r);
        rc = acl_recommend_names(&r);
        rc = rc ? rc : write_text(&r, error);
    }
    if (r.policy) {
        recommender_free(&r);
    }
    if (rc) {
        acl_recommendation_destroy(out);
    }
    return rc;
}

void
acl_recommendation_destroy(struct acl_recommendation *out)
{
    free(out->text);
    *out = (struct acl_recommendation){ .text = NULL };
}
