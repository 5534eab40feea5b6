#include <config.h>

#include "control/desired.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>

#include "control/message.h"
#include "control/refresh.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

enum rpc_status
control_fail(char **error, enum rpc_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *error = xvasprintf(format, args);
    va_end(args);
    return status;
}

void
desired_init(struct desired *d)
{
    memset(d, 0, sizeof *d);
    shash_init(&d->ports);
    sets_init(&d->sets);
    shash_init(&d->refreshes);
    quarantines_init(&d->quarantines);
}

void
desired_destroy(struct desired *d)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        desired_port_destroy(node->data);
    }
    shash_destroy(&d->ports);
    refreshes_destroy(&d->refreshes);
    sets_destroy(&d->sets);
    quarantines_destroy(&d->quarantines);
}

void
desired_port_destroy(struct desired_port *port)
{
    if (port) {
        message_free(port->spec);
        free(port->socket);
        free(port->why_down);
        free(port->addrs);
        free(port->trunks);
        free(port->labels);
        free(port);
    }
}

struct desired_port *
desired_find(const struct desired *d, const char *name)
{
    return shash_find_data(&d->ports, name);
}

/* ---- one port by itself ---- */

#define REFUSE(...) control_fail(error, RPC_INVALID_ARGUMENT, __VA_ARGS__)

static enum rpc_status
check_name(const char *name, char **error)
{
    size_t len = strlen(name);

    if (!len || len > PORT_NAME_MAX) {
        return REFUSE("name: \"%.70s\" has %zu characters; 1 to %d are allowed", name, len,
                      PORT_NAME_MAX);
    }
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char) *c) && !strchr("._-", *c)) {
            return REFUSE("name: \"%s\" may hold only letters, digits, '.', '_' and '-'", name);
        }
    }
    if (!isalnum((unsigned char) *name)) {
        return REFUSE("name: \"%s\" must begin with a letter or a digit", name);
    }
    return RPC_OK;
}

static enum rpc_status
check_vhost_user(struct desired_port *port, const char *run_dir, char **error)
{
    const char *socket = port->spec->vhost_user->socket;

    if (!*socket) {
        return REFUSE("%s: vhost_user.socket is missing", port->spec->name);
    }
    port->socket = *socket == '/' ? xstrdup(socket) : xasprintf("%s/%s", run_dir, socket);
    if (strlen(port->socket) > SOCKET_PATH_MAX) {
        return REFUSE("%s: vhost_user.socket: %s has %zu bytes; the system's limit is %d",
                      port->spec->name, port->socket, strlen(port->socket), SOCKET_PATH_MAX);
    }
    return RPC_OK;
}

static enum rpc_status
check_attachment(struct desired_port *port, const char *run_dir, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;

    switch (spec->attachment_case) {
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER:
        return check_vhost_user(port, run_dir, error);
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET:
        if (!*spec->af_packet->interface || strlen(spec->af_packet->interface) >= IFNAMSIZ) {
            return REFUSE("%s: af_packet.interface: \"%s\" is not an interface name", spec->name,
                          spec->af_packet->interface);
        }
        return RPC_OK;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV:
        if (!*spec->ethdev->devargs) {
            return REFUSE("%s: ethdev.devargs is missing", spec->name);
        }
        return RPC_OK;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT__NOT_SET:
    default:
        return REFUSE("%s: one of vhost_user, af_packet and ethdev is needed", spec->name);
    }
}

/* eth_addr_from_string() alone takes what scanf() takes: "102:..." and "-2:..." too. */
static bool
parse_mac(const char *s, struct eth_addr *mac)
{
    if (strlen(s) != ETH_ADDR_STRLEN) {
        return false;
    }
    for (int i = 0; i < ETH_ADDR_STRLEN; i++) {
        if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char) s[i])) {
            return false;
        }
    }
    return eth_addr_from_string(s, mac);
}

static enum rpc_status
check_mac(struct desired_port *port, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;
    struct eth_addr mac;

    if (!*spec->mac) {
        return REFUSE("%s: mac is missing: a desktop needs one", spec->name);
    }
    if (!parse_mac(spec->mac, &mac)) {
        return REFUSE("%s: mac: \"%s\" is not a MAC address", spec->name, spec->mac);
    }
    if (eth_addr_is_multicast(mac) || eth_addr_is_zero(mac)) {
        return REFUSE("%s: mac: %s is not a station's address", spec->name, spec->mac);
    }
    port->mac = eth_addr_to_uint64(mac);
    return RPC_OK;
}

bool
desired_is_station_address(const struct acl_addr *a)
{
    static const struct acl_addr unspecified, loopback = { .b = { [15] = 1 } };

    if (acl_addr_is_v4(a)) {
        return a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224;
    }
    return a->b[0] != 0xff && !acl_addr_equals(a, &unspecified) && !acl_addr_equals(a, &loopback);
}

/* The interface identifier of RFC 4291, appendix A: the MAC with ff:fe in its middle and the
 * universal bit inverted, under fe80::/64. */
static struct acl_addr
link_local(uint64_t mac)
{
    struct acl_addr a = { .b = { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe } };

    a.b[8] = (mac >> 40) ^ 2;
    a.b[9] = mac >> 32;
    a.b[10] = mac >> 24;
    a.b[13] = mac >> 16;
    a.b[14] = mac >> 8;
    a.b[15] = mac;
    return a;
}

bool
desired_has_address(const struct desired_port *port, const struct acl_addr *a)
{
    for (size_t i = 0; i < port->n_addrs; i++) {
        if (acl_addr_equals(&port->addrs[i], a)) {
            return true;
        }
    }
    return false;
}

static enum rpc_status
check_ips(struct desired_port *port, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;
    struct acl_addr own = link_local(port->mac);

    if (spec->n_ips > PORT_IPS_MAX) {
        return REFUSE("%s: ips: %zu addresses; at most %d are allowed", spec->name, spec->n_ips,
                      PORT_IPS_MAX);
    }
    port->addrs = xcalloc(spec->n_ips + 1, sizeof *port->addrs);
    for (size_t i = 0; i < spec->n_ips; i++) {
        struct acl_addr a;

        if (!acl_addr_parse(spec->ips[i], &a)) {
            return REFUSE("%s: ips: \"%s\" is not an IPv4 or IPv6 address", spec->name,
                          spec->ips[i]);
        }
        if (!desired_is_station_address(&a)) {
            return REFUSE("%s: ips: %s is not a station's address", spec->name, spec->ips[i]);
        }
        if (desired_has_address(port, &a)) {
            return REFUSE("%s: ips: %s is listed twice", spec->name, spec->ips[i]);
        }
        port->addrs[port->n_addrs++] = a;
    }
    if (!desired_has_address(port, &own)) {
        port->addrs[port->n_addrs++] = own;
    }
    port->n_given = port->n_addrs;
    return RPC_OK;
}

static enum rpc_status
check_role(struct desired_port *port, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;

    switch (spec->role) {
    case FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP: {
        enum rpc_status status = check_mac(port, error);

        port->role = PORT_DESKTOP;
        return status ? status : check_ips(port, error);
    }
    case FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK:
        if (*spec->mac || spec->n_ips || spec->learn) {
            return REFUSE("%s: %s: an uplink has no bound addresses", spec->name,
                          *spec->mac    ? "mac"
                          : spec->n_ips ? "ips"
                                        : "learn");
        }
        port->role = PORT_UPLINK;
        return RPC_OK;
    default:
        return REFUSE("%s: role is missing: desktop or uplink", spec->name);
    }
}

static enum rpc_status
check_labels(struct desired_port *port, char **error)
{
    const Fusuma__V1__PortSpec *spec = port->spec;

    if (spec->n_labels > PORT_LABELS_MAX) {
        return REFUSE("%s: labels: %zu labels; at most %d are allowed", spec->name, spec->n_labels,
                      PORT_LABELS_MAX);
    }
    port->labels = xcalloc(spec->n_labels + 1, sizeof *port->labels);
    for (size_t i = 0; i < spec->n_labels; i++) {
        if (!*spec->labels[i]->key) {
            return REFUSE("%s: labels: a label without a name", spec->name);
        }
        for (size_t j = 0; j < i; j++) {
            if (!strcmp(port->labels[j].key, spec->labels[i]->key)) {
                return REFUSE("%s: labels: %s is listed twice", spec->name, spec->labels[i]->key);
            }
        }
        port->labels[i].key = spec->labels[i]->key;
        port->labels[i].value = spec->labels[i]->value;
    }
    if (strlen(spec->user) > PORT_NAME_MAX) {
        return REFUSE("%s: user has %zu characters; at most %d are allowed", spec->name,
                      strlen(spec->user), PORT_NAME_MAX);
    }
    if (strlen(spec->vm_id) > PORT_NAME_MAX) {
        return REFUSE("%s: vm_id has %zu characters; at most %d are allowed", spec->name,
                      strlen(spec->vm_id), PORT_NAME_MAX);
    }
    if (spec->vm_id[0] && spec->role != FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP) {
        return REFUSE("%s: vm_id is for a desktop", spec->name);
    }
    if (spec->refresh_on_logoff && spec->role != FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP) {
        return REFUSE("%s: refresh_on_logoff is for a desktop", spec->name);
    }
    return RPC_OK;
}

enum rpc_status
desired_port_create(const Fusuma__V1__PortSpec *spec, const char *run_dir,
                    struct desired_port **portp, char **error)
{
    struct desired_port *port;
    enum rpc_status status;

    *portp = NULL;
    if (!spec) {
        return REFUSE("spec is missing");
    }
    port = xzalloc(sizeof *port);
    port->spec = message_copy(&spec->base);
    port->changed = true;
    port->added_us = time_wall_usec();
    status = check_name(spec->name, error);
    status = status ? status : check_role(port, error);
    status = status ? status : check_attachment(port, run_dir, error);
    status = status ? status : desired_check_vlans(port, error);
    status = status ? status : check_labels(port, error);
    status = status ? status : limits_take(port->spec, port->role, &port->limits, error);
    if (status) {
        desired_port_destroy(port);
        return status;
    }
    *portp = port;
    return RPC_OK;
}

/* ---- one port beside the others ---- */

#define TAKEN(...) control_fail(error, RPC_ALREADY_EXISTS, __VA_ARGS__)

/* The kernel interface or device that a port takes, or NULL. */
static const char *
attachment_key(const struct desired_port *port)
{
    switch (port->spec->attachment_case) {
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET:
        return port->spec->af_packet->interface;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV:
        return port->spec->ethdev->devargs;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER:
        return port->socket;
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT__NOT_SET:
    default:
        return NULL;
    }
}

static enum rpc_status
check_against(const struct desired_port *port, const struct desired_port *other, char **error)
{
    const char *name = port->spec->name;
    char text[ACL_ADDR_STRLEN];

    if (port->spec->attachment_case == other->spec->attachment_case &&
        !strcmp(attachment_key(port), attachment_key(other))) {
        return TAKEN("%s: %s is already used by port %s", name, attachment_key(port),
                     other->spec->name);
    }
    if (port->spec->vm_id[0] && !strcmp(port->spec->vm_id, other->spec->vm_id)) {
        return TAKEN("%s: vm_id: %s is already that of port %s", name, port->spec->vm_id,
                     other->spec->name);
    }
    if (port->vlan != other->vlan) {
        return RPC_OK; /* addresses are a VLAN's own */
    }
    if (port->mac && port->mac == other->mac) {
        return TAKEN("%s: mac: %s is already bound to port %s", name, port->spec->mac,
                     other->spec->name);
    }
    for (size_t i = 0; i < port->n_addrs; i++) {
        if (desired_has_address(other, &port->addrs[i])) {
            return TAKEN("%s: ips: %s is already bound to port %s", name,
                         acl_addr_format(&port->addrs[i], text), other->spec->name);
        }
    }
    return RPC_OK;
}

/* Numbers are used in turn, so that one that was just freed rests for as long as possible. */
static bool
assign_id(const struct desired *d, struct desired_port *port)
{
    for (unsigned i = 0; i < DP_MAX_PORTS; i++) {
        uint16_t id = (d->next_id + i) % DP_MAX_PORTS;

        if (!d->by_id[id]) {
            port->id = id;
            return true;
        }
    }
    return false;
}

enum rpc_status
desired_number(const struct desired *d, struct desired_port *port, char **error)
{
    struct shash_node *node;

    if (desired_find(d, port->spec->name)) {
        return TAKEN("%s: a port of this name exists", port->spec->name);
    }
    SHASH_FOR_EACH (node, &d->ports) {
        enum rpc_status status = check_against(port, node->data, error);

        if (status) {
            return status;
        }
    }
    if (!assign_id(d, port)) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "%s: there are %d ports already",
                            port->spec->name, DP_MAX_PORTS);
    }
    return RPC_OK;
}

static void
find_quarantine(struct desired *d, struct desired_port *port)
{
    port->quarantine = quarantines_find(&d->quarantines, port->spec->vm_id, port->spec->name);
    d->lists_changed |= port->quarantine && !svec_is_empty(&port->quarantine->allow);
}

bool
desired_put_quarantine(struct desired *d, const char *id, struct quarantine *q,
                       struct quarantine **oldp)
{
    struct shash_node *node;
    bool any = false;

    *oldp = quarantines_put(&d->quarantines, id, q);
    SHASH_FOR_EACH (node, &d->ports) {
        struct desired_port *port = node->data;
        const struct quarantine *before = port->quarantine;

        find_quarantine(d, port);
        if (port->quarantine != before || (q && port->quarantine == q)) {
            port->changed = any = true;
        }
    }
    return any;
}

void
desired_insert(struct desired *d, struct desired_port *port)
{
    shash_add(&d->ports, port->spec->name, port);
    d->by_id[port->id] = port;
    port->refresh = shash_find_data(&d->refreshes, port->spec->name);
    d->next_id = (port->id + 1) % DP_MAX_PORTS;
    d->members_changed = true;
    find_quarantine(d, port);
    d->quarantines.version++;
}

void
desired_remove(struct desired *d, struct desired_port *port)
{
    shash_find_and_delete(&d->ports, port->spec->name);
    d->by_id[port->id] = NULL;
    d->members_changed = true;
    port->quarantine = NULL;
    d->quarantines.version++;
}

bool
desired_uses_vlans(const struct desired *d)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (port->role == PORT_DESKTOP && port->vlan) {
            return true;
        }
    }
    return false;
}
