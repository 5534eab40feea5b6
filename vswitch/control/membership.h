/* Who is in which of a policy's groups: the addresses that are bound to ports, those of prefixes,
 * and those of address sets.  Control thread only. */
#ifndef CONTROL_MEMBERSHIP_H
#define CONTROL_MEMBERSHIP_H 1

#include "acl/classes.h"
#include "acl/policy.h"
#include "control/desired.h"

/* The raw memberships (acl/policy.h) of addresses in 'vlan' (VLAN_NONE: anywhere): what is bound to
 * a selected port there, and prefixes and sets, which hold in every VLAN.  The caller frees the
 * array. */
struct acl_member *membership_of_addresses(const struct acl_policy *, const struct desired *,
                                           uint16_t vlan, size_t *n);
/* The groups that a port is in, sorted; the caller frees the array.  NULL: memory is short. */
uint32_t *membership_of_port(const struct acl_policy *, const struct desired_port *, size_t *n);

/* Likewise, those that an address is in, in 'vlan'. */
uint32_t *membership_of_address(const struct acl_policy *, const struct desired *, uint16_t vlan,
                                const struct acl_addr *, size_t *n);

#endif
