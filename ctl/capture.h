/* What the capture commands share. */
#ifndef CTL_CAPTURE_H
#define CTL_CAPTURE_H 1

#include "ctl/ctl.h"
#include "fusuma/v1/capture.pb-c.h"

extern const ProtobufCServiceDescriptor *const capture_service;

/* A capture's number; 0, and the user has been told, when it is none. */
uint64_t capture_id(const char *text);
/* The request that the options make; strings are the options'.  False, and the user has been told,
 * when they are wrong. */
bool capture_request(const struct ctl *, Fusuma__V1__StartCaptureRequest *);
/* "12 packets, 3456 bytes, 0 lost".  The caller frees it. */
char *capture_amount(const Fusuma__V1__Capture *);

#endif
