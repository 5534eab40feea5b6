#include <config.h>

#include "control/config_reader.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

bool
config_fail_at(struct config_reader *r, const struct acl_yaml *node, const char *what)
{
    if (!r->error) {
        r->error = xasprintf("%s:%u:%u: %s", r->file, node->line, node->column, what);
    }
    return false;
}

bool
config_fail(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *node,
            const char *what)
{
    char *text = xasprintf("%s: %s", key->text, what);

    config_fail_at(r, node, text);
    free(text);
    return false;
}

/* ---- mappings ---- */

static bool
fail_unknown(struct config_reader *r, const struct acl_yaml *key, const struct config_key *keys)
{
    struct ds what = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&what, "unknown key (there are:");
    for (const struct config_key *k = keys; k->name; k++) {
        ds_put_format(&what, "%s %s", k == keys ? "" : ",", k->name);
    }
    ds_put_char(&what, ')');
    config_fail(r, key, key, ds_cstr(&what));
    ds_destroy(&what);
    return false;
}

/* Keys are scalars, each there once: the parser has seen to it. */
static bool
take_key(struct config_reader *r, const struct config_key *keys, const struct acl_yaml *key,
         void *object)
{
    for (const struct config_key *k = keys; k->name; k++) {
        if (!strcmp(k->name, key->text)) {
            return k->take(r, key, key->next, object);
        }
    }
    return fail_unknown(r, key, keys);
}

bool
config_take_mapping(struct config_reader *r, const struct acl_yaml *node,
                    const struct config_key *keys, void *object)
{
    if (node->kind != ACL_YAML_MAPPING) {
        return config_fail_at(r, node, "a mapping (key: value) is expected");
    }
    for (const struct acl_yaml *key = node->child; key; key = key->next->next) {
        if (!take_key(r, keys, key, object)) {
            return false;
        }
    }
    return true;
}

/* ---- scalars ---- */

bool
config_take_string(struct config_reader *r, const struct acl_yaml *key,
                   const struct acl_yaml *value, char **stringp)
{
    if (value->kind != ACL_YAML_SCALAR || !value->text[0]) {
        return config_fail(r, key, value, "a value is expected");
    }
    *stringp = xstrdup(value->text);
    return true;
}

bool
config_take_number(struct config_reader *r, const struct acl_yaml *key,
                   const struct acl_yaml *value, uint32_t min, uint32_t max, uint32_t *numberp)
{
    unsigned long long number;
    char *s;

    if (!config_take_string(r, key, value, &s)) {
        return false;
    }
    number = strtoull(s, NULL, 10); /* ULLONG_MAX when it is too large */
    if (s[strspn(s, "0123456789")] || number < min || number > max) {
        char *what = xasprintf("a number from %u to %u is expected, not \"%s\"", min, max, s);

        config_fail(r, key, value, what);
        free(what);
        free(s);
        return false;
    }
    free(s);
    *numberp = number;
    return true;
}

bool
config_take_bool(struct config_reader *r, const struct acl_yaml *key, const struct acl_yaml *value,
                 bool *boolp)
{
    bool is_true, is_false;
    char *s;

    if (!config_take_string(r, key, value, &s)) {
        return false;
    }
    is_true = !strcmp(s, "true");
    is_false = !strcmp(s, "false");
    free(s);
    *boolp = is_true;
    return is_true || is_false || config_fail(r, key, value, "true or false is expected");
}
