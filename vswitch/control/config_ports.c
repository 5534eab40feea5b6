/* Ports in the configuration file. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/config_reader.h"
#include "control/limits.h"
#include "control/message.h"
#include "proto/vlan_list.h"
#include "util.h"

static bool
take_name(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
          void *spec)
{
    return config_take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->name);
}

static bool
take_role(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
          void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;
    char *s;

    if (!config_take_string(r, key, value, &s)) {
        return false;
    }
    if (!strcmp(s, "desktop")) {
        spec->role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP;
    } else if (!strcmp(s, "uplink")) {
        spec->role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK;
    }
    free(s);
    return spec->role || config_fail(r, key, value, "desktop or uplink is expected");
}

static bool
take_mac(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
         void *spec)
{
    return config_take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->mac);
}

static bool
take_user(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
          void *spec)
{
    return config_take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->user);
}

static bool
take_vm_id(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
           void *spec)
{
    return config_take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->vm_id);
}

static bool
take_refresh_on_logoff(struct config_reader *r, const struct acl_yaml *key,
                       const struct acl_yaml *value, void *spec)
{
    bool refresh;

    if (!config_take_bool(r, key, value, &refresh)) {
        return false;
    }
    ((Fusuma__V1__PortSpec *) spec)->refresh_on_logoff = refresh;
    return true;
}

static bool
take_ips(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
         void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;

    if (value->kind != ACL_YAML_SEQUENCE) {
        return config_fail(r, key, value, "a list of addresses is expected");
    }
    for (const struct acl_yaml *item = value->child; item; item = item->next) {
        char *s;

        if (!config_take_string(r, key, item, &s)) {
            return false;
        }
        message_append(spec->ips, spec->n_ips, s);
    }
    return true;
}

static bool
take_learn(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
           void *spec)
{
    bool learn;

    if (!config_take_bool(r, key, value, &learn)) {
        return false;
    }
    ((Fusuma__V1__PortSpec *) spec)->learn = learn;
    return true;
}

static bool
take_vlan(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
          void *spec)
{
    return config_take_number(r, key, value, 0, VLAN_LIST_MAX,
                              &((Fusuma__V1__PortSpec *) spec)->vlan);
}

static bool
take_trunks(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;
    struct vlan_list list = { .n = 0 };
    const struct acl_yaml *item;

    if (value->kind != ACL_YAML_SEQUENCE || !value->child) {
        return config_fail(r, key, value, "a list of VLANs is expected");
    }
    for (item = value->child; item; item = item->next) {
        if (item->kind != ACL_YAML_SCALAR || !vlan_list_add(&list, item->text)) {
            vlan_list_destroy(&list);
            return config_fail(r, key, item,
                               "a VLAN from 1 to 4094 is expected, or a range (20-29)");
        }
    }
    spec->trunks = list.vlans;
    spec->n_trunks = list.n;
    return true;
}

static bool
take_no_untagged(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                 void *spec)
{
    bool no_untagged;

    if (!config_take_bool(r, key, value, &no_untagged)) {
        return false;
    }
    ((Fusuma__V1__PortSpec *) spec)->no_untagged = no_untagged;
    return true;
}

static bool
take_labels(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;

    if (value->kind != ACL_YAML_MAPPING) {
        return config_fail(r, key, value, "a mapping of names to values is expected");
    }
    for (const struct acl_yaml *name = value->child; name; name = name->next->next) {
        Fusuma__V1__PortSpec__LabelsEntry *label =
            message_new(&fusuma__v1__port_spec__labels_entry__descriptor);

        message_append(spec->labels, spec->n_labels, label);
        if (!config_take_string(r, key, name, &label->key) ||
            !config_take_string(r, name, name->next, &label->value)) {
            return false;
        }
    }
    return true;
}

static bool
take_socket(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *vhost)
{
    return config_take_string(r, key, value, &((Fusuma__V1__VhostUser *) vhost)->socket);
}

static bool
take_client(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *vhost)
{
    bool client;

    if (!config_take_bool(r, key, value, &client)) {
        return false;
    }
    ((Fusuma__V1__VhostUser *) vhost)->client = client;
    return true;
}

static bool
take_interface(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *af_packet)
{
    return config_take_string(r, key, value, &((Fusuma__V1__AfPacket *) af_packet)->interface);
}

static bool
take_devargs(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
             void *ethdev)
{
    return config_take_string(r, key, value, &((Fusuma__V1__Ethdev *) ethdev)->devargs);
}

/* A number, or "off". */
static bool
take_pps(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
         uint32_t *pps)
{
    if (value->kind == ACL_YAML_SCALAR && !strcmp(value->text, "off")) {
        *pps = LIMIT_OFF;
        return true;
    }
    return config_take_number(r, key, value, 1, STORM_PPS_MAX, pps);
}

static bool
take_broadcast(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *storm)
{
    return take_pps(r, key, value, &((Fusuma__V1__StormLimits *) storm)->broadcast_pps);
}

static bool
take_multicast(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *storm)
{
    return take_pps(r, key, value, &((Fusuma__V1__StormLimits *) storm)->multicast_pps);
}

static bool
take_unknown_unicast(struct config_reader *r, const struct acl_yaml *key,
                     const struct acl_yaml *value, void *storm)
{
    return take_pps(r, key, value, &((Fusuma__V1__StormLimits *) storm)->unknown_unicast_pps);
}

static const struct config_key storm_keys[] = {
    { "broadcast_pps", take_broadcast },
    { "multicast_pps", take_multicast },
    { "unknown_unicast_pps", take_unknown_unicast },
    { NULL, NULL },
};

static bool
take_storm(struct config_reader *r, const struct acl_yaml *key OVS_UNUSED,
           const struct acl_yaml *value, void *spec)
{
    Fusuma__V1__StormLimits *storm = message_new(&fusuma__v1__storm_limits__descriptor);

    ((Fusuma__V1__PortSpec *) spec)->storm = storm;
    return config_take_mapping(r, value, storm_keys, storm);
}

static const struct config_key vhost_user_keys[] = {
    { "socket", take_socket },
    { "client", take_client },
    { NULL, NULL },
};
static const struct config_key af_packet_keys[] = { { "interface", take_interface },
                                                    { NULL, NULL } };
static const struct config_key ethdev_keys[] = { { "devargs", take_devargs }, { NULL, NULL } };

static bool
take_attachment(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                Fusuma__V1__PortSpec *spec, Fusuma__V1__PortSpec__AttachmentCase which,
                const ProtobufCMessageDescriptor *descriptor, const struct config_key *keys)
{
    if (spec->attachment_case) {
        return config_fail(r, key, key, "a port has one of vhost_user, af_packet and ethdev");
    }
    /* All members of the union are pointers to messages. */
    spec->vhost_user = message_new(descriptor);
    spec->attachment_case = which;
    return config_take_mapping(r, value, keys, spec->vhost_user);
}

static bool
take_vhost_user(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER,
                           &fusuma__v1__vhost_user__descriptor, vhost_user_keys);
}

static bool
take_af_packet(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET,
                           &fusuma__v1__af_packet__descriptor, af_packet_keys);
}

static bool
take_ethdev(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV,
                           &fusuma__v1__ethdev__descriptor, ethdev_keys);
}

static bool
take_mac_limit(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *spec)
{
    return config_take_number(r, key, value, 1, FDB_MAX,
                              &((Fusuma__V1__PortSpec *) spec)->mac_limit);
}

static const struct config_key port_keys[] = {
    { "name", take_name },
    { "role", take_role },
    { "vhost_user", take_vhost_user },
    { "af_packet", take_af_packet },
    { "ethdev", take_ethdev },
    { "mac", take_mac },
    { "ips", take_ips },
    { "learn", take_learn },
    { "user", take_user },
    { "vm_id", take_vm_id },
    { "refresh_on_logoff", take_refresh_on_logoff },
    { "labels", take_labels },
    { "vlan", take_vlan },
    { "trunks", take_trunks },
    { "no_untagged", take_no_untagged },
    { "storm", take_storm },
    { "mac_limit", take_mac_limit },
    { NULL, NULL },
};

bool
config_take_ports(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                  void *config_)
{
    struct config *config = config_;

    if (value->kind != ACL_YAML_SEQUENCE) {
        return config_fail(r, key, value, "a list of ports is expected");
    }
    for (const struct acl_yaml *item = value->child; item; item = item->next) {
        Fusuma__V1__PortSpec *spec = message_new(&fusuma__v1__port_spec__descriptor);

        message_append(config->ports, config->n_ports, spec);
        config->places = xrealloc(config->places, config->n_ports * sizeof *config->places);
        config->places[config->n_ports - 1] = (struct config_place){ item->line, item->column };
        if (!config_take_mapping(r, item, port_keys, spec)) {
            return false;
        }
    }
    return true;
}
