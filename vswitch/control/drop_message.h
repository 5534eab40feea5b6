/* Drop events as messages of the API.  Any thread. */
#ifndef CONTROL_DROP_MESSAGE_H
#define CONTROL_DROP_MESSAGE_H 1

#include "fusuma/v1/drop.pb-c.h"

#include "telemetry/drop_event.h"

/* 'epoch' is the event's.  The caller frees it with message_free(). */
Fusuma__V1__DropEvent *drop_event_message(uint64_t epoch, const struct drop_event *);
/* Common name of a TCP or UDP port, or NULL. */
const char *service_name(uint8_t protocol, uint16_t port);

/* Sessions, lines "ID USER", as messages; returns the names of their users, or without any
 * 'otherwise'.  The caller frees it. */
char *sessions_message(const char *lines, const char *otherwise, Fusuma__V1__SessionRef ***,
                       size_t *n);
/* As a record's service, of a key as suspect.h has it.  The caller frees it. */
char *service_key_text(uint32_t key);
/* The way back; false when the text says too little. */
bool service_key_parse(const char *text, uint32_t *key);

#endif
