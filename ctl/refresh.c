#include <config.h>

#include "ctl/refresh.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ctl/when.h"

void
put_refresh(struct ds *s, const Fusuma__V1__PortRefresh *r)
{
    char *since = when_text(r->since), *done = when_text(r->done);

    switch (r->state) {
    case FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_HELD:
        ds_put_format(s, "held: %s, since %s", r->held_by, since);
        break;
    case FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_UNDER_WAY:
        ds_put_format(s, "under way since %s", since);
        break;
    case FUSUMA__V1__REFRESH_STATE__REFRESH_STATE_DONE:
        ds_put_format(s, "done %s: the image lived for %" PRIu64 ".%03" PRIu64 " s", done,
                      r->image_lived_ms / 1000, r->image_lived_ms % 1000);
        break;
    default:
        ds_put_cstr(s, "?");
        break;
    }
    ds_put_format(s, " after session %" PRIu64 " (%s)", r->session_id, r->user);
    free(since);
    free(done);
}
