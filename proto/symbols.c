#include <config.h>

#include "proto/symbols.h"

#include <stddef.h>
#include <string.h>

/* Takes the first name off a dotted symbol if it is 'name' (which may have dots itself).  Returns
 * what is left ("" when that was all), or NULL. */
static const char *
enter(const char *symbol, const char *name)
{
    size_t n = strlen(name);

    if (strncmp(symbol, name, n)) {
        return NULL;
    }
    return !symbol[n] ? symbol + n : symbol[n] == '.' && symbol[n + 1] ? symbol + n + 1 : NULL;
}

static bool
is(const char *symbol, const char *name)
{
    return name && !strcmp(symbol, name);
}

static bool
enum_declares(const Google__Protobuf__EnumDescriptorProto *e, const char *symbol)
{
    if (is(symbol, e->name)) {
        return true;
    }
    for (size_t i = 0; i < e->n_value; i++) {
        if (is(symbol, e->value[i]->name)) { /* a value's scope is that of its enum */
            return true;
        }
    }
    return false;
}

static bool
service_declares(const Google__Protobuf__ServiceDescriptorProto *service, const char *symbol)
{
    const char *rest = enter(symbol, service->name);

    if (!rest || !*rest) {
        return rest != NULL;
    }
    for (size_t i = 0; i < service->n_method; i++) {
        if (is(rest, service->method[i]->name)) {
            return true;
        }
    }
    return false;
}

static bool
message_declares(const Google__Protobuf__DescriptorProto *message, const char *symbol)
{
    const char *rest = enter(symbol, message->name);

    if (!rest || !*rest) {
        return rest != NULL;
    }
    for (size_t i = 0; i < message->n_field; i++) {
        if (is(rest, message->field[i]->name)) {
            return true;
        }
    }
    for (size_t i = 0; i < message->n_enum_type; i++) {
        if (enum_declares(message->enum_type[i], rest)) {
            return true;
        }
    }
    for (size_t i = 0; i < message->n_nested_type; i++) {
        if (message_declares(message->nested_type[i], rest)) {
            return true;
        }
    }
    return false;
}

bool
proto_file_declares(const Google__Protobuf__FileDescriptorProto *file, const char *symbol)
{
    const char *rest = file->package && *file->package ? enter(symbol, file->package) : symbol;

    if (!rest || !*rest) {
        return false;
    }
    for (size_t i = 0; i < file->n_message_type; i++) {
        if (message_declares(file->message_type[i], rest)) {
            return true;
        }
    }
    for (size_t i = 0; i < file->n_service; i++) {
        if (service_declares(file->service[i], rest)) {
            return true;
        }
    }
    for (size_t i = 0; i < file->n_enum_type; i++) {
        if (enum_declares(file->enum_type[i], rest)) {
            return true;
        }
    }
    return false;
}
