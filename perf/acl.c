/* Rule tables beside rte_acl, on ClassBench rule sets: lookup and build.
 *
 *     acl [--runs N] [--headers N] [--body NAME] [--lcore CPU] [--no-huge] FILE...
 *
 * Both classify the same headers, 5-tuples with raw addresses, in bursts of BURST; finding the
 * classes of the addresses is part of our time.  Each header is drawn anew, without regard to the
 * one before: of 16, 10 lie in a random rule, 3 take half of their fields from another rule, and 3
 * are addresses within two rules' prefixes with random ports.  So there is no locality but what the
 * rules' overlaps bring.  Verdicts are compared before anything is timed.  Ours and the peer's
 * passes over the headers take turns; what is printed are medians over the runs, of the CPU time
 * of this thread.  Ours is the widest body of lookups that the CPU runs, or the one that is named
 * ("scalar", "avx2", "avx512"); the peer's is always its widest.
 *
 * One line a set: FILE RULES HEADERS HITS OURS-NS PEER-NS OURS-BUILD-MS PEER-BUILD-MS OURS-BYTES
 * PEER-BYTES ALGORITHM-OF-PEER.  Exit status 1 when verdicts differ. */
#include <config.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_acl.h>

#include "acl/lookup.h"
#include "perf/acl_peer.h"
#include "tests/unit/acl/ruleset.h"

#define BURST 64
#define MAX_RUNS 1000
#define BUILD_SECONDS 3 /* that repeated builds of one set may take, after the first */

struct options {
    size_t runs, n_headers;
    unsigned int lcore;
    bool no_huge;
};

/* A header as our parser hands it on: addresses in one form for both families, the rest as on the
 * wire. */
struct our_tuple {
    struct acl_addr src, dst;
    uint16_t sport, dport;
    uint8_t protocol;
};

struct traffic {
    size_t n;
    struct our_tuple *ours_in;
    struct acl_peer_tuple *tuples;
    const uint8_t **data;    /* the tuples' addresses, as rte_acl wants them */
    uint32_t *ours, *theirs; /* rules */
};

struct figures {
    double ours, peer; /* medians */
};

static uint64_t seed;

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
cpu_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static int
compare_doubles(const void *a_, const void *b_)
{
    const double *a = a_, *b = b_;

    return (*a > *b) - (*a < *b);
}

static double
median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return values[n / 2];
}

/* ---- headers ---- */

static uint16_t
in_range(const struct acl_range *range)
{
    return (uint16_t) (range->lo + below((uint32_t) (range->hi - range->lo) + 1));
}

static void
draw_header(const struct filters *filters, struct header *h)
{
    const struct filter *f = &filters->filters[below((uint32_t) filters->n)], *g = f;
    uint32_t kind = below(16);

    if (kind >= 10) {
        g = &filters->filters[below((uint32_t) filters->n)];
    }
    h->src = f->src | ((uint32_t) random64() & ~f->src_mask);
    h->dst = g->dst | ((uint32_t) random64() & ~g->dst_mask);
    h->sport = kind < 13 ? in_range(&f->sport) : (uint16_t) random64();
    h->dport = kind < 13 ? in_range(&g->dport) : (uint16_t) random64();
    h->protocol = f->protocol_mask ? f->protocol : below(2) ? 6 : 17;
}

static bool
traffic_draw(struct traffic *t, const struct filters *filters, size_t n)
{
    *t = (struct traffic){ .n = n,
                           .ours_in = malloc(n * sizeof *t->ours_in),
                           .tuples = malloc(n * sizeof *t->tuples),
                           .data = malloc(n * sizeof *t->data),
                           .ours = malloc(n * sizeof *t->ours),
                           .theirs = malloc(n * sizeof *t->theirs) };
    if (!t->ours_in || !t->tuples || !t->data || !t->ours || !t->theirs) {
        fprintf(stderr, "acl: out of memory\n");
        return false;
    }
    seed = UINT64_C(88172645463325252);
    for (size_t i = 0; i < n; i++) {
        struct header h;

        draw_header(filters, &h);
        acl_peer_tuple_set(&t->tuples[i], &h);
        t->ours_in[i] = (struct our_tuple){ .src = acl_addr_from_v4(htonl(h.src)),
                                            .dst = acl_addr_from_v4(htonl(h.dst)),
                                            .sport = htons(h.sport),
                                            .dport = htons(h.dport),
                                            .protocol = h.protocol };
        t->data[i] = (const uint8_t *) &t->tuples[i];
    }
    return true;
}

static void
traffic_destroy(struct traffic *t)
{
    free(t->ours_in);
    free(t->tuples);
    free(t->data);
    free(t->ours);
    free(t->theirs);
}

/* ---- lookup ---- */

/* A burst, in steps: classes of all addresses, then the table. */
static void
classify_burst(const struct classifier *c, const struct our_tuple *tuples, size_t n,
               uint32_t *rules)
{
    struct acl_verdict verdicts[BURST];
    struct acl_key keys[BURST];

    acl_classmap_lookup_bulk(c->src, &tuples->src, sizeof *tuples, n, &keys->peer_class,
                             sizeof *keys);
    acl_classmap_lookup_bulk(c->dst, &tuples->dst, sizeof *tuples, n, &keys->local_class,
                             sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        keys[i].sport = ntohs(tuples[i].sport);
        keys[i].dport = ntohs(tuples[i].dport);
        keys[i].protocol = tuples[i].protocol;
    }
    acl_table_lookup_bulk(c->table, keys, n, verdicts);
    for (size_t i = 0; i < n; i++) {
        rules[i] = verdicts[i].rule;
    }
}

static void
classify_ours(const struct classifier *c, const struct traffic *t)
{
    for (size_t i = 0; i < t->n; i += BURST) {
        classify_burst(c, t->ours_in + i, t->n - i < BURST ? t->n - i : BURST, t->ours + i);
    }
}

static void
classify_theirs(const struct rte_acl_ctx *ctx, const struct traffic *t)
{
    for (size_t i = 0; i < t->n; i += BURST) {
        uint32_t n = t->n - i < BURST ? (uint32_t) (t->n - i) : BURST;

        rte_acl_classify(ctx, t->data + i, t->theirs + i, n, 1);
    }
}

static bool
verdicts_agree(const char *path, const struct traffic *t, size_t *hits)
{
    *hits = 0;
    for (size_t i = 0; i < t->n; i++) {
        /* rte_acl says rule + 1, or 0; ours says ACL_RULE_DEFAULT, which is -1. */
        if (t->ours[i] + 1 != t->theirs[i]) {
            fprintf(stderr, "acl: %s: header %zu: rule %d, says rte_acl %d\n", path, i,
                    (int) t->ours[i], (int) t->theirs[i] - 1);
            return false;
        }
        *hits += t->theirs[i] > 0;
    }
    return true;
}

static struct figures
time_lookups(const struct classifier *c, const struct rte_acl_ctx *ctx, const struct traffic *t,
             size_t runs)
{
    double ours[MAX_RUNS] = { 0 }, peer[MAX_RUNS] = { 0 };

    for (size_t run = 0; run < runs; run++) {
        double start;

        classify_ours(c, t); /* so that the caches hold what is ours, and not the peer's */
        start = cpu_seconds();
        classify_ours(c, t);
        ours[run] = (cpu_seconds() - start) * 1e9 / (double) t->n;
        classify_theirs(ctx, t);
        start = cpu_seconds();
        classify_theirs(ctx, t);
        peer[run] = (cpu_seconds() - start) * 1e9 / (double) t->n;
    }
    return (struct figures){ median(ours, runs), median(peer, runs) };
}

/* ---- build ---- */

/* Leaves what was built last. */
static bool
time_builds(const struct ruleset *set, struct classifier *c, struct rte_acl_ctx **ctx, size_t runs,
            struct figures *ms)
{
    double ours[MAX_RUNS] = { 0 }, peer[MAX_RUNS] = { 0 }, spent = 0;
    size_t run = 0;

    *c = (struct classifier){ .table = NULL };
    do {
        double start;

        classifier_destroy(c);
        acl_peer_destroy(*ctx);
        start = cpu_seconds();
        if (!classifier_build(c, set)) {
            fprintf(stderr, "acl: out of memory\n");
            return false;
        }
        ours[run] = (cpu_seconds() - start) * 1e3;
        *ctx = acl_peer_add(&set->filters);
        start = cpu_seconds();
        if (!*ctx || !acl_peer_build(*ctx)) {
            return false;
        }
        peer[run] = (cpu_seconds() - start) * 1e3;
        spent += run ? peer[run] / 1e3 : 0;
    } while (++run < runs && spent < BUILD_SECONDS);
    *ms = (struct figures){ median(ours, run), median(peer, run) };
    return true;
}

/* ---- a set ---- */

static bool
compare(const char *path, const struct ruleset *set, const struct options *o)
{
    struct rte_acl_ctx *ctx = NULL;
    struct traffic traffic = { .n = 0 };
    struct classifier c = { .table = NULL };
    size_t before = acl_peer_bytes(), hits;
    struct figures ms, ns;
    bool ok = traffic_draw(&traffic, &set->filters, o->n_headers) &&
              time_builds(set, &c, &ctx, o->runs, &ms);

    if (ok) {
        const char *algorithm = acl_peer_widest(ctx);

        classify_ours(&c, &traffic);
        classify_theirs(ctx, &traffic);
        ok = verdicts_agree(path, &traffic, &hits);
        ns = ok ? time_lookups(&c, ctx, &traffic, o->runs) : (struct figures){ 0, 0 };
        if (ok) {
            printf("%s %zu %zu %zu %.2f %.2f %.3f %.3f %zu %zu %s\n", path, set->filters.n,
                   traffic.n, hits, ns.ours, ns.peer, ms.ours, ms.peer, acl_table_bytes(c.table),
                   acl_peer_bytes() - before, algorithm);
            fflush(stdout);
        }
    }
    acl_peer_destroy(ctx);
    classifier_destroy(&c);
    traffic_destroy(&traffic);
    return ok;
}

static void
usage(void)
{
    fputs("usage: acl [--runs N] [--headers N] [--body NAME] [--lcore CPU] [--no-huge] FILE...\n",
          stderr);
    exit(EXIT_FAILURE);
}

static size_t
parse_number(const char *s, size_t min, size_t max)
{
    char *end;
    unsigned long n = strtoul(s, &end, 10);

    if (end == s || *end || n < min || n > max) {
        usage();
    }
    return n;
}

int
main(int argc, char *argv[])
{
    static const struct option long_options[] = {
        { "runs", required_argument, NULL, 'r' }, { "headers", required_argument, NULL, 'h' },
        { "body", required_argument, NULL, 'b' }, { "lcore", required_argument, NULL, 'l' },
        { "no-huge", no_argument, NULL, 'n' },    { NULL, 0, NULL, 0 }
    };
    struct options o = { .runs = 9, .n_headers = 65536 };
    bool ok = true;
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'r':
            o.runs = parse_number(optarg, 1, MAX_RUNS);
            break;
        case 'h':
            o.n_headers = parse_number(optarg, 1, 10000000);
            break;
        case 'b':
            if (!acl_body_use(optarg)) {
                fprintf(stderr, "acl: this CPU runs no body '%s'\n", optarg);
                exit(EXIT_FAILURE);
            }
            break;
        case 'l':
            o.lcore = (unsigned int) parse_number(optarg, 0, 1023);
            break;
        case 'n':
            o.no_huge = true;
            break;
        default:
            usage();
        }
    }
    if (optind == argc) {
        usage();
    }
    acl_peer_start(o.no_huge, o.lcore);
    for (; optind < argc; optind++) {
        struct ruleset set;

        ok = ruleset_read(&set, argv[optind]) && compare(argv[optind], &set, &o) && ok;
        ruleset_destroy(&set);
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
