#include <config.h>

#include "ctl/relay/syslog.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#define SEQUENCE_MAX 2147483647u /* RFC 5424, 7.3.1 */

/* RFC 5424, table 2. */
static unsigned
priority(enum relay_severity severity)
{
    static const unsigned levels[] = {
        [RELAY_INFO] = 6, [RELAY_LOW] = 5,      [RELAY_MEDIUM] = 4,
        [RELAY_HIGH] = 3, [RELAY_CRITICAL] = 2,
    };

    return levels[severity];
}

void
relay_syslog_escape(struct ds *s, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\' || *value == ']') {
            ds_put_char(s, '\\');
        }
        ds_put_char(s, *value);
    }
}

static void
put_time(struct ds *s, int64_t ns)
{
    time_t seconds = ns / 1000000000;
    char text[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    ds_put_format(s, "%s.%06dZ", text, (int) (ns % 1000000000 / 1000));
}

static void
put_param(struct ds *s, const char *name, const char *value)
{
    ds_put_format(s, " %s=\"", name);
    relay_syslog_escape(s, value);
    ds_put_char(s, '"');
}

static void
put_head(struct ds *s, const struct relay_syslog *c, const struct relay_event *e, uint32_t sequence)
{
    ds_put_format(s, "<%u>1 ", c->facility * 8 + priority(e->severity));
    put_time(s, e->time_ns);
    ds_put_format(s, " %.255s fusuma %d %s [meta sequenceId=\"%" PRIu32 "\"][%s", c->hostname,
                  c->pid, relay_what_names[e->what], (sequence - 1) % SEQUENCE_MAX + 1, c->sd_id);
    put_param(s, "id", e->id);
    put_param(s, "action", e->action);
    put_param(s, "severity", relay_severity_names[e->severity]);
    ds_put_cstr(s, "] ");
}

/* To the end of a character. */
static size_t
clip_text(const char *text, size_t max)
{
    size_t n = strlen(text);

    if (n > max) {
        for (n = max; n && ((unsigned char) text[n] & 0xc0) == 0x80; n--) {
            continue;
        }
    }
    return n;
}

char *
relay_syslog_format(const struct relay_syslog *c, const struct relay_event *e, uint32_t sequence)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    size_t room;

    put_head(&s, c, e, sequence);
    room = c->max_size > s.length ? c->max_size - s.length : 0;
    if (c->format == RELAY_TEXT) {
        ds_put_buffer(&s, e->text, clip_text(e->text, room));
    } else {
        char *json = relay_shrink(e, room);

        ds_put_cstr(&s, json);
        free(json);
    }
    return ds_steal_cstr(&s);
}
