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
