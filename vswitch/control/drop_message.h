/* Drop events as messages of the API.  Any thread. */
#ifndef CONTROL_DROP_MESSAGE_H
#define CONTROL_DROP_MESSAGE_H 1

#include "fusuma/v1/drop.pb-c.h"

#include "telemetry/drop_event.h"

/* 'epoch' is the event's.  The caller frees it with message_free(). */
Fusuma__V1__DropEvent *drop_event_message(uint64_t epoch, const struct drop_event *);
/* Common name of a TCP or UDP port, or NULL. */
const char *service_name(uint8_t protocol, uint16_t port);

#endif
