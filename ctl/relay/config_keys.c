#include <config.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/relay/config_priv.h"
#include "util.h"

/* ---- values ---- */

int
relay_wrong(const struct acl_yaml *where, struct acl_error *error, const char *format, ...)
{
    char text[sizeof error->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return acl_error_set(error, where->line, where->column, "%s", text);
}

static int
take_text(const struct acl_yaml *value, const char *key, bool path, char **out,
          struct acl_error *error)
{
    if (value->kind != ACL_YAML_SCALAR || !value->text[0]) {
        return relay_wrong(value, error, "%s: a text is expected", key);
    }
    if (path && value->text[0] != '/') {
        return relay_wrong(value, error, "%s: '%.64s' is not an absolute path", key, value->text);
    }
    *out = xstrdup(value->text);
    return 0;
}

int
relay_find_word(const struct acl_yaml *value, const char *key, const char *const *words,
                unsigned *out, struct acl_error *error)
{
    const char *text = value->kind == ACL_YAML_SCALAR ? value->text : "";
    char all[256] = "";
    size_t n = 0;

    for (unsigned i = 0; words[i]; i++) {
        if (!strcmp(words[i], text)) {
            *out = i;
            return 0;
        }
        if (n < sizeof all) {
            n += (size_t) snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", words[i]);
        }
    }
    return relay_wrong(value, error, "%s: '%.32s' is none of %s", key, text, all);
}

static int
take_bits(const struct acl_yaml *value, const char *key, const char *const *words, unsigned *out,
          struct acl_error *error)
{
    unsigned bit = 0;
    int rc;

    if (value->kind != ACL_YAML_SEQUENCE || !value->n) {
        return relay_wrong(value, error, "%s: a list is expected", key);
    }
    *out = 0;
    for (const struct acl_yaml *v = value->child; v; v = v->next) {
        rc = relay_find_word(v, key, words, &bit, error);
        if (rc) {
            return rc;
        }
        *out |= 1u << bit;
    }
    return 0;
}

static int
take_words(const struct acl_yaml *value, const char *key, struct relay_words *out,
           struct acl_error *error)
{
    int rc = 0;

    if (value->kind != ACL_YAML_SEQUENCE || !value->n) {
        return relay_wrong(value, error, "%s: a list is expected", key);
    }
    out->words = xcalloc(value->n + 1, sizeof *out->words); /* ends with NULL, as argv does */
    for (const struct acl_yaml *v = value->child; v && !rc; v = v->next) {
        rc = take_text(v, key, false, &out->words[out->n], error);
        out->n += !rc;
    }
    return rc;
}

/* "10", or of a time "500ms", "10s", "5m", "1h". */
static int
take_number(const struct acl_yaml *value, const struct relay_key *key, unsigned *out,
            struct acl_error *error)
{
    static const struct {
        const char *unit;
        unsigned ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
    const char *text = value->kind == ACL_YAML_SCALAR ? value->text : "";
    size_t digits = strspn(text, "0123456789");
    unsigned long long n = digits && digits < 10 ? strtoull(text, NULL, 10) : 0;
    bool known = digits && digits < 10 && key->kind == NUMBER && !text[digits];

    for (size_t i = 0; i < ARRAY_SIZE(units) && key->kind == TIME && digits && digits < 10; i++) {
        if (!strcmp(text + digits, units[i].unit)) {
            n *= units[i].ms;
            known = true;
        }
    }
    if (!known) {
        return relay_wrong(value, error, "%s: '%.32s' is no %s", key->name, text,
                           key->kind == TIME ? "time as 500ms, 10s, 5m or 1h" : "number");
    }
    if (n < key->min || n > key->max) {
        return relay_wrong(value, error, "%s: '%.32s' is not from %u%s to %u%s", key->name, text,
                           key->min, key->kind == TIME ? "ms" : "", key->max,
                           key->kind == TIME ? "ms" : "");
    }
    *out = (unsigned) n;
    return 0;
}

static int
take_value(const struct acl_yaml *value, const struct relay_key *key, void *object,
           struct acl_error *error)
{
    void *at = (char *) object + key->offset;

    switch (key->kind) {
    case TEXT:
    case PATH:
        return take_text(value, key->name, key->kind == PATH, at, error);
    case WORD:
        return relay_find_word(value, key->name, key->words, at, error);
    case BITS:
        return take_bits(value, key->name, key->words, at, error);
    case NUMBER:
    case TIME:
        return take_number(value, key, at, error);
    case WORDS:
    default:
        return take_words(value, key->name, at, error);
    }
}

/* ---- mappings ---- */

const struct acl_yaml *
relay_find_value(const struct acl_yaml *map, const char *name)
{
    for (const struct acl_yaml *key = map->child; key; key = key->next->next) {
        if (!strcmp(key->text, name)) {
            return key->next;
        }
    }
    return NULL;
}

static const struct relay_key *
find_key(const struct relay_key *keys, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(keys[i].name, name)) {
            return &keys[i];
        }
    }
    return NULL;
}

void
relay_set_defaults(const struct relay_key *keys, size_t n, void *object)
{
    for (size_t i = 0; i < n; i++) {
        if (keys[i].kind != TEXT && keys[i].kind != PATH && keys[i].kind != WORDS) {
            *(unsigned *) (void *) ((char *) object + keys[i].offset) = keys[i].otherwise;
        }
    }
}

int
relay_take_map(const struct acl_yaml *map, const struct relay_key *keys, size_t n, unsigned type,
               const char *except, void *object, struct acl_error *error)
{
    int rc = 0;

    for (const struct acl_yaml *name = map->child; name && !rc; name = name->next->next) {
        const struct relay_key *key = find_key(keys, n, name->text);

        if (except && !strcmp(name->text, except)) {
            continue;
        }
        if (!key) {
            rc = relay_wrong(name, error, "unknown key '%.64s'", name->text);
        } else if (!(key->types & type)) {
            rc = relay_wrong(name, error, "'%s' is no key of a sink of this type", key->name);
        } else {
            rc = take_value(name->next, key, object, error);
        }
    }
    for (size_t i = 0; i < n && !rc; i++) {
        if (keys[i].required & type && !relay_find_value(map, keys[i].name)) {
            rc = relay_wrong(map, error, "'%s' is missing", keys[i].name);
        }
    }
    return rc;
}

void
relay_free_keys(const struct relay_key *keys, size_t n, void *object)
{
    for (size_t i = 0; i < n; i++) {
        void *at = (char *) object + keys[i].offset;

        if (keys[i].kind == TEXT || keys[i].kind == PATH) {
            free(*(char **) at);
        } else if (keys[i].kind == WORDS) {
            struct relay_words *list = at;

            for (size_t j = 0; j < list->n; j++) {
                free(list->words[j]);
            }
            free(list->words);
        }
    }
}
