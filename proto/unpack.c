#include <config.h>

#include "proto/unpack.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An unpacked string ends at its first NUL, so strings are looked at in the bytes.  protobuf-c has
 * accepted them by then; the bounds are checked all the same, since both need to agree on nothing.
 */
struct wire {
    const uint8_t *at;
    const uint8_t *end;
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
#define MAX_DEPTH 32
#define MAX_UNPACKED (32u << 20)
#define MALLOC_OVERHEAD 16

static bool
read_varint(struct wire *w, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && w->at < w->end; shift += 7) {
        uint8_t byte = *w->at++;
        if (shift < 64) {
            *value |= (uint64_t) (byte & 0x7f) << shift;
        }
        if (!(byte & 0x80)) {
            return true;
        }
    }
    return false;
}

/* What follows the tag: '*body' is set for length-delimited fields only. */
static bool
read_field(struct wire *w, unsigned type, struct wire *body)
{
    uint64_t n;

    switch (type) {
    case WIRE_VARINT:
        return read_varint(w, &n);
    case WIRE_64:
        n = 8;
        break;
    case WIRE_32:
        n = 4;
        break;
    case WIRE_BYTES:
        if (!read_varint(w, &n)) {
            return false;
        }
        break;
    default:
        return false;
    }
    if (n > (uint64_t) (w->end - w->at)) {
        return false;
    }
    body->at = w->at;
    body->end = w->at += n;
    return true;
}

/* Bytes of the sequence that begins here, 0 when it is none.  Overlong forms, surrogates and what
 * lies beyond U+10FFFF are none. */
static size_t
utf8_length(const uint8_t *s, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n;

    if (s[0] < 0x80) {
        return 1;
    } else if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        n = 2;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        n = 3;
        low = s[0] == 0xe0 ? 0xa0 : low;
        high = s[0] == 0xed ? 0x9f : high;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        n = 4;
        low = s[0] == 0xf0 ? 0x90 : low;
        high = s[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n > left || s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

/* Over what is ASCII without a NUL, eight bytes at a time: nearly all of a long text is. */
static const uint8_t *
skip_ascii(const uint8_t *s, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;

    for (; end - s >= 8; s += 8) {
        uint64_t word;

        memcpy(&word, s, sizeof word);
        /* With no high bit set, a byte borrows only when it is zero. */
        if ((word | (word - ones)) & highs) {
            break;
        }
    }
    return s;
}

static const char *
string_fault(const struct wire *string)
{
    for (const uint8_t *s = string->at; (s = skip_ascii(s, string->end)) < string->end;) {
        size_t n = utf8_length(s, string->end - s);
        if (!n) {
            return "is not valid UTF-8";
        }
        if (!*s) {
            return "holds a NUL character";
        }
        s += n;
    }
    return NULL;
}

/* Returns what is wrong with a string somewhere in the message, and in which field; NULL if nothing
 * is. */
static const char *
strings_fault(const ProtobufCMessageDescriptor *type, struct wire w, unsigned depth,
              const ProtobufCFieldDescriptor **where)
{
    while (w.at < w.end) {
        const ProtobufCFieldDescriptor *field;
        const char *fault = NULL;
        struct wire body;
        uint64_t tag;

        if (!read_varint(&w, &tag) || !read_field(&w, tag & 7, &body)) {
            return "is malformed";
        }
        field =
            tag >> 3 <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(type, tag >> 3) : NULL;
        if (!field || (tag & 7) != WIRE_BYTES) {
            continue;
        }
        if (field->type == PROTOBUF_C_TYPE_STRING) {
            *where = field;
            fault = string_fault(&body);
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            fault = depth < MAX_DEPTH ? strings_fault(field->descriptor, body, depth + 1, where)
                                      : "is nested too deeply";
        }
        if (fault) {
            return fault;
        }
    }
    return NULL;
}

/* Two bytes can ask for a whole struct: 4 MiB of them would be hundreds once unpacked. */
struct budget {
    ProtobufCAllocator allocator;
    size_t left;
};

static void *
budget_alloc(void *budget_, size_t size)
{
    struct budget *budget = budget_;

    if (size + MALLOC_OVERHEAD > budget->left) {
        budget->left = 0;
        return NULL;
    }
    budget->left -= size + MALLOC_OVERHEAD;
    return malloc(size);
}

static void
budget_free(void *budget, void *p)
{
    (void) budget;
    free(p);
}

ProtobufCMessage *
proto_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t length,
             char **error)
{
    struct budget budget = { .allocator = { budget_alloc, budget_free, &budget },
                             .left = MAX_UNPACKED };
    struct wire w = { .at = data, .end = data + length };
    const ProtobufCFieldDescriptor *where = NULL;
    ProtobufCMessage *message;
    const char *fault;

    *error = NULL;
    message = protobuf_c_message_unpack(type, &budget.allocator, length, data);
    if (!message) {
        if (asprintf(error, budget.left ? "the bytes are not a %s" : "too many fields for a %s",
                     type->name) < 0) {
            *error = NULL;
        }
        return NULL;
    }
    fault = strings_fault(type, w, 0, &where);
    if (fault) {
        protobuf_c_message_free_unpacked(message, NULL);
        if (asprintf(error, "%s: field '%s' %s", type->name, where ? where->name : "", fault) < 0) {
            *error = NULL;
        }
        return NULL;
    }
    return message;
}
