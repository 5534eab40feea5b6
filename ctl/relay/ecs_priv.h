/* What the files of ecs*.c share. */
#ifndef CTL_RELAY_ECS_PRIV_H
#define CTL_RELAY_ECS_PRIV_H 1

#include <jansson.h>

#include "ctl/relay/ecs.h"

/* An object at a path of keys, as "event.id", put where it belongs.  Nothing is put when 'value' is
 * NULL, or "" of a text. */
void ecs_put(json_t *root, const char *path, json_t *value);
void ecs_text(json_t *root, const char *path, const char *value);
void ecs_number(json_t *root, const char *path, uint64_t value);
/* Appends to the array at 'path', unless it is "" or there already. */
void ecs_add(json_t *root, const char *path, const char *value);

/* "2026-11-28T05:15:50.123456789Z"; the caller's to free.  NULL of NULL. */
char *ecs_time(const Google__Protobuf__Timestamp *);
char *ecs_time_ns(int64_t ns);
int64_t ecs_ns(const Google__Protobuf__Timestamp *);

/* Begins an event: what every one has.  'type' and 'category' are words separated by spaces. */
json_t *ecs_begin(const struct relay_event *, const char *kind, const char *category,
                  const char *type, const struct relay_observer *);
/* Ends it: takes 'root', and 'format' is its sentence. */
void ecs_end(struct relay_event *, json_t *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
