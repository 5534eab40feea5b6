/* Policies as messages: what is in force, what was, and what each port enforces.  The caller owns
 * what is returned.  Control thread only. */
#ifndef CONTROL_POLICY_MESSAGE_H
#define CONTROL_POLICY_MESSAGE_H 1

#include "control/control.h"
#include "fusuma/v1/policy.pb-c.h"

struct acl_shipped_service;

/* 'policy' NULL: it is not in force, and has no hits.  'text' NULL: there is none. */
Fusuma__V1__Policy *policy_message(const struct control *, const struct state_policy *text,
                                   const struct policy *policy);
Fusuma__V1__PolicyVersion *policy_version_message(const struct control *,
                                                  const struct state_policy *);
Fusuma__V1__ApplyPolicyResponse *policy_applied_message(const struct control *,
                                                        const struct policy_outcome *);
/* A request's texts, which become the caller's; NULL: the call has failed. */
struct state_policy *policy_text_from_sources(struct rpc_call *, Fusuma__V1__PolicySource *const *,
                                              size_t n);
void policy_changes_message(const struct acl_diff *, Fusuma__V1__PolicyChange ***, size_t *n);
/* What stands for "no policy": it denies everything, too. */
struct state_policy *policy_nothing(void);
Fusuma__V1__DiffPoliciesResponse *policy_diff_message(const struct acl_diff *);
/* From the published snapshot; NULL: the port is not in it, or an uplink. */
Fusuma__V1__PortPolicy *port_policy_message(const struct control *, const struct desired_port *);
Fusuma__V1__NamedService *policy_service_message(const struct acl_shipped_service *);

#endif
