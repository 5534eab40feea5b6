/* The VLANs of one port by itself. */
#include <config.h>

#include <inttypes.h>

#include "control/desired.h"
#include "util.h"

#define REFUSE(...) control_fail(error, RPC_INVALID_ARGUMENT, __VA_ARGS__)

static enum rpc_status
take_trunks(struct desired_port *port, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;

    port->trunks = xcalloc(VLAN_COUNT / 64, sizeof *port->trunks);
    for (size_t i = 0; i < spec->n_trunks; i++) {
        uint32_t vlan = spec->trunks[i];

        if (!vlan || vlan > VLAN_MAX) {
            return REFUSE("%s: trunks: %" PRIu32 " is not a VLAN; 1 to %d are", spec->name, vlan,
                          VLAN_MAX);
        }
        if (vlan == spec->vlan) {
            return REFUSE("%s: trunks: %" PRIu32 " is its vlan, which goes untagged", spec->name,
                          vlan);
        }
        if (port->trunks[vlan / 64] >> vlan % 64 & 1) {
            return REFUSE("%s: trunks: %" PRIu32 " is listed twice", spec->name, vlan);
        }
        port->trunks[vlan / 64] |= UINT64_C(1) << vlan % 64;
    }
    return RPC_OK;
}

static enum rpc_status
check_no_untagged(const Fusuma__V1__PortSpec *spec, char **error)
{
    if (!spec->n_trunks) {
        return REFUSE("%s: no_untagged: without trunks nothing would be left", spec->name);
    }
    if (spec->vlan) {
        return REFUSE("%s: vlan: %" PRIu32 " goes untagged, which no_untagged excludes", spec->name,
                      spec->vlan);
    }
    return RPC_OK;
}

enum rpc_status
desired_check_vlans(struct desired_port *port, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;
    enum rpc_status status;

    if (spec->vlan > VLAN_MAX) {
        return REFUSE("%s: vlan: %" PRIu32 " is not a VLAN; 1 to %d are, and 0 is the untagged "
                      "network",
                      spec->name, spec->vlan, VLAN_MAX);
    }
    if (port->role == PORT_DESKTOP && (spec->n_trunks || spec->no_untagged)) {
        return REFUSE("%s: %s: a desktop is in one VLAN and takes no tags; only uplinks have "
                      "trunks",
                      spec->name, spec->n_trunks ? "trunks" : "no_untagged");
    }
    port->vlan = spec->no_untagged ? VLAN_NONE : spec->vlan;
    status = spec->no_untagged ? check_no_untagged(spec, error) : RPC_OK;
    return status || !spec->n_trunks ? status : take_trunks(port, error);
}
