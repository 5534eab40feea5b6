/* A random policy, told twice: as Fusuma's YAML and as a ruleset of nftables' bridge family.
 *
 * Both are written from the same list of rules by what docs/policy.md says, neither from the other.
 * Two desktops ("d1", "d2", of different pools) and an uplink ("up") are the ports; they know no
 * connections, so each packet is judged as one that opens something. */
#ifndef TESTS_NFT_POLICY_H
#define TESTS_NFT_POLICY_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "acl/policy.h"

enum { D1, D2, UP, N_ENDS };
#define N_DESKS UP
#define SENTINEL_TYPE 0x88b5 /* an Ethernet type for experiments: always let through */

extern const char *const end_names[N_ENDS];
extern const char *const end_pools[N_DESKS];
/* Of the desktops: one of each family. */
extern const char *const desk_addrs[N_DESKS][2];

#define MAX_GROUPS 6
#define MAX_CIDRS 6
#define MAX_RULES 24
#define MAX_ENTRIES 5

struct cidr {
    uint8_t addr[16]; /* IPv4: the first four */
    uint8_t len;      /* in bits of its own family */
    bool v6;
};

struct group {
    struct cidr cidr[MAX_CIDRS];
    unsigned n;
    bool has_desk[N_DESKS]; /* by label or by name */
    bool by_label;
};

struct rule {
    bool ingress, allow;
    int group; /* or -1: any */
    int protocol;
    struct acl_range entry[MAX_ENTRIES]; /* ports; or ICMP, type << 8 | code, a type or one code */
    unsigned n;
};

struct random_policy {
    struct group group[MAX_GROUPS];
    unsigned n_groups;
    struct rule rule[MAX_RULES];
    unsigned n_rules;
};

/* xorshift64*: the same on every machine. */
struct dice {
    uint64_t state;
};
uint64_t dice_roll(struct dice *);
uint32_t dice_below(struct dice *, uint32_t n);

void policy_random(struct dice *, struct random_policy *);
void policy_write_yaml(const struct random_policy *, FILE *);
/* Replaces the table "bridge fusuma"; interfaces are called "sw-" and the end's name.  Its counters
 * "passed" and "denied" count all but sentinels.  'turned' is a rule that gets the other action,
 * for showing that it would be noticed; -1: none. */
void policy_write_nft(const struct random_policy *, int turned, FILE *);

#endif
