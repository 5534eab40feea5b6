/* How long rte_acl takes to build the sets of ClassBench files, the peer of 'bench policy'.
 *
 *     rte_build [--runs N] [--lcore CPU] [--no-huge] FILE...
 *
 * Prints a line for each file: its name, its rules, and the median of the builds in milliseconds,
 * of the whole 5-tuples and of what a desktop's table is asked (peer, protocol, destination
 * port). */
#include <config.h>

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "perf/acl_peer.h"

#define MAX_RUNS 100

/* Of the CPU: what else the machine does while it builds is not the peer's. */
static double
cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* Adding the rules is part of it, as reading them into a policy is of ours. */
static double
build(const struct filters *filters)
{
    double start = cpu_ms(), end;
    struct rte_acl_ctx *ctx = acl_peer_add(filters);

    if (!ctx || !acl_peer_build(ctx)) {
        exit(EXIT_FAILURE);
    }
    end = cpu_ms();
    acl_peer_destroy(ctx);
    return end - start;
}

static int
compare(const void *a_, const void *b_)
{
    double a = *(const double *) a_, b = *(const double *) b_;

    return (a > b) - (a < b);
}

static double
median(const struct filters *filters, unsigned runs)
{
    double ms[MAX_RUNS] = { 0 };

    for (unsigned i = 0; i < runs; i++) {
        ms[i] = build(filters);
    }
    qsort(ms, runs, sizeof ms[0], compare);
    return ms[runs / 2];
}

/* What a desktop's table has no field for matches everything. */
static void
leave_out(struct filters *filters)
{
    for (size_t i = 0; i < filters->n; i++) {
        filters->filters[i].src = filters->filters[i].src_mask = 0;
        filters->filters[i].sport = (struct acl_range){ 0, UINT16_MAX };
    }
}

static void
report(char *path, unsigned runs)
{
    struct filters filters;
    double whole;

    if (!filters_read(&filters, path)) {
        exit(EXIT_FAILURE);
    }
    whole = median(&filters, runs);
    leave_out(&filters);
    printf("%s %zu %.3f %.3f\n", basename(path), filters.n, whole, median(&filters, runs));
    fflush(stdout);
    filters_destroy(&filters);
}

int
main(int argc, char *argv[])
{
    static const struct option options[] = { { "runs", required_argument, NULL, 'r' },
                                             { "lcore", required_argument, NULL, 'l' },
                                             { "no-huge", no_argument, NULL, 'n' },
                                             { NULL, 0, NULL, 0 } };
    unsigned runs = 3, lcore = 0;
    bool no_huge = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        runs = option == 'r' ? (unsigned) strtoul(optarg, NULL, 10) : runs;
        lcore = option == 'l' ? (unsigned) strtoul(optarg, NULL, 10) : lcore;
        no_huge |= option == 'n';
    }
    if (optind == argc || !runs || runs > MAX_RUNS) {
        fprintf(stderr, "usage: rte_build [--runs N] [--lcore CPU] [--no-huge] FILE...\n");
        return EXIT_FAILURE;
    }
    acl_peer_start(no_huge, lcore);
    for (int i = optind; i < argc; i++) {
        report(argv[i], runs);
    }
    return EXIT_SUCCESS;
}
