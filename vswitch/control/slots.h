/* Hit slots: which counter a rule has.  A rule keeps its slot for as long as its id is in the
 * policy, so its counts survive updates.  Control thread only. */
#ifndef CONTROL_SLOTS_H
#define CONTROL_SLOTS_H 1

#include "acl/policy.h"
#include "control/state_hits.h"
#include "openvswitch/shash.h"
#include "svec.h"
#include "telemetry/ledger.h"

#define N_RULE_SLOTS (1u << 17)
#define DEFAULT_SLOT(DIRECTION) ((uint32_t) (DIRECTION)) /* of the default denies */

struct slots {
    struct shash by_id; /* rule id to struct slot */
    struct slot *defaults[ACL_N_DIRECTIONS];
    struct shash kept; /* rule id to struct state_hits: from before the start, not yet taken up */
    struct svec gone;  /* ids whose stored hits are to go */
    uint32_t *free;    /* ring; the longest free is used first */
    uint32_t head, n_free;
    uint64_t round; /* of slots_retain() */
    /* Of the rules of the policy that was assigned last, in order; NULL: gone. */
    struct slot **last;
    size_t n_last;
};

void slots_init(struct slots *);
void slots_destroy(struct slots *);
/* Slots of the policy's rules, in order, keeping those of ids that have one.  False when there are
 * too many rules; then nothing changed.  The caller frees '*slotsp'. */
bool slots_assign(struct slots *, const struct acl_policy *, uint32_t **slotsp);
/* Frees the slots of rules that are not in 'policy' (NULL: of all). */
void slots_retain(struct slots *, const struct acl_policy *);
/* Hits of a rule (or a default deny) over all workers since it came into the policy, restarts
 * included; '*last_s' is the Unix time of the last one, to a second or two, and 0 when there was
 * none. */
struct ledger_rule_hits slots_hits(const struct slots *, const char *rule_id, int64_t *last_s);
/* What the workers have counted in a slot since the start, whoever had it.  Any thread. */
struct ledger_rule_hits slots_total(uint32_t slot);
/* For whoever counts by itself: the slot of a rule (or a default deny) that has one, and what is to
 * be taken from slots_total(), modulo 2^64, for its hits. */
uint32_t slots_account(const struct slots *, const char *rule_id, struct ledger_rule_hits *less);
/* Hits that a rule had before the switch started: it goes on from there when it gets its slot. */
void slots_keep(struct slots *, const struct state_hits *);
/* Notes which counts have moved since it was last called; 'now_s' is the time of their last hit. */
void slots_look(struct slots *, int64_t now_s);
/* What is to be stored: looks, and takes what has moved since it was last taken ('all': everything,
 * for the last was not stored), and the rules that are gone. */
struct slots_changes {
    struct state_hits *rows;
    size_t n_rows;
    char **gone;
    size_t n_gone;
};
void slots_take_changes(struct slots *, int64_t now_s, bool all, struct slots_changes *);
void slots_changes_destroy(struct slots_changes *);
/* The rule that has the slot; NULL when none of the policy has. */
const char *slots_rule_id(const struct slots *, uint32_t slot);
const char *default_rule_id(enum acl_direction);

#endif
