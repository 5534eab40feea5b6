/* port add: a port as its options describe it. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/limits.h"
#include "ctl/output.h"
#include "fusuma/v1/port.pb-c.h"
#include "openvswitch/util.h"
#include "proto/vlan_list.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__port_service__descriptor;

/* A spec and the messages that it points to. */
struct port_form {
    Fusuma__V1__PortSpec spec;
    Fusuma__V1__VhostUser vhost_user;
    Fusuma__V1__AfPacket af_packet;
    Fusuma__V1__Ethdev ethdev;
    Fusuma__V1__StormLimits storm;
    Fusuma__V1__PortSpec__LabelsEntry *labels;
    struct vlan_list trunks;
};

#define ATTACHMENT_OPTIONS                                                                         \
    (OPT_BIT(OPT_SOCKET) | OPT_BIT(OPT_CLIENT) | OPT_BIT(OPT_INTERFACE) | OPT_BIT(OPT_DEVARGS))

static const struct port_type {
    const char *name;
    Fusuma__V1__PortSpec__AttachmentCase attachment;
    enum option_id needs;
    option_set may; /* beside what it needs */
} port_types[] = {
    { "vhost-user", FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER, OPT_SOCKET, OPT_BIT(OPT_CLIENT) },
    { "af_packet", FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET, OPT_INTERFACE, 0 },
    { "ethdev", FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV, OPT_DEVARGS, 0 },
};

static const struct port_type *
find_type(const struct args *args)
{
    const char *name = args_value(args, OPT_TYPE);

    for (size_t i = 0; name && i < ARRAY_SIZE(port_types); i++) {
        if (!strcmp(name, port_types[i].name)) {
            return &port_types[i];
        }
    }
    if (name) {
        ctl_error("--type: '%s' is none of vhost-user, af_packet, ethdev", name);
    } else {
        ctl_error("'port add' needs --type (vhost-user, af_packet or ethdev)");
    }
    return NULL;
}

static bool
check_attachment(const struct args *args, const struct port_type *type)
{
    option_set foreign = ATTACHMENT_OPTIONS & ~(OPT_BIT(type->needs) | type->may);

    if (!args_has(args, type->needs)) {
        ctl_error("--type %s needs --%s", type->name, option_table[type->needs].name);
        return false;
    }
    for (int i = 0; i < N_OPTIONS; i++) {
        if ((foreign & OPT_BIT(i)) && args_has(args, i)) {
            ctl_error("--type %s has no --%s", type->name, option_table[i].name);
            return false;
        }
    }
    return true;
}

static bool
fill_attachment(struct port_form *form, const struct args *args)
{
    const struct port_type *type = find_type(args);
    char *value;

    if (!type || !check_attachment(args, type)) {
        return false;
    }
    value = (char *) args_value(args, type->needs);
    form->spec.attachment_case = type->attachment;
    switch (type->needs) {
    case OPT_SOCKET:
        form->vhost_user.socket = value;
        form->vhost_user.client = args_has(args, OPT_CLIENT);
        form->spec.vhost_user = &form->vhost_user;
        break;
    case OPT_INTERFACE:
        form->af_packet.interface = value;
        form->spec.af_packet = &form->af_packet;
        break;
    default:
        form->ethdev.devargs = value;
        form->spec.ethdev = &form->ethdev;
        break;
    }
    return true;
}

static bool
fill_role(struct port_form *form, const struct args *args)
{
    const char *role = args_value(args, OPT_ROLE);

    if (!role) {
        ctl_error("'port add' needs --role (desktop or uplink)");
        return false;
    }
    if (!strcmp(role, "desktop")) {
        form->spec.role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP;
    } else if (!strcmp(role, "uplink")) {
        form->spec.role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK;
    } else {
        ctl_error("--role: '%s' is neither desktop nor uplink", role);
        return false;
    }
    return true;
}

/* A map on the wire keeps the last of two equal keys; here the second is a slip. */
static bool
label_is_new(const struct port_form *form, const char *key)
{
    for (size_t i = 0; i < form->spec.n_labels; i++) {
        if (!strcmp(form->labels[i].key, key)) {
            ctl_error("--label: '%s' was given twice", key);
            return false;
        }
    }
    return true;
}

/* Splits the words of --label where they stand. */
static bool
fill_labels(struct port_form *form, const struct args *args)
{
    const struct svec *words = &args->values[OPT_LABEL];

    form->labels = xcalloc(words->n, sizeof *form->labels);
    form->spec.labels = xcalloc(words->n, sizeof(Fusuma__V1__PortSpec__LabelsEntry *));
    for (size_t i = 0; i < words->n; i++) {
        char *key = words->names[i];
        char *equals = strchr(key, '=');

        if (!equals || equals == key) {
            ctl_error("--label: '%s' is not KEY=VALUE", key);
            return false;
        }
        *equals = '\0';
        if (!label_is_new(form, key)) {
            return false;
        }
        fusuma__v1__port_spec__labels_entry__init(&form->labels[i]);
        form->labels[i].key = key;
        form->labels[i].value = equals + 1;
        form->spec.labels[i] = &form->labels[i];
        form->spec.n_labels++;
    }
    return true;
}

static bool
fill_vlans(struct port_form *form, const struct args *args)
{
    const struct svec *lists = &args->values[OPT_TRUNK];

    for (size_t i = 0; i < lists->n; i++) {
        if (!vlan_list_add(&form->trunks, lists->names[i])) {
            ctl_error("--trunk: '%s' is not a list of VLANs from 1 to %d, such as 10,20-29",
                      lists->names[i], VLAN_LIST_MAX);
            return false;
        }
    }
    form->spec.trunks = form->trunks.vlans;
    form->spec.n_trunks = form->trunks.n;
    form->spec.no_untagged = args_has(args, OPT_NO_UNTAGGED);
    return args_number(args, OPT_VLAN, 0, VLAN_LIST_MAX, &form->spec.vlan);
}

static void
fill_names(struct port_form *form, const struct ctl *ctl)
{
    const struct args *args = ctl->args;

    form->spec.name = (char *) ctl->arg;
    form->spec.ips = args->values[OPT_IP].names;
    form->spec.n_ips = args->values[OPT_IP].n;
    if (args_has(args, OPT_MAC)) {
        form->spec.mac = (char *) args_value(args, OPT_MAC);
    }
    form->spec.learn = args_has(args, OPT_LEARN);
    form->spec.refresh_on_logoff = args_has(args, OPT_REFRESH_ON_LOGOFF);
    if (args_has(args, OPT_USER)) {
        form->spec.user = (char *) args_value(args, OPT_USER);
    }
    if (args_has(args, OPT_VM_ID)) {
        form->spec.vm_id = (char *) args_value(args, OPT_VM_ID);
    }
}

static void
print_added(const void *reply)
{
    const Fusuma__V1__Port *port = reply;

    output_line("port %s added: id %" PRIu32 ", worker %" PRIu32 ", generation %" PRIu64,
                port->spec ? port->spec->name : "", port->id, port->worker, port->generation);
}

int
port_add(struct ctl *ctl)
{
    Fusuma__V1__AddPortRequest request = FUSUMA__V1__ADD_PORT_REQUEST__INIT;
    struct port_form form = { .spec = FUSUMA__V1__PORT_SPEC__INIT,
                              .vhost_user = FUSUMA__V1__VHOST_USER__INIT,
                              .af_packet = FUSUMA__V1__AF_PACKET__INIT,
                              .ethdev = FUSUMA__V1__ETHDEV__INIT,
                              .storm = FUSUMA__V1__STORM_LIMITS__INIT };
    int code = CTL_USAGE;

    fill_names(&form, ctl);
    request.spec = &form.spec;
    if (args_has(ctl->args, OPT_STORM)) {
        form.spec.storm = &form.storm;
    }
    if (fill_attachment(&form, ctl->args) && fill_role(&form, ctl->args) &&
        fill_labels(&form, ctl->args) && fill_vlans(&form, ctl->args) &&
        limits_storm(ctl->args, &form.storm) &&
        args_number(ctl->args, OPT_MAC_LIMIT, 1, 65536, &form.spec.mac_limit)) {
        code = client_show(ctl, service, "AddPort", &request, print_added);
    }
    free(form.spec.labels);
    free(form.labels);
    vlan_list_destroy(&form.trunks);
    return code;
}
