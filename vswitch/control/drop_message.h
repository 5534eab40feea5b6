/* Drop events as messages of the API.  Any thread. */
#ifndef CONTROL_DROP_MESSAGE_H
#define CONTROL_DROP_MESSAGE_H 1

#include "fusuma/v1/drop.pb-c.h"

#include "telemetry/stream.h"

/* A record or an unsaid event.  The caller frees it with message_free(). */
Fusuma__V1__DropEvent *drop_event_message(uint64_t epoch, const struct drop_event *);
/* "Events from (first_epoch, first) to (epoch, last) are not here": 'events' of them. */
Fusuma__V1__DropEvent *drop_gap_message(uint64_t first_epoch, uint64_t first, uint64_t epoch,
                                        uint64_t last, uint64_t events);
/* Common name of a TCP or UDP port, or NULL. */
const char *service_name(uint8_t protocol, uint16_t port);

#endif
