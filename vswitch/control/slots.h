/* Hit slots: which counter a rule has.  A rule keeps its slot for as long as its id is in the
 * policy, so its counts survive updates.  Control thread only. */
#ifndef CONTROL_SLOTS_H
#define CONTROL_SLOTS_H 1

#include "acl/policy.h"
#include "openvswitch/shash.h"
#include "telemetry/ledger.h"

#define N_RULE_SLOTS 16384
#define DEFAULT_SLOT(DIRECTION) ((uint32_t) (DIRECTION)) /* of the default denies */

struct slots {
    struct shash by_id; /* rule id to struct slot */
    uint32_t *free;     /* ring; the longest free is used first */
    uint32_t head, n_free;
};

void slots_init(struct slots *);
void slots_destroy(struct slots *);
/* Slots of the policy's rules, in order, keeping those of ids that have one.  False when there are
 * too many rules; then nothing changed.  The caller frees '*slotsp'. */
bool slots_assign(struct slots *, const struct acl_policy *, uint32_t **slotsp);
/* Frees the slots of rules that are not in 'policy' (NULL: of all). */
void slots_retain(struct slots *, const struct acl_policy *);
/* Hits of a slot over all workers since its present rule got it. */
struct ledger_rule_hits slots_hits(const struct slots *, const char *rule_id);
struct ledger_rule_hits slots_total(uint32_t slot);
/* The rule that has the slot; NULL when none of the policy has. */
const char *slots_rule_id(const struct slots *, uint32_t slot);
const char *default_rule_id(enum acl_direction);

#endif
