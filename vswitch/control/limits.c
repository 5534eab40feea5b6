#include <config.h>

#include "control/limits.h"

#include "control/desired.h"
#include "control/message.h"

static const uint32_t default_pps[][N_STORM_CLASSES] = {
    [PORT_DESKTOP] = { 500, 500, 1000 },
    [PORT_UPLINK] = { 5000, 50000, 20000 },
};

static const char *const storm_names[N_STORM_CLASSES] = { "broadcast_pps", "multicast_pps",
                                                          "unknown_unicast_pps" };

#define DEFAULT_MACS 8192

static void
storm_fields(const Fusuma__V1__StormLimits *m, uint32_t pps[N_STORM_CLASSES])
{
    pps[STORM_BROADCAST] = m ? m->broadcast_pps : 0;
    pps[STORM_MULTICAST] = m ? m->multicast_pps : 0;
    pps[STORM_UNKNOWN_UNICAST] = m ? m->unknown_unicast_pps : 0;
}

static enum rpc_status
take_macs(const Fusuma__V1__PortSpec *spec, enum port_role role, struct limits *l, char **error)
{
    if (role == PORT_DESKTOP && spec->mac_limit) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "%s: mac_limit: a desktop has its bound MAC and no other", spec->name);
    }
    if (spec->mac_limit > FDB_MAX) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "%s: mac_limit: %u is more than the %u that the switch has room for",
                            spec->name, spec->mac_limit, FDB_MAX);
    }
    l->macs = spec->mac_limit ? spec->mac_limit : role == PORT_UPLINK ? DEFAULT_MACS : 0;
    return RPC_OK;
}

enum rpc_status
limits_take(const Fusuma__V1__PortSpec *spec, enum port_role role, struct limits *l, char **error)
{
    uint32_t wanted[N_STORM_CLASSES];

    storm_fields(spec->storm, wanted);
    for (int i = 0; i < N_STORM_CLASSES; i++) {
        if (wanted[i] > STORM_PPS_MAX && wanted[i] != LIMIT_OFF) {
            return control_fail(error, RPC_INVALID_ARGUMENT,
                                "%s: storm.%s: %u is more than %u; %u is no limit", spec->name,
                                storm_names[i], wanted[i], STORM_PPS_MAX, LIMIT_OFF);
        }
        l->storm_pps[i] = wanted[i] == LIMIT_OFF ? 0 : wanted[i] ? wanted[i] : default_pps[role][i];
    }
    return take_macs(spec, role, l, error);
}

Fusuma__V1__StormLimits *
limits_storm_message(const struct limits *l)
{
    Fusuma__V1__StormLimits *m = message_new(&fusuma__v1__storm_limits__descriptor);
    const uint32_t *pps = l->storm_pps;

    m->broadcast_pps = pps[STORM_BROADCAST] ? pps[STORM_BROADCAST] : LIMIT_OFF;
    m->multicast_pps = pps[STORM_MULTICAST] ? pps[STORM_MULTICAST] : LIMIT_OFF;
    m->unknown_unicast_pps = pps[STORM_UNKNOWN_UNICAST] ? pps[STORM_UNKNOWN_UNICAST] : LIMIT_OFF;
    return m;
}
