#include <config.h>

#include "proto/rpc_credentials.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/tls_files.h"

/* The C-core API has no way to say "TLS 1.3 and nothing older".  But of TLS 1.2 it offers what this
 * names, and only that: a suite that needs a key shared beforehand, which there is none of, so that
 * no handshake of TLS 1.2 ends well.  The suites of TLS 1.3 are apart from these, and stay. */
#define NO_TLS_1_2 "PSK-AES256-GCM-SHA384"

/* gRPC reads it once, when it first needs it. */
static void
refuse_old_tls(void)
{
    setenv("GRPC_SSL_CIPHER_SUITES", NO_TLS_1_2, 1);
}

struct stamp {
    struct timespec changed;
    ino_t inode;
    off_t size;
};

struct rpc_tls_source {
    struct rpc_tls_files files;
    void (*warn)(void *aux, const char *sentence);
    void *aux;

    pthread_mutex_t mutex;
    struct stamp stamps[3]; /* of what was read last, good or not */
    bool read;
    time_t not_after;
};

static void
take_stamps(const struct rpc_tls_source *source, struct stamp stamps[3])
{
    const char *const names[3] = { source->files.ca, source->files.cert, source->files.key };

    memset(stamps, 0, 3 * sizeof *stamps);
    for (int i = 0; i < 3; i++) {
        struct stat st;

        if (!stat(names[i], &st)) {
            stamps[i].changed = st.st_ctim;
            stamps[i].inode = st.st_ino;
            stamps[i].size = st.st_size;
        }
    }
}

/* Called by gRPC for every connection that begins, in whatever thread. */
static grpc_ssl_certificate_config_reload_status
fetch(void *source_, grpc_ssl_server_certificate_config **config)
{
    struct rpc_tls_source *source = source_;
    grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    struct stamp stamps[3];
    struct tls_texts texts;
    char *error;

    pthread_mutex_lock(&source->mutex);
    take_stamps(source, stamps);
    if (source->read && !memcmp(stamps, source->stamps, sizeof stamps)) {
        goto out;
    }
    source->read = true;
    memcpy(source->stamps, stamps, sizeof stamps);
    if (tls_texts_read(&source->files, &texts, &error)) {
        /* Half of a renewal, say: those that we have stay, as long as they are valid. */
        source->warn(source->aux, error ? error : "out of memory");
        free(error);
        status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
        goto out;
    }
    grpc_ssl_pem_key_cert_pair pair = { .private_key = texts.key, .cert_chain = texts.cert };
    *config = grpc_ssl_server_certificate_config_create(texts.ca, &pair, 1);
    source->not_after = texts.not_after;
    tls_texts_destroy(&texts);
    status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
out:
    pthread_mutex_unlock(&source->mutex);
    return status;
}

struct rpc_tls_source *
rpc_tls_source_create(const struct rpc_tls_files *files,
                      void (*warn)(void *aux, const char *sentence), void *aux)
{
    struct rpc_tls_source *source = calloc(1, sizeof *source);

    if (source) {
        refuse_old_tls();
        source->files = *files;
        source->warn = warn;
        source->aux = aux;
        pthread_mutex_init(&source->mutex, NULL);
    }
    return source;
}

void
rpc_tls_source_destroy(struct rpc_tls_source *source)
{
    if (source) {
        pthread_mutex_destroy(&source->mutex);
        free(source);
    }
}

bool
rpc_tls_source_is_valid(struct rpc_tls_source *source)
{
    bool valid;

    pthread_mutex_lock(&source->mutex);
    valid = time(NULL) <= source->not_after;
    pthread_mutex_unlock(&source->mutex);
    return valid;
}

grpc_server_credentials *
rpc_server_credentials(struct rpc_tls_source *source)
{
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, fetch, source));
}

grpc_channel_credentials *
rpc_channel_credentials(const struct rpc_tls_files *files, char **error)
{
    grpc_channel_credentials *credentials;
    struct tls_texts texts;

    if (tls_texts_read(files, &texts, error)) {
        return NULL;
    }
    refuse_old_tls();
    grpc_ssl_pem_key_cert_pair pair = { .private_key = texts.key, .cert_chain = texts.cert };
    credentials = grpc_ssl_credentials_create(texts.ca, &pair, NULL, NULL);
    tls_texts_destroy(&texts);
    return credentials;
}
