#include <config.h>

#include "control/digest.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "util.h"

void
digest_sha256(const void *data, size_t size, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    /* Fails only when memory is short or a policy of the system forbids SHA-256. */
    if (!EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL)) {
        ovs_abort(0, "SHA-256 is not available");
    }
    for (int i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}
