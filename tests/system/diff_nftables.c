/* Holds policy verdicts against nftables: random policies, each as Fusuma's YAML and as a ruleset
 * of nftables' bridge family, and the same packets through the kernel's bridge and through the
 * switch's parser, tables and judge.
 *
 *     diff_nftables [-n PACKETS] [-p PACKETS-A-POLICY] [-s SEED] [-t]
 *
 * Runs in a network namespace of its own, with a bridge that has the ports sw-d1, sw-d2 and sw-up,
 * whose other ends are d1, d2 and up (test_nftables.sh makes it).  With -t the action of one rule
 * of each ruleset is turned, to show that it would be noticed: then it is a failure if nothing
 * differs. Prints its seed; exits 1 when verdicts differ, 2 when it could not tell. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "acl/compile.h"
#include "datapath/judge.h"
#include "datapath/parse.h"
#include "tests/system/nft_kernel.h"

#define MAX_PACKETS 8192 /* of a policy */
#define TRIES 5          /* when the kernel loses packets */
#define SHOWN 5          /* differences, in full */

/* Our side: what control publishes of a policy, without control. */
struct ours {
    struct acl_policy *policy;
    struct acl_compiled compiled;
    struct acl_classmap *classes;
    struct acl_addr addrs[N_DESKS][2];
    struct port_leaf leaves[N_ENDS];
    struct snapshot snapshot;
};

struct totals {
    uint64_t packets, passed, differ, retries;
    uint32_t policies;
};

/* ---- the switch ---- */

static size_t
list_members(const struct ours *o, struct acl_member *members)
{
    uint32_t raw[2 * MAX_GROUPS + 2 * MAX_RULES];
    size_t n = 0, n_raw;

    for (uint32_t g = 0; g < o->policy->n_groups; g++) {
        const struct acl_selector *in = &o->policy->groups[g].in;

        for (size_t i = 0; i < in->n_prefixes; i++) {
            members[n++] = (struct acl_member){ in->prefixes[i], ACL_RAW_IN(g) };
        }
    }
    for (int e = 0; e < N_DESKS; e++) {
        const struct acl_label label = { (char *) "pool", (char *) end_pools[e] };

        acl_groups_of_port(o->policy, end_names[e], &label, 1, raw, &n_raw);
        for (size_t i = 0; i < 2 * n_raw; i++) {
            members[n++] = (struct acl_member){ { o->addrs[e][i % 2], 128 }, raw[i / 2] };
        }
    }
    return n;
}

static bool
compile(struct ours *o, const char *yaml, size_t len)
{
    static const uint32_t slots[MAX_RULES], default_slots[ACL_N_DIRECTIONS];
    struct acl_member members[MAX_GROUPS * (MAX_CIDRS + 2 * N_DESKS)];
    struct acl_error error;
    size_t n, scope;

    if (acl_policy_parse(&(struct acl_source){ yaml, len }, 1, &o->policy, &error)) {
        printf("the policy is refused, line %u: %s\n%s", error.line, error.text, yaml);
        return false;
    }
    n = list_members(o, members);
    if (acl_compile(o->policy, slots, default_slots, members, n, &o->compiled) ||
        acl_compile_scope(o->policy, &o->compiled, NULL, 0, &scope)) {
        return false;
    }
    o->classes = acl_classmap_build(o->compiled.classes, o->policy, members, n);
    return o->classes != NULL;
}

static void
make_snapshot(struct ours *o)
{
    for (uint16_t e = 0; e < N_ENDS; e++) {
        o->leaves[e] = (struct port_leaf){ .id = e, .role = e == UP ? PORT_UPLINK : PORT_DESKTOP };
        if (e != UP) {
            memcpy(o->leaves[e].table, o->compiled.scopes[0].table, sizeof o->leaves[e].table);
        }
        o->snapshot.ports[e] = &o->leaves[e];
    }
    o->snapshot.classes = o->classes;
}

static bool
ours_build(struct ours *o, const char *yaml, size_t len)
{
    memset(o, 0, sizeof *o);
    for (int e = 0; e < N_DESKS; e++) {
        if (!acl_addr_parse(desk_addrs[e][0], &o->addrs[e][0]) ||
            !acl_addr_parse(desk_addrs[e][1], &o->addrs[e][1])) {
            return false;
        }
    }
    if (!compile(o, yaml, len)) {
        return false;
    }
    make_snapshot(o);
    return true;
}

static void
ours_destroy(struct ours *o)
{
    acl_classmap_destroy(o->classes);
    acl_compiled_destroy(&o->compiled);
    acl_policy_destroy(o->policy);
}

static enum drop_reason
ours_judge(const struct ours *o, const struct packet *packet)
{
    struct rte_mbuf m = { .buf_addr = (void *) packet->frame, .nb_segs = 1 };
    struct pkt p = { .m = &m };
    struct judgement j;

    m.data_len = packet->len;
    m.pkt_len = packet->len;
    p.reason = pkt_parse(&p);
    if (p.reason != DROP_NONE) {
        return p.reason;
    }
    judge(&o->snapshot,
          &(struct judge_query){ .from = &o->leaves[packet->from],
                                 .to = &o->leaves[packet->to],
                                 .src = p.src,
                                 .dst = p.dst,
                                 .sport = p.sport,
                                 .service = pkt_service(&p),
                                 .protocol = p.protocol },
          &j);
    return j.reason;
}

/* ---- both ---- */

static bool
kernel_says(const struct packet *packets, uint32_t n, bool *passed, struct totals *t)
{
    for (int i = 0; i < TRIES; i++) {
        if (kernel_judge(packets, n, passed)) {
            return true;
        }
        t->retries++;
    }
    return false;
}

static void
show(const struct packet *p, enum drop_reason ours, bool passed, const char *yaml, bool first)
{
    printf("DIFFERENT: the switch says %s, nftables %s\n",
           ours == DROP_NONE ? "allow" : drop_reason_name(ours), passed ? "allow" : "deny");
    packet_print(p);
    if (first) {
        printf("%s", yaml);
    }
}

/* One policy and 'n' packets.  False: it could not tell. */
static bool
compare(struct dice *d, uint32_t n, bool turn, struct totals *t)
{
    static struct packet packets[MAX_PACKETS];
    static bool passed[MAX_PACKETS];
    struct random_policy policy;
    struct ours ours;
    char *yaml = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&yaml, &len);
    bool ok;

    policy_random(d, &policy);
    policy_write_yaml(&policy, f);
    fclose(f);
    for (uint32_t i = 0; i < n; i++) {
        packet_random(d, &policy, i, &packets[i]);
    }
    ok = ours_build(&ours, yaml, len) &&
         kernel_set_policy(&policy, turn ? (int) dice_below(d, policy.n_rules) : -1) &&
         kernel_says(packets, n, passed, t);
    for (uint32_t i = 0; ok && i < n; i++) {
        enum drop_reason reason = ours_judge(&ours, &packets[i]);

        t->passed += passed[i];
        if ((reason == DROP_NONE) != passed[i] && t->differ++ < SHOWN && !turn) {
            show(&packets[i], reason, passed[i], yaml, t->differ == 1);
        }
    }
    t->packets += ok ? n : 0;
    t->policies += ok;
    ours_destroy(&ours);
    free(yaml);
    return ok;
}

static int
run(uint64_t n, uint32_t a_policy, uint64_t seed, bool turn)
{
    struct dice d = { seed };
    struct totals t = { 0 };
    int error = kernel_open();

    if (error) {
        fprintf(stderr, "d1, d2, up: %s\n", strerror(error));
        return 2;
    }
    printf("seed %lu\n", seed);
    while (t.packets < n &&
           compare(&d, n - t.packets < a_policy ? n - t.packets : a_policy, turn, &t)) {
        if (t.policies % 100 == 0) {
            printf("%lu packets, %lu differences\n", t.packets, t.differ);
        }
        fflush(stdout);
    }
    kernel_close();
    printf("%u policies, %lu packets, %lu allowed and %lu denied by nftables, %lu tries again: %lu "
           "verdicts differ\n",
           t.policies, t.packets, t.passed, t.packets - t.passed, t.retries, t.differ);
    return t.packets < n ? 2 : (t.differ > 0) != turn;
}

int
main(int argc, char *argv[])
{
    uint64_t n = 100000, seed = (uint64_t) time(NULL);
    uint32_t a_policy = 4096;
    bool turn = false;
    int option;

    while ((option = getopt(argc, argv, "n:p:s:t")) != -1) {
        switch (option) {
        case 'n':
            n = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            a_policy = (uint32_t) strtoul(optarg, NULL, 10);
            break;
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 't':
            turn = true;
            break;
        default:
            optind = argc + 1;
        }
    }
    if (optind != argc || !seed || !n || !a_policy || a_policy > MAX_PACKETS) {
        fprintf(stderr, "usage: %s [-n PACKETS] [-p PACKETS-A-POLICY, up to %d] [-s SEED] [-t]\n",
                argv[0], MAX_PACKETS);
        return 2;
    }
    return run(n, a_policy, seed, turn);
}
