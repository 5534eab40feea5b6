#include <config.h>

#include "ctl/relay/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

struct relay_link {
    const struct relay_sink_config *config;
    SSL_CTX *context; /* NULL: no TLS */
    SSL *ssl;
    int fd; /* -1: down */
};

/* ---- TLS ---- */

/* The last thing that OpenSSL says. */
static char *
tls_error(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    char *s = code ? xasprintf("%s: %s", what, ERR_reason_error_string(code)) : xstrdup(what);

    ERR_clear_error();
    return s;
}

static int
load_files(SSL_CTX *context, const struct relay_sink_config *c, char **error)
{
    if (SSL_CTX_load_verify_file(context, c->ca) != 1) {
        *error = tls_error(c->ca);
        return EINVAL;
    }
    if (c->cert && SSL_CTX_use_certificate_chain_file(context, c->cert) != 1) {
        *error = tls_error(c->cert);
        return EINVAL;
    }
    if (c->key && (SSL_CTX_use_PrivateKey_file(context, c->key, SSL_FILETYPE_PEM) != 1 ||
                   SSL_CTX_check_private_key(context) != 1)) {
        *error = tls_error(c->key);
        return EINVAL;
    }
    return 0;
}

static int
make_context(struct relay_link *link, char **error)
{
    link->context = SSL_CTX_new(TLS_client_method());
    if (!link->context) {
        *error = tls_error("TLS");
        return ENOMEM;
    }
    SSL_CTX_set_min_proto_version(link->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(link->context, SSL_VERIFY_PEER, NULL);
    /* A read ends behind what is of the protocol only (tickets): it must not wait for more. */
    SSL_CTX_clear_mode(link->context, SSL_MODE_AUTO_RETRY);
    return load_files(link->context, link->config, error);
}

/* The name that the certificate is for: an address, too. */
static bool
expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return true;
    }
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static int
start_tls(struct relay_link *link, char **error)
{
    const struct relay_sink_config *c = link->config;
    const char *name = c->server_name ? c->server_name : c->host;
    long verified;

    link->ssl = SSL_new(link->context);
    if (!link->ssl || !expect_name(link->ssl, name) || SSL_set_fd(link->ssl, link->fd) != 1) {
        *error = tls_error("TLS");
        return EINVAL;
    }
    ERR_clear_error();
    if (SSL_connect(link->ssl) == 1) {
        return 0;
    }
    verified = SSL_get_verify_result(link->ssl);
    if (verified != X509_V_OK) {
        *error = xasprintf("the certificate of %s:%s is not accepted: %s", c->host, c->port,
                           X509_verify_cert_error_string(verified));
    } else {
        char *why = tls_error("TLS failed");

        *error = xasprintf("%s:%s: %s", c->host, c->port, why);
        free(why);
    }
    return EPROTO;
}

/* ---- its life ---- */

int
relay_link_new(const struct relay_sink_config *config, struct relay_link **linkp, char **error)
{
    struct relay_link *link = xzalloc(sizeof *link);
    int rc = 0;

    link->config = config;
    link->fd = -1;
    if (config->transport == RELAY_TLS) {
        rc = make_context(link, error);
    }
    if (rc) {
        relay_link_free(link);
        return rc;
    }
    *linkp = link;
    return 0;
}

void
relay_link_down(struct relay_link *link)
{
    if (link->ssl) {
        /* The receiver is told when it can be; nobody waits for its answer. */
        if (SSL_is_init_finished(link->ssl)) {
            SSL_shutdown(link->ssl);
        }
        SSL_free(link->ssl);
        link->ssl = NULL;
        ERR_clear_error();
    }
    if (link->fd >= 0) {
        close(link->fd);
        link->fd = -1;
    }
}

void
relay_link_free(struct relay_link *link)
{
    if (link) {
        relay_link_down(link);
        SSL_CTX_free(link->context);
        free(link);
    }
}

bool
relay_link_is_up(const struct relay_link *link)
{
    return link->fd >= 0;
}

/* ---- connecting ---- */

static void
set_options(int fd, const struct relay_sink_config *c)
{
    struct timeval patience = { .tv_sec = c->timeout_ms / 1000,
                                .tv_usec = c->timeout_ms % 1000 * 1000L };
    unsigned timeout = c->timeout_ms;
    int on = 1;

    /* Linux takes the time to send for that to connect, too. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (c->transport != RELAY_UDP) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        /* A host that is gone without a word. */
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    }
}

static int
connect_to(struct relay_link *link, const struct addrinfo *a)
{
    int rc = 0;

    link->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (link->fd < 0) {
        return errno;
    }
    set_options(link->fd, link->config);
    if (connect(link->fd, a->ai_addr, a->ai_addrlen)) {
        rc = errno == EINPROGRESS ? ETIMEDOUT : errno;
        relay_link_down(link);
    }
    return rc;
}

int
relay_link_connect(struct relay_link *link, char **error)
{
    const struct relay_sink_config *c = link->config;
    struct addrinfo hints = { .ai_socktype = c->transport == RELAY_UDP ? SOCK_DGRAM : SOCK_STREAM };
    struct addrinfo *all = NULL;
    int rc;

    if (link->fd >= 0) {
        return 0;
    }
    rc = getaddrinfo(c->host, c->port, &hints, &all);
    if (rc) {
        *error = xasprintf("%s:%s: %s", c->host, c->port, gai_strerror(rc));
        return EHOSTUNREACH;
    }
    rc = EHOSTUNREACH;
    for (const struct addrinfo *a = all; a && rc; a = a->ai_next) {
        rc = connect_to(link, a);
    }
    freeaddrinfo(all);
    if (rc) {
        *error = xasprintf("cannot connect to %s:%s: %s", c->host, c->port, ovs_strerror(rc));
    } else if (link->context) {
        rc = start_tls(link, error);
        if (rc) {
            relay_link_down(link);
        }
    }
    return rc;
}

/* ---- sending ---- */

/* Like send(), with TLS or without. */
static ssize_t
send_some(struct relay_link *link, const void *data, size_t n)
{
    int sent;

    if (!link->ssl) {
        return send(link->fd, data, n, MSG_NOSIGNAL);
    }
    ERR_clear_error();
    errno = 0;
    sent = SSL_write(link->ssl, data, (int) MIN(n, INT32_MAX));
    if (sent <= 0 && !errno) {
        errno = SSL_get_error(link->ssl, sent) == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    }
    return sent > 0 ? sent : -1;
}

int
relay_link_send(struct relay_link *link, const void *data, size_t n, char **error)
{
    const char *at = data;

    while (n) {
        ssize_t sent = send_some(link, at, n);

        if (sent < 0 && errno == EINTR && !link->ssl) {
            continue;
        }
        if (sent < 0) {
            int rc = errno == EAGAIN ? ETIMEDOUT : errno;

            *error = xasprintf("cannot send to %s:%s: %s", link->config->host, link->config->port,
                               ovs_strerror(rc));
            relay_link_down(link);
            return rc;
        }
        at += sent;
        n -= (size_t) sent;
    }
    return 0;
}

/* Reads what the protocol of TLS has sent.  False: its end. */
static bool
read_tls(struct relay_link *link)
{
    char byte;
    int n, why;

    ERR_clear_error();
    n = SSL_read(link->ssl, &byte, 1);
    why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(link->ssl, n);
    return why == SSL_ERROR_NONE || why == SSL_ERROR_WANT_READ;
}

bool
relay_link_alive(struct relay_link *link)
{
    bool alive = true;
    char byte;
    ssize_t n;

    while (link->fd >= 0 && alive) {
        n = recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        alive = n > 0;
        if (alive && link->ssl) {
            alive = read_tls(link);
        } else if (alive) { /* a receiver has nothing to say: it is thrown away */
            alive = recv(link->fd, &byte, 1, MSG_DONTWAIT) > 0;
        }
    }
    relay_link_down(link);
    return false;
}
