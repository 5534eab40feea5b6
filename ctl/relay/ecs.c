/* What all events have in common. */
#include <config.h>

#include "ctl/relay/ecs_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/output.h"
#include "util.h"

#define ECS_VERSION "8.11.0"
#define NS_PER_S INT64_C(1000000000)

/* The object that the last key of 'path' goes into, and that key. */
static json_t *
descend(json_t *root, const char *path, const char **last)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        char *key = xmemdup0(path, (size_t) (dot - path));
        json_t *child = json_object_get(root, key);

        if (!child) {
            child = json_object();
            json_object_set_new(root, key, child);
        }
        free(key);
        root = child;
        path = dot + 1;
    }
    *last = path;
    return root;
}

void
ecs_put(json_t *root, const char *path, json_t *value)
{
    const char *key;

    if (value) {
        root = descend(root, path, &key);
        json_object_set_new(root, key, value);
    }
}

/* The switch's strings are UTF-8, or no message would have come; NULL all the same if not. */
void
ecs_text(json_t *root, const char *path, const char *value)
{
    if (value && value[0]) {
        ecs_put(root, path, json_string(value));
    }
}

void
ecs_number(json_t *root, const char *path, uint64_t value)
{
    ecs_put(root, path, json_integer((json_int_t) value));
}

void
ecs_add(json_t *root, const char *path, const char *value)
{
    const char *key;
    json_t *object, *array, *item;
    size_t i;

    if (!value || !value[0]) {
        return;
    }
    object = descend(root, path, &key);
    array = json_object_get(object, key);
    if (!array) {
        array = json_array();
        json_object_set_new(object, key, array);
    }
    json_array_foreach(array, i, item)
    {
        if (!strcmp(json_string_value(item), value)) {
            return;
        }
    }
    item = json_string(value);
    if (item) {
        json_array_append_new(array, item);
    }
}

int64_t
ecs_ns(const Google__Protobuf__Timestamp *t)
{
    return t ? t->seconds * NS_PER_S + t->nanos : 0;
}

char *
ecs_time_ns(int64_t ns)
{
    time_t seconds = ns / NS_PER_S;
    char text[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    return xasprintf("%s.%09" PRId64 "Z", text, ns % NS_PER_S);
}

char *
ecs_time(const Google__Protobuf__Timestamp *t)
{
    return t ? ecs_time_ns(ecs_ns(t)) : NULL;
}

static void
put_words(json_t *root, const char *path, const char *words)
{
    char *copy = xstrdup(words), *save = NULL;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        ecs_add(root, path, w);
    }
    free(copy);
}

/* The numbers that Elastic's own rules have for these names. */
static int
severity_number(enum relay_severity severity)
{
    static const int numbers[] = { 10, 21, 47, 73, 99 };

    return numbers[severity];
}

json_t *
ecs_begin(const struct relay_event *e, const char *kind, const char *category, const char *type,
          const struct relay_observer *observer)
{
    json_t *root = json_object();
    char *time = ecs_time_ns(e->time_ns);

    ecs_text(root, "@timestamp", time);
    ecs_text(root, "ecs.version", ECS_VERSION);
    ecs_text(root, "event.id", e->id);
    ecs_text(root, "event.kind", kind);
    put_words(root, "event.category", category);
    put_words(root, "event.type", type);
    ecs_text(root, "event.action", e->action);
    ecs_number(root, "event.severity", (uint64_t) severity_number(e->severity));
    ecs_text(root, "event.module", "fusuma");
    ecs_put(root, "event.dataset", json_sprintf("fusuma.%s", relay_what_names[e->what]));
    ecs_text(root, "observer.vendor", "Fusuma");
    ecs_text(root, "observer.product", "Fusuma");
    ecs_text(root, "observer.type", "firewall");
    ecs_text(root, "observer.name", observer->name);
    ecs_text(root, "observer.version", observer->version);
    ecs_text(root, "fusuma.severity", relay_severity_names[e->severity]);
    free(time);
    return root;
}

void
ecs_end(struct relay_event *e, json_t *root, const char *format, ...)
{
    struct ds line = DS_EMPTY_INITIALIZER;
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    output_pad(&line, text,
               0); /* a user's name must not carry an escape sequence, or a line's end */
    free(text);
    e->text = ds_steal_cstr(&line);
    ecs_text(root, "message", e->text);
    e->json = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (!e->json) {
        out_of_memory();
    }
}
