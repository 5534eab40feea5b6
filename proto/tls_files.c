#include <config.h>

#include "proto/tls_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define MAX_FILE (1 << 20) /* a CA bundle of a whole distribution has 220 kB */

static int __attribute__((format(printf, 2, 3))) refuse(char **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (vasprintf(error, format, args) < 0) {
        *error = NULL;
    }
    va_end(args);
    return EINVAL;
}

static int
read_file(const char *path, char **textp, char **error)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(MAX_FILE + 1);
    size_t n = 0;
    int code = 0;

    if (!text) {
        code = ENOMEM;
    } else if (!file) {
        code = errno;
    } else {
        n = fread(text, 1, MAX_FILE, file);
        code = ferror(file) ? EIO : n == MAX_FILE ? EFBIG : 0;
    }
    if (file) {
        fclose(file);
    }
    if (code) {
        free(text);
        refuse(error, "%s: %s", path, strerror(code));
        return code;
    }
    text[n] = '\0';
    *textp = text;
    return 0;
}

/* ---- what they hold ---- */

/* OpenSSL's own would ask at the terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *aux)
{
    (void) buffer, (void) size, (void) writing, (void) aux;
    return -1;
}

static X509 *
parse_certificate(const char *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return cert;
}

static EVP_PKEY *
parse_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return key;
}

static time_t
unix_time(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) ? timegm(&tm) : 0;
}

/* NULL, or what is wrong with its time. */
static const char *
not_now(const X509 *cert, char text[64])
{
    time_t now = time(NULL), begin = unix_time(X509_get0_notBefore(cert)),
           end = unix_time(X509_get0_notAfter(cert));
    struct tm tm;

    if (now < begin) {
        gmtime_r(&begin, &tm);
        strftime(text, 64, "not valid before %Y-%m-%d %H:%M:%S UTC", &tm);
        return text;
    } else if (now > end) {
        gmtime_r(&end, &tm);
        strftime(text, 64, "expired at %Y-%m-%d %H:%M:%S UTC", &tm);
        return text;
    }
    return NULL;
}

static int
check_pair(const struct rpc_tls_files *files, struct tls_texts *texts, char **error)
{
    X509 *ca = files->ca ? parse_certificate(texts->ca, strlen(texts->ca)) : NULL;
    X509 *cert = parse_certificate(texts->cert, strlen(texts->cert));
    EVP_PKEY *key = parse_key(texts->key);
    char text[64];
    int code = 0;

    if (files->ca && !ca) {
        code = refuse(error, "%s: no certificate in PEM", files->ca);
    } else if (!cert) {
        code = refuse(error, "%s: no certificate in PEM", files->cert);
    } else if (!key) {
        code = refuse(error, "%s: no private key in PEM (without a passphrase)", files->key);
    } else if (!X509_check_private_key(cert, key)) {
        code = refuse(error, "%s: not the key of the certificate in %s", files->key, files->cert);
    } else if (not_now(cert, text)) {
        code = refuse(error, "%s: the certificate is %s%s", files->cert,
                      text[0] == 'e' ? "not valid any more: it " : "", text);
    } else {
        texts->not_after = unix_time(X509_get0_notAfter(cert));
    }
    EVP_PKEY_free(key);
    X509_free(cert);
    X509_free(ca);
    return code;
}

int
tls_texts_read(const struct rpc_tls_files *files, struct tls_texts *texts, char **error)
{
    int code;

    memset(texts, 0, sizeof *texts);
    *error = NULL;
    code = files->ca ? read_file(files->ca, &texts->ca, error) : 0;
    code = code ? code : read_file(files->cert, &texts->cert, error);
    code = code ? code : read_file(files->key, &texts->key, error);
    code = code ? code : check_pair(files, texts, error);
    if (code) {
        tls_texts_destroy(texts);
    }
    return code;
}

void
tls_texts_destroy(struct tls_texts *texts)
{
    if (texts->key) {
        OPENSSL_cleanse(texts->key, strlen(texts->key));
    }
    free(texts->ca);
    free(texts->cert);
    free(texts->key);
    memset(texts, 0, sizeof *texts);
}

int
rpc_tls_check(const struct rpc_tls_files *files, char **error)
{
    struct tls_texts texts;
    int code = tls_texts_read(files, &texts, error);

    if (!code) {
        tls_texts_destroy(&texts);
    }
    return code;
}

/* ---- whose it is ---- */

/* A name with a NUL in it is one thing to a CA and another to strcmp(). */
static char *
name_text(const ASN1_STRING *s)
{
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, s);
    char *text = n > 0 && !memchr(utf8, '\0', n) ? strndup((char *) utf8, n) : NULL;

    OPENSSL_free(utf8);
    return text;
}

static bool
take_cn(const X509 *cert, struct rpc_peer *peer)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int i = X509_NAME_get_index_by_NID((X509_NAME *) subject, NID_commonName, -1);

    if (i < 0) {
        return true;
    }
    /* Of several, it is not for us to choose one. */
    if (X509_NAME_get_index_by_NID((X509_NAME *) subject, NID_commonName, i) >= 0) {
        return false;
    }
    peer->cn = name_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
    return peer->cn != NULL;
}

static bool
append(char ***names, size_t *n, const ASN1_STRING *s)
{
    char **grown = realloc(*names, (*n + 1) * sizeof **names);

    if (!grown) {
        return false;
    }
    *names = grown;
    grown[*n] = name_text(s);
    return grown[*n] && ++*n;
}

static bool
take_alt_names(const X509 *cert, struct rpc_peer *peer)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool ok = true;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && ok; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_URI) {
            ok = append(&peer->uris, &peer->n_uris, name->d.uniformResourceIdentifier);
        } else if (name->type == GEN_DNS) {
            ok = append(&peer->dns, &peer->n_dns, name->d.dNSName);
        }
    }
    GENERAL_NAMES_free(names);
    return ok;
}

void
tls_peer_names(const char *pem, size_t len, struct rpc_peer *peer)
{
    X509 *cert = parse_certificate(pem, len);
    const char *why;
    char text[64];

    peer->kind = RPC_PEER_UNKNOWN;
    if (!cert) {
        why = "its certificate cannot be read";
    } else if (!take_cn(cert, peer) || !take_alt_names(cert, peer)) {
        why = "a name in its certificate cannot be read";
    } else {
        why = not_now(cert, text);
        if (why &&
            asprintf(&peer->why, "its certificate %s%s", why[0] == 'n' ? "is " : "", why) < 0) {
            peer->why = NULL;
        }
    }
    if (!why) {
        peer->kind = RPC_PEER_TLS;
    } else if (!peer->why) {
        peer->why = strdup(why);
    }
    X509_free(cert);
}
