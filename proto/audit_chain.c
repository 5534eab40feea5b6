#include <config.h>

#include "proto/audit_chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#define SEAL_BEFORE ",\"hash\":\""
#define SEAL_AFTER "\"}"
#define SEAL_LEN (sizeof SEAL_BEFORE - 1 + AUDIT_HASH_LEN + sizeof SEAL_AFTER - 1)

static void
to_hex(const unsigned char digest[32], char hash[AUDIT_HASH_LEN + 1])
{
    for (int i = 0; i < 32; i++) {
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    }
}

/* SHA-256 of up to three pieces.  Without OpenSSL's SHA-256 nothing is as it should be. */
static void
hash_pieces(const void *const pieces[3], const size_t lengths[3], char hash[AUDIT_HASH_LEN + 1])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (!context || !EVP_DigestInit_ex(context, EVP_sha256(), NULL)) {
        abort();
    }
    for (int i = 0; i < 3; i++) {
        EVP_DigestUpdate(context, pieces[i], lengths[i]);
    }
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    to_hex(digest, hash);
}

void
audit_chain_hash(const void *data, size_t size, char hash[AUDIT_HASH_LEN + 1])
{
    const void *const pieces[3] = { data, "", "" };
    const size_t lengths[3] = { size, 0, 0 };

    hash_pieces(pieces, lengths, hash);
}

/* 'open' is the object without its last "}". */
static void
hash_link(const char *prev, const char *open, size_t len, char hash[AUDIT_HASH_LEN + 1])
{
    const void *const pieces[3] = { prev, open, "}" };
    const size_t lengths[3] = { AUDIT_HASH_LEN, len, 1 };

    hash_pieces(pieces, lengths, hash);
}

char *
audit_chain_seal(char hash[AUDIT_HASH_LEN + 1], const char *body)
{
    size_t len = strlen(body) - 1; /* without the "}" */
    char next[AUDIT_HASH_LEN + 1];
    char *line;

    hash_link(hash, body, len, next);
    if (asprintf(&line, "%.*s" SEAL_BEFORE "%s" SEAL_AFTER "\n", (int) len, body, next) < 0) {
        return NULL;
    }
    memcpy(hash, next, sizeof next);
    return line;
}

/* ---- reading ---- */

struct reader {
    struct audit_scan *scan;
    uint64_t look_for;
    uint64_t *open; /* seqs of requests without a result */
    size_t allocated;
    char *bad; /* the line before, when it was none */
    size_t bad_len;
};

static bool
is_sealed(const char *prev, const char *line, size_t len)
{
    const char *seal = line + len - SEAL_LEN;
    char hash[AUDIT_HASH_LEN + 1];

    if (len <= SEAL_LEN || memcmp(seal, SEAL_BEFORE, sizeof SEAL_BEFORE - 1) ||
        memcmp(line + len - 2, SEAL_AFTER, 2)) {
        return false;
    }
    hash_link(prev, line, len - SEAL_LEN, hash);
    return !memcmp(seal + sizeof SEAL_BEFORE - 1, hash, AUDIT_HASH_LEN);
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static uint64_t
number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    /* Election ids have 64 bits, JSON's integers one less: they are text. */
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10)
                                 : (uint64_t) json_integer_value(value);
}

static bool
reject(struct audit_scan *scan, uint64_t line, const char *why)
{
    scan->bad_line = line;
    snprintf(scan->why, sizeof scan->why, "%s", why);
    return false;
}

static bool
note_open(struct reader *r, uint64_t seq)
{
    if (r->scan->n_open == r->allocated) {
        size_t n = r->allocated ? 2 * r->allocated : 16;
        uint64_t *grown = realloc(r->open, n * sizeof *grown);

        if (!grown) {
            return false;
        }
        r->open = grown;
        r->allocated = n;
    }
    r->open[r->scan->n_open++] = seq;
    return true;
}

static void
note_result(struct reader *r, uint64_t of)
{
    for (size_t i = r->scan->n_open; i-- > 0;) {
        if (r->open[i] == of) {
            r->open[i] = r->open[--r->scan->n_open];
            return;
        }
    }
}

static void
note(struct reader *r, const json_t *object)
{
    const char *event = text_of(object, "event");
    uint64_t election = number_of(object, "election");

    if (!strcmp(event, "request")) {
        note_open(r, r->scan->seq);
    } else if (!strcmp(event, "result")) {
        note_result(r, number_of(object, "of"));
    }
    if (election > r->scan->election) {
        r->scan->election = election;
    }
}

/* The line after one that was none must be about it. */
static bool
tells_of_torn(struct reader *r, const json_t *object)
{
    char hash[AUDIT_HASH_LEN + 1];

    audit_chain_hash(r->bad, r->bad_len, hash);
    return !strcmp(text_of(object, "event"), "torn") && number_of(object, "bytes") == r->bad_len &&
           !strcmp(text_of(object, "sha256"), hash);
}

/* A line that is sealed with what came before. */
static bool
take_sealed(struct reader *r, const char *line, size_t len, uint64_t number)
{
    struct audit_scan *scan = r->scan;
    json_t *object = json_loadb(line, len, 0, NULL);
    uint64_t seq = number_of(object, "seq");
    bool ok = true;

    if (!object) {
        ok = reject(scan, number, "it is no JSON");
    } else if (r->bad && !tells_of_torn(r, object)) {
        ok = reject(scan, number - 1, "it was changed, or is not the one that was written here");
    } else if (scan->n_lines && seq != scan->seq + 1) {
        ok = reject(scan, number, "its seq does not follow that of the line before");
    } else {
        scan->n_torn += r->bad != NULL;
        free(r->bad);
        r->bad = NULL;
        memcpy(scan->hash, line + len - 2 - AUDIT_HASH_LEN, AUDIT_HASH_LEN);
        scan->hash[AUDIT_HASH_LEN] = '\0';
        scan->seq = seq;
        scan->n_lines++;
        if (seq == r->look_for) {
            memcpy(scan->found, scan->hash, sizeof scan->found);
        }
        note(r, object);
    }
    json_decref(object);
    return ok;
}

/* The first line says what it comes after. */
static bool
take_begin(struct reader *r, const char *line, size_t len)
{
    struct audit_scan *scan = r->scan;
    json_t *object = json_loadb(line, len, 0, NULL);
    const char *prev = text_of(object, "prev");
    bool ok = !strcmp(text_of(object, "event"), "begin") && strlen(prev) == AUDIT_HASH_LEN;

    if (ok) {
        memcpy(scan->prev, prev, AUDIT_HASH_LEN + 1);
        ok = is_sealed(prev, line, len) ||
             reject(scan, 1, "it was changed, or is not the one that was written here");
        ok = ok && take_sealed(r, line, len, 1);
        scan->first_seq = scan->seq;
    } else {
        reject(scan, 1, "a log begins with an event \"begin\", and this does not");
    }
    json_decref(object);
    return ok;
}

static bool
take_line(struct reader *r, const char *line, size_t len, uint64_t number)
{
    if (number == 1) {
        return take_begin(r, line, len);
    } else if (is_sealed(r->scan->hash, line, len)) {
        return take_sealed(r, line, len, number);
    } else if (r->bad) {
        return reject(r->scan, number - 1,
                      "it was changed, or is not the one that was written here");
    }
    r->bad = malloc(len + 1);
    if (r->bad) {
        memcpy(r->bad, line, len);
        r->bad_len = len;
    }
    return r->bad != NULL;
}

/* What the last line was, when nothing has followed it. */
static void
take_end(struct reader *r, uint64_t number, bool newline)
{
    if (r->bad && newline) {
        reject(r->scan, number, "it was changed, or is not the one that was written here");
    } else if (r->bad) {
        r->scan->torn = r->bad;
        r->scan->torn_len = r->bad_len;
        r->bad = NULL;
    } else {
        r->scan->no_newline = !newline;
    }
}

int
audit_chain_scan(FILE *file, uint64_t look_for, struct audit_scan *scan,
                 void (*each)(const char *line, size_t len, void *aux), void *aux)
{
    struct reader r = { .scan = scan, .look_for = look_for };
    uint64_t number = 0;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    bool newline = true, ok = true;
    int error;

    memset(scan, 0, sizeof *scan);
    errno = 0;
    while (ok && (n = getline(&line, &size, file)) > 0) {
        newline = line[n - 1] == '\n';
        n -= newline;
        ok = take_line(&r, line, n, ++number);
        if (ok && each && !r.bad) {
            each(line, n, aux);
        }
    }
    error = ferror(file) ? (errno ? errno : EIO) : ok || scan->bad_line ? 0 : ENOMEM;
    if (ok && !error) {
        take_end(&r, number, newline);
    }
    free(line);
    free(r.bad);
    free(r.open);
    return error;
}

void
audit_scan_destroy(struct audit_scan *scan)
{
    free(scan->torn);
    scan->torn = NULL;
}
