/* Messages on the heap: built field by field with OVS's allocators, freed by
 * protobuf_c_message_free_unpacked() (which leaves default strings alone). */
#ifndef CONTROL_MESSAGE_H
#define CONTROL_MESSAGE_H 1

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

struct acl_addr;

/* A message of the descriptor's type with every field at its default. */
void *message_new(const ProtobufCMessageDescriptor *);
void *message_copy(const ProtobufCMessage *);
void message_free(void *);
/* Appends to a repeated message field. */
#define message_append(ARRAY, N, MESSAGE)                                                          \
    do {                                                                                           \
        (ARRAY) = message_grow(ARRAY, N);                                                          \
        (ARRAY)[(N)++] = (MESSAGE);                                                                \
    } while (0)
void *message_grow(void *array, size_t n);
/* For a repeated field of a message that was unpacked, or copied, before something is appended. */
void *message_make_room(void *array, size_t n);

/* "00:00:5e:00:53:01" of a MAC with its first byte in bits 40..47.  The caller frees it. */
char *mac_text(uint64_t mac);
char *addr_text(const struct acl_addr *);

/* Of Unix time; NULL for 0, which is none. */
struct Google__Protobuf__Timestamp *time_message(int64_t us);
/* The way back; 0 for NULL. */
int64_t time_us(const struct Google__Protobuf__Timestamp *);
/* The other way; NULL is 0.  Whether it is a time after 1970 that protobuf allows; otherwise '*us'
 * is left alone. */
bool time_from_message(const struct Google__Protobuf__Timestamp *, int64_t *us);

#endif
