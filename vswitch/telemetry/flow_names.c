#include <config.h>

#include "telemetry/flow_names.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "util.h"

static void
name_unref(struct flow_names *n, struct flow_name *name)
{
    if (name && !--name->refs) {
        hmap_remove(&n->by_text, &name->node);
        free(name);
    }
}

static struct flow_name *
name_ref(struct flow_name *name)
{
    if (name) {
        name->refs++;
    }
    return name;
}

struct flow_name *
flow_names_intern(struct flow_names *n, const char *text)
{
    uint32_t hash = hash_string(text, 0);
    struct flow_name *name;

    if (!*text) {
        return NULL;
    }
    HMAP_FOR_EACH_WITH_HASH (name, node, hash, &n->by_text) {
        if (!strcmp(name->text, text)) {
            return name_ref(name);
        }
    }
    name = xmalloc(sizeof *name + strlen(text) + 1);
    name->refs = 1;
    memcpy(name->text, text, strlen(text) + 1);
    hmap_insert(&n->by_text, &name->node, hash);
    return name;
}

void
flow_names_assign(struct flow_names *n, struct flow_name **slot, struct flow_name *name)
{
    if (*slot != name) {
        name_unref(n, *slot);
        *slot = name_ref(name);
    }
}

const char *
flow_name_text(const struct flow_name *name)
{
    return name ? name->text : "";
}

static void
era_clear(struct flow_names *n, struct flow_era *era)
{
    name_unref(n, era->name);
    name_unref(n, era->user);
    *era = (struct flow_era){ .since = 0 };
}

void
flow_names_init(struct flow_names *n)
{
    memset(n, 0, sizeof *n);
    hmap_init(&n->by_text);
}

void
flow_names_destroy(struct flow_names *n)
{
    for (unsigned id = 0; id < DP_MAX_PORTS; id++) {
        for (int i = 0; i < 2; i++) {
            era_clear(n, &n->ports[id][i]);
            era_clear(n, &n->sessions[id][i]);
        }
    }
    hmap_destroy(&n->by_text);
}

/* Takes the references. */
static void
begin_era(struct flow_names *n, struct flow_era eras[2], struct flow_name *name,
          struct flow_name *user, uint64_t now)
{
    if (eras[0].name == name && eras[0].user == user) {
        name_unref(n, name);
        name_unref(n, user);
        return;
    }
    era_clear(n, &eras[1]);
    eras[1] = eras[0];
    eras[0] = (struct flow_era){ .since = now, .name = name, .user = user };
}

void
flow_names_set_port(struct flow_names *n, uint16_t id, const char *name, const char *user,
                    uint64_t now)
{
    if (id < DP_MAX_PORTS) {
        begin_era(n, n->ports[id], flow_names_intern(n, name), flow_names_intern(n, user), now);
    }
}

void
flow_names_set_sessions(struct flow_names *n, uint16_t id, const char *sessions, uint64_t now)
{
    if (id < DP_MAX_PORTS) {
        begin_era(n, n->sessions[id], flow_names_intern(n, sessions), NULL, now);
    }
}

static const struct flow_era *
era_of(const struct flow_era eras[2], uint64_t at)
{
    for (int i = 0; i < 2; i++) {
        if (at >= eras[i].since) {
            return &eras[i];
        }
    }
    return NULL;
}

const struct flow_era *
flow_names_port(const struct flow_names *n, uint16_t id, uint64_t at)
{
    static const struct flow_era none;

    return id < DP_MAX_PORTS ? era_of(n->ports[id], at) : &none;
}

struct flow_name *
flow_names_sessions(const struct flow_names *n, uint16_t id, uint64_t at)
{
    const struct flow_era *era = id < DP_MAX_PORTS ? era_of(n->sessions[id], at) : NULL;

    return era ? era->name : NULL;
}
