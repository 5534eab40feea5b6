#include <config.h>

#include "control/config.h"

#include <errno.h>
#include <libfyaml.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "control/file.h"
#include "control/message.h"
#include "dirs.h"
#include "util.h"

#define DEFAULT_CONNECTIONS 262144
#define DEFAULT_BUFFERS 32768
#define DEFAULT_DROP_RECORDS 1000000

/* A walk over the document.  The first error ends it. */
struct reader {
    const char *file;
    struct config *config;
    char *error;
};

static bool
fail_at(struct reader *r, struct fy_node *node, const char *what)
{
    struct fy_token *token = fy_node_get_scalar_token(node);
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

    /* Only the root can be without a mark here. */
    if (!r->error) {
        r->error = xasprintf("%s:%d:%d: %s", r->file, mark ? mark->line + 1 : 1,
                             mark ? mark->column + 1 : 1, what);
    }
    return false;
}

/* Fails, naming the key: mappings and sequences have no place of their own to point at. */
static bool
fail(struct reader *r, struct fy_node *key, const char *what)
{
    const char *name = fy_node_get_scalar0(key); /* the document's */
    char *text = xasprintf("%s: %s", name ? name : "?", what);

    fail_at(r, key, text);
    free(text);
    return false;
}

/* ---- mappings: one table of keys each ---- */

struct key {
    const char *name;
    bool (*take)(struct reader *, struct fy_node *key, struct fy_node *value, void *object);
};

static bool
take_key(struct reader *r, const struct key *keys, struct fy_node_pair *pair, void *object)
{
    struct fy_node *key = fy_node_pair_key(pair);
    size_t len;
    const char *text = fy_node_get_scalar(key, &len);

    for (const struct key *k = keys; text && k->name; k++) {
        if (strlen(k->name) == len && !memcmp(k->name, text, len)) {
            return k->take(r, key, fy_node_pair_value(pair), object);
        }
    }
    return text ? fail(r, key, "unknown key") : fail_at(r, key, "a key is not a word");
}

static bool
take_mapping(struct reader *r, struct fy_node *key, struct fy_node *node, const struct key *keys,
             void *object)
{
    struct fy_node_pair *pair;
    void *iterator = NULL;

    if (!fy_node_is_mapping(node)) {
        return key ? fail(r, key, "a mapping is expected")
                   : fail_at(r, node, "a mapping is expected");
    }
    while ((pair = fy_node_mapping_iterate(node, &iterator))) {
        if (!take_key(r, keys, pair, object)) {
            return false;
        }
    }
    return true;
}

/* ---- scalars ---- */

/* An absent or null value is refused: it is more often a slip than meant. */
static bool
take_string(struct reader *r, struct fy_node *key, struct fy_node *value, char **stringp)
{
    const char *s = value && fy_node_is_scalar(value) ? fy_node_get_scalar0(value) : NULL;

    if (!s || !*s) {
        return fail(r, key, "a value is expected");
    }
    *stringp = xstrdup(s);
    return true;
}

static bool
take_number(struct reader *r, struct fy_node *key, struct fy_node *value, uint32_t min,
            uint32_t max, uint32_t *numberp)
{
    unsigned long long number;
    char *s, *end;

    if (!take_string(r, key, value, &s)) {
        return false;
    }
    errno = 0;
    number = strtoull(s, &end, 10);
    if (errno || *end || *s == '-' || number < min || number > max) {
        char *what = xasprintf("a number from %u to %u is expected, not \"%s\"", min, max, s);

        fail(r, key, what);
        free(what);
        free(s);
        return false;
    }
    free(s);
    *numberp = number;
    return true;
}

static bool
take_bool(struct reader *r, struct fy_node *key, struct fy_node *value, bool *boolp)
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
    return is_true || is_false || fail(r, key, "true or false is expected");
}

/* ---- settings ---- */

static bool
take_connections(struct reader *r, struct fy_node *key, struct fy_node *value, void *config)
{
    return take_number(r, key, value, 1024, 64u << 20, &((struct config *) config)->connections);
}

static bool
take_buffers(struct reader *r, struct fy_node *key, struct fy_node *value, void *config)
{
    return take_number(r, key, value, 2048, 16u << 20, &((struct config *) config)->buffers);
}

static bool
take_drop_records(struct reader *r, struct fy_node *key, struct fy_node *value, void *config)
{
    return take_number(r, key, value, 1000, 1000000000, &((struct config *) config)->drop_records);
}

static bool
take_idle_sleep(struct reader *r, struct fy_node *key, struct fy_node *value, void *config)
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
take_settings(struct reader *r, struct fy_node *key, struct fy_node *value, void *config)
{
    return take_mapping(r, key, value, settings_keys, config);
}

/* ---- ports ---- */

static bool
take_name(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec)
{
    return take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->name);
}

static bool
take_role(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec_)
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
    return spec->role || fail(r, key, "desktop or uplink is expected");
}

static bool
take_mac(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec)
{
    return take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->mac);
}

static bool
take_user(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec)
{
    return take_string(r, key, value, &((Fusuma__V1__PortSpec *) spec)->user);
}

static bool
take_ips(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;
    struct fy_node *item;
    void *iterator = NULL;

    if (!fy_node_is_sequence(value)) {
        return fail(r, key, "a list of addresses is expected");
    }
    while ((item = fy_node_sequence_iterate(value, &iterator))) {
        char *s;

        if (!take_string(r, key, item, &s)) {
            return false;
        }
        message_append(spec->ips, spec->n_ips, s);
    }
    return true;
}

static bool
take_labels(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec_)
{
    Fusuma__V1__PortSpec *spec = spec_;
    struct fy_node_pair *pair;
    void *iterator = NULL;

    if (!fy_node_is_mapping(value)) {
        return fail(r, key, "a mapping of names to values is expected");
    }
    while ((pair = fy_node_mapping_iterate(value, &iterator))) {
        Fusuma__V1__PortSpec__LabelsEntry *label =
            message_new(&fusuma__v1__port_spec__labels_entry__descriptor);

        message_append(spec->labels, spec->n_labels, label);
        if (!take_string(r, key, fy_node_pair_key(pair), &label->key) ||
            !take_string(r, fy_node_pair_key(pair), fy_node_pair_value(pair), &label->value)) {
            return false;
        }
    }
    return true;
}

static bool
take_socket(struct reader *r, struct fy_node *key, struct fy_node *value, void *vhost)
{
    return take_string(r, key, value, &((Fusuma__V1__VhostUser *) vhost)->socket);
}

static bool
take_client(struct reader *r, struct fy_node *key, struct fy_node *value, void *vhost)
{
    bool client;

    if (!take_bool(r, key, value, &client)) {
        return false;
    }
    ((Fusuma__V1__VhostUser *) vhost)->client = client;
    return true;
}

static bool
take_interface(struct reader *r, struct fy_node *key, struct fy_node *value, void *af_packet)
{
    return take_string(r, key, value, &((Fusuma__V1__AfPacket *) af_packet)->interface);
}

static bool
take_devargs(struct reader *r, struct fy_node *key, struct fy_node *value, void *ethdev)
{
    return take_string(r, key, value, &((Fusuma__V1__Ethdev *) ethdev)->devargs);
}

static const struct key vhost_user_keys[] = {
    { "socket", take_socket },
    { "client", take_client },
    { NULL, NULL },
};
static const struct key af_packet_keys[] = { { "interface", take_interface }, { NULL, NULL } };
static const struct key ethdev_keys[] = { { "devargs", take_devargs }, { NULL, NULL } };

static bool
take_attachment(struct reader *r, struct fy_node *key, struct fy_node *value,
                Fusuma__V1__PortSpec *spec, Fusuma__V1__PortSpec__AttachmentCase which,
                const ProtobufCMessageDescriptor *descriptor, const struct key *keys)
{
    if (spec->attachment_case) {
        return fail(r, key, "a port has one of vhost_user, af_packet and ethdev");
    }
    /* All members of the union are pointers to messages. */
    spec->vhost_user = message_new(descriptor);
    spec->attachment_case = which;
    return take_mapping(r, key, value, keys, spec->vhost_user);
}

static bool
take_vhost_user(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER,
                           &fusuma__v1__vhost_user__descriptor, vhost_user_keys);
}

static bool
take_af_packet(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET,
                           &fusuma__v1__af_packet__descriptor, af_packet_keys);
}

static bool
take_ethdev(struct reader *r, struct fy_node *key, struct fy_node *value, void *spec)
{
    return take_attachment(r, key, value, spec, FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV,
                           &fusuma__v1__ethdev__descriptor, ethdev_keys);
}

static const struct key port_keys[] = {
    { "name", take_name },
    { "role", take_role },
    { "vhost_user", take_vhost_user },
    { "af_packet", take_af_packet },
    { "ethdev", take_ethdev },
    { "mac", take_mac },
    { "ips", take_ips },
    { "user", take_user },
    { "labels", take_labels },
    { NULL, NULL },
};

/* A mapping begins where its first key does. */
static struct config_place
place_of(struct fy_node *mapping)
{
    void *iterator = NULL;
    struct fy_node_pair *pair = fy_node_mapping_iterate(mapping, &iterator);
    struct fy_token *token = pair ? fy_node_get_scalar_token(fy_node_pair_key(pair)) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

    return (struct config_place){ mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0 };
}

static bool
take_ports(struct reader *r, struct fy_node *key, struct fy_node *value, void *config_)
{
    struct config *config = config_;
    struct fy_node *item;
    void *iterator = NULL;

    if (!fy_node_is_sequence(value)) {
        return fail(r, key, "a list of ports is expected");
    }
    while ((item = fy_node_sequence_iterate(value, &iterator))) {
        Fusuma__V1__PortSpec *spec = message_new(&fusuma__v1__port_spec__descriptor);

        message_append(config->ports, config->n_ports, spec);
        if (!take_mapping(r, key, item, port_keys, spec)) {
            return false;
        }
        config->places = xrealloc(config->places, config->n_ports * sizeof *config->places);
        config->places[config->n_ports - 1] = place_of(item);
    }
    return true;
}

/* ---- the file ---- */

static bool
take_policy(struct reader *r, struct fy_node *key, struct fy_node *value, void *config_)
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

        fail(r, key, what);
        free(what);
    }
    config->policy_file = path;
    free(dir);
    free(name);
    return !error;
}

static const struct key file_keys[] = {
    { "settings", take_settings },
    { "ports", take_ports },
    { "policy", take_policy },
    { NULL, NULL },
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
}

/* The parser's own first complaint. */
static char *
syntax_error(const char *file, struct fy_diag *diag)
{
    void *iterator = NULL;
    struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iterator);

    return e ? xasprintf("%s:%d:%d: %s", file, e->line, e->column, e->msg)
             : xasprintf("%s: not YAML", file);
}

int
config_read(const char *file, struct config *config, char **error)
{
    struct fy_diag *diag = fy_diag_create(NULL);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag };
    struct reader r = { .file = file, .config = config };
    struct fy_document *document = NULL;
    char *text;
    size_t size;
    int retval = file_read(file, &text, &size);

    if (retval) {
        *error = xasprintf("%s: %s", file, ovs_strerror(retval));
        goto out;
    }
    fy_diag_set_collect_errors(diag, true);
    document = fy_document_build_from_string(&cfg, text, size);
    if (!document) {
        r.error = syntax_error(file, diag);
    } else if (fy_document_root(document)) {
        take_mapping(&r, NULL, fy_document_root(document), file_keys, config);
    }
    if (r.error) {
        *error = r.error;
        retval = EINVAL;
    }
    fy_document_destroy(document);
    free(text);
out:
    fy_diag_destroy(diag);
    return retval;
}
