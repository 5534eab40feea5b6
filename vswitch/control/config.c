#include <config.h>

#include "control/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "acl/yaml.h"
#include "control/file.h"
#include "control/limits.h"
#include "control/message.h"
#include "dirs.h"
#include "openvswitch/dynamic-string.h"
#include "proto/vlan_list.h"
#include "util.h"

#define DEFAULT_CONNECTIONS 262144
#define DEFAULT_BUFFERS 32768
#define DEFAULT_DROP_RECORDS 1000000

/* A walk over the tree.  The first error ends it. */
struct reader {
    const char *file;
    struct config *config;
    char *error;
};

static bool
fail_at(struct reader *r, const struct acl_yaml *node, const char *what)
{
    if (!r->error) {
        r->error = xasprintf("%s:%u:%u: %s", r->file, node->line, node->column, what);
    }
    return false;
}

/* Fails at 'node', naming the key that it belongs to. */
static bool
fail(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *node, const char *what)
{
    char *text = xasprintf("%s: %s", key->text, what);

    fail_at(r, node, text);
    free(text);
    return false;
}

/* ---- mappings: one table of keys each ---- */

struct key {
    const char *name;
    bool (*take)(struct reader *, const struct acl_yaml *key, const struct acl_yaml *value,
                 void *object);
};

static bool
fail_unknown(struct reader *r, const struct acl_yaml *key, const struct key *keys)
{
    struct ds what = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&what, "unknown key (there are:");
    for (const struct key *k = keys; k->name; k++) {
        ds_put_format(&what, "%s %s", k == keys ? "" : ",", k->name);
    }
    ds_put_char(&what, ')');
    fail(r, key, key, ds_cstr(&what));
    ds_destroy(&what);
    return false;
}

/* Keys are scalars, each there once: the parser has seen to it. */
static bool
take_key(struct reader *r, const struct key *keys, const struct acl_yaml *key, void *object)
{
    for (const struct key *k = keys; k->name; k++) {
        if (!strcmp(k->name, key->text)) {
            return k->take(r, key, key->next, object);
        }
    }
    return fail_unknown(r, key, keys);
}

static bool
take_mapping(struct reader *r, const struct acl_yaml *node, const struct key *keys, void *object)
{
    if (node->kind != ACL_YAML_MAPPING) {
        return fail_at(r, node, "a mapping (key: value) is expected");
    }
    for (const struct acl_yaml *key = node->child; key; key = key->next->next) {
        if (!take_key(r, keys, key, object)) {
            return false;
        }
    }
    return true;
}

/* ---- scalars ---- */

/* An absent or null value is refused: it is more often a slip than meant. */
static bool
take_string(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            char **stringp)
{
    if (value->kind != ACL_YAML_SCALAR || !value->text[0]) {
        return fail(r, key, value, "a value is expected");
    }
    *stringp = xstrdup(value->text);
    return true;
}

static bool
take_number(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            uint32_t min, uint32_t max, uint32_t *numberp)
{
    unsigned long long number;
    char *s;

    if (!take_string(r, key, value, &s)) {
        return false;
    }
    number = strtoull(s, NULL, 10); /* ULLONG_MAX when it is too large */
    if (s[strspn(s, "0123456789")] || number < min || number > max) {
        char *what = xasprintf("a number from %u to %u is expected, not \"%s\"", min, max, s);

        fail(r, key, value, what);
        free(what);
        free(s);
        return false;
    }
    free(s);
    *numberp = number;
    return true;
}

static bool
take_bool(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, bool *boolp)
{
    bool is_true, is_false;
    char *s;

    if (!take_string(r, key, value, &s)) {
        return false;
    }
    is_true = !strcmp(s, "true");
    is_false = !strcmp(s, "false");
    free(s);
    *boolp = is_true;
    return is_true || is_false || fail(r, key, value, "true or false is expected");
}

/* ---- settings ---- */

static bool
take_connections(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                 void *config)
{
    return take_number(r, key, value, 1024, 64u << 20, &((struct config *) config)->connections);
}

static bool
take_buffers(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
             void *config)
{
    return take_number(r, key, value, 2048, 16u << 20, &((struct config *) config)->buffers);
}

static bool
take_drop_records(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                  void *config)
{
    return take_number(r, key, value, 1000, 1000000000, &((struct config *) config)->drop_records);
}

static bool
take_idle_sleep(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                void *config)
{
    return take_bool(r, key, value, &((struct config *) config)->idle_sleep);
}

static const struct key settings_keys[] = {
    { "connections", take_connections },
    { "buffers", take_buffers },
    { "drop_records", take_drop_records },
    { "idle_sleep", take_idle_sleep },
    { NULL, NULL },
};

static bool
take_settings(struct reader *r, const struct acl_yaml *key OVS_UNUSED, const struct acl_yaml *value,
              void *config)
{
    return take_mapping(r, value, settings_keys, config);
}

/* ---- ports ---- */

static bool
take_name(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec)
{
    return take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->name);
}

static bool
take_role(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;
    char *s;

    if (!take_string(r, key, value, &s)) {
        return false;
    }
    if (!strcmp(s, "desktop")) {
        spec->role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP;
    } else if (!strcmp(s, "uplink")) {
        spec->role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK;
    }
    free(s);
    return spec->role || fail(r, key, value, "desktop or uplink is expected");
}

static bool
take_mac(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec)
{
    return take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->mac);
}

static bool
take_user(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec)
{
    return take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->user);
}

static bool
take_ips(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;

    if (value->kind != ACL_YAML_SEQUENCE) {
        return fail(r, key, value, "a list of addresses is expected");
    }
    for (const struct acl_yaml *item = value->child; item; item = item->next) {
        char *s;

        if (!take_string(r, key, item, &s)) {
            return false;
        }
        message_append(spec->ips, spec->n_ips, s);
    }
    return true;
}

static bool
take_learn(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec)
{
    bool learn;

    if (!take_bool(r, key, value, &learn)) {
        return false;
    }
    ((Fusuma__V1__PortSpec *) spec)->learn = learn;
    return true;
}

static bool
take_vlan(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec)
{
    return take_number(r, key, value, 0, VLAN_LIST_MAX, &((Fusuma__V1__PortSpec *) spec)->vlan);
}

static bool
take_trunks(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;
    struct vlan_list list = { .n = 0 };
    const struct acl_yaml *item;

    if (value->kind != ACL_YAML_SEQUENCE || !value->child) {
        return fail(r, key, value, "a list of VLANs is expected");
    }
    for (item = value->child; item; item = item->next) {
        if (item->kind != ACL_YAML_SCALAR || !vlan_list_add(&list, item->text)) {
            vlan_list_destroy(&list);
            return fail(r, key, item, "a VLAN from 1 to 4094 is expected, or a range (20-29)");
        }
    }
    spec->trunks = list.vlans;
    spec->n_trunks = list.n;
    return true;
}

static bool
take_no_untagged(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                 void *spec)
{
    bool no_untagged;

    if (!take_bool(r, key, value, &no_untagged)) {
        return false;
    }
    ((Fusuma__V1__PortSpec *) spec)->no_untagged = no_untagged;
    return true;
}

static bool
take_labels(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;

    if (value->kind != ACL_YAML_MAPPING) {
        return fail(r, key, value, "a mapping of names to values is expected");
    }
    for (const struct acl_yaml *name = value->child; name; name = name->next->next) {
        Fusuma__V1__PortSpec__LabelsEntry *label =
            message_new(&fusuma__v1__port_spec__labels_entry__descriptor);

        message_append(spec->labels, spec->n_labels, label);
        if (!take_string(r, key, name, &label->key) ||
            !take_string(r, name, name->next, &label->value)) {
            return false;
        }
    }
    return true;
}

static bool
take_socket(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *vhost)
{
    return take_string(r, key, value, &((Fusuma__V1__VhostUser *) vhost)->socket);
}

static bool
take_client(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *vhost)
{
    bool client;

    if (!take_bool(r, key, value, &client)) {
        return false;
    }
    ((Fusuma__V1__VhostUser *) vhost)->client = client;
    return true;
}

static bool
take_interface(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *af_packet)
{
    return take_string(r, key, value, &((Fusuma__V1__AfPacket *) af_packet)->interface);
}

static bool
take_devargs(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
             void *ethdev)
{
    return take_string(r, key, value, &((Fusuma__V1__Ethdev *) ethdev)->devargs);
}

/* A number, or "off". */
static bool
take_pps(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, uint32_t *pps)
{
    if (value->kind == ACL_YAML_SCALAR && !strcmp(value->text, "off")) {
        *pps = LIMIT_OFF;
        return true;
    }
    return take_number(r, key, value, 1, STORM_PPS_MAX, pps);
}

static bool
take_broadcast(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *storm)
{
    return take_pps(r, key, value, &((Fusuma__V1__StormLimits *) storm)->broadcast_pps);
}

static bool
take_multicast(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *storm)
{
    return take_pps(r, key, value, &((Fusuma__V1__StormLimits *) storm)->multicast_pps);
}

static bool
take_unknown_unicast(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                     void *storm)
{
    return take_pps(r, key, value, &((Fusuma__V1__StormLimits *) storm)->unknown_unicast_pps);
}

static const struct key storm_keys[] = {
    { "broadcast_pps", take_broadcast },
    { "multicast_pps", take_multicast },
    { "unknown_unicast_pps", take_unknown_unicast },
    { NULL, NULL },
};

static bool
take_storm(struct reader *r, const struct acl_yaml *key OVS_UNUSED, const struct acl_yaml *value,
           void *spec)
{
    Fusuma__V1__StormLimits *storm = message_new(&fusuma__v1__storm_limits__descriptor);

    ((Fusuma__V1__PortSpec *) spec)->storm = storm;
    return take_mapping(r, value, storm_keys, storm);
}

static const struct key vhost_user_keys[] = {
    { "socket", take_socket },
    { "client", take_client },
    { NULL, NULL },
};
static const struct key af_packet_keys[] = { { "interface", take_interface }, { NULL, NULL } };
static const struct key ethdev_keys[] = { { "devargs", take_devargs }, { NULL, NULL } };

static bool
take_attachment(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                Fusuma__V1__PortSpec *spec, Fusuma__V1__PortSpec__AttachmentCase which,
                const ProtobufCMessageDescriptor *descriptor, const struct key *keys)
{
    if (spec->attachment_case) {
        return fail(r, key, key, "a port has one of vhost_user, af_packet and ethdev");
    }
    /* All members of the union are pointers to messages. */
    spec->vhost_user = message_new(descriptor);
    spec->attachment_case = which;
    return take_mapping(r, value, keys, spec->vhost_user);
}

static bool
take_vhost_user(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER,
                           &fusuma__v1__vhost_user__descriptor, vhost_user_keys);
}

static bool
take_af_packet(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET,
                           &fusuma__v1__af_packet__descriptor, af_packet_keys);
}

static bool
take_ethdev(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value, void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV,
                           &fusuma__v1__ethdev__descriptor, ethdev_keys);
}

static bool
take_mac_limit(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
               void *spec)
{
    return take_number(r, key, value, 1, FDB_MAX, &((Fusuma__V1__PortSpec *) spec)->mac_limit);
}

static const struct key port_keys[] = {
    { "name", take_name },
    { "role", take_role },
    { "vhost_user", take_vhost_user },
    { "af_packet", take_af_packet },
    { "ethdev", take_ethdev },
    { "mac", take_mac },
    { "ips", take_ips },
    { "learn", take_learn },
    { "user", take_user },
    { "labels", take_labels },
    { "vlan", take_vlan },
    { "trunks", take_trunks },
    { "no_untagged", take_no_untagged },
    { "storm", take_storm },
    { "mac_limit", take_mac_limit },
    { NULL, NULL },
};

static bool
take_ports(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
           void *config_)
{
    struct config *config = config_;

    if (value->kind != ACL_YAML_SEQUENCE) {
        return fail(r, key, value, "a list of ports is expected");
    }
    for (const struct acl_yaml *item = value->child; item; item = item->next) {
        Fusuma__V1__PortSpec *spec = message_new(&fusuma__v1__port_spec__descriptor);

        message_append(config->ports, config->n_ports, spec);
        config->places = xrealloc(config->places, config->n_ports * sizeof *config->places);
        config->places[config->n_ports - 1] = (struct config_place){ item->line, item->column };
        if (!take_mapping(r, item, port_keys, spec)) {
            return false;
        }
    }
    return true;
}

/* ---- the file ---- */

static bool
take_policy(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *config_)
{
    struct config *config = config_;
    char *name, *dir, *path;
    size_t size;
    int error;

    if (!take_string(r, key, value, &name)) {
        return false;
    }
    dir = dir_name(r->file);
    path = *name == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
    error = file_read(path, &config->policy, &size);
    if (error) {
        char *what = xasprintf("%s: %s", path, ovs_strerror(error));

        fail(r, key, value, what);
        free(what);
    }
    config->policy_file = path;
    free(dir);
    free(name);
    return !error;
}

static bool
take_access(struct reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *config)
{
    const struct acl_yaml *where;
    char *why;

    if (value->kind != ACL_YAML_SEQUENCE) {
        return fail(r, key, value, "a list of entries is expected");
    }
    for (const struct acl_yaml *item = value->child; item; item = item->next) {
        if (!access_add(&((struct config *) config)->access, item, &where, &why)) {
            fail_at(r, where, why);
            free(why);
            return false;
        }
    }
    return true;
}

static const struct key file_keys[] = {
    { "settings", take_settings }, { "ports", take_ports }, { "policy", take_policy },
    { "access", take_access },     { NULL, NULL },
};

void
config_init(struct config *config)
{
    memset(config, 0, sizeof *config);
    config->connections = DEFAULT_CONNECTIONS;
    config->buffers = DEFAULT_BUFFERS;
    config->drop_records = DEFAULT_DROP_RECORDS;
    config->idle_sleep = true;
}

void
config_destroy(struct config *config)
{
    for (size_t i = 0; i < config->n_ports; i++) {
        message_free(config->ports[i]);
    }
    free(config->ports);
    free(config->places);
    free(config->policy);
    free(config->policy_file);
    access_destroy(&config->access);
}

int
config_read(const char *file, struct config *config, char **error)
{
    struct config fresh;
    struct reader r = { .file = file, .config = &fresh };
    struct acl_yaml *root = NULL;
    struct acl_error where;
    char *text;
    size_t size;
    int retval = file_read(file, &text, &size);

    if (retval) {
        *error = xasprintf("%s: %s", file, ovs_strerror(retval));
        return retval;
    }
    config_init(&fresh);
    retval = acl_yaml_parse(text, size, &root, &where);
    if (retval) {
        *error = where.line ? xasprintf("%s:%u:%u: %s", file, where.line, where.column, where.text)
                            : xasprintf("%s: %s", file, where.text);
    } else if (!take_mapping(&r, root, file_keys, &fresh)) {
        *error = r.error;
        retval = EINVAL;
    }
    acl_yaml_destroy(root);
    free(text);
    if (retval) {
        config_destroy(&fresh);
    } else {
        config_destroy(config);
        *config = fresh;
    }
    return retval;
}
