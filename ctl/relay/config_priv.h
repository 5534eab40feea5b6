/* Keys of a configuration file, and how they are read. */
#ifndef CTL_RELAY_CONFIG_PRIV_H
#define CTL_RELAY_CONFIG_PRIV_H 1

#include <stddef.h>

#include "acl/yaml.h"
#include "ctl/relay/config.h"

enum relay_kind { TEXT, PATH, WORD, BITS, NUMBER, TIME, WORDS };

/* A key: what it is, where it goes, and which sinks have it. */
struct relay_key {
    const char *name;
    enum relay_kind kind;
    size_t offset;
    unsigned types, required;     /* bits of enum relay_type */
    const char *const *words;     /* WORD, BITS */
    unsigned min, max, otherwise; /* NUMBER, in ms TIME; 'otherwise' of WORD and BITS, too */
};

/* Says where and what, and returns EINVAL. */
int relay_wrong(const struct acl_yaml *where, struct acl_error *, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* NULL: the mapping has no such key. */
const struct acl_yaml *relay_find_value(const struct acl_yaml *map, const char *key);
/* The number of the word that 'value' is. */
int relay_find_word(const struct acl_yaml *value, const char *key, const char *const *words,
                    unsigned *out, struct acl_error *);

void relay_set_defaults(const struct relay_key *, size_t n, void *object);
/* Takes everything of a mapping but 'except' (or NULL) into an object of the types that 'type' has
 * the bits of.  0, or EINVAL; relay_free_keys() frees what was taken in either case. */
int relay_take_map(const struct acl_yaml *map, const struct relay_key *, size_t n, unsigned type,
                   const char *except, void *object, struct acl_error *);
void relay_free_keys(const struct relay_key *, size_t n, void *object);

#endif
