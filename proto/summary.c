#include <config.h>

#include "proto/summary.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_TEXT 40 /* bytes of a string */
#define MAX_ITEMS 4 /* of a repeated field */
#define MAX_DEPTH 4

struct out {
    char *at, *end;
    bool full;
};

static void __attribute__((format(printf, 2, 3))) put(struct out *out, const char *format, ...)
{
    size_t room = out->end - out->at;
    va_list args;
    int n;

    if (out->full) {
        return;
    }
    va_start(args, format);
    n = vsnprintf(out->at, room, format, args);
    va_end(args);
    if (n < 0 || (size_t) n >= room) {
        out->full = true;
        n = 0;
    }
    out->at += n;
    *out->at = '\0';
}

/* Not through the middle of a character, and on one line. */
static void
put_text(struct out *out, const char *text)
{
    size_t n = strlen(text);
    bool cut = n > MAX_TEXT;
    char copy[MAX_TEXT + 1];

    if (cut) {
        n = MAX_TEXT;
        while (n && ((unsigned char) text[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    for (size_t i = 0; i < n; i++) {
        copy[i] = (unsigned char) text[i] < ' ' ? ' ' : text[i];
    }
    copy[n] = '\0';
    put(out, "%s%s", copy, cut ? "..." : "");
}

static void put_message(struct out *, const ProtobufCMessage *, int depth);

static void
put_enum(struct out *out, const ProtobufCFieldDescriptor *field, int value)
{
    const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(field->descriptor, value);

    if (name) {
        put(out, "%s", name->name);
    } else {
        put(out, "%d", value);
    }
}

static void
put_value(struct out *out, const ProtobufCFieldDescriptor *field, const void *member, int depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        put_text(out, *(char *const *) member ? *(char *const *) member : "");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put(out, "(%zu bytes)", ((const ProtobufCBinaryData *) member)->len);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        put(out, "{");
        put_message(out, *(const ProtobufCMessage *const *) member, depth + 1);
        put(out, "}");
        break;
    case PROTOBUF_C_TYPE_BOOL:
        put(out, "%s", *(const protobuf_c_boolean *) member ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(out, field, *(const int *) member);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        put(out, "%" PRId32, *(const int32_t *) member);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        put(out, "%" PRIu32, *(const uint32_t *) member);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        put(out, "%" PRId64, *(const int64_t *) member);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        put(out, "%" PRIu64, *(const uint64_t *) member);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        put(out, "%g", (double) *(const float *) member);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
    default:
        put(out, "%g", *(const double *) member);
        break;
    }
}

static size_t
value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}

static void
put_repeated(struct out *out, const ProtobufCFieldDescriptor *field, const char *items, size_t n,
             int depth)
{
    put(out, "[");
    for (size_t i = 0; i < n && i < MAX_ITEMS; i++) {
        put(out, "%s", i ? " " : "");
        put_value(out, field, items + i * value_size(field), depth);
    }
    if (n > MAX_ITEMS) {
        put(out, " and %zu more", n - MAX_ITEMS);
    }
    put(out, "]");
}

/* proto3: what is at its default is not there. */
static bool
is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
    static const char zeros[sizeof(ProtobufCBinaryData)];
    const char *base = (const char *) m;
    const char *member = base + field->offset;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return *(const uint32_t *) (base + field->quantifier_offset) == field->id;
    } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return *(const size_t *) (base + field->quantifier_offset) != 0;
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        return *(char *const *) member && **(char *const *) member;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return *(void *const *) member != NULL;
    }
    return memcmp(member, zeros, value_size(field)) != 0;
}

static void
put_message(struct out *out, const ProtobufCMessage *m, int depth)
{
    const char *base = (const char *) m;
    const char *between = "";

    if (depth > MAX_DEPTH) {
        put(out, "...");
        return;
    }
    for (unsigned i = 0; i < m->descriptor->n_fields && !out->full; i++) {
        const ProtobufCFieldDescriptor *field = &m->descriptor->fields[i];
        const char *member = base + field->offset;

        if (!is_set(m, field)) {
            continue;
        }
        put(out, "%s%s=", between, field->name);
        between = " ";
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            put_repeated(out, field, *(const char *const *) member,
                         *(const size_t *) (base + field->quantifier_offset), depth);
        } else {
            put_value(out, field, member, depth);
        }
    }
}

void
proto_summary(const ProtobufCMessage *m, char *text, size_t size)
{
    struct out out = { .at = text, .end = text + size - sizeof "..." + 1 };

    *text = '\0';
    put_message(&out, m, 0);
    if (out.full) {
        memcpy(out.at, "...", sizeof "...");
    }
}
