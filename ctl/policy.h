/* What the policy commands share. */
#ifndef CTL_POLICY_H
#define CTL_POLICY_H 1

#include "ctl/ctl.h"
#include "fusuma/v1/policy.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

extern const ProtobufCServiceDescriptor *const policy_service;

/* The command's argument, if there is one, as a version.  False, and said: it is none. */
bool policy_version_argument(const struct ctl *, uint64_t *version);
/* "2026-11-25 14:00:00 +0900", or nothing; the caller frees it. */
char *policy_time(const Google__Protobuf__Timestamp *);

#endif
