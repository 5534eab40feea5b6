#include <config.h>

#include "control/request_digest.h"

#include "control/digest.h"
#include "util.h"

/* Takes what protobuf-c packs, piece by piece; a text is one piece. */
struct sink {
    ProtobufCBuffer buffer;
    struct digest *packed;
    struct request_digest *request;
};

static void
append(ProtobufCBuffer *buffer, size_t n, const uint8_t *data)
{
    struct sink *sink = CONTAINER_OF(buffer, struct sink, buffer);
    struct request_digest *r = sink->request;
    char hex[65];

    if (n < REQUEST_DIGEST_LONG) {
        digest_add(sink->packed, data, n);
        return;
    }
    digest_sha256(data, n, hex);
    digest_add(sink->packed, hex, 64);
    if (r->n_texts < REQUEST_DIGEST_MAX_TEXTS) {
        r->texts[r->n_texts].data = data;
        memcpy(r->texts[r->n_texts++].hex, hex, sizeof hex);
    }
}

void
request_digest_take(const ProtobufCMessage *message, struct request_digest *r)
{
    struct sink sink = { .buffer = { append }, .packed = digest_begin(), .request = r };

    r->n_texts = 0;
    protobuf_c_message_pack_to_buffer(message, &sink.buffer);
    digest_end(sink.packed, r->hex);
}

const char *
request_digest_of(const struct request_digest *r, const char *text)
{
    for (size_t i = 0; i < r->n_texts; i++) {
        if (r->texts[i].data == text) {
            return r->texts[i].hex;
        }
    }
    return NULL;
}
