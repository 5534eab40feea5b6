#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/diff_priv.h"
#include "acl/format.h"

#define NONE UINT32_MAX

static const char *const things[ACL_N_THINGS] = {
    [ACL_THING_SET] = "address set",      [ACL_THING_GROUP] = "group",
    [ACL_THING_SERVICE] = "service",      [ACL_THING_POOL] = "pool",
    [ACL_THING_DETECTION] = "detection",  [ACL_THING_RULE] = "rule",
    [ACL_THING_LIST] = "quarantine list",
};

const char *
acl_diff_kind_name(enum acl_diff_kind kind)
{
    static const char *const names[] = { "added", "removed", "changed", "moved" };

    return names[kind];
}

/* Things of one kind on both sides, matched by name. */
struct sides {
    const struct acl_policy *before, *after;
    enum acl_thing thing;
    size_t n_before, n_after;
    uint32_t *was; /* of each after: its index before, or NONE */
    bool *stays;   /* of each before */
    bool *moved;   /* of each after */
    const struct acl_spans *tunnels;
};

/* ---- entries ---- */

static struct acl_diff_entry *
add(struct acl_diff *diff, enum acl_diff_kind kind, const struct acl_policy *policy,
    enum acl_thing thing, size_t i)
{
    struct acl_diff_entry *entry;

    if (diff->n == diff->allocated) {
        size_t allocated = diff->allocated ? diff->allocated * 2 : 16;
        struct acl_diff_entry *entries = reallocarray(diff->entries, allocated, sizeof *entries);

        if (!entries) {
            return NULL;
        }
        diff->entries = entries;
        diff->allocated = allocated;
    }
    entry = &diff->entries[diff->n++];
    *entry = (struct acl_diff_entry){ .kind = kind,
                                      .what = things[thing],
                                      .name = strdup(acl_thing_name(policy, thing, i)),
                                      .place = *acl_thing_place(policy, thing, i) };
    return entry->name ? entry : NULL;
}

/* The thing in front of it that is tried first, where there is an order: rules of its tier and
 * direction, pools. */
static const char *
predecessor(const struct acl_policy *policy, enum acl_thing thing, size_t i)
{
    const struct acl_rule *rules = policy->rules;

    for (size_t j = i; j-- > 0;) {
        const char *name = acl_thing_name(policy, thing, j);

        if (name && (thing != ACL_THING_RULE || (rules[j].tier == rules[i].tier &&
                                                 rules[j].direction == rules[i].direction))) {
            return name;
        }
    }
    return NULL;
}

static void
add_position(struct acl_text *text, const struct acl_policy *policy, enum acl_thing thing, size_t i)
{
    const char *front = predecessor(policy, thing, i);

    acl_text_add(text, front ? "behind '%s'" : "in front%s", front ? front : "");
}

/* A thing that is there on one side only, and what it says. */
static int
describe(struct acl_text *text, const struct sides *s, const struct acl_policy *policy, size_t i)
{
    struct acl_value values[ACL_MAX_VALUES];
    char *rule;
    size_t n;
    int rc;

    if (s->thing == ACL_THING_RULE) {
        rc = acl_rule_text(policy, &policy->rules[i], &rule);
        acl_text_add(text, " in tier %s: %s", acl_tier_name(policy->rules[i].tier), rc ? "" : rule);
        if (!rc) {
            free(rule);
        }
        return rc;
    }
    rc = acl_thing_values(policy, s->thing, i, s->tunnels, values, &n);
    for (size_t v = 0; v < n && !rc; v++) {
        if (strcmp(values[v].text, "[]")) {
            acl_text_add(text, "%s%s %s", v ? ", " : ": ", values[v].name, values[v].text);
        }
    }
    acl_values_destroy(values, n);
    return rc;
}

static int
add_single(struct acl_diff *diff, const struct sides *s, enum acl_diff_kind kind, size_t i)
{
    const struct acl_policy *policy = kind == ACL_DIFF_ADDED ? s->after : s->before;
    struct acl_diff_entry *entry = add(diff, kind, policy, s->thing, i);
    struct acl_text text = { .n = 0 };
    int rc;

    if (!entry) {
        return ENOMEM;
    }
    acl_text_add(&text, "%s '%s' %s", entry->what, entry->name, acl_diff_kind_name(kind));
    if (kind == ACL_DIFF_ADDED && (s->thing == ACL_THING_RULE || s->thing == ACL_THING_POOL)) {
        acl_text_add(&text, " ");
        add_position(&text, policy, s->thing, i);
    }
    rc = describe(&text, s, policy, i);
    entry->text = acl_text_take(&text);
    return rc ? rc : entry->text ? 0 : ENOMEM;
}

static int
add_moved(struct acl_diff *diff, const struct sides *s, size_t i)
{
    struct acl_diff_entry *entry = add(diff, ACL_DIFF_MOVED, s->after, s->thing, i);
    struct acl_text text = { .n = 0 };

    if (!entry) {
        return ENOMEM;
    }
    acl_text_add(&text, "%s '%s' moved: it was ", entry->what, entry->name);
    add_position(&text, s->before, s->thing, s->was[i]);
    acl_text_add(&text, ", and is ");
    add_position(&text, s->after, s->thing, i);
    entry->text = acl_text_take(&text);
    return entry->text ? 0 : ENOMEM;
}

/* ---- what changed ---- */

/* The same text may stand for other tunnels only where the action changed, which is told. */
static bool
differ(const struct acl_value *a, const struct acl_value *b)
{
    return strcmp(a->text, b->text) && !(a->exact && acl_spans_equal(&a->spans, &b->spans));
}

static int
add_field(struct acl_diff_entry *entry, struct acl_text *text, struct acl_value *before,
          struct acl_value *after)
{
    struct acl_diff_field *fields =
        reallocarray(entry->fields, entry->n_fields + 1, sizeof *fields);

    if (!fields) {
        return ENOMEM;
    }
    acl_text_add(text, "%s %s %s -> %s", entry->n_fields ? "," : ":", before->name, before->text,
                 after->text);
    entry->fields = fields;
    fields[entry->n_fields++] = (struct acl_diff_field){ before->name, before->text, after->text };
    before->text = after->text = NULL;
    return 0;
}

static int
add_changed(struct acl_diff *diff, const struct sides *s, size_t i, struct acl_value *before,
            struct acl_value *after, size_t n)
{
    struct acl_diff_entry *entry = NULL;
    struct acl_text text = { .n = 0 };
    int rc = 0;

    for (size_t v = 0; v < n && !rc; v++) {
        if (!differ(&before[v], &after[v])) {
            continue;
        }
        if (!entry) {
            entry = add(diff, ACL_DIFF_CHANGED, s->after, s->thing, i);
            if (!entry) {
                return ENOMEM;
            }
            acl_text_add(&text, "%s '%s'", entry->what, entry->name);
        }
        rc = add_field(entry, &text, &before[v], &after[v]);
    }
    if (entry) {
        entry->text = acl_text_take(&text);
        rc = rc ? rc : entry->text ? 0 : ENOMEM;
    }
    return rc;
}

static int
compare(struct acl_diff *diff, const struct sides *s, size_t i)
{
    struct acl_value before[ACL_MAX_VALUES], after[ACL_MAX_VALUES];
    size_t n_before, n_after = 0;
    int rc = acl_thing_values(s->before, s->thing, s->was[i], s->tunnels, before, &n_before);

    rc = rc ? rc : acl_thing_values(s->after, s->thing, i, s->tunnels, after, &n_after);
    rc = rc ? rc : add_changed(diff, s, i, before, after, n_before);
    acl_values_destroy(before, n_before);
    acl_values_destroy(after, n_after);
    return rc;
}

/* ---- matching by name ---- */

struct named {
    const char *name;
    uint32_t index;
};

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *) a)->name, ((const struct named *) b)->name);
}

static size_t
sort_names(const struct acl_policy *policy, enum acl_thing thing, struct named *names)
{
    size_t count = acl_thing_count(policy, thing), n = 0;

    for (size_t i = 0; i < count; i++) {
        const char *name = acl_thing_name(policy, thing, i);

        if (name) {
            names[n++] = (struct named){ name, (uint32_t) i };
        }
    }
    if (n) {
        qsort(names, n, sizeof *names, compare_names);
    }
    return n;
}

static bool
match(struct sides *s)
{
    struct named *before = calloc(s->n_before + 1, sizeof *before);
    struct named wanted = { .index = NONE };
    size_t n;

    if (!before) {
        return false;
    }
    n = sort_names(s->before, s->thing, before);
    for (size_t i = 0; i < s->n_after; i++) {
        const struct named *found = NULL;

        wanted.name = acl_thing_name(s->after, s->thing, i);
        if (wanted.name && n) {
            found = bsearch(&wanted, before, n, sizeof *before, compare_names);
        }
        s->was[i] = found ? found->index : NONE;
        if (found) {
            s->stays[found->index] = true;
        }
    }
    free(before);
    return true;
}

/* ---- moves ---- */

/* Marks those of items[0..n) that are not in a longest rising sequence of their places before:
 * patience sorting. */
static bool
mark_moved(struct sides *s, const uint32_t *items, size_t n)
{
    uint32_t *tails = malloc((n + 1) * sizeof *tails), *links = malloc((n + 1) * sizeof *links);
    size_t length = 0;
    bool ok = tails && links;

    for (size_t i = 0; i < n && ok; i++) {
        size_t lo = 0, hi = length;

        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;

            if (s->was[items[tails[mid]]] < s->was[items[i]]) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        links[i] = lo ? tails[lo - 1] : NONE;
        tails[lo] = (uint32_t) i;
        length += lo == length;
        s->moved[items[i]] = true;
    }
    for (uint32_t i = ok && length ? tails[length - 1] : NONE; i != NONE; i = links[i]) {
        s->moved[items[i]] = false;
    }
    free(tails);
    free(links);
    return ok;
}

/* Rules are in an order with those of the same tier and direction on both sides. */
static bool
in_bucket(const struct sides *s, size_t i, size_t bucket)
{
    const struct acl_rule *before, *after;

    if (s->was[i] == NONE || s->thing != ACL_THING_RULE) {
        return s->was[i] != NONE && s->thing == ACL_THING_POOL && !bucket;
    }
    before = &s->before->rules[s->was[i]];
    after = &s->after->rules[i];
    return before->tier == after->tier && before->direction == after->direction &&
           (size_t) after->tier * ACL_N_DIRECTIONS + (size_t) after->direction == bucket;
}

static bool
find_moved(struct sides *s)
{
    uint32_t *items = malloc((s->n_after + 1) * sizeof *items);
    bool ok = items != NULL;

    for (size_t bucket = 0; bucket < (size_t) ACL_N_TIERS * ACL_N_DIRECTIONS && ok; bucket++) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_after; i++) {
            if (in_bucket(s, i, bucket)) {
                items[n++] = (uint32_t) i;
            }
        }
        ok = mark_moved(s, items, n);
    }
    free(items);
    return ok;
}

/* ---- all of it ---- */

static int
compare_sides(struct acl_diff *diff, const struct sides *s)
{
    int rc = 0;

    for (size_t i = 0; i < s->n_before && !rc; i++) {
        if (!s->stays[i] && acl_thing_name(s->before, s->thing, i)) {
            rc = add_single(diff, s, ACL_DIFF_REMOVED, i);
        }
    }
    for (size_t i = 0; i < s->n_after && !rc; i++) {
        if (!acl_thing_name(s->after, s->thing, i)) {
            continue;
        }
        if (s->was[i] == NONE) {
            rc = add_single(diff, s, ACL_DIFF_ADDED, i);
            continue;
        }
        rc = compare(diff, s, i);
        if (!rc && s->moved[i]) {
            rc = add_moved(diff, s, i);
        }
    }
    return rc;
}

static int
diff_things(struct acl_diff *diff, const struct acl_policy *before, const struct acl_policy *after,
            enum acl_thing thing, const struct acl_spans *tunnels)
{
    struct sides s = {
        .before = before,
        .after = after,
        .thing = thing,
        .n_before = acl_thing_count(before, thing),
        .n_after = acl_thing_count(after, thing),
        .tunnels = tunnels,
    };
    int rc = ENOMEM;

    s.was = calloc(s.n_after + 1, sizeof *s.was);
    s.moved = calloc(s.n_after + 1, sizeof *s.moved);
    s.stays = calloc(s.n_before + 1, sizeof *s.stays);
    if (s.was && s.moved && s.stays && match(&s) && find_moved(&s)) {
        rc = compare_sides(diff, &s);
    }
    free(s.was);
    free(s.moved);
    free(s.stays);
    return rc;
}

int
acl_diff(const struct acl_policy *before, const struct acl_policy *after, struct acl_diff *diff)
{
    struct acl_spans tunnels;
    int rc = acl_tunnel_spans(&tunnels) ? 0 : ENOMEM;

    *diff = (struct acl_diff){ .n = 0 };
    for (int thing = 0; thing < ACL_N_THINGS && !rc; thing++) {
        rc = diff_things(diff, before, after, (enum acl_thing) thing, &tunnels);
    }
    acl_spans_destroy(&tunnels);
    if (rc) {
        acl_diff_destroy(diff);
    }
    diff->same = !rc && !diff->n;
    return rc;
}

void
acl_diff_destroy(struct acl_diff *diff)
{
    for (size_t i = 0; i < diff->n; i++) {
        struct acl_diff_entry *entry = &diff->entries[i];

        for (size_t f = 0; f < entry->n_fields; f++) {
            free(entry->fields[f].before);
            free(entry->fields[f].after);
        }
        free(entry->fields);
        free(entry->name);
        free(entry->text);
    }
    free(diff->entries);
    *diff = (struct acl_diff){ .n = 0 };
}
