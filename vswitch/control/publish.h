/* The one place where state is published.
 *
 * publish() builds an immutable snapshot from the desired ports and the policy in force (or the
 * next one), swaps it in, waits until no worker judges by the old one, and frees what it replaced.
 * What did not change is shared with the snapshot before: a quarantine copies one leaf.  A build
 * that fails leaves the old snapshot in force.  Control thread only. */
#ifndef CONTROL_PUBLISH_H
#define CONTROL_PUBLISH_H 1

#include "acl/compile.h"
#include "control/desired.h"
#include "control/state_policy.h"

/* A policy that is compiled.  Whoever holds it owns it all. */
struct policy {
    struct state_policy *text; /* its sources, and what is known of it */
    char digest[65];           /* policy_digest() */
    struct acl_policy *parsed;
    struct acl_compiled compiled;
    size_t n_rows; /* classes that the tables have rows for */
    /* Until it is in force: the publisher's when compiled.map was built, of all members.  0: that
     * is no map of the untagged network. */
    uint64_t members_version;
    uint64_t generation; /* in which it came into force */
};
void policy_destroy(struct policy *);

struct publisher {
    struct snapshot *snapshot;     /* in force */
    struct acl_classmap *classmap; /* of the untagged network, and of VLANs without desktops */
    struct acl_classmap **vlan_classmaps; /* [VLAN_COUNT]; NULL: no VLAN has desktops */
    struct policy *policy;                /* NULL: none, everything is denied */
    uint64_t members_version;             /* another one whenever members have changed; never 0 */
    uint32_t last_table_id, last_epoch;
    uint64_t generation;
    int64_t in_force_us; /* time_usec() since which no worker judges by an older one */
};

void publisher_init(struct publisher *);
/* After the workers have stopped. */
void publisher_destroy(struct publisher *);

/* Publishes the state of 'd' and, unless it is NULL, puts 'next' in the place of the policy in
 * force, which it frees.  0; or ENOMEM, and nothing changed (and 'next' is still the caller's). */
int publish(struct publisher *, struct desired *d, struct policy *next);

/* What would be published with 'next' in the place of the policy in force: for questions, no worker
 * ever sees it.  It borrows from 'next', whose tables get rows for the classes that there are, and
 * from the open ports.  Its tables have no
 * numbers: no connection rests on them.  0, or ENOMEM and there is none. */
struct preview {
    struct snapshot *snapshot;
    struct acl_classmap *classmap, **vlan_classmaps;
};
int preview_create(const struct publisher *, const struct desired *, struct policy *next,
                   struct preview *);
void preview_destroy(struct preview *);

#endif
