#include <config.h>

#include "proto/rpc.h"

#include <string.h>

const char *const rpc_role_names[RPC_N_ROLES] = {
    [RPC_ROLE_NONE] = "none",      [RPC_VIEWER] = "viewer", [RPC_OPERATOR] = "operator",
    [RPC_RESPONDER] = "responder", [RPC_POLICY] = "policy", [RPC_ADMIN] = "admin",
};

enum rpc_role
rpc_role_from_name(const char *name)
{
    for (int i = RPC_ROLE_NONE + 1; i < RPC_N_ROLES; i++) {
        if (!strcmp(name, rpc_role_names[i])) {
            return i;
        }
    }
    return RPC_ROLE_NONE;
}

const char *
rpc_status_name(enum rpc_status status)
{
    switch (status) {
    case RPC_OK:
        return "OK";
    case RPC_CANCELLED:
        return "CANCELLED";
    case RPC_UNKNOWN:
        return "UNKNOWN";
    case RPC_INVALID_ARGUMENT:
        return "INVALID_ARGUMENT";
    case RPC_DEADLINE_EXCEEDED:
        return "DEADLINE_EXCEEDED";
    case RPC_NOT_FOUND:
        return "NOT_FOUND";
    case RPC_ALREADY_EXISTS:
        return "ALREADY_EXISTS";
    case RPC_PERMISSION_DENIED:
        return "PERMISSION_DENIED";
    case RPC_RESOURCE_EXHAUSTED:
        return "RESOURCE_EXHAUSTED";
    case RPC_FAILED_PRECONDITION:
        return "FAILED_PRECONDITION";
    case RPC_ABORTED:
        return "ABORTED";
    case RPC_UNIMPLEMENTED:
        return "UNIMPLEMENTED";
    case RPC_INTERNAL:
        return "INTERNAL";
    case RPC_UNAVAILABLE:
        return "UNAVAILABLE";
    }
    return "UNKNOWN"; /* a code that we never send: some other server's */
}
