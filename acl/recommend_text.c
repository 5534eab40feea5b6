/* The recommendation as YAML, for people to read and edit. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acl/format.h"
#include "acl/recommend_priv.h"

#define WIDTH 100
#define PORTS_MAX 16 /* named in a comment */
#define RULES_MAX 4

/* ---- lines ---- */

static size_t
column(const struct acl_text *text)
{
    const char *nl = text->n ? memrchr(text->s, '\n', text->n) : NULL;

    return nl ? (size_t) (text->s + text->n - nl) - 1 : text->n;
}

/* A piece that stays whole, on a new line that begins with 'margin' when this one is full. */
static void
add_piece(struct acl_text *text, const char *piece, const char *margin)
{
    if (!text->failed && column(text) + strlen(piece) > WIDTH) {
        while (text->n && text->s[text->n - 1] == ' ') {
            text->n--;
        }
        acl_text_add(text, "\n%s", margin);
        piece += strspn(piece, " ");
    }
    acl_text_add(text, "%s", piece);
}

/* " key: [a, b, c]" */
static void
add_list(struct acl_text *text, const char *key, const struct acl_strings *list, const char *margin)
{
    for (size_t i = 0; i < list->n; i++) {
        struct acl_text piece = { .n = 0 };
        char *s;

        if (!i) {
            acl_text_add(&piece, " %s: [", key);
        }
        acl_text_add(&piece, "%s%s", list->v[i], i + 1 < list->n ? ", " : "]");
        s = acl_text_take(&piece);
        add_piece(text, s ? s : "", margin);
        text->failed |= !s;
        free(s);
    }
}

/* Words of 'prose' as comment lines. */
static void
add_comment(struct acl_text *text, const char *indent, const char *prose)
{
    struct acl_text margin = { .n = 0 };
    char *m;

    acl_text_add(&margin, "%s# ", indent);
    m = acl_text_take(&margin);
    for (const char *line = prose; m && *line; line += strcspn(line, "\n") + 1) {
        size_t n = strcspn(line, "\n");

        acl_text_add(text, n ? "%s" : "%s#", n ? m : indent);
        for (size_t i = 0; i < n;) {
            size_t word = strcspn(line + i, " \n");
            char piece[128];

            word += line[i + word] == ' ';
            word = word < sizeof piece ? word : sizeof piece - 1;
            memcpy(piece, line + i, word);
            piece[word] = '\0';
            add_piece(text, piece, m);
            i += word;
        }
        acl_text_add(text, "\n");
    }
    text->failed |= !m;
    free(m);
}

static const char *
plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void
add_time(struct acl_text *text, int64_t seconds)
{
    time_t t = (time_t) seconds;
    char s[32];
    struct tm tm;

    if (gmtime_r(&t, &tm) && strftime(s, sizeof s, "%Y-%m-%d %H:%M:%SZ", &tm)) {
        acl_text_add(text, "%s", s);
    }
}

/* ---- about a rule ---- */

struct tally {
    uint64_t flows, packets;
    int64_t first_s, last_s;
};

static struct tally
count(const struct acl_recommender *r, size_t rule)
{
    struct tally t = { .first_s = INT64_MAX, .last_s = INT64_MIN };

    for (size_t i = 0; i < r->n_needs; i++) {
        const struct acl_need *n = &r->needs[i];

        if (n->rule_id == rule) {
            t.flows += n->n_flows;
            t.packets += n->packets ? n->packets : n->other_packets;
            t.first_s = n->first_s < t.first_s ? n->first_s : t.first_s;
            t.last_s = n->last_s > t.last_s ? n->last_s : t.last_s;
        }
    }
    return t;
}

static void
add_denier(const struct acl_recommender *r, struct acl_text *text, uint32_t rule)
{
    acl_text_add(text, "%s", rule == ACL_RULE_DEFAULT ? "default" : r->policy->rules[rule].id);
}

/* Which rules deny it now. */
static void
add_deniers(const struct acl_recommender *r, struct acl_text *text, size_t rule)
{
    uint32_t said[RULES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < r->n_needs; i++) {
        size_t j = 0;

        while (j < n && said[j] != r->needs[i].rule) {
            j++;
        }
        if (r->needs[i].rule_id != rule || j < n) {
            continue;
        }
        if (n == RULES_MAX) {
            acl_text_add(text, " and others");
            return;
        }
        acl_text_add(text, n ? ", " : "");
        add_denier(r, text, r->needs[i].rule);
        said[n++] = r->needs[i].rule;
    }
}

static void
add_ports(const struct acl_recommender *r, struct acl_text *text, const struct acl_rule_draft *rule)
{
    size_t n = rule->box.n[0], shown = n > PORTS_MAX ? PORTS_MAX : n;

    for (size_t i = 0; i < shown; i++) {
        acl_text_add(text, "%s%s", i ? ", " : "", r->facts->site->ports[rule->box.v[0][i]].name);
    }
    if (shown < n) {
        acl_text_add(text, " and %zu more", n - shown);
    }
}

void
acl_recommend_about(struct acl_recommender *r)
{
    for (size_t i = 0; i < r->n_rules; i++) {
        struct acl_text *about = &r->rules[i].about;
        struct tally t = count(r, i);

        acl_text_add(about, "%" PRIu64 " flow%s, %" PRIu64 " packet%s, ", t.flows, plural(t.flows),
                     t.packets, plural(t.packets));
        add_time(about, t.first_s);
        if (t.last_s != t.first_s) {
            acl_text_add(about, " to ");
            add_time(about, t.last_s);
        }
        acl_text_add(about, "; denied by ");
        add_deniers(r, about, i);
        acl_text_add(about, ".  Needed by ");
        add_ports(r, about, &r->rules[i]);
        acl_text_add(about, ".\n");
    }
}

/* ---- sections ---- */

static bool
any_group(const struct acl_recommender *r, bool commented)
{
    for (size_t i = 0; i < r->n_groups; i++) {
        if (r->groups[i].commented == commented) {
            return true;
        }
    }
    return false;
}

static void
add_group(struct acl_text *text, const struct acl_group_draft *g)
{
    const char *margin = g->commented ? "#     " : "    ";

    acl_text_add(text, "%s  %s: {", g->commented ? "#" : "", g->name);
    if (!strcmp(g->key, "labels")) {
        acl_text_add(text, " labels: { %s }", g->values.v[0]);
    } else {
        add_list(text, g->key, &g->values, margin);
    }
    acl_text_add(text, " }\n");
}

static void
add_groups(const struct acl_recommender *r, struct acl_text *text)
{
    if (r->n_groups) {
        acl_text_add(text, "%sgroups:\n", any_group(r, false) ? "" : "#");
    }
    for (int commented = 0; commented < 2; commented++) {
        for (size_t i = 0; i < r->n_groups; i++) {
            if (r->groups[i].commented == commented) {
                add_group(text, &r->groups[i]);
            }
        }
    }
}

static void
add_rule(struct acl_text *text, const struct acl_rule_draft *rule, const char *indent)
{
    struct acl_text margin = { .n = 0 };
    char *m;

    acl_text_add(&margin, "%s%s    ", rule->commented ? "#" : "", indent);
    m = acl_text_take(&margin);
    if (!m) {
        text->failed = true;
        return;
    }
    add_comment(text, indent, rule->about.s ? rule->about.s : "");
    acl_text_add(text, "%s%s- { id: %s, direction: %s,", rule->commented ? "#" : "", indent,
                 rule->id, acl_direction_name(rule->direction));
    add_list(text, "applied_to", &rule->applied_to, m);
    acl_text_add(text, ",");
    add_list(text, "peer", &rule->peers, m);
    acl_text_add(text, ",");
    add_list(text, "service", &rule->services, m);
    acl_text_add(text, ",");
    add_piece(text, " action: allow }", m);
    acl_text_add(text, "\n");
    free(m);
}

static bool
any_rule(const struct acl_recommender *r, unsigned tiers, bool commented)
{
    for (size_t i = 0; i < r->n_rules; i++) {
        if (r->rules[i].commented == commented && tiers & 1u << r->rules[i].tier) {
            return true;
        }
    }
    return false;
}

static void
add_rules(const struct acl_recommender *r, struct acl_text *text, enum acl_tier tier,
          const char *indent)
{
    for (size_t i = 0; i < r->n_rules; i++) {
        if (r->rules[i].tier == tier && !r->rules[i].commented) {
            add_rule(text, &r->rules[i], indent);
        }
    }
    if (any_rule(r, 1u << tier, true)) {
        add_comment(
            text, indent,
            "\n"
            "WARNING: between desktops.  These are NOT recommended: to deny them is what the "
            "switch is there for, and malware looks the same.  Take the # away only from "
            "what you know.\n");
    }
    for (size_t i = 0; i < r->n_rules; i++) {
        if (r->rules[i].tier == tier && r->rules[i].commented) {
            add_rule(text, &r->rules[i], indent);
        }
    }
}

/* "rules:" or the like, as a comment when there is nothing but comments below. */
static void
add_heading(const struct acl_recommender *r, struct acl_text *text, unsigned tiers,
            const char *heading)
{
    acl_text_add(text, "%s%s:\n", any_rule(r, tiers, false) ? "" : "#", heading);
}

char *
acl_recommend_body(const struct acl_recommender *r)
{
    const unsigned own = 1u << ACL_APPLICATION, others = ~own;
    struct acl_text text = { .n = 0 };

    acl_text_add(&text, "version: 1\n");
    add_groups(r, &text);
    if (any_rule(r, own, false) || any_rule(r, own, true)) {
        add_heading(r, &text, own, "rules");
        add_rules(r, &text, ACL_APPLICATION, "  ");
    }
    if (any_rule(r, others, false) || any_rule(r, others, true)) {
        add_heading(r, &text, others, "tiers");
    }
    for (unsigned tier = 0; tier < ACL_N_TIERS; tier++) {
        if (tier != ACL_APPLICATION &&
            (any_rule(r, 1u << tier, false) || any_rule(r, 1u << tier, true))) {
            acl_text_add(&text, "%s  %s:\n", any_rule(r, 1u << tier, false) ? "" : "#",
                         acl_tier_name((enum acl_tier) tier));
            add_rules(r, &text, (enum acl_tier) tier, "    ");
        }
    }
    return acl_text_take(&text);
}

/* ---- the head ---- */

/* A file's name, if it can stand on a command line as it is. */
static const char *
plain_name(const char *name)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";

    return *name && *name != '-' && strspn(name, plain) == strlen(name) ? name : "PRESENT.yaml";
}

static void
say_use(const struct acl_recommender *r, struct acl_text *text)
{
    acl_text_add(text,
                 "Apply it in front of the policy that it was made for (version %" PRIu64
                 "), or take its rules over:\n"
                 "    swctl policy apply RECOMMENDED.yaml",
                 r->facts->version);
    for (size_t i = 0; i < r->facts->n_sources; i++) {
        acl_text_add(text, " %s", plain_name(r->facts->names[i]));
    }
    acl_text_add(text, "\n\n");
}

static void
say_seen(const struct acl_recommender *r, struct acl_text *text)
{
    const struct acl_flows *flows = r->facts->flows;
    int64_t first = INT64_MAX, last = INT64_MIN;

    for (size_t i = 0; i < flows->n; i++) {
        first = flows->v[i].first_s < first ? flows->v[i].first_s : first;
        last = flows->v[i].last_s > last ? flows->v[i].last_s : last;
    }
    acl_text_add(text,
                 "Seen: %" PRIu64 " record%s of %" PRIu64 " packet%s, which are %zu flow%s "
                 "(who, to whom, which service)",
                 flows->records, plural(flows->records), flows->packets, plural(flows->packets),
                 flows->n, plural(flows->n));
    if (flows->n) {
        acl_text_add(text, ", ");
        add_time(text, first);
        acl_text_add(text, " to ");
        add_time(text, last);
    }
    acl_text_add(text, ".\n");
}

static void
say_verified(const struct acl_recommender *r, struct acl_text *text)
{
    const struct acl_recommendation *out = r->out;

    acl_text_add(text, "Recommended: %zu rule%s for %zu flow%s.\n", out->n_rules,
                 plural(out->n_rules), out->n_flows, plural(out->n_flows));
    if (!out->n_rules) {
        return;
    }
    acl_text_add(text,
                 "Asked of the tables that the switch would use, of the policy with this in "
                 "front: %zu of %zu flows are allowed, and %zu of %zu rules%s cannot be left "
                 "out, for some flow would be denied then.\n",
                 out->n_flows - out->n_denied, out->n_flows, out->n_tried - out->n_needless,
                 out->n_tried, out->n_tried < out->n_rules ? " that were tried" : "");
    if (out->n_denied || out->n_needless) {
        acl_text_add(text, "WARNING: %zu flows are still denied, %zu rules are not needed.\n",
                     out->n_denied, out->n_needless);
    }
}

static void
say_left_out(const struct acl_recommender *r, struct acl_text *text)
{
    const struct acl_recommend_facts *f = r->facts;
    const struct acl_recommendation *out = r->out;
    size_t before = text->n;

    acl_text_add(text, "\nLeft out:\n");
#define SAY(N, ...)                                                                                \
    if (N) {                                                                                       \
        acl_text_add(text, __VA_ARGS__);                                                           \
    }
    SAY(out->n_allowed, "- %zu flow%s that the policy allows by now.\n", out->n_allowed,
        plural(out->n_allowed))
    SAY(out->n_desktop_flows,
        "- %zu flow%s between desktops: %zu rule%s, as comments (--include-desktops).\n",
        out->n_desktop_flows, plural(out->n_desktop_flows), out->n_desktop_rules,
        plural(out->n_desktop_rules))
    SAY(f->flows->gone, "- %" PRIu64 " record%s of ports that are no more.\n", f->flows->gone,
        plural(f->flows->gone))
    SAY(f->flows->unknown, "- %" PRIu64 " record%s of which nobody knows the desktop.\n",
        f->flows->unknown, plural(f->flows->unknown))
    SAY(f->flows->too_many, "- %" PRIu64 " record%s of more flows than the %d that fit.\n",
        f->flows->too_many, plural(f->flows->too_many), ACL_FLOWS_MAX)
    SAY(f->unrecorded,
        "- %" PRIu64 " packet%s without a record: log class none, over the port's budget of "
        "records, or lost on the way.  What they were is not known.\n",
        f->unrecorded, plural(f->unrecorded))
    SAY(f->forgotten, "- %" PRIu64 " older event%s, which the switch no longer holds.\n",
        f->forgotten, plural(f->forgotten))
    SAY(f->gaps,
        "- What is missing in %" PRIu64 " place%s of the records (restarts, a disk that "
        "failed).\n",
        f->gaps, plural(f->gaps))
    SAY(!f->drops, "- What was really dropped (--include-drops).\n")
#undef SAY
    if (text->n == before + strlen("\nLeft out:\n") && !text->failed) {
        acl_text_add(text, "- nothing.\n");
    }
}

char *
acl_recommend_head(const struct acl_recommender *r)
{
    struct acl_text prose = { .n = 0 }, text = { .n = 0 };
    char *s;

    acl_text_add(&prose, "The fewest rules that were found for what %s.\n",
                 r->facts->drops ? "was dropped, or would have been but for audit mode"
                                 : "would have been dropped but for audit mode");
    say_use(r, &prose);
    say_seen(r, &prose);
    say_verified(r, &prose);
    say_left_out(r, &prose);
    s = acl_text_take(&prose);
    if (!s) {
        return NULL;
    }
    add_comment(&text, "", s);
    free(s);
    return acl_text_take(&text);
}
