/* Services by name: what is shipped, so that a policy can say "smb" and not its ports.
 *
 * The names are those of RFC 6335's registry or, where people call it otherwise, theirs.
 * Thread-safe: nothing changes. */
#ifndef ACL_SERVICES_H
#define ACL_SERVICES_H 1

#include <stddef.h>

struct acl_shipped_service {
    const char *name;
    const char *parts; /* "tcp/53 udp/53": as in a policy's 'services', separated by spaces */
    const char *what;  /* for people */
};

extern const struct acl_shipped_service acl_shipped_services[];
extern const size_t acl_n_shipped_services;
/* NULL: none of that name. */
const struct acl_shipped_service *acl_shipped_service_find(const char *name);

#endif
