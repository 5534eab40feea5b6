#include <config.h>

#include "ctl/relay/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/clock.h"
#include "hash.h"
#include "util.h"

#define FORMAT 1

void
relay_cursor_init(struct relay_cursor *c)
{
    memset(c, 0, sizeof *c);
    hmap_init(&c->told);
    hmap_init(&c->open);
    smap_init(&c->quarantined);
    smap_init(&c->refreshed);
}

static void
drop_told(struct relay_cursor *c, struct relay_told *t)
{
    hmap_remove(&c->told, &t->node);
    free(t);
}

static void
drop_open(struct relay_cursor *c, struct relay_open *o)
{
    hmap_remove(&c->open, &o->node);
    free(o);
}

void
relay_cursor_forget(struct relay_cursor *c, bool (*gone)(const void *aux, uint64_t id),
                    const void *aux)
{
    struct relay_told *t;
    struct relay_open *o;

    HMAP_FOR_EACH_SAFE (t, node, &c->told) {
        if (gone(aux, t->id)) {
            drop_told(c, t);
        }
    }
    HMAP_FOR_EACH_SAFE (o, node, &c->open) {
        if (gone(aux, o->id)) {
            drop_open(c, o);
        }
    }
}

static bool
always(const void *aux OVS_UNUSED, uint64_t id OVS_UNUSED)
{
    return true;
}

void
relay_cursor_destroy(struct relay_cursor *c)
{
    relay_cursor_forget(c, always, NULL);
    hmap_destroy(&c->told);
    hmap_destroy(&c->open);
    smap_destroy(&c->quarantined);
    smap_destroy(&c->refreshed);
}

struct relay_open *
relay_cursor_open(const struct relay_cursor *c, uint64_t id)
{
    struct relay_open *o;

    HMAP_FOR_EACH_WITH_HASH (o, node, hash_uint64(id), &c->open) {
        if (o->id == id) {
            return o;
        }
    }
    return NULL;
}

static struct relay_told *
find_told(const struct relay_cursor *c, uint64_t id)
{
    struct relay_told *t;

    HMAP_FOR_EACH_WITH_HASH (t, node, hash_uint64(id), &c->told) {
        if (t->id == id) {
            return t;
        }
    }
    return NULL;
}

static void
put_told(struct relay_cursor *c, uint64_t id, uint64_t revision)
{
    struct relay_told *t = find_told(c, id);

    if (!t) {
        t = xzalloc(sizeof *t);
        t->id = id;
        hmap_insert(&c->told, &t->node, hash_uint64(id));
    }
    t->revision = MAX(t->revision, revision);
}

bool
relay_cursor_has(const struct relay_cursor *c, uint64_t id, uint64_t revision)
{
    const struct relay_told *t = find_told(c, id);

    return c->has_incidents && (revision <= c->revision || (t && revision <= t->revision));
}

static void
put_open(struct relay_cursor *c, uint64_t id, enum relay_severity severity)
{
    struct relay_open *o = relay_cursor_open(c, id);

    if (!o) {
        o = xzalloc(sizeof *o);
        o->id = id;
        hmap_insert(&c->open, &o->node, hash_uint64(id));
    }
    o->severity = severity;
}

void
relay_cursor_copy(struct relay_cursor *to, const struct relay_cursor *from)
{
    struct relay_told *t;
    struct relay_open *o;

    *to = *from;
    hmap_init(&to->told);
    hmap_init(&to->open);
    smap_clone(&to->quarantined, &from->quarantined);
    smap_clone(&to->refreshed, &from->refreshed);
    HMAP_FOR_EACH (o, node, &from->open) {
        put_open(to, o->id, o->severity);
    }
    HMAP_FOR_EACH (t, node, &from->told) {
        put_told(to, t->id, t->revision);
    }
}

/* All up to this revision are delivered. */
static void
advance_revision(struct relay_cursor *c, uint64_t all)
{
    struct relay_told *t;

    c->has_incidents = true;
    c->revision = MAX(c->revision, all);
    HMAP_FOR_EACH_SAFE (t, node, &c->told) {
        if (t->revision <= c->revision) {
            drop_told(c, t);
        }
    }
}

static void
advance_incident(struct relay_cursor *c, const struct relay_event *e)
{
    struct relay_open *o = relay_cursor_open(c, e->at.incident.id);

    put_told(c, e->at.incident.id, e->at.incident.revision);
    advance_revision(c, e->at.incident.all);
    if (e->skip) {
        return;
    }
    if (!e->at.incident.closed) {
        put_open(c, e->at.incident.id, e->severity);
    } else if (o) {
        drop_open(c, o);
    }
}

void
relay_cursor_advance(struct relay_cursor *c, const struct relay_event *e)
{
    switch (e->what) {
    case RELAY_DROPS:
        c->has_drops = true;
        c->epoch = e->at.drop.epoch;
        c->n = e->at.drop.n;
        c->gaps += e->at.drop.gap;
        c->missing += e->at.drop.gap ? e->at.drop.missing : 0;
        break;
    case RELAY_INCIDENTS:
        advance_incident(c, e);
        break;
    case RELAY_QUARANTINE:
        if (e->at.port.state) {
            smap_replace(&c->quarantined, e->at.port.name, e->at.port.state);
        } else {
            smap_remove(&c->quarantined, e->at.port.name);
        }
        break;
    case RELAY_REFRESH:
        smap_replace(&c->refreshed, e->at.port.name, e->at.port.state);
        break;
    case RELAY_HEARTBEAT:
        c->silent = e->at.heartbeat.silent || (c->silent && !e->at.heartbeat.back);
        break;
    case RELAY_N_WHAT:
    default:
        break;
    }
}

/* ---- as JSON ---- */

static json_t *
map_to_json(const struct smap *map)
{
    json_t *json = json_object();
    const struct smap_node *node;

    SMAP_FOR_EACH(node, map)
    {
        json_object_set_new(json, node->key, json_string(node->value));
    }
    return json;
}

static json_t *
to_json(const struct relay_cursor *c)
{
    json_t *root = json_pack("{s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "version", FORMAT,
                             "silent", c->silent, "delivered", (json_int_t) c->delivered, "refused",
                             (json_int_t) c->refused, "missing", (json_int_t) c->missing, "gaps",
                             (json_int_t) c->gaps, "newest", (json_int_t) c->newest, "stored",
                             (json_int_t) relay_wall_ns());
    json_t *open = json_object(), *told = json_object();
    struct relay_told *t;
    struct relay_open *o;

    if (c->has_drops) {
        json_object_set_new(root, "drops", json_sprintf("%" PRIu64 ".%" PRIu64, c->epoch, c->n));
    }
    if (c->has_incidents) {
        json_object_set_new(root, "incidents", json_integer((json_int_t) c->revision));
    }
    HMAP_FOR_EACH (o, node, &c->open) {
        char id[24];

        snprintf(id, sizeof id, "%" PRIu64, o->id);
        json_object_set_new(open, id, json_string(relay_severity_names[o->severity]));
    }
    HMAP_FOR_EACH (t, node, &c->told) {
        char id[24];

        snprintf(id, sizeof id, "%" PRIu64, t->id);
        json_object_set_new(told, id, json_integer((json_int_t) t->revision));
    }
    json_object_set_new(root, "told", told);
    json_object_set_new(root, "open", open);
    json_object_set_new(root, "quarantined", map_to_json(&c->quarantined));
    json_object_set_new(root, "refreshed", map_to_json(&c->refreshed));
    return root;
}

static bool
take_number(const json_t *root, const char *key, uint64_t *value)
{
    const json_t *json = json_object_get(root, key);

    *value = (uint64_t) json_integer_value(json);
    return json_is_integer(json);
}

static bool
take_drops(const json_t *root, struct relay_cursor *c)
{
    const json_t *json = json_object_get(root, "drops");
    char end;

    c->has_drops = json != NULL;
    return !json ||
           (json_is_string(json) && sscanf(json_string_value(json), "%" SCNu64 ".%" SCNu64 "%c",
                                           &c->epoch, &c->n, &end) == 2);
}

static bool
take_open(json_t *open, struct relay_cursor *c)
{
    const char *key;
    json_t *value;

    json_object_foreach(open, key, value)
    {
        const char *name = json_string_value(value);
        int severity = 0;

        while (name && relay_severity_names[severity] &&
               strcmp(relay_severity_names[severity], name) != 0) {
            severity++;
        }
        if (!name || !relay_severity_names[severity]) {
            return false;
        }
        put_open(c, strtoull(key, NULL, 10), (enum relay_severity) severity);
    }
    return json_is_object(open);
}

static bool
take_told(json_t *told, struct relay_cursor *c)
{
    const char *key;
    json_t *value;

    json_object_foreach(told, key, value)
    {
        if (!json_is_integer(value)) {
            return false;
        }
        put_told(c, strtoull(key, NULL, 10), (uint64_t) json_integer_value(value));
    }
    return json_is_object(told);
}

static bool
take_map(json_t *json, struct smap *map)
{
    const char *key;
    json_t *value;

    json_object_foreach(json, key, value)
    {
        if (!json_is_string(value)) {
            return false;
        }
        smap_replace(map, key, json_string_value(value));
    }
    return json_is_object(json);
}

static bool
from_json(const json_t *root, struct relay_cursor *c)
{
    json_t *refreshed = json_object_get(root, "refreshed"), *told = json_object_get(root, "told");
    uint64_t version, stored;

    if (!take_number(root, "version", &version) || version != FORMAT ||
        !take_number(root, "stored", &stored)) {
        return false;
    }
    c->silent = json_is_true(json_object_get(root, "silent"));
    c->has_incidents = take_number(root, "incidents", &c->revision);
    c->stored_ns = (int64_t) stored;
    return take_number(root, "delivered", &c->delivered) &&
           take_number(root, "refused", &c->refused) && take_number(root, "missing", &c->missing) &&
           take_number(root, "gaps", &c->gaps) && take_number(root, "newest", &c->newest) &&
           take_drops(root, c) && take_open(json_object_get(root, "open"), c) &&
           take_map(json_object_get(root, "quarantined"), &c->quarantined) &&
           /* Earlier files have none. */
           (!refreshed || take_map(refreshed, &c->refreshed)) && (!told || take_told(told, c));
}

/* ---- the file ---- */

int
relay_cursor_load(struct relay_cursor *c, const char *dir, const char *sink)
{
    char *path = xasprintf("%s/%s.cursor", dir, sink);
    FILE *f = fopen(path, "re");
    json_t *root;
    int rc = errno;

    free(path);
    if (!f) {
        return rc;
    }
    root = json_loadf(f, JSON_REJECT_DUPLICATES, NULL);
    rc = ferror(f) ? EIO : root && from_json(root, c) ? 0 : EINVAL;
    fclose(f);
    json_decref(root);
    if (rc) {
        relay_cursor_destroy(c);
        relay_cursor_init(c);
    }
    return rc;
}

static int
write_synced(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n) {
        ssize_t w = write(fd, text, n);

        if (w < 0 && errno != EINTR) {
            return errno;
        }
        text += w > 0 ? w : 0;
        n -= w > 0 ? (size_t) w : 0;
    }
    return fsync(fd) ? errno : 0;
}

static int
sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? errno : fsync(fd) ? errno : 0;

    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

int
relay_cursor_store(const struct relay_cursor *c, const char *dir, const char *sink)
{
    char *path = xasprintf("%s/%s.cursor", dir, sink);
    char *new = xasprintf("%s.new", path);
    json_t *root = to_json(c);
    char *text = json_dumps(root, JSON_COMPACT);
    int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = fd < 0 ? errno : text ? write_synced(fd, text) : ENOMEM;

    if (fd >= 0 && close(fd) && !rc) {
        rc = errno;
    }
    if (!rc && rename(new, path)) {
        rc = errno;
    }
    if (!rc) {
        rc = sync_dir(dir);
    }
    json_decref(root);
    free(text);
    free(new);
    free(path);
    return rc;
}

int
relay_cursor_put_aside(const char *dir, const char *sink)
{
    char *path = xasprintf("%s/%s.cursor", dir, sink);
    char *aside = xasprintf("%s.damaged", path);
    int rc = rename(path, aside) ? errno : 0;

    free(path);
    free(aside);
    return rc;
}
