/* What the policy commands share. */
#ifndef CTL_POLICY_H
#define CTL_POLICY_H 1

#include "ctl/ctl.h"
#include "fusuma/v1/policy.pb-c.h"

extern const ProtobufCServiceDescriptor *const policy_service;

/* Reads the files that are the command's words.  False, and said: one cannot be read or sent.
 * Destroy is due in either case. */
bool policy_read_sources(const struct ctl *, Fusuma__V1__PolicySource ***, size_t *n);
void policy_sources_destroy(Fusuma__V1__PolicySource **, size_t n);
/* client_fail(); a mistake in a file is said the way that editors know, "FILE:3:7: what", without
 * our name before it. */
int policy_fail(const struct ctl *, enum rpc_status, char *error);
/* --expect-version, --confirm-within. */
bool policy_read_conditions(const struct ctl *, uint64_t *expected, int *has_expected,
                            uint32_t *confirm_within_s);
/* 'policy apply' with --dry-run. */
int policy_dry_run(struct ctl *);

/* An option's value as a version; '*version' is left alone when it was not given.  Likewise. */
bool policy_version_option(const struct ctl *, enum option_id, uint64_t *version);
/* "s", unless there is one. */
const char *policy_plural(uint64_t n);
/* The command's argument, if there is one, as a version.  False, and said: it is none. */
bool policy_version_argument(const struct ctl *, uint64_t *version);

#endif
