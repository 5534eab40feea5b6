#include <config.h>

#include "ctl/relay/mail.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#define MAX_SUBJECT 200 /* bytes of text */
#define WORD_BYTES 39   /* of text in an encoded word: 52 of base64, 64 with what is around it */

/* Where a character of UTF-8 begins. */
static bool
begins_character(char c)
{
    return ((unsigned char) c & 0xc0) != 0x80;
}

/* At most 'max' bytes of it, to the end of a character. */
static size_t
clip(const char *text, size_t n, size_t max)
{
    if (n <= max) {
        return n;
    }
    for (n = max; n && !begins_character(text[n]); n--) {
        continue;
    }
    return n ? n : max; /* no UTF-8 at all */
}

static bool
is_plain(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~') {
            return false;
        }
    }
    return strlen(text) < 60 && !strstr(text, "=?");
}

char *
relay_mail_encode(const char *text)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    size_t left = strlen(text);

    if (is_plain(text)) {
        return xstrdup(text);
    }
    while (left) {
        size_t n = clip(text, left, WORD_BYTES);
        unsigned char word[64];

        EVP_EncodeBlock(word, (const unsigned char *) text, (int) n);
        ds_put_format(&s, "%s=?UTF-8?B?%s?=", s.length ? "\n " : "", word);
        text += n;
        left -= n;
    }
    return ds_steal_cstr(&s);
}

static void
put_subject(struct ds *s, const char *switch_name, struct relay_event *const *events, size_t n)
{
    struct ds subject = DS_EMPTY_INITIALIZER;
    char *encoded;

    ds_put_format(&subject, "[%s] %s", switch_name, events[0]->text);
    ds_truncate(&subject, clip(ds_cstr(&subject), subject.length, MAX_SUBJECT));
    if (n > 1) {
        ds_put_format(&subject, " (and %" PRIuSIZE " more)", n - 1);
    }
    encoded = relay_mail_encode(ds_cstr(&subject));
    ds_put_format(s, "Subject: %s\n", encoded);
    free(encoded);
    ds_destroy(&subject);
}

/* RFC 5322, 3.3. */
static void
put_date(struct ds *s, int64_t ns)
{
    time_t seconds = ns / 1000000000;
    char text[64];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    ds_put_format(s, "Date: %s\n", text);
}

/* In base64: whatever is in it, no line is too long and none is a lone dot. */
static void
put_body(struct ds *s, const char *body, size_t n)
{
    while (n) {
        unsigned char line[80];
        size_t part = MIN(n, 57);

        EVP_EncodeBlock(line, (const unsigned char *) body, (int) part);
        ds_put_format(s, "%s\n", line);
        body += part;
        n -= part;
    }
}

static void
describe(struct ds *s, const struct relay_event *e)
{
    time_t seconds = e->time_ns / 1000000000;
    char text[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    ds_put_format(s, "%s UTC  %s\n    %s, severity %s, event %s\n\n", text, e->text, e->action,
                  relay_severity_names[e->severity], e->id);
}

char *
relay_mail_format(const struct relay_sink_config *c, const char *switch_name,
                  struct relay_event *const *events, size_t n, int64_t now_ns)
{
    struct ds s = DS_EMPTY_INITIALIZER, body = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "From: %s\n", c->from);
    for (size_t i = 0; i < c->to.n; i++) {
        ds_put_format(&s, "%s%s", i ? ",\n " : "To: ", c->to.words[i]);
    }
    ds_put_char(&s, '\n');
    put_subject(&s, switch_name, events, n);
    put_date(&s, now_ns);
    ds_put_format(&s, "Message-ID: <%s.fusuma@%s>\n", events[0]->id, switch_name);
    ds_put_cstr(&s, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
                    "Content-Type: text/plain; charset=utf-8\n"
                    "Content-Transfer-Encoding: base64\n\n");
    for (size_t i = 0; i < n; i++) {
        describe(&body, events[i]);
    }
    put_body(&s, ds_cstr(&body), body.length);
    ds_destroy(&body);
    return ds_steal_cstr(&s);
}
