#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/limits.h"
#include "ctl/output.h"
#include "ctl/quarantine.h"
#include "ctl/refresh.h"
#include "fusuma/v1/port.pb-c.h"
#include "openvswitch/util.h"
#include "proto/vlan_list.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__port_service__descriptor;

/* ---- port add ---- */

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

/* ---- port del ---- */

int
port_del(struct ctl *ctl)
{
    Fusuma__V1__DeletePortRequest request = FUSUMA__V1__DELETE_PORT_REQUEST__INIT;
    Fusuma__V1__DeletePortResponse *reply;
    int code;

    request.name = (char *) ctl->arg;
    code = client_call(ctl, service, "DeletePort", &request, &reply);
    if (code != CTL_OK) {
        return code;
    }
    if (ctl->structured) {
        output_message(&reply->base);
    } else {
        output_line("port %s deleted: generation %" PRIu64, ctl->arg, reply->generation);
    }
    client_free(reply);
    return CTL_OK;
}

/* ---- port list, port show ---- */

static const char *
role_name(Fusuma__V1__PortRole role)
{
    switch (role) {
    case FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP:
        return "desktop";
    case FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK:
        return "uplink";
    default:
        return "?";
    }
}

static const char *
state_name(Fusuma__V1__PortState state)
{
    switch (state) {
    case FUSUMA__V1__PORT_STATE__PORT_STATE_UP:
        return "up";
    case FUSUMA__V1__PORT_STATE__PORT_STATE_DOWN:
        return "down";
    default:
        return "?";
    }
}

/* "vhost-user vd-7.sock".  The caller's to free. */
static char *
attachment_text(const Fusuma__V1__PortSpec *spec)
{
    switch (spec->attachment_case) {
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER:
        return xasprintf("vhost-user %s%s", spec->vhost_user->socket,
                         spec->vhost_user->client ? " (client)" : "");
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET:
        return xasprintf("af_packet %s", spec->af_packet->interface);
    case FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV:
        return xasprintf("ethdev %s", spec->ethdev->devargs);
    default:
        return xstrdup("?");
    }
}

/* In the order of their keys: a map has none.  The caller's to free. */
static char *
labels_text(const Fusuma__V1__PortSpec *spec)
{
    struct svec labels = SVEC_EMPTY_INITIALIZER;
    char *text;

    for (size_t i = 0; i < spec->n_labels; i++) {
        svec_add_nocopy(&labels, xasprintf("%s=%s", spec->labels[i]->key, spec->labels[i]->value));
    }
    svec_sort(&labels);
    text = output_list(labels.names, labels.n);
    svec_destroy(&labels);
    return text;
}

/* "10"; "0, 10-12 tagged": what goes untagged comes first.  The caller's to free. */
static char *
vlans_text(const Fusuma__V1__PortSpec *spec)
{
    char *trunks, *text;

    if (!spec->n_trunks) {
        return xasprintf("%" PRIu32, spec->vlan);
    }
    trunks = vlan_list_format(spec->trunks, spec->n_trunks);
    text = spec->no_untagged
               ? xasprintf("%s tagged", trunks ? trunks : "?")
               : xasprintf("%" PRIu32 ", %s tagged", spec->vlan, trunks ? trunks : "?");
    free(trunks);
    return text;
}

/* What OUTPUT_WIDE shows besides. */
static void
add_wide(struct columns *c, const Fusuma__V1__Port *port)
{
    static const Fusuma__V1__PortPolicy none = FUSUMA__V1__PORT_POLICY__INIT;
    const Fusuma__V1__PortPolicy *p = port->policy ? port->policy : &none;

    columns_text(c, port->spec->learn ? "yes" : "no");
    columns_number(c, port->macs_learned);
    columns_text(c, p->mode);
    columns_number(c, p->egress_rules);
    columns_number(c, p->ingress_rules);
    columns_format(c, "%.12s", p->policy_digest);
    columns_number(c, port->generation);
    columns_number(c, port->id);
}

static void
add_port(struct columns *c, const Fusuma__V1__Port *port)
{
    const Fusuma__V1__PortSpec *spec = port->spec;
    char *attachment = attachment_text(spec);
    char *ips = output_list(spec->ips, spec->n_ips);
    char *labels = labels_text(spec);
    char *vlans = vlans_text(spec);

    columns_text(c, spec->name);
    columns_text(c, role_name(spec->role));
    columns_text(c, port->quarantined ? "quarantined" : state_name(port->state));
    columns_number(c, port->worker);
    columns_text(c, attachment);
    columns_text(c, vlans);
    columns_text(c, spec->mac);
    columns_text(c, ips);
    columns_text(c, spec->user);
    columns_text(c, labels);
    add_wide(c, port);
    free(vlans);
    free(labels);
    free(ips);
    free(attachment);
}

static void
print_list(const void *reply)
{
    const Fusuma__V1__ListPortsResponse *list = reply;
    struct columns c;

    columns_init(&c, "NAME ROLE STATE >WORKER ATTACHED VLAN MAC ADDRESSES USER LABELS +LEARNS "
                     "+>STATIONS +MODE +>EGRESS +>INGRESS +POLICY +>GENERATION +>ID");
    for (size_t i = 0; i < list->n_ports; i++) {
        if (list->ports[i]->spec) {
            add_port(&c, list->ports[i]);
        }
    }
    columns_print(&c);
}

int
port_list(struct ctl *ctl)
{
    Fusuma__V1__ListPortsRequest request = FUSUMA__V1__LIST_PORTS_REQUEST__INIT;

    return client_show(ctl, service, "ListPorts", &request, print_list);
}

static void
print_policy(const Fusuma__V1__PortPolicy *p)
{
    if (!p) {
        output_field("Policy:", "none: what it sends and gets is judged at the desktops");
    } else if (!p->policy_digest[0]) {
        output_field("Policy:", "none: everything is denied");
        output_field("  In force:", "generation %" PRIu64, p->generation);
    } else {
        output_field("Policy:", "sha256 %s", p->policy_digest);
        output_field("  In force:", "generation %" PRIu64 ", mode %s", p->generation, p->mode);
        output_field("  Egress:", "%" PRIu32 " rule%s, table %016" PRIx64, p->egress_rules,
                     p->egress_rules == 1 ? "" : "s", p->egress_table);
        output_field("  Ingress:", "%" PRIu32 " rule%s, table %016" PRIx64, p->ingress_rules,
                     p->ingress_rules == 1 ? "" : "s", p->ingress_table);
    }
}

static void
print_quarantine(const Fusuma__V1__Port *port)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    if (port->quarantine) {
        ds_put_cstr(&text, ", ");
        put_quarantine(&text, port->quarantine);
    }
    output_field("Quarantined:", "%s%s", port->quarantined ? "yes" : "no", ds_cstr(&text));
    ds_destroy(&text);
}

/* "on logoff; under way since WHEN after session 3 (alice)" */
static void
print_refresh(const Fusuma__V1__PortRefresh *refresh, bool on_logoff)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    if (on_logoff || refresh) {
        ds_put_cstr(&text, on_logoff ? "on logoff" : "no");
        if (refresh) {
            ds_put_cstr(&text, "; ");
            put_refresh(&text, refresh);
        }
        output_field("Refresh:", "%s", ds_cstr(&text));
    }
    ds_destroy(&text);
}

static void
print_port(const void *reply)
{
    static const Fusuma__V1__PortSpec none = FUSUMA__V1__PORT_SPEC__INIT;
    const Fusuma__V1__Port *port = reply;
    const Fusuma__V1__PortSpec *spec = port->spec ? port->spec : &none;
    char *attachment = attachment_text(spec);
    char *ips = output_list(spec->ips, spec->n_ips);
    char *labels = labels_text(spec);
    char *vlans = vlans_text(spec);
    char *storm = limits_storm_text(port->storm);

    output_field("Name:", "%s", spec->name);
    output_field("Role:", "%s", role_name(spec->role));
    output_field("State:", "%s", state_name(port->state));
    print_quarantine(port);
    output_field("Attached:", "%s", attachment);
    output_field("VLAN:", "%s", vlans);
    output_field("MAC:", "%s", spec->mac);
    output_field("Addresses:", "%s", ips);
    output_field("Learns:", "%s", spec->learn ? "yes" : "no");
    output_field("User:", "%s", spec->user);
    if (spec->vm_id[0]) {
        output_field("VM:", "%s", spec->vm_id);
    }
    print_refresh(port->refresh, spec->refresh_on_logoff);
    output_field("Labels:", "%s", labels);
    output_field("Storm limits:", "%s", storm);
    if (port->mac_limit) {
        output_field("Stations:", "%" PRIu32 " learned, at most %" PRIu32, port->macs_learned,
                     port->mac_limit);
    }
    print_policy(port->policy);
    output_field("Id:", "%" PRIu32, port->id);
    output_field("Worker:", "%" PRIu32, port->worker);
    output_field("Generation:", "%" PRIu64, port->generation);
    free(vlans);
    free(storm);
    free(labels);
    free(ips);
    free(attachment);
}

int
port_show(struct ctl *ctl)
{
    Fusuma__V1__GetPortRequest request = FUSUMA__V1__GET_PORT_REQUEST__INIT;

    request.name = (char *) ctl->arg;
    return client_show(ctl, service, "GetPort", &request, print_port);
}
