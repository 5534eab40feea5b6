/* Drop events, taken in as flows (acl/flows.h), with a count of what is not among them.
 *
 * One owner, in any thread. */
#ifndef CONTROL_SIGHTS_H
#define CONTROL_SIGHTS_H 1

#include "acl/flows.h"
#include "openvswitch/shash.h"
#include "telemetry/drop_event.h"

struct sights {
    const struct acl_site *site;
    bool drops; /* also what was dropped by policy; else only what audit mode let through */
    struct acl_flows flows;
    struct shash unsaid; /* of struct unsaid: by epoch, port and reason */
    uint64_t gaps;
};

void sights_init(struct sights *, const struct acl_site *, bool drops);
void sights_destroy(struct sights *);
/* 0 or ENOMEM. */
int sights_add(struct sights *, uint64_t epoch, const struct drop_event *);
/* Packets that were told of without a record. */
uint64_t sights_unrecorded(const struct sights *);

#endif
