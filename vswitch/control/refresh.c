#include <config.h>

#include "control/refresh.h"

#include <stdlib.h>

#include "util.h"

struct refresh *
refresh_create(const char *port, const char *vm_id, uint64_t session, const char *user)
{
    struct refresh *r = xzalloc(sizeof *r);

    r->port = xstrdup(port);
    r->vm_id = xstrdup(vm_id);
    r->session = session;
    r->user = xstrdup(user);
    return r;
}

void
refresh_destroy(struct refresh *r)
{
    if (r) {
        free(r->port);
        free(r->vm_id);
        free(r->user);
        free(r);
    }
}

struct refresh *
refresh_copy(const struct refresh *r)
{
    struct refresh *copy = xmemdup(r, sizeof *r);

    copy->port = xstrdup(r->port);
    copy->vm_id = xstrdup(r->vm_id);
    copy->user = xstrdup(r->user);
    return copy;
}

void
refreshes_put(struct shash *all, struct refresh *r)
{
    refresh_destroy(shash_replace(all, r->port, r));
}

void
refreshes_destroy(struct shash *all)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, all) {
        refresh_destroy(node->data);
    }
    shash_destroy(all);
}

struct refresh *
refresh_of_logoff(const struct refresh *before, const char *port, const char *vm_id,
                  uint64_t session, const char *user, int64_t at_us)
{
    struct refresh *r = refresh_create(port, vm_id, session, user);

    r->since_us = at_us;
    if (before) {
        r->changes = before->changes + 1;
        r->seen = before->seen;
    }
    if (before && !before->done_us) {
        free(r->vm_id);
        r->vm_id = xstrdup(before->vm_id);
        r->since_us = MIN(before->since_us, at_us);
        r->gone_us = before->gone_us;
    }
    return r;
}

void
refresh_port_opened(struct refresh *r, const char *vm_id, int64_t now_us)
{
    if (r->done_us) {
        return;
    }
    if (!r->gone_us && strcmp(r->vm_id, vm_id) != 0) {
        r->gone_us = r->closed_us ? r->closed_us : now_us;
        r->unstored = true;
    }
    r->seen = r->gone_us ? 0 : 1;
}

bool
refresh_look(struct refresh *r, uint32_t attachment, bool quarantined, int64_t now_us)
{
    if (attachment <= r->seen || r->done_us) {
        return false;
    }
    r->seen = attachment;
    r->unstored = true;
    if (!(attachment & 1)) {
        r->gone_us = r->gone_us ? r->gone_us : now_us;
        return false;
    }
    if (quarantined) {
        r->gone_us = 0; /* for all that is known, what was cut off is there again */
        return false;
    }
    r->done_us = now_us;
    r->changes++;
    return true;
}

int64_t
refresh_lived_us(const struct refresh *r)
{
    return MAX(0, (r->gone_us ? r->gone_us : r->done_us) - r->since_us);
}

const char *
refresh_held_by(const struct refresh *r, bool quarantined, bool asked_for)
{
    return r->done_us    ? NULL
           : quarantined ? "quarantine"
           : r->flushed  ? NULL
           : !asked_for  ? "spec"
                         : "session";
}
