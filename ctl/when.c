#include <config.h>

#include "ctl/when.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "util.h"

char *
when_text(const Google__Protobuf__Timestamp *t)
{
    time_t seconds = t ? (time_t) t->seconds : 0;
    struct tm tm;
    char text[64];

    if (!t || !localtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%F %T %z", &tm)) {
        return xstrdup("");
    }
    return xstrdup(text);
}

/* Whether 'text' begins as 'shape' is, where a 0 stands for any digit. */
static bool
has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++) {
        if (*shape == '0' ? !isdigit((unsigned char) *text) : *text != *shape) {
            return false;
        }
    }
    return true;
}

static int
number(const char *digits, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        value = 10 * value + digits[i] - '0';
    }
    return value;
}

/* "90s", "-90s" */
static bool
parse_ago(const char *text, Google__Protobuf__Timestamp *t)
{
    static const struct {
        char letter;
        int seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    size_t n;
    struct timespec now;

    text += *text == '-';
    n = strspn(text, "0123456789");
    for (size_t i = 0; n && n < 9 && i < ARRAY_SIZE(units); i++) {
        if (text[n] == units[i].letter && !text[n + 1]) {
            clock_gettime(CLOCK_REALTIME, &now);
            t->seconds = now.tv_sec - (int64_t) number(text, (int) n) * units[i].seconds;
            t->nanos = (int32_t) now.tv_nsec;
            return t->seconds >= 0;
        }
    }
    return false;
}

/* ".123" */
static const char *
parse_fraction(const char *text, int32_t *nanos)
{
    int scale = 100000000;

    *nanos = 0;
    if (*text != '.' || !isdigit((unsigned char) text[1])) {
        return text;
    }
    for (text++; isdigit((unsigned char) *text); text++, scale /= 10) {
        *nanos += (*text - '0') * scale;
    }
    return text;
}

/* "Z", "+09:00" */
static bool
parse_zone(const char *text, int *seconds)
{
    *seconds = 0;
    if (!strcmp(text, "Z")) {
        return true;
    }
    if ((*text != '+' && *text != '-') || !has_shape(text + 1, "00:00") || text[6] ||
        number(text + 1, 2) > 23 || number(text + 4, 2) > 59) {
        return false;
    }
    *seconds = (*text == '-' ? -1 : 1) * (number(text + 1, 2) * 3600 + number(text + 4, 2) * 60);
    return true;
}

/* RFC 3339, 5.6; no leap seconds. */
static bool
parse_absolute(const char *text, Google__Protobuf__Timestamp *t)
{
    struct tm tm = { .tm_isdst = 0 }, given;
    int zone;

    if (!has_shape(text, "0000-00-00T00:00:00")) {
        return false;
    }
    tm.tm_year = number(text, 4) - 1900;
    tm.tm_mon = number(text + 5, 2) - 1;
    tm.tm_mday = number(text + 8, 2);
    tm.tm_hour = number(text + 11, 2);
    tm.tm_min = number(text + 14, 2);
    tm.tm_sec = number(text + 17, 2);
    given = tm;
    t->seconds = timegm(&tm); /* which takes the 31st of November for the 1st of December */
    if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour ||
        tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec ||
        !parse_zone(parse_fraction(text + 19, &t->nanos), &zone)) {
        return false;
    }
    t->seconds -= zone;
    return true;
}

bool
when_parse(const char *text, Google__Protobuf__Timestamp *t)
{
    google__protobuf__timestamp__init(t);
    return parse_absolute(text, t);
}

/* Fields that 'format' does not have are those of 'tm'. */
static bool
parse_format(const char *text, const char *format, struct tm tm, time_t *t)
{
    const char *end = strptime(text, format, &tm);
    struct tm given;
    bool utc = end && *end == 'Z' && !end[1];

    if (!end || (*end && !utc)) {
        return false;
    }
    tm.tm_isdst = -1;
    given = tm;
    *t = utc ? timegm(&tm) : mktime(&tm);
    /* They take the 31st of November for the 1st of December, and a 60th second for a minute. */
    return *t >= 0 && tm.tm_mon == given.tm_mon && tm.tm_mday == given.tm_mday &&
           tm.tm_min == given.tm_min;
}

/* What people leave out: the zone is the local one, the day is today, and so on. */
static bool
parse_short(const char *text, Google__Protobuf__Timestamp *t)
{
    static const char *const formats[] = {
        "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
        "%H:%M:%S",          "%H:%M"
    };
    time_t now = time(NULL), at;
    size_t length = strlen(text);
    struct tm today;

    if (!(length && text[length - 1] == 'Z' ? gmtime_r(&now, &today) : localtime_r(&now, &today))) {
        return false;
    }
    today.tm_hour = today.tm_min = today.tm_sec = 0;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (parse_format(text, formats[i], today, &at)) {
            t->seconds = at;
            return true;
        }
    }
    return false;
}

bool
when_option(const struct args *args, enum option_id id, Google__Protobuf__Timestamp *t,
            Google__Protobuf__Timestamp **timep)
{
    const char *text = args_value(args, id);

    *timep = NULL;
    if (!text) {
        return true;
    }
    google__protobuf__timestamp__init(t);
    if (!parse_ago(text, t) && !parse_absolute(text, t) && !parse_short(text, t)) {
        ctl_error("--%s: '%s' is neither a time such as 2026-11-25T14:00:00+09:00 or 10:30 nor one "
                  "ago such as 90s, 5m, 2h",
                  option_table[id].name, text);
        return false;
    }
    *timep = t;
    return true;
}
