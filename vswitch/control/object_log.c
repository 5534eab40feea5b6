#include <config.h>

#include "control/object_log.h"

#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "ovs-thread.h"
#include "skiplist.h"
#include "util.h"

/* A state of an object: entry and readers share it. */
struct value {
    unsigned refs;
    ProtobufCMessage *message;
};

struct entry {
    struct hmap_node node;     /* of the log's 'entries' */
    struct ovs_list list_node; /* of its owner's list, or of 'removed' */
    enum object_kind kind;
    char *name;
    struct value *value;
    uint64_t revision; /* of its last change */
    uint64_t created;  /* ... and of its last creation */
    uint64_t round;    /* in which its owner was last seen to have it */
    bool removed;
};

/* The objects of a kind. */
struct lane {
    struct skiplist *order;  /* of struct entry, by revision */
    struct ovs_list removed; /* oldest first */
    size_t n_removed;
    uint64_t forgotten; /* revision of the newest removal that is no longer known */
};

struct object_log {
    uint64_t epoch;
    size_t max_removed;
    uint32_t n_owners;
    struct ovs_mutex mutex; /* of everything below, and of the references to values */
    struct hmap entries;
    struct lane lanes[N_OBJECT_KINDS];
    struct ovs_list *owners; /* [n_owners], of struct entry */
    uint64_t revision, round;
    size_t n_readers;
};

/* Something that is to be said of the list that a reader began with. */
struct pending {
    struct value *value;
    enum object_kind kind;
    enum object_event_type type;
    uint64_t revision;
};

struct object_reader {
    struct object_log *log;
    unsigned kinds;
    bool reset;  /* to be said first */
    bool listed; /* 'backlog' is a whole list */
    bool synced;
    uint64_t at; /* everything up to here is said, or in 'backlog' */
    struct pending *backlog;
    size_t n_backlog, next;
    struct value *lent;
};

/* ---- values ---- */

static struct value *
value_ref(struct value *value)
{
    value->refs++;
    return value;
}

static void
value_unref(struct value *value)
{
    if (value && !--value->refs) {
        message_free(value->message);
        free(value);
    }
}

static struct value *
value_create(ProtobufCMessage *message)
{
    struct value *value = xmalloc(sizeof *value);

    *value = (struct value){ 1, message };
    return value;
}

static bool
messages_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    size_t size = protobuf_c_message_get_packed_size(a);
    uint8_t *packed;
    bool equal;

    if (size != protobuf_c_message_get_packed_size(b)) {
        return false;
    }
    packed = xmalloc(2 * size + 1);
    protobuf_c_message_pack(a, packed);
    protobuf_c_message_pack(b, packed + size);
    equal = !memcmp(packed, packed + size, size);
    free(packed);
    return equal;
}

/* ---- entries ---- */

static int
compare_revisions(const void *a_, const void *b_, const void *aux OVS_UNUSED)
{
    const struct entry *a = a_, *b = b_;

    return a->revision < b->revision ? -1 : a->revision > b->revision;
}

static uint32_t
name_hash(enum object_kind kind, const char *name)
{
    return hash_string(name, kind);
}

static struct entry *
find(const struct object_log *log, enum object_kind kind, const char *name)
{
    struct entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, name_hash(kind, name), &log->entries) {
        if (e->kind == kind && !strcmp(e->name, name)) {
            return e;
        }
    }
    return NULL;
}

static struct entry *
entry_create(struct object_log *log, enum object_kind kind, const char *name)
{
    struct entry *e = xzalloc(sizeof *e);

    e->kind = kind;
    e->name = xstrdup(name);
    ovs_list_init(&e->list_node);
    hmap_insert(&log->entries, &e->node, name_hash(kind, name));
    return e;
}

static void
entry_destroy(struct object_log *log, struct entry *e)
{
    if (e->revision) {
        skiplist_delete(log->lanes[e->kind].order, e);
    }
    ovs_list_remove(&e->list_node);
    hmap_remove(&log->entries, &e->node);
    value_unref(e->value);
    free(e->name);
    free(e);
}

/* Its new place in the order is the last one. */
static void
advance(struct object_log *log, struct entry *e)
{
    struct skiplist *order = log->lanes[e->kind].order;

    if (e->revision) {
        skiplist_delete(order, e);
    }
    e->revision = ++log->revision;
    skiplist_insert(order, e);
}

static void
forget_removed(struct object_log *log, struct lane *lane)
{
    while (lane->n_removed > log->max_removed) {
        struct entry *e = CONTAINER_OF(ovs_list_front(&lane->removed), struct entry, list_node);

        lane->forgotten = e->revision;
        lane->n_removed--;
        entry_destroy(log, e);
    }
}

static void
remove_entry(struct object_log *log, struct entry *e)
{
    struct lane *lane = &log->lanes[e->kind];

    e->removed = true;
    advance(log, e);
    ovs_list_remove(&e->list_node);
    ovs_list_push_back(&lane->removed, &e->list_node);
    lane->n_removed++;
    forget_removed(log, lane);
}

/* Whether it is new or has changed. */
static bool
put(struct object_log *log, uint32_t owner, const struct object *o)
{
    struct entry *e = find(log, o->kind, o->name);
    bool is_new = !e || e->removed;
    bool changed = is_new || !messages_equal(e->value->message, o->message);

    e = e ? e : entry_create(log, o->kind, o->name);
    if (e->removed) {
        log->lanes[o->kind].n_removed--;
        e->removed = false;
    }
    ovs_list_remove(&e->list_node);
    ovs_list_push_back(&log->owners[owner], &e->list_node);
    e->round = log->round;
    if (changed) {
        value_unref(e->value);
        e->value = value_create(o->message);
        advance(log, e);
        e->created = is_new ? e->revision : e->created;
    } else {
        message_free(o->message);
    }
    free(o->name);
    return changed;
}

bool
object_log_set(struct object_log *log, uint32_t owner, struct object *objects, size_t n)
{
    struct entry *e, *next;
    bool changed = false;

    ovs_assert(owner < log->n_owners);
    ovs_mutex_lock(&log->mutex);
    log->round++;
    for (size_t i = 0; i < n; i++) {
        changed |= put(log, owner, &objects[i]);
    }
    LIST_FOR_EACH_SAFE (e, next, list_node, &log->owners[owner]) {
        if (e->round != log->round) {
            remove_entry(log, e);
            changed = true;
        }
    }
    ovs_mutex_unlock(&log->mutex);
    return changed;
}

/* ---- the log ---- */

struct object_log *
object_log_create(uint64_t epoch, uint32_t n_owners, size_t max_removed)
{
    struct object_log *log = xzalloc(sizeof *log);

    log->epoch = epoch;
    log->revision = 1; /* 0 is no position */
    log->n_owners = n_owners;
    log->max_removed = max_removed;
    ovs_mutex_init(&log->mutex);
    hmap_init(&log->entries);
    for (int i = 0; i < N_OBJECT_KINDS; i++) {
        log->lanes[i].order = skiplist_create(compare_revisions, NULL);
        ovs_list_init(&log->lanes[i].removed);
    }
    log->owners = xmalloc(n_owners * sizeof *log->owners);
    for (uint32_t i = 0; i < n_owners; i++) {
        ovs_list_init(&log->owners[i]);
    }
    return log;
}

void
object_log_destroy(struct object_log *log)
{
    struct entry *e, *next;

    if (!log) {
        return;
    }
    ovs_assert(!log->n_readers);
    HMAP_FOR_EACH_SAFE (e, next, node, &log->entries) {
        entry_destroy(log, e);
    }
    for (int i = 0; i < N_OBJECT_KINDS; i++) {
        skiplist_destroy(log->lanes[i].order, NULL);
    }
    hmap_destroy(&log->entries);
    ovs_mutex_destroy(&log->mutex);
    free(log->owners);
    free(log);
}

uint64_t
object_log_epoch(const struct object_log *log)
{
    return log->epoch;
}

uint64_t
object_log_newest(struct object_log *log)
{
    uint64_t revision;

    ovs_mutex_lock(&log->mutex);
    revision = log->revision;
    ovs_mutex_unlock(&log->mutex);
    return revision;
}

size_t
object_log_n_readers(struct object_log *log)
{
    size_t n;

    ovs_mutex_lock(&log->mutex);
    n = log->n_readers;
    ovs_mutex_unlock(&log->mutex);
    return n;
}

/* ---- readers ---- */

/* Whether all that was removed after 'revision' is known. */
static bool
is_held(const struct object_reader *r, uint64_t revision)
{
    for (int i = 0; i < N_OBJECT_KINDS; i++) {
        if (r->kinds & 1u << i && r->log->lanes[i].forgotten > revision) {
            return false;
        }
    }
    return true;
}

static enum object_event_type
change_since(const struct entry *e, uint64_t revision)
{
    return e->removed ? OBJECT_REMOVED : e->created > revision ? OBJECT_ADDED : OBJECT_CHANGED;
}

static int
compare_pending(const void *a_, const void *b_)
{
    const struct pending *a = a_, *b = b_;

    return a->revision < b->revision ? -1 : a->revision > b->revision;
}

/* Takes what is to be said of a kind of what changed after 'since'. */
static void
take_lane(struct object_reader *r, enum object_kind kind, uint64_t since, size_t *allocated)
{
    struct entry after = { .revision = since + 1 };
    struct skiplist_node *node = skiplist_forward_to(r->log->lanes[kind].order, &after);

    for (; node; node = skiplist_next(node)) {
        const struct entry *e = skiplist_get_data(node);

        if (r->listed && e->removed) {
            continue;
        }
        if (r->n_backlog == *allocated) {
            r->backlog = x2nrealloc(r->backlog, allocated, sizeof *r->backlog);
        }
        r->backlog[r->n_backlog++] = (struct pending){ .value = value_ref(e->value),
                                                       .kind = kind,
                                                       .type = change_since(e, since),
                                                       .revision = e->revision };
    }
}

static void
drop_backlog(struct object_reader *r)
{
    while (r->next < r->n_backlog) {
        value_unref(r->backlog[r->next++].value);
    }
    free(r->backlog);
    r->backlog = NULL;
    r->n_backlog = r->next = 0;
}

/* What changed after '*since', or without it all there is.  That is by kind: a port comes before
 * its bindings. */
static void
take_backlog(struct object_reader *r, const uint64_t *since)
{
    size_t allocated = 0;

    drop_backlog(r);
    r->listed = !since;
    r->synced = false;
    r->at = r->log->revision;
    for (int kind = 0; kind < N_OBJECT_KINDS; kind++) {
        if (r->kinds & 1u << kind) {
            take_lane(r, kind, since ? *since : 0, &allocated);
        }
    }
    if (since && r->n_backlog) { /* qsort() of no array is undefined */
        qsort(r->backlog, r->n_backlog, sizeof *r->backlog, compare_pending);
    }
}

struct object_reader *
object_reader_open(struct object_log *log, unsigned kinds, const struct object_position *resume)
{
    struct object_reader *r = xzalloc(sizeof *r);

    r->log = log;
    r->kinds = kinds;
    ovs_mutex_lock(&log->mutex);
    log->n_readers++;
    r->reset = resume && (resume->epoch != log->epoch || !is_held(r, resume->revision));
    take_backlog(r, resume && !r->reset ? &resume->revision : NULL);
    ovs_mutex_unlock(&log->mutex);
    return r;
}

void
object_reader_close(struct object_reader *r)
{
    if (!r) {
        return;
    }
    ovs_mutex_lock(&r->log->mutex);
    r->log->n_readers--;
    drop_backlog(r);
    value_unref(r->lent);
    ovs_mutex_unlock(&r->log->mutex);
    free(r);
}

/* The first object of the reader's kinds that has changed since. */
static const struct entry *
next_change(const struct object_reader *r)
{
    struct entry after = { .revision = r->at + 1 };
    const struct entry *first = NULL;

    for (int kind = 0; kind < N_OBJECT_KINDS; kind++) {
        struct skiplist_node *node =
            r->kinds & 1u << kind ? skiplist_forward_to(r->log->lanes[kind].order, &after) : NULL;
        const struct entry *e = node ? skiplist_get_data(node) : NULL;

        if (e && (!first || e->revision < first->revision)) {
            first = e;
        }
    }
    return first;
}

/* Hands the reference to 'value' to the reader. */
static void
say(struct object_reader *r, struct object_event *event, enum object_event_type type,
    enum object_kind kind, struct value *value, uint64_t revision)
{
    r->lent = value;
    *event = (struct object_event){
        .type = type, .revision = revision, .kind = kind, .message = value ? value->message : NULL
    };
}

static bool
next_locked(struct object_reader *r, struct object_event *event)
{
    const struct entry *e;

    if (r->synced && !is_held(r, r->at)) {
        r->reset = true;
        take_backlog(r, NULL);
    }
    if (r->reset) {
        r->reset = false;
        say(r, event, OBJECT_RESET, 0, NULL, 0);
        return true;
    }
    if (r->next < r->n_backlog) {
        const struct pending *p = &r->backlog[r->next++];

        say(r, event, p->type, p->kind, p->value, r->listed ? 0 : p->revision);
        return true;
    }
    if (!r->synced) {
        r->synced = true;
        drop_backlog(r);
        say(r, event, OBJECT_SYNCED, 0, NULL, r->at);
        return true;
    }
    e = next_change(r);
    if (e) {
        say(r, event, change_since(e, r->at), e->kind, value_ref(e->value), e->revision);
        r->at = e->revision;
    }
    return e != NULL;
}

bool
object_reader_next(struct object_reader *r, struct object_event *event)
{
    bool found;

    ovs_mutex_lock(&r->log->mutex);
    value_unref(r->lent);
    r->lent = NULL;
    found = next_locked(r, event);
    ovs_mutex_unlock(&r->log->mutex);
    return found;
}
