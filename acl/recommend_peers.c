/* Whom a rule is about: groups and address sets that were seen as a whole, else the fewest blocks
 * that were. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "acl/format.h"
#include "acl/recommend_priv.h"

#define PREFIXES_MAX 4 /* in a rule; more make a group */

/* The groups' addresses as this desktop's VLAN has them; NULL: memory is short. */
static const struct acl_spans *
spans_for(struct acl_recommender *r, uint32_t port)
{
    const struct acl_site *site = r->facts->site;
    uint32_t first = 0;

    while (site->ports[first].vlan != site->ports[port].vlan) {
        first++;
    }
    if (!r->spans[first]) {
        acl_site_spans(site, r->policy, site->ports[port].vlan, &r->spans[first]);
    }
    return r->spans[first];
}

/* Whether it means the same to all of the rule's desktops. */
static bool
means_one(struct acl_recommender *r, const struct acl_rule_draft *rule, size_t group)
{
    const struct acl_spans *first = spans_for(r, rule->box.v[0][0]);

    for (size_t i = 1; i < rule->box.n[0]; i++) {
        const struct acl_spans *other = spans_for(r, rule->box.v[0][i]);

        if (!other || (other != first && !acl_spans_equal(&first[group], &other[group]))) {
            return false;
        }
    }
    return true;
}

/* How many addresses that are left it names; few enough to count, for all of it was seen. */
static acl_u128
count_addresses(const struct acl_spans *spans)
{
    acl_u128 n = 0;

    for (size_t i = 0; i < spans->n; i++) {
        n += spans->v[i].hi - spans->v[i].lo + 1;
    }
    return n;
}

/* Takes the group that names most of 'left'.  False: there is none, or memory is short. */
static bool
take_group(struct acl_recommender *r, struct acl_rule_draft *rule, const struct acl_spans *all,
           struct acl_spans *left)
{
    const struct acl_spans *spans = spans_for(r, rule->box.v[0][0]);
    struct acl_spans best = { .n = 0 }, without;
    acl_u128 fewest = count_addresses(left);
    size_t at = 0;

    for (size_t g = 0; spans && g < r->policy->n_groups; g++) {
        if (r->policy->groups[g].is_literal || !spans[g].n || !acl_spans_contain(all, &spans[g]) ||
            !acl_spans_subtract(left, &spans[g], &without)) {
            continue;
        }
        if (count_addresses(&without) < fewest && means_one(r, rule, g)) {
            fewest = count_addresses(&without);
            acl_spans_destroy(&best);
            best = without;
            at = g + 1;
        } else {
            acl_spans_destroy(&without);
        }
    }
    if (at) {
        acl_strings_add(&rule->peers, r->policy->groups[at - 1].name);
        acl_spans_destroy(left);
        *left = best;
    }
    return at > 0;
}

static void
add_prefix(struct acl_strings *to, acl_u128 lo, unsigned bits)
{
    struct acl_prefix prefix = { .len = (uint8_t) (128 - bits) };
    struct acl_text text = { .n = 0 };
    bool v4;

    prefix.addr.q[0] = htobe64((uint64_t) (lo >> 64));
    prefix.addr.q[1] = htobe64((uint64_t) lo);
    v4 = prefix.len >= ACL_V4_LEN && acl_addr_is_v4(&prefix.addr);
    acl_text_add(&text, v4 ? "" : "\"");
    acl_text_prefix(&text, &prefix);
    acl_text_add(&text, v4 ? "" : "\"");
    acl_strings_take(to, acl_text_take(&text));
}

/* The fewest prefixes that make up the spans. */
static void
add_prefixes(struct acl_strings *to, const struct acl_spans *spans)
{
    for (size_t i = 0; i < spans->n; i++) {
        acl_u128 lo = spans->v[i].lo, left = spans->v[i].hi - lo; /* one less than there are */
        bool more = true;

        while (more) {
            unsigned bits = 0;

            while (bits < 127 && !(lo >> bits & 1) && (((acl_u128) 2 << bits) - 1) <= left) {
                bits++;
            }
            add_prefix(to, lo, bits);
            more = (((acl_u128) 1 << bits) - 1) < left;
            lo += (acl_u128) 1 << bits;
            left -= more ? (acl_u128) 1 << bits : 0;
        }
    }
}

static int
add_rest(struct acl_recommender *r, struct acl_rule_draft *rule, const struct acl_spans *left)
{
    struct acl_strings prefixes = { .n = 0 };
    struct acl_text base = { .n = 0 };
    const char *name;
    char *s;

    add_prefixes(&prefixes, left);
    if (prefixes.n <= PREFIXES_MAX) {
        for (size_t i = 0; i < prefixes.n; i++) {
            acl_strings_add(&rule->peers, prefixes.v[i]);
        }
        rule->peers.failed |= prefixes.failed;
        acl_strings_destroy(&prefixes);
        return 0;
    }
    acl_text_add(&base, "peers-%s", rule->id);
    s = acl_text_take(&base);
    if (!s) {
        acl_strings_destroy(&prefixes);
        return ENOMEM;
    }
    name = acl_recommend_define(r, s, "cidrs", &prefixes, rule->commented);
    free(s);
    if (name) {
        acl_strings_add(&rule->peers, name);
    }
    return name ? 0 : ENOMEM;
}

int
acl_recommend_peers(struct acl_recommender *r, struct acl_rule_draft *rule)
{
    struct acl_spans all = { .n = 0 }, left = { .n = 0 };
    int rc = 0;

    for (size_t i = 0; i < rule->box.n[1] && !rc; i++) {
        const struct acl_prefix host = { r->peers[rule->box.v[1][i]], 128 };

        rc = acl_spans_add_prefix(&all, &host) ? 0 : ENOMEM;
    }
    acl_spans_normalise(&all);
    rc = rc || acl_spans_append(&left, &all) ? rc : ENOMEM;
    while (!rc && left.n && take_group(r, rule, &all, &left)) {
    }
    rc = rc ? rc : add_rest(r, rule, &left);
    acl_spans_destroy(&all);
    acl_spans_destroy(&left);
    return rule->peers.failed ? ENOMEM : rc;
}
