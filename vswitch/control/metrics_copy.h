/* What metrics need of the control thread: a copy that it makes once a second, and never changes.
 *
 * What any thread may read (ledgers, the drop log, connections) is not in it: metrics_write.h takes
 * that when it is asked. */
#ifndef CONTROL_METRICS_COPY_H
#define CONTROL_METRICS_COPY_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy.h"
#include "control/incidents.h"
#include "telemetry/ledger.h"

struct control;

/* More are not told one by one: each is two series for ever. */
#define METRICS_RULES_MAX 5000

struct metrics_port {
    char *name;
    const char *type; /* of what it is attached to; "" while it is not open */
    uint16_t id;
    bool desktop, open, up, quarantined;
    uint64_t lost;           /* before the switch saw them */
    struct ledger_page base; /* to be subtracted from the ledger */
};

struct metrics_rule {
    char *id;
    enum acl_direction direction;
    uint32_t slot;
    struct ledger_rule_hits base; /* to be subtracted, modulo 2^64, from what the slot has */
};

/* Shared by copies, for it is the same as long as the policy is. */
struct metrics_rules {
    atomic_uint refs;
    uint64_t generation; /* of the policy; 0: there is none */
    struct metrics_rule *rules;
    size_t n;
    size_t n_left_out;
};

struct metrics_copy {
    atomic_uint refs;
    struct metrics_port *ports;
    size_t n_ports;
    struct metrics_rules *rules;
    uint64_t generation; /* of the snapshot in force */
    uint64_t policy_version;
    uint64_t policy_rules;
    bool policy_unconfirmed;
    uint64_t sessions_open;
    bool alarm;
    int64_t started_us; /* Unix time */
    uint64_t buffers, buffers_in_use;
    struct incident_counts incidents;
};

/* A new copy, which shares with 'before' (or NULL) what has not changed.  Control thread. */
struct metrics_copy *metrics_copy_create(const struct control *, const struct metrics_copy *before);
/* Any thread; the last one frees it.  Accept NULL. */
struct metrics_copy *metrics_copy_ref(struct metrics_copy *);
void metrics_copy_unref(struct metrics_copy *);

#endif
