#include <config.h>

#include "control/digest.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "util.h"

/* Fails only when memory is short or a policy of the system forbids SHA-256. */
static void
must(int ok)
{
    if (!ok) {
        ovs_abort(0, "SHA-256 is not available");
    }
}

static void
to_hex(const unsigned char digest[32], char hex[65])
{
    for (int i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

void
digest_sha256(const void *data, size_t size, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    must(EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL));
    to_hex(digest, hex);
}

/* struct digest is OpenSSL's. */
static EVP_MD_CTX *
context(struct digest *digest)
{
    return (EVP_MD_CTX *) digest;
}

struct digest *
digest_begin(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    must(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL));
    return (struct digest *) c;
}

void
digest_add(struct digest *digest, const void *data, size_t size)
{
    must(EVP_DigestUpdate(context(digest), data, size));
}

void
digest_end(struct digest *digest, char hex[65])
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    must(EVP_DigestFinal_ex(context(digest), sum, NULL));
    EVP_MD_CTX_free(context(digest));
    to_hex(sum, hex);
}
