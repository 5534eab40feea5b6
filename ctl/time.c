#include <config.h>

#include "ctl/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "util.h"

/* "90s": so long before 'now'. */
static bool
parse_ago(const char *text, time_t now, time_t *t)
{
    static const struct {
        char unit;
        long seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    unsigned long n;
    char *end;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    n = strtoul(text, &end, 10);
    for (size_t i = 0; i < ARRAY_SIZE(units) && !errno; i++) {
        if (*end == units[i].unit && !end[1] && n <= (unsigned long) now / units[i].seconds) {
            *t = now - n * units[i].seconds;
            return true;
        }
    }
    return false;
}

/* Fields that 'format' does not have are those of 'tm'. */
static bool
parse_format(const char *text, const char *format, struct tm tm, time_t *t)
{
    const char *end = strptime(text, format, &tm);
    bool utc = end && *end == 'Z' && !end[1];

    if (!end || (*end && !utc)) {
        return false;
    }
    tm.tm_isdst = -1;
    *t = utc ? timegm(&tm) : mktime(&tm);
    return *t >= 0;
}

static bool
parse_time(const char *text, time_t *t)
{
    static const char *const formats[] = {
        "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
        "%H:%M:%S",          "%H:%M"
    };
    time_t now = time(NULL);
    size_t length = strlen(text);
    struct tm today;

    if (parse_ago(text, now, t)) {
        return true;
    }
    if (!(length && text[length - 1] == 'Z' ? gmtime_r(&now, &today) : localtime_r(&now, &today))) {
        return false;
    }
    today.tm_hour = today.tm_min = today.tm_sec = 0;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (parse_format(text, formats[i], today, t)) {
            return true;
        }
    }
    return false;
}

bool
time_from_args(const struct args *args, enum option_id option, Google__Protobuf__Timestamp *at,
               Google__Protobuf__Timestamp **tp)
{
    const char *text = args_value(args, option);
    time_t t = 0;

    *tp = NULL;
    if (!text) {
        return true;
    }
    if (!parse_time(text, &t)) {
        ctl_error("--%s: '%s' is no time: 2026-11-28T10:30, 10:30, or 2h (ago) is expected",
                  option_table[option].name, text);
        return false;
    }
    google__protobuf__timestamp__init(at);
    at->seconds = t;
    *tp = at;
    return true;
}

char *
time_text(const Google__Protobuf__Timestamp *t, const char *otherwise)
{
    time_t seconds = t ? (time_t) t->seconds : 0;
    char text[64];
    struct tm tm;

    if (!t || !localtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%F %T", &tm)) {
        return xstrdup(otherwise);
    }
    return xstrdup(text);
}
