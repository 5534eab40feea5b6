/* Rule tables: bit vectors.
 *
 * Each field's value maps to a row, a bit vector over the rules in priority order with bit r set
 * when rule r accepts that value; the first set bit of the AND of the rows is the matching rule
 * (Lakshman and Stiliadis, SIGCOMM 1998, with the aggregate summary of Baboescu and Varghese,
 * SIGCOMM 2001: one summary bit for each 64-bit word, so that words which cannot match are never
 * read).  Where that rule decides nothing (it passes to a later tier, or is in audit mode) the
 * search goes on behind it.
 *
 * A table is immutable and has no reference to the policy it came from.  Lookups are wait-free and
 * may run in any thread.  A second address field ('local') exists for classifiers over whole
 * 5-tuples; a port's table leaves it out, because the guard has already bound the port's own
 * address. */
#ifndef ACL_TABLE_H
#define ACL_TABLE_H 1

#include "acl/classes.h"
#include "acl/policy.h"

#define ACL_RULE_DEFAULT UINT32_MAX /* no rule matched: default deny */

struct acl_table_rule {
    /* NULL and 0: any.  Otherwise the address's class must hold one of these groups. */
    const uint32_t *peer_groups, *local_groups;
    size_t n_peer_groups, n_local_groups;
    const struct acl_range *sports, *dports; /* none = any; ICMP: dport = type << 8 | code */
    size_t n_sports, n_dports;
    int protocol;     /* or ACL_PROTO_ANY */
    bool no_tunnels;  /* passes over tunnels (tunnel.h) */
    bool audit;       /* decides nothing: what it matches is told, and goes on to the next rule */
    uint32_t pass_to; /* of ACL_PASS: the rule, behind this one, where the search goes on */
    enum acl_action action;
    enum acl_log log;
    uint32_t slot; /* the caller's: hit counter of the rule, stable across updates */
};

struct acl_key {
    uint32_t peer_class, local_class;
    uint16_t sport, dport; /* host byte order; ICMP: 0 and type << 8 | code */
    uint16_t protocol;     /* or ACL_UDP_TUNNEL */
};

#define ACL_MAX_PASSES (ACL_N_TIERS - 1)

struct acl_verdict {
    uint32_t rule;     /* index in the table or ACL_RULE_DEFAULT */
    uint32_t slot;     /* of the rule; the table's default slot when none matched */
    uint8_t action;    /* enum acl_action, not ACL_PASS */
    uint8_t log;       /* enum acl_log */
    bool audited;      /* 'audit' holds: the first rule in audit mode on the way here */
    uint8_t audit_log; /* enum acl_log, of that rule */
    uint8_t n_passed;  /* rules that passed it on */
    uint32_t audit_rule, audit_slot;
    uint32_t passed_slot[ACL_MAX_PASSES];
};

struct acl_table;

/* Builds a table.  Rows exist for every class in 'peer' (and 'local', which may be NULL when no
 * rule uses it) at the time of the call.  What nothing matches gets ACL_DROP, ACL_LOG_INCIDENT and
 * 'default_slot'.  NULL only when memory is short. */
struct acl_table *acl_table_build(const struct acl_table_rule *, size_t n,
                                  const struct acl_classes *peer, const struct acl_classes *local,
                                  uint32_t default_slot);
/* A table with the same rules and rows also for classes that were interned since: O(new classes).
 * The new table shares the old one's bulk by reference count. */
struct acl_table *acl_table_extend(const struct acl_table *, const struct acl_classes *peer);
void acl_table_destroy(struct acl_table *);

/* A class that the table has no row for (control never publishes that) matches nothing: deny. */
void acl_table_lookup(const struct acl_table *, const struct acl_key *, struct acl_verdict *);
/* The same for n keys at a time, which is faster where there are many. */
void acl_table_lookup_bulk(const struct acl_table *, const struct acl_key *keys, size_t n,
                           struct acl_verdict *verdicts);

/* Whether any rule could allow something to this peer class: an allow rule accepts the class and is
 * not wholly behind an earlier rule that denies the class everything.  Used to tell ARP probes from
 * honest requests. */
bool acl_table_may_reach(const struct acl_table *, uint32_t peer_class);

size_t acl_table_n_rules(const struct acl_table *);
size_t acl_table_bytes(const struct acl_table *); /* memory of this table, rows included */
/* Content digest: equal tables (same rules and slots, and classes of the same groups, of those that
 * rules name) have equal digests. */
uint64_t acl_table_digest(const struct acl_table *);

#endif
