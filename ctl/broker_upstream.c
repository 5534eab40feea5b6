#include <config.h>

#include "ctl/broker_upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "ctl/ctl.h"
#include "util.h"

#define MAX_ANSWER (16u << 20)

struct upstream {
    char *url;
    char *ca;
    int timeout_ms;
};

/* One request on its way. */
struct passing {
    struct curl_slist *headers;
    char *forwarded; /* X-Forwarded-For, as it came */
    struct http_answer *answer;
    size_t room;
};

/* Of one connection, or made anew by whoever sends. */
static bool
is_of_connection(const char *name)
{
    static const char *const names[] = { "Connection",
                                         "Keep-Alive",
                                         "Proxy-Authenticate",
                                         "Proxy-Authorization",
                                         "Proxy-Connection",
                                         "TE",
                                         "Trailer",
                                         "Transfer-Encoding",
                                         "Upgrade",
                                         "Content-Length",
                                         "Expect",
                                         "Host",
                                         "X-Forwarded-For" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcasecmp(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* ---- out ---- */

static void
add(struct passing *p, const char *format, const char *name, const char *value)
{
    char *line = xasprintf(format, name, value);
    struct curl_slist *more = curl_slist_append(p->headers, line);

    p->headers = more ? more : p->headers;
    free(line);
}

static void
take_header(const char *name, const char *value, void *passing)
{
    struct passing *p = passing;

    if (!strcasecmp(name, "X-Forwarded-For")) {
        free(p->forwarded);
        p->forwarded = xstrdup(value);
    } else if (!is_of_connection(name)) {
        /* A ';' says of a header that it is empty. */
        add(p, value[0] ? "%s: %s" : "%s;", name, value);
    }
}

static void
take_headers(struct passing *p, const struct http_request *r)
{
    static const char *const own[] = { "Accept", "Content-Type", "Expect", "User-Agent" };

    http_each_header(r, take_header, p);
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (!http_header(r, own[i])) {
            add(p, "%s:%s", own[i], ""); /* nor one of curl's */
        }
    }
    if (p->forwarded) {
        char *list = xasprintf("%s, %s", p->forwarded, r->peer);

        add(p, "%s: %s", "X-Forwarded-For", list);
        free(list);
    } else {
        add(p, "%s: %s", "X-Forwarded-For", r->peer);
    }
}

/* ---- back ---- */

static void
clear(struct http_answer *a)
{
    for (size_t i = 0; i < a->n_fields; i++) {
        free(a->fields[i].name);
        free(a->fields[i].value);
    }
    free(a->fields);
    free(a->body);
    *a = (struct http_answer){ .status = 0 };
}

static size_t
on_header(char *line, size_t size, size_t n, void *passing)
{
    struct passing *p = passing;
    size_t length = size * n, name = 0;
    char *text;

    if (length > 5 && !strncmp(line, "HTTP/", 5)) {
        clear(p->answer); /* what came before, if anything, was 100 Continue */
        return length;
    }
    while (name < length && line[name] != ':') {
        name++;
    }
    if (name == length || !name) {
        return length; /* the end */
    }
    text = xmemdup0(line, length);
    text[name] = '\0';
    if (!is_of_connection(text)) {
        char *value = text + name + 1 + strspn(text + name + 1, " \t");

        value[strcspn(value, "\r\n")] = '\0';
        http_answer_field(p->answer, text, value);
    }
    free(text);
    return length;
}

static size_t
on_body(char *data, size_t size, size_t n, void *passing)
{
    struct passing *p = passing;
    struct http_answer *a = p->answer;
    size_t length = size * n;

    if (length > MAX_ANSWER - a->body_len) {
        return 0;
    }
    if (a->body_len + length + 1 > p->room) {
        p->room = 2 * (a->body_len + length) + 1;
        a->body = xrealloc(a->body, p->room);
    }
    memcpy(a->body + a->body_len, data, length);
    a->body_len += length;
    a->body[a->body_len] = '\0';
    return length;
}

/* ---- a request ---- */

static void
set_request(CURL *curl, const struct upstream *u, const struct http_request *r)
{
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, !strcmp(r->method, "HEAD") ? 1L : 0L);
    if (r->body_len || !strcmp(r->method, "POST") || !strcmp(r->method, "PUT")) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) r->body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
    }
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) u->timeout_ms);
    if (u->ca) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, u->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
}

bool
upstream_pass(const struct upstream *u, const struct http_request *r, struct http_answer *answer,
              char **error)
{
    struct passing p = { .answer = answer };
    CURL *curl = curl_easy_init();
    char *url = xasprintf("%s%s", u->url, r->target), why[CURL_ERROR_SIZE] = "";
    CURLcode code = CURLE_OUT_OF_MEMORY;
    long status = 0;

    take_headers(&p, r);
    if (curl) {
        set_request(curl, u, r);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, p.headers);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &p);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &p);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
        code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
    }
    answer->status = status;
    if (code != CURLE_OK) {
        clear(answer);
        *error = xasprintf("%s: %s", u->url, why[0] ? why : curl_easy_strerror(code));
    }
    curl_slist_free_all(p.headers);
    free(p.forwarded);
    free(url);
    return code == CURLE_OK;
}

/* ---- the server ---- */

static bool
is_base(const char *url)
{
    const char *host = !strncmp(url, "https://", 8)  ? url + 8
                       : !strncmp(url, "http://", 7) ? url + 7
                                                     : "";

    return host[0] && !host[strcspn(host, "/?#@ ")];
}

int
upstream_create(const char *url, const char *ca, int timeout_ms, struct upstream **up, char **error)
{
    if (!is_base(url)) {
        *error = xasprintf("%s: not http(s)://HOST[:PORT]", url);
        return EINVAL;
    }
    if (ca && access(ca, R_OK)) {
        int retval = errno;

        *error = xasprintf("%s: %s", ca, ovs_strerror(retval));
        return retval;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    *up = xzalloc(sizeof **up);
    **up = (struct upstream){ xstrdup(url), nullable_xstrdup(ca), timeout_ms };
    return 0;
}

void
upstream_destroy(struct upstream *u)
{
    if (u) {
        free(u->url);
        free(u->ca);
        free(u);
        curl_global_cleanup();
    }
}
