#include <config.h>

#include "control/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_reader.h"
#include "control/file.h"
#include "control/message.h"
#include "dirs.h"
#include "proto/rpc_endpoint.h"
#include "util.h"

#define DEFAULT_CONNECTIONS 262144
#define DEFAULT_BUFFERS 32768
#define DEFAULT_DROP_RECORDS 1000000
#define DEFAULT_FLOWS 262144
#define DEFAULT_FLOW_HOURS 72
#define DEFAULT_CAPTURE_MEGABYTES 1024

/* ---- settings ---- */

static bool
take_connections(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                 void *config)
{
    return config_take_number(r, key, value, 1024, 64u << 20,
                              &((struct config *) config)->connections);
}

static bool
take_port_connections(struct config_reader *r, const struct acl_yaml *key,
                      const struct acl_yaml *value, void *config)
{
    return config_take_number(r, key, value, 16, 64u << 20,
                              &((struct config *) config)->port_connections);
}

static bool
take_buffers(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
             void *config)
{
    return config_take_number(r, key, value, 2048, 16u << 20, &((struct config *) config)->buffers);
}

static bool
take_drop_records(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                  void *config)
{
    return config_take_number(r, key, value, 1000, 1000000000,
                              &((struct config *) config)->drop_records);
}

static bool
take_flows(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
           void *config)
{
    return config_take_number(r, key, value, 1024, 16u << 20, &((struct config *) config)->flows);
}

static bool
take_flow_hours(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                void *config)
{
    return config_take_number(r, key, value, 1, 8784, &((struct config *) config)->flow_hours);
}

static const struct config_key flow_journal_keys[] = {
    { "flows", take_flows },
    { "hours", take_flow_hours },
    { NULL, NULL },
};

static bool
take_flow_journal(struct config_reader *r, const struct acl_yaml *key OVS_UNUSED,
                  const struct acl_yaml *value, void *config)
{
    return config_take_mapping(r, value, flow_journal_keys, config);
}

static bool
take_capture_megabytes(struct config_reader *r, const struct acl_yaml *key,
                       const struct acl_yaml *value, void *config)
{
    return config_take_number(r, key, value, 1, 1 << 20,
                              &((struct config *) config)->capture_megabytes);
}

static bool
take_idle_sleep(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                void *config)
{
    return config_take_bool(r, key, value, &((struct config *) config)->idle_sleep);
}

static bool
take_metrics(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
             void *config_)
{
    struct config *config = config_;

    if (!config_take_string(r, key, value, &config->metrics)) {
        return false;
    }
    return rpc_endpoint_is_address(config->metrics) ||
           config_fail(r, key, value,
                       "ADDRESS:PORT is expected, such as 127.0.0.1:9464 or \"[::1]:9464\"");
}

static const struct config_key settings_keys[] = {
    { "connections", take_connections },
    { "buffers", take_buffers },
    { "drop_records", take_drop_records },
    { "flow_journal", take_flow_journal },
    { "capture_megabytes", take_capture_megabytes },
    { "idle_sleep", take_idle_sleep },
    { "metrics", take_metrics },
    { "port_connections", take_port_connections },
    { NULL, NULL },
};

static bool
take_settings(struct config_reader *r, const struct acl_yaml *key OVS_UNUSED,
              const struct acl_yaml *value, void *config)
{
    return config_take_mapping(r, value, settings_keys, config);
}

/* ---- the file ---- */

static bool
take_policy(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *config_)
{
    struct config *config = config_;
    char *name, *dir, *path;
    size_t size;
    int error;

    if (!config_take_string(r, key, value, &name)) {
        return false;
    }
    dir = dir_name(r->file);
    path = *name == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
    error = file_read(path, &config->policy, &size);
    if (error) {
        char *what = xasprintf("%s: %s", path, ovs_strerror(error));

        config_fail(r, key, value, what);
        free(what);
    }
    config->policy_file = path;
    free(dir);
    free(name);
    return !error;
}

static bool
take_access(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
            void *config)
{
    const struct acl_yaml *where;
    char *why;

    if (value->kind != ACL_YAML_SEQUENCE) {
        return config_fail(r, key, value, "a list of entries is expected");
    }
    for (const struct acl_yaml *item = value->child; item; item = item->next) {
        if (!access_add(&((struct config *) config)->access, item, &where, &why)) {
            config_fail_at(r, where, why);
            free(why);
            return false;
        }
    }
    return true;
}

static const struct config_key file_keys[] = {
    { "settings", take_settings },
    { "ports", config_take_ports },
    { "policy", take_policy },
    { "access", take_access },
    { NULL, NULL },
};

void
config_init(struct config *config)
{
    memset(config, 0, sizeof *config);
    config->connections = DEFAULT_CONNECTIONS;
    config->buffers = DEFAULT_BUFFERS;
    config->drop_records = DEFAULT_DROP_RECORDS;
    config->flows = DEFAULT_FLOWS;
    config->flow_hours = DEFAULT_FLOW_HOURS;
    config->capture_megabytes = DEFAULT_CAPTURE_MEGABYTES;
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
    free(config->metrics);
    access_destroy(&config->access);
}

int
config_read(const char *file, struct config *config, char **error)
{
    struct config fresh;
    struct config_reader r = { .file = file, .config = &fresh };
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
    retval = acl_yaml_parse(text, size, NULL, &root, &where);
    if (retval) {
        *error = where.line ? xasprintf("%s:%u:%u: %s", file, where.line, where.column, where.text)
                            : xasprintf("%s: %s", file, where.text);
    } else if (!config_take_mapping(&r, root, file_keys, &fresh)) {
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
