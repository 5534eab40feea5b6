#include <config.h>

#include "control/elapsed.h"

#include "control/message.h"
#include "util.h"

Fusuma__V1__Elapsed *
elapsed_message(const struct elapsed *e)
{
    Fusuma__V1__Elapsed *m;

    if (!e->total_us) {
        return NULL;
    }
    m = message_new(&fusuma__v1__elapsed__descriptor);
    m->total_us = MIN(e->total_us, UINT32_MAX);
    m->parse_us = MIN(e->parse_us, UINT32_MAX);
    m->compile_us = MIN(e->compile_us, UINT32_MAX);
    m->store_us = MIN(e->store_us, UINT32_MAX);
    m->publish_us = MIN(e->publish_us, UINT32_MAX);
    return m;
}
