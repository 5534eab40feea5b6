#include <config.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/relay/ecs_priv.h"
#include "ctl/relay/syslog.h"
#include "util.h"

/* What goes first is what is missed least. */
static const char *const spare[] = { "fusuma.packet",
                                     "fusuma.incident.targets",
                                     "related",
                                     "fusuma.incident.actions",
                                     "fusuma.incident.services",
                                     "fusuma.incident.sessions",
                                     "fusuma.incident.addresses",
                                     "fusuma.incident",
                                     "observer",
                                     "source.ip",
                                     "user",
                                     "source.user",
                                     "event.reason" };

static void
remove_at(json_t *root, const char *path)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        root = json_object_getn(root, path, (size_t) (dot - path));
        path = dot + 1;
    }
    json_object_del(root, path);
}

/* Nothing but what identifies it. */
static char *
shrink_to_id(const struct relay_event *e)
{
    json_t *root = json_object();
    char *time = ecs_time_ns(e->time_ns), *text;

    ecs_text(root, "@timestamp", time);
    ecs_text(root, "event.id", e->id);
    ecs_text(root, "event.action", e->action);
    ecs_put(root, "fusuma.truncated", json_true());
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    free(time);
    return text;
}

char *
relay_shrink(const struct relay_event *e, size_t max)
{
    json_t *root;
    char *text;

    if (strlen(e->json) <= max) {
        return xstrdup(e->json);
    }
    root = json_loads(e->json, 0, NULL);
    text = xstrdup(e->json);
    ecs_put(root, "fusuma.truncated", json_true());
    for (size_t i = 0; i < ARRAY_SIZE(spare) && strlen(text) > max; i++) {
        free(text);
        remove_at(root, spare[i]);
        text = json_dumps(root, JSON_COMPACT);
    }
    json_decref(root);
    if (strlen(text) > max) {
        free(text);
        text = shrink_to_id(e);
    }
    return text;
}
