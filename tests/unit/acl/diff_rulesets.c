/* Holds the tables against two first-match walks on ClassBench rule sets: acl_oracle_lookup(), over
 * classes, and one over the addresses of the file itself, which also judges the class maps.
 *
 *     diff_rulesets [-n HEADERS] [-e EVERY] [-s SEED] [FILE...]
 *
 * HEADERS (1,000,000) for each set, fewer where it has more than 10,000 rules, half on the edges of
 * rules and half random.  The address walk sees all of them, the class walk, which is ten times as
 * slow, every EVERY-th (21).  Without a FILE it takes all of tests/data/rulesets.  Prints its seed,
 * which is always the same unless given.  Every body of the lookups that the CPU runs (lookup.h)
 * has to say the same.  Exits non-zero when a set differs. */
#include <config.h>

#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acl/compile.h"
#include "acl/lookup.h"
#include "ruleset.h"

#define MANY_RULES 10000 /* the walks take time in proportion */

static uint64_t first_seed = UINT64_C(88172645463325252), seed;

static uint64_t
random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint32_t
below(uint32_t n)
{
    return (uint32_t) ((random64() >> 32) * n >> 32);
}

static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* An address in, or one off, the prefix. */
static uint32_t
near_prefix(uint32_t addr, uint32_t mask)
{
    switch (below(6)) {
    case 0:
        return addr;
    case 1:
        return addr | ~mask;
    case 2:
        return addr - 1;
    case 3:
        return (addr | ~mask) + 1;
    default:
        return addr | ((uint32_t) random64() & ~mask);
    }
}

static uint16_t
near_range(const struct acl_range *range)
{
    switch (below(6)) {
    case 0:
        return range->lo;
    case 1:
        return range->hi;
    case 2:
        return (uint16_t) (range->lo - 1);
    case 3:
        return (uint16_t) (range->hi + 1);
    default:
        return (uint16_t) (range->lo + below((uint32_t) (range->hi - range->lo) + 1));
    }
}

static void
make_header(const struct filters *filters, size_t i, struct header *h)
{
    const struct filter *f = &filters->filters[below((uint32_t) filters->n)];
    const struct filter *g = below(4) ? f : &filters->filters[below((uint32_t) filters->n)];

    if (i % 2) {
        h->src = near_prefix(f->src, f->src_mask);
        h->dst = near_prefix(g->dst, g->dst_mask);
        h->sport = near_range(&f->sport);
        h->dport = near_range(&g->dport);
        h->protocol = f->protocol_mask ? f->protocol : (uint8_t) random64();
    } else {
        /* Random all over would only ever meet the default: random within two rules' prefixes. */
        bool within = below(4) > 0;

        h->src = (uint32_t) random64();
        h->dst = (uint32_t) random64();
        h->src = within ? f->src | (h->src & ~f->src_mask) : h->src;
        h->dst = within ? g->dst | (h->dst & ~g->dst_mask) : h->dst;
        h->sport = (uint16_t) random64();
        h->dport = below(2) ? near_range(&f->dport) : (uint16_t) random64();
        h->protocol = below(4) ? f->protocol : (uint8_t) random64();
    }
}

static struct acl_key
key_of(const struct classifier *c, const struct header *h)
{
    struct acl_addr src = acl_addr_from_v4(htonl(h->src)), dst = acl_addr_from_v4(htonl(h->dst));

    return (struct acl_key){
        .peer_class = acl_classmap_lookup(c->src, &src),
        .local_class = acl_classmap_lookup(c->dst, &dst),
        .sport = h->sport,
        .dport = h->dport,
        .protocol = h->protocol,
    };
}

static bool
verdicts_equal(const struct acl_verdict *a, const struct acl_verdict *b)
{
    return a->rule == b->rule && a->slot == b->slot && a->action == b->action && a->log == b->log;
}

static bool
report(const char *what, const struct header *h, uint32_t table, uint32_t walk)
{
    printf("DIFFERENT from the %s walk: %08x -> %08x, ports %u -> %u, protocol %u: table says %d, "
           "walk says %d\n",
           what, h->src, h->dst, h->sport, h->dport, h->protocol, (int) table, (int) walk);
    return false;
}

#define BURST 61

/* Every body that the CPU runs says the same of the keys. */
static bool
bodies_agree(const struct acl_table *table, const struct acl_key *keys, size_t n,
             struct acl_verdict *verdicts)
{
    struct acl_verdict others[BURST];

    memset(verdicts, 0, n * sizeof *verdicts);
    acl_body_use("scalar");
    acl_table_lookup_bulk(table, keys, n, verdicts);
    for (const char *const *name = acl_body_names; *name; name++) {
        memset(others, 0, n * sizeof *others);
        if (acl_body_use(*name)) {
            acl_table_lookup_bulk(table, keys, n, others);
            if (memcmp(verdicts, others, n * sizeof *others)) {
                printf("DIFFERENT: the %s body from the scalar one\n", *name);
                return false;
            }
        }
    }
    return acl_body_use(NULL);
}

static bool
compare_one(const struct ruleset *set, const struct classifier *c, const struct header *h,
            const struct acl_key *key, const struct acl_verdict *verdict, bool class_walk)
{
    uint32_t rule = filters_walk(&set->filters, h);
    struct acl_verdict expected;

    if (verdict->rule != rule) {
        return report("address", h, verdict->rule, rule);
    }
    if (class_walk) {
        acl_oracle_lookup(set->rules, set->filters.n, c->src_classes, c->dst_classes,
                          RULESET_DEFAULT_SLOT, key, &expected);
        if (!verdicts_equal(verdict, &expected)) {
            return report("class", h, verdict->rule, expected.rule);
        }
    }
    return true;
}

static bool
compare(const struct ruleset *set, const struct classifier *c, size_t n_headers, size_t every,
        size_t *n_matched)
{
    struct acl_verdict verdicts[BURST];
    struct header headers[BURST];
    struct acl_key keys[BURST];

    for (size_t i = 0; i < n_headers; i += BURST) {
        for (size_t j = 0; j < BURST; j++) {
            make_header(&set->filters, i + j, &headers[j]);
            keys[j] = key_of(c, &headers[j]);
        }
        if (!bodies_agree(c->table, keys, BURST, verdicts)) {
            return false;
        }
        for (size_t j = 0; j < BURST; j++) {
            /* 'every' is odd or 1, so that both kinds of headers are seen. */
            if (!compare_one(set, c, &headers[j], &keys[j], &verdicts[j], (i + j) % every == 0)) {
                return false;
            }
            *n_matched += verdicts[j].rule != ACL_RULE_DEFAULT;
        }
    }
    return true;
}

static bool
run_classifier(const char *path, const struct ruleset *set, size_t n_headers, size_t every)
{
    struct classifier c;
    size_t n_matched = 0;
    double start = now(), built;
    bool ok = classifier_build(&c, set);

    built = now();
    if (!ok) {
        fprintf(stderr, "out of memory\n");
    } else {
        ok = compare(set, &c, n_headers, every, &n_matched);
        printf("%s: %zu rules, %zu + %zu classes, %zu KiB, built in %.1f ms; %zu headers, %zu "
               "matched, %.1f s: %s\n",
               path, set->filters.n, acl_classes_count(c.src_classes),
               acl_classes_count(c.dst_classes), acl_table_bytes(c.table) / 1024,
               (built - start) * 1e3, n_headers, n_matched, now() - built, ok ? "agree" : "FAILED");
        fflush(stdout);
    }
    classifier_destroy(&c);
    return ok;
}

static bool
run_set(const char *path, size_t n_headers, size_t every)
{
    struct ruleset set;
    bool ok;

    seed = first_seed; /* each set by itself, so that a failure repeats with that file alone */
    ok = ruleset_read(&set, path);
    if (ok && set.filters.n > MANY_RULES) {
        n_headers = n_headers * MANY_RULES / set.filters.n;
    }
    ok = ok && run_classifier(path, &set, n_headers, every);
    ruleset_destroy(&set);
    return ok;
}

static bool
run_sets(char *const *paths, size_t n, size_t n_headers, size_t every)
{
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        ok = run_set(paths[i], n_headers, every) && ok;
    }
    return ok;
}

static bool
run_all(size_t n_headers, size_t every)
{
    const char *top = getenv("top_srcdir");
    char pattern[4096];
    glob_t found;
    bool ok;

    snprintf(pattern, sizeof pattern, "%s/tests/data/rulesets/*.rules.gz", top ? top : ".");
    if (glob(pattern, 0, NULL, &found)) {
        fprintf(stderr, "no rule sets: %s\n", pattern);
        return false;
    }
    ok = run_sets(found.gl_pathv, found.gl_pathc, n_headers, every);
    globfree(&found);
    return ok;
}

int
main(int argc, char *argv[])
{
    size_t n_headers = 1000000, every = 21;
    int option;

    while ((option = getopt(argc, argv, "n:e:s:")) != -1) {
        if (option == 'n') {
            n_headers = strtoul(optarg, NULL, 10);
        } else if (option == 'e') {
            every = strtoul(optarg, NULL, 10) | 1;
        } else if (option == 's' && strtoull(optarg, NULL, 10)) {
            first_seed = strtoull(optarg, NULL, 10);
        } else {
            fprintf(stderr, "usage: %s [-n HEADERS] [-e EVERY] [-s SEED] [FILE...]\n", argv[0]);
            return 2;
        }
    }
    printf("seed %lu\n", first_seed);
    return !(optind < argc ? run_sets(argv + optind, (size_t) (argc - optind), n_headers, every)
                           : run_all(n_headers, every));
}
