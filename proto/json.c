#include <config.h>

#include "proto/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <time.h>

#include "google/protobuf/timestamp.pb-c.h"

#define MAX_NAME 128

/* "dst_port" to "dstPort" (or, for a map's entry type, "DstPort"). */
static void
camel_case(const char *name, bool upper, char out[MAX_NAME])
{
    size_t n = 0;

    for (; *name && n < MAX_NAME - 1; name++) {
        if (*name == '_') {
            upper = true;
        } else {
            out[n++] = upper ? toupper((unsigned char) *name) : *name;
            upper = false;
        }
    }
    out[n] = '\0';
}

/* ---- scalars ---- */

static json_t *json_from_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *
json_from_text(const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return json_string(text);
}

/* proto3 strings are UTF-8, but what a kernel or a guest named need not be. */
static json_t *
json_from_string(const char *s)
{
    json_t *json = json_string(s);
    char *copy;

    if (!json && (copy = strdup(s)) != NULL) {
        for (char *c = copy; *c; c++) {
            *c = *c & 0x80 ? '?' : *c;
        }
        json = json_string(copy);
        free(copy);
    }
    return json;
}

static json_t *
json_from_bytes(const ProtobufCBinaryData *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((bytes->len + 2) / 3 * 4 + 1);
    char *at = text;
    json_t *json;

    if (!text) {
        return NULL;
    }
    for (size_t i = 0; i < bytes->len; i += 3) {
        size_t left = bytes->len - i;
        uint32_t v = (uint32_t) bytes->data[i] << 16;
        v |= left > 1 ? (uint32_t) bytes->data[i + 1] << 8 : 0;
        v |= left > 2 ? bytes->data[i + 2] : 0;
        *at++ = digits[v >> 18];
        *at++ = digits[v >> 12 & 63];
        *at++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[v & 63] : '=';
    }
    *at = '\0';
    json = json_string(text);
    free(text);
    return json;
}

static json_t *
json_from_double(double value)
{
    if (isnan(value)) {
        return json_string("NaN");
    } else if (isinf(value)) {
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    }
    return json_real(value);
}

/* The shortest decimal that reads back as the same float: 0.1, not 0.10000000149. */
static json_t *
json_from_float(float value)
{
    char text[32];

    for (int precision = 6; precision <= 9; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, (double) value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    return json_from_double(isfinite(value) ? strtod(text, NULL) : (double) value);
}

static json_t *
json_from_enum(const ProtobufCEnumDescriptor *type, int number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);

    return value ? json_string(value->name) : json_integer(number);
}

/* RFC 3339 in UTC, with as many groups of three digits as it takes. */
static json_t *
json_from_timestamp(const Google__Protobuf__Timestamp *t)
{
    time_t seconds = t->seconds;
    char fraction[16] = "";
    struct tm tm;

    if (!gmtime_r(&seconds, &tm)) {
        return json_from_text("%" PRId64, t->seconds); /* a year that no int holds */
    }
    if (t->nanos % 1000000 == 0) {
        snprintf(fraction, sizeof fraction, ".%03d", t->nanos / 1000000);
    } else if (t->nanos % 1000 == 0) {
        snprintf(fraction, sizeof fraction, ".%06d", t->nanos / 1000);
    } else {
        snprintf(fraction, sizeof fraction, ".%09d", t->nanos);
    }
    return json_from_text("%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
                          tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, t->nanos ? fraction : "");
}

/* ---- fields ---- */

static size_t
size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    default:
        return 4;
    }
}

static json_t *
json_from_value(const ProtobufCFieldDescriptor *field, const void *value)
{
    const char *string;
    const ProtobufCMessage *message;

    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *) value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *) value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_from_text("%" PRId64, *(const int64_t *) value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return json_from_text("%" PRIu64, *(const uint64_t *) value);
    case PROTOBUF_C_TYPE_FLOAT:
        return json_from_float(*(const float *) value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return json_from_double(*(const double *) value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *) value);
    case PROTOBUF_C_TYPE_ENUM:
        return json_from_enum(field->descriptor, *(const int *) value);
    case PROTOBUF_C_TYPE_STRING:
        string = *(char *const *) value;
        return json_from_string(string ? string : "");
    case PROTOBUF_C_TYPE_BYTES:
        return json_from_bytes(value);
    case PROTOBUF_C_TYPE_MESSAGE:
        message = *(ProtobufCMessage *const *) value;
        return message ? proto_to_json(message) : json_object();
    }
    return NULL;
}

static bool
is_present(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
    static const char zero[8];
    const char *base = (const char *) message;
    const void *value = base + field->offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return *(const size_t *) (base + field->quantifier_offset) > 0;
    } else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return *(const uint32_t *) (base + field->quantifier_offset) == field->id;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(void *const *) value != NULL;
    case PROTOBUF_C_TYPE_STRING:
        return *(char *const *) value && **(char *const *) value;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *) value)->len > 0;
    default:
        return memcmp(value, zero, size_of(field->type)) != 0;
    }
}

/* protobuf-c does not say which fields are maps.  protoc makes the entry's type from the field's
 * name, and lets nobody else have that name. */
static bool
is_map(const ProtobufCFieldDescriptor *field, const ProtobufCMessageDescriptor *parent)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t n = strlen(parent->name);
    char camel[MAX_NAME];
    size_t m;

    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE ||
        strncmp(entry->name, parent->name, n) || entry->name[n] != '.') {
        return false;
    }
    camel_case(field->name, true, camel);
    m = strlen(camel);
    return !strncmp(entry->name + n + 1, camel, m) && !strcmp(entry->name + n + 1 + m, "Entry");
}

static void
add_map_entry(json_t *map, const ProtobufCMessage *entry)
{
    const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
    json_t *key = json_from_value(&fields[0], (const char *) entry + fields[0].offset);
    char text[24];

    if (json_is_integer(key)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(key));
    } else if (json_is_boolean(key)) {
        snprintf(text, sizeof text, "%s", json_is_true(key) ? "true" : "false");
    }
    json_object_set_new(map, json_is_string(key) ? json_string_value(key) : text,
                        json_from_value(&fields[1], (const char *) entry + fields[1].offset));
    json_decref(key);
}

static json_t *
json_from_field(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
    const char *base = (const char *) message;
    const char *value = base + field->offset;
    size_t n;
    bool map;
    json_t *json;

    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        return json_from_value(field, value);
    }
    n = *(const size_t *) (base + field->quantifier_offset);
    value = *(char *const *) value;
    map = is_map(field, message->descriptor);
    json = map ? json_object() : json_array();
    for (size_t i = 0; i < n; i++) {
        if (map) {
            add_map_entry(json, ((ProtobufCMessage *const *) value)[i]);
        } else {
            json_array_append_new(json, json_from_value(field, value + i * size_of(field->type)));
        }
    }
    return json;
}

json_t *
proto_to_json(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    char name[MAX_NAME];
    json_t *json;

    if (type == &google__protobuf__timestamp__descriptor) {
        return json_from_timestamp((const Google__Protobuf__Timestamp *) message);
    }
    json = json_object();
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (is_present(&type->fields[i], message)) {
            camel_case(type->fields[i].name, false, name);
            json_object_set_new(json, name, json_from_field(&type->fields[i], message));
        }
    }
    return json;
}
