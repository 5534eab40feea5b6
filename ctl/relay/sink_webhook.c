/* POSTs of JSON: one object, or an array of them. */
#include <config.h>

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/relay/sink.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

#define MAX_SECRET 4096

struct webhook {
    CURL *curl;
    char *secret, *token; /* or NULL */
    char error[CURL_ERROR_SIZE];
};

/* A file's first line; its end is no part of it. */
static int
read_secret(const char *path, char **secret, char **error)
{
    FILE *f = fopen(path, "re");
    char line[MAX_SECRET];
    int rc = f ? 0 : errno;

    if (!rc && !fgets(line, sizeof line, f)) {
        rc = ferror(f) ? EIO : ENODATA;
    }
    if (f) {
        fclose(f);
    }
    if (!rc) {
        line[strcspn(line, "\r\n")] = '\0';
        rc = line[0] ? 0 : ENODATA;
    }
    if (rc) {
        *error = xasprintf("%s: %s", path, ovs_strerror(rc));
        return rc;
    }
    *secret = xstrdup(line);
    OPENSSL_cleanse(line, sizeof line);
    return 0;
}

/* What the receiver answers is of no use, and may be endless. */
static size_t
swallow(char *data OVS_UNUSED, size_t size, size_t n, void *left)
{
    size_t *room = left;
    size_t bytes = size * n;

    *room -= MIN(*room, bytes);
    return *room ? bytes : 0;
}

static void
set_up(CURL *curl, const struct relay_sink_config *c)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_URL, c->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) c->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long) c->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "fusuma-relay/" PACKAGE_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    if (c->ca) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca);
    }
}

static void
webhook_close(struct relay_sink *sink)
{
    struct webhook *w = sink->aux;

    if (w) {
        curl_easy_cleanup(w->curl);
        free(w->secret);
        free(w->token);
        free(w);
    }
}

static int
webhook_open(struct relay_sink *sink, char **error)
{
    const struct relay_sink_config *c = sink->config;
    struct webhook *w = xzalloc(sizeof *w);
    int rc = 0;

    sink->aux = w;
    if (c->secret_file) {
        rc = read_secret(c->secret_file, &w->secret, error);
    }
    if (!rc && c->token_file) {
        rc = read_secret(c->token_file, &w->token, error);
    }
    if (!rc && c->ca && access(c->ca, R_OK)) {
        rc = errno;
        *error = xasprintf("%s: %s", c->ca, ovs_strerror(rc));
    }
    if (!rc) {
        w->curl = curl_easy_init();
        rc = w->curl ? 0 : ENOMEM;
        *error = rc ? xstrdup("libcurl cannot be used") : NULL;
    }
    if (!rc) {
        set_up(w->curl, c);
        curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, w->error);
    }
    return rc;
}

/* ---- a request ---- */

static void
put_body(struct ds *body, struct relay_event *const *events, size_t n, bool array)
{
    ds_put_cstr(body, array ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        ds_put_format(body, "%s%s", i ? "," : "", events[i]->json);
    }
    ds_put_cstr(body, array ? "]" : "");
}

static void __attribute__((format(printf, 2, 3)))
add_header(struct curl_slist **headers, const char *format, ...)
{
    va_list args;
    char *line;

    va_start(args, format);
    line = xvasprintf(format, args);
    va_end(args);
    *headers = curl_slist_append(*headers, line);
    OPENSSL_cleanse(line, strlen(line));
    free(line);
}

/* "sha256=" and HMAC-SHA256 of the body in hexadecimal digits. */
static void
sign(struct curl_slist **headers, const char *secret, const struct ds *body)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned n = 0;

    HMAC(EVP_sha256(), secret, (int) strlen(secret), (const unsigned char *) body->string,
         body->length, mac, &n);
    for (unsigned i = 0; i < n; i++) {
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    }
    add_header(headers, "X-Fusuma-Signature: sha256=%s", hex);
}

static struct curl_slist *
make_headers(const struct webhook *w, struct relay_event *const *events, size_t n,
             const struct ds *body)
{
    struct curl_slist *headers = NULL;

    add_header(&headers, "Content-Type: application/json");
    add_header(&headers, "Expect:"); /* or libcurl waits for a "100 Continue" */
    if (n == 1) {
        add_header(&headers, "Idempotency-Key: %s", events[0]->id);
    } else {
        add_header(&headers, "Idempotency-Key: %s..%s", events[0]->id, events[n - 1]->id);
    }
    if (w->secret) {
        sign(&headers, w->secret, body);
    }
    if (w->token) {
        add_header(&headers, "Authorization: Bearer %s", w->token);
    }
    return headers;
}

static enum relay_outcome
judge(struct relay_sink *sink, long status, char **why)
{
    const struct webhook *w = sink->aux;
    curl_off_t after = 0;

    if (status >= 200 && status < 300) {
        return RELAY_ACCEPTED;
    }
    *why = xasprintf("%s: HTTP status %ld", sink->config->url, status);
    if (status == 408 || status == 429 || status >= 500) {
        curl_easy_getinfo(w->curl, CURLINFO_RETRY_AFTER, &after);
        if (after > 0) {
            relay_sink_pause(sink, (unsigned) MIN(after, 3600) * 1000);
        }
        return RELAY_LATER;
    }
    return RELAY_REFUSED;
}

static enum relay_outcome
webhook_deliver(struct relay_sink *sink, struct relay_event *const *events, size_t n, char **why)
{
    struct webhook *w = sink->aux;
    struct ds body = DS_EMPTY_INITIALIZER;
    struct curl_slist *headers;
    size_t room = 1 << 20;
    long status = 0;
    CURLcode rc;

    put_body(&body, events, n, sink->config->batch > 1);
    headers = make_headers(w, events, n, &body);
    w->error[0] = '\0';
    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, ds_cstr(&body));
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body.length);
    curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, &room);
    rc = curl_easy_perform(w->curl);
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    ds_destroy(&body);
    if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && status)) {
        *why =
            xasprintf("%s: %s", sink->config->url, w->error[0] ? w->error : curl_easy_strerror(rc));
        return RELAY_LATER;
    }
    return judge(sink, status, why);
}

const struct relay_sink_ops relay_webhook_ops = {
    .open = webhook_open,
    .deliver = webhook_deliver,
    .close = webhook_close,
};
