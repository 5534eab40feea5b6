/* The digest of a request, by which the audit log names it and a repeated one is known again.
 *
 * It is the SHA-256 of the packed message, in which a text or bytes of REQUEST_DIGEST_LONG and more
 * stand as their own SHA-256, in lower-case hex: whoever handles the request may want that, too,
 * and a policy is long. */
#ifndef CONTROL_REQUEST_DIGEST_H
#define CONTROL_REQUEST_DIGEST_H 1

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#define REQUEST_DIGEST_LONG 4096
#define REQUEST_DIGEST_MAX_TEXTS 8 /* whose digests are remembered */

struct request_digest {
    char hex[65];
    size_t n_texts;
    struct request_digest_text {
        const void *data; /* in the message */
        char hex[65];
    } texts[REQUEST_DIGEST_MAX_TEXTS];
};

void request_digest_take(const ProtobufCMessage *, struct request_digest *);
/* The SHA-256 of a text of that message, for as long as the message lives; NULL: it was short. */
const char *request_digest_of(const struct request_digest *, const char *text);

#endif
