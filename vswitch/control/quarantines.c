#include <config.h>

#include "control/quarantines.h"

#include <stdlib.h>

#include "util.h"

void
quarantines_init(struct quarantines *qs)
{
    shash_init(&qs->by_id);
    qs->version = 1;
}

void
quarantines_destroy(struct quarantines *qs)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &qs->by_id) {
        quarantine_destroy(node->data);
    }
    shash_destroy(&qs->by_id);
}

struct quarantine *
quarantine_copy(const struct quarantine *q)
{
    struct quarantine *copy = q ? xzalloc(sizeof *copy) : NULL;

    if (q) {
        copy->vm_id = xstrdup(q->vm_id);
        copy->port = xstrdup(q->port);
        copy->since_us = q->since_us;
        copy->who = xstrdup(q->who);
        copy->comment = xstrdup(q->comment);
        svec_clone(&copy->allow, &q->allow);
        copy->resets = q->resets;
    }
    return copy;
}

void
quarantine_destroy(struct quarantine *q)
{
    if (q) {
        free(q->vm_id);
        free(q->port);
        free(q->who);
        free(q->comment);
        svec_destroy(&q->allow);
        free(q);
    }
}

char *
quarantine_id(const struct quarantine *q)
{
    return q->vm_id[0] ? xasprintf("vm:%s", q->vm_id) : xasprintf("port:%s", q->port);
}

struct quarantine *
quarantines_put(struct quarantines *qs, const char *id, struct quarantine *q)
{
    struct quarantine *old = shash_find_and_delete(&qs->by_id, id);

    if (q) {
        shash_add(&qs->by_id, id, q);
    }
    qs->version++;
    return old;
}

bool
quarantine_holds(const struct quarantine *q, const char *vm_id, const char *name)
{
    return q->vm_id[0] && vm_id[0] ? !strcmp(q->vm_id, vm_id) : !strcmp(q->port, name);
}

struct quarantine *
quarantines_find(const struct quarantines *qs, const char *vm_id, const char *name)
{
    struct shash_node *node, *found = NULL;

    SHASH_FOR_EACH (node, &qs->by_id) {
        if (quarantine_holds(node->data, vm_id, name) &&
            (!found || strcmp(node->name, found->name) < 0)) {
            found = node;
        }
    }
    return found ? found->data : NULL;
}
