/* The addresses that a port has learned, beside those that it was given: which, from whom, and
 * until when.
 *
 * They are bound like the given ones (desired_port's 'addrs').  Each kind is capped, and when it is
 * full the oldest goes: a desktop that forms ever new addresses keeps its latest.  Control thread
 * only. */
#ifndef CONTROL_LEARNED_H
#define CONTROL_LEARNED_H 1

#include <stdbool.h>
#include <stddef.h>

#include "acl/addr.h"

struct desired;
struct desired_port;

enum learned_how {
    LEARNED_DHCP,       /* one IPv4 address */
    LEARNED_DHCP6,      /* these two together: LEARNED_MAX_GLOBAL */
    LEARNED_SLAAC,      /* formed from a router's prefix (RFC 4862, RFC 8981) */
    LEARNED_LINK_LOCAL, /* LEARNED_MAX_LINK_LOCAL: what the MAC does not give (RFC 7217) */
    N_LEARNED_HOW
};

#define LEARNED_MAX_GLOBAL 16 /* stable and temporary addresses of a few prefixes */
#define LEARNED_MAX_LINK_LOCAL 4
#define LEARNED_MAX (1 + LEARNED_MAX_GLOBAL + LEARNED_MAX_LINK_LOCAL)
#define LEARNED_FOR_EVER LLONG_MAX

struct learned {
    struct acl_addr addr;
    enum learned_how how;
    long long expires_ms; /* time_msec(), or LEARNED_FOR_EVER */
    long long stored_ms;  /* 'expires_ms' as it was last stored; 0: never */
};

const char *learned_how_name(enum learned_how);
/* N_LEARNED_HOW when there is no such name. */
enum learned_how learned_how_from_name(const char *);

/* Binds 'addr' to 'port' until 'expires_ms', or moves the end of what it has.  What DHCP gives is
 * taken from a port that had it from DHCP before, for the server knows; otherwise who has it keeps
 * it.  0, and '*changed' is set when it has to be published; EINVAL: no station's address; EEXIST:
 * bound to another port. */
int learned_bind(struct desired *, struct desired_port *, const struct acl_addr *, enum learned_how,
                 long long expires_ms, bool *changed);
/* Lets go of 'addr' if it was learned.  Whether it was. */
bool learned_unbind(struct desired *, struct desired_port *, const struct acl_addr *);
/* Lets go of what is over at 'now_ms'.  Whether there was something. */
bool learned_expire(struct desired *, struct desired_port *, long long now_ms);
/* Lets go of everything.  How many there were. */
size_t learned_forget(struct desired *, struct desired_port *);
/* Whether what was last stored of the port is too far from what is. */
bool learned_is_unstored(const struct desired_port *);

#endif
