#include <config.h>

#include "capture/describe.h"

#include "telemetry/reasons.h"

static void
put_dropped(struct ds *s, const struct capture_record *r, const char *peer, const char *rule)
{
    bool by_default = r->reason == DROP_EGRESS_DEFAULT || r->reason == DROP_INGRESS_DEFAULT;

    ds_put_format(s, "dropped: %s", drop_reason_name(r->reason));
    if (rule[0] && !by_default) {
        ds_put_format(s, ", rule %s", rule);
    }
    if (peer[0]) {
        ds_put_format(s, ", %s %s", r->to_port ? "from" : "for", peer);
    }
}

static void
put_tx_dropped(struct ds *s, const struct capture_record *r, const char *peer)
{
    ds_put_format(s, "dropped: %s", tx_drop_reason_name(r->reason));
    if (r->made) {
        ds_put_cstr(s, ", made by the switch");
    } else if (peer[0]) {
        ds_put_format(s, ", %s %s", r->to_port ? "from" : "for", peer);
    }
}

static void
put_passed(struct ds *s, const struct capture_record *r, const char *peer)
{
    const char *name = peer[0] ? peer : "a port that is gone";

    if (r->made) {
        ds_put_cstr(s, "made by the switch");
    } else if (r->to_port) {
        ds_put_format(s, "from %s", name);
    } else if (r->n_to > 1) {
        ds_put_format(s, "to %s and %u more", name, r->n_to - 1);
    } else {
        ds_put_format(s, "to %s", name);
    }
}

void
capture_describe(struct ds *s, const struct capture_record *r, const char *peer, const char *rule)
{
    switch ((enum capture_outcome) r->outcome) {
    case CAPTURED_PASSED:
        put_passed(s, r, peer);
        break;
    case CAPTURED_ANSWERED:
        ds_put_cstr(s, "answered by the switch");
        break;
    case CAPTURED_CONSUMED:
        ds_put_cstr(s, "taken in by the switch");
        break;
    case CAPTURED_DROPPED:
        put_dropped(s, r, peer, rule);
        break;
    case CAPTURED_TX_DROPPED:
        put_tx_dropped(s, r, peer);
        break;
    }
}
