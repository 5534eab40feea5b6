/* Reading the configuration file's tree: a walk that the first error ends, with one table of keys
 * for each kind of mapping.  Functions return false when they have failed; the error is the
 * reader's.
 */
#ifndef CONTROL_CONFIG_READER_H
#define CONTROL_CONFIG_READER_H 1

#include <stdbool.h>
#include <stdint.h>

#include "acl/yaml.h"
#include "control/config.h"

struct config_reader {
    const char *file;
    struct config *config;
    char *error; /* "FILE:LINE:COLUMN: what"; the caller frees it */
};

struct config_key {
    const char *name;
    bool (*take)(struct config_reader *, const struct acl_yaml *key, const struct acl_yaml *value,
                 void *object);
};

bool config_fail_at(struct config_reader *, const struct acl_yaml *node, const char *what);
/* Fails at 'node', naming the key that it belongs to. */
bool config_fail(struct config_reader *, const struct acl_yaml *key, const struct acl_yaml *node,
                 const char *what);
/* Calls 'take' of the table's row for each key; unknown ones are errors.  A NULL name ends it. */
bool config_take_mapping(struct config_reader *, const struct acl_yaml *node,
                         const struct config_key *keys, void *object);
/* The value of 'key'.  An absent or null one is refused: it is more often a slip than meant. */
bool config_take_string(struct config_reader *, const struct acl_yaml *key,
                        const struct acl_yaml *value, char **);
bool config_take_number(struct config_reader *, const struct acl_yaml *key,
                        const struct acl_yaml *value, uint32_t min, uint32_t max, uint32_t *);
bool config_take_bool(struct config_reader *, const struct acl_yaml *key,
                      const struct acl_yaml *value, bool *);

/* config_ports.c: the list of ports. */
bool config_take_ports(struct config_reader *, const struct acl_yaml *key,
                       const struct acl_yaml *value, void *config);

#endif
