/* What a port may do to the others: storm limits, and how many stations are learned behind it.
 *
 * A specification that says nothing means the role's default; these are argued for in
 * docs/operations.md. */
#ifndef CONTROL_LIMITS_H
#define CONTROL_LIMITS_H 1

#include "fusuma/v1/port.pb-c.h"

#include "datapath/snapshot.h"
#include "proto/rpc.h"

#define FDB_MAX 65536        /* stations in all */
#define LIMIT_OFF UINT32_MAX /* as a specification says that there is no limit */

struct limits {
    uint32_t storm_pps[N_STORM_CLASSES]; /* as in struct port_leaf: 0 is no limit */
    uint32_t macs;                       /* stations that are learned behind it */
};

/* RPC_OK, or RPC_INVALID_ARGUMENT and '*error' (which names the field). */
enum rpc_status limits_take(const Fusuma__V1__PortSpec *, enum port_role, struct limits *,
                            char **error);
/* What is in force, in the terms of a specification.  The caller's. */
Fusuma__V1__StormLimits *limits_storm_message(const struct limits *);

#endif
