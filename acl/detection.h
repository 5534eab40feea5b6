/* What a policy says of detection: from when on denied attempts are a scan, what does not count,
 * and when the switch cuts a desktop off by itself.
 *
 *     detection:
 *       desktops: [remote-desktops]           # groups whose members are desktops, too
 *       sweep:                                # so many targets within a window
 *         desktops:  { 10s: 3, 5min: 4, 24h: 5 }
 *         addresses: { 10s: 8, 5min: 16, 24h: 32 }    # that are not public
 *         public:    { 10s: 32, 5min: 64, 24h: 256 }
 *       port_scan:                            # so many TCP and UDP ports of one target
 *         desktops:  { 10s: 4, 5min: 5, 24h: 6 }
 *         addresses: { 10s: 10, 5min: 20, 24h: 40 }
 *         public:    { 10s: 10, 5min: 20, 24h: 40 }
 *       worm: { networks: 4 }                 # a sweep of so many networks by one service
 *       decoys: [10.99.0.200/29]              # unused addresses that the switch answers ARP and ND
 * for shipped_exclusions: true exclude:                              # counts only from the 17th
 * target in 5 minutes on
 *         - { service: [tcp/7680], to: any, up_to: 16 }     # to: any, or public addresses
 *       quarantine:                           # off when it is missing
 *         severity: high                      # from this on; or
 *         rate: 50                            # from so many denied packets in 10 s on
 *         never: [managers]                   # groups of ports
 *         at_most: 5                          # ports in 10 minutes; 0: no limit
 *         allow: [display]                    # lists that stay open
 *         reset: true                         # TCP connections end with a reset
 *
 * The values above are the defaults, but for the first and what quarantine has; 0: never.
 * docs/incidents.md argues them. */
#ifndef ACL_DETECTION_H
#define ACL_DETECTION_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acl_prefix;
struct acl_service;

enum acl_window { ACL_10S, ACL_5MIN, ACL_24H, ACL_N_WINDOWS };
/* A public address is one of the internet's; as a desktop's it is a desktop. */
enum acl_target_sort { ACL_DESKTOPS, ACL_ADDRESSES, ACL_PUBLIC, ACL_N_TARGET_SORTS };
enum acl_threat {
    ACL_THREAT_NONE,
    ACL_THREAT_LOW,
    ACL_THREAT_MEDIUM,
    ACL_THREAT_HIGH,
    ACL_THREAT_CRITICAL
};

extern const uint32_t acl_window_s[ACL_N_WINDOWS]; /* seconds */
extern const char *const acl_window_names[ACL_N_WINDOWS];
extern const char *const acl_target_sort_names[ACL_N_TARGET_SORTS];

struct acl_exclusion {
    struct acl_service *services;
    size_t n_services;
    bool public_only;
    uint32_t up_to;
};

struct acl_auto_quarantine {
    enum acl_threat severity; /* NONE: not by it */
    uint32_t rate;            /* 0: not by it */
    uint32_t *never;          /* groups */
    size_t n_never;
    uint32_t at_most;
    char **allow;
    size_t n_allow;
    bool reset, capture;
};

#define ACL_AT_MOST_S 600 /* what 'at_most' is counted over */
#define ACL_MAX_EXCLUSIONS 32
#define ACL_MAX_DECOYS 16

struct acl_detection {
    uint32_t *desktops; /* groups */
    size_t n_desktops;
    uint32_t sweep[ACL_N_TARGET_SORTS][ACL_N_WINDOWS];
    uint32_t port_scan[ACL_N_TARGET_SORTS][ACL_N_WINDOWS];
    uint32_t worm_networks;
    struct acl_prefix *decoys;
    size_t n_decoys;
    struct acl_exclusion exclusions[ACL_MAX_EXCLUSIONS];
    size_t n_exclusions;
    struct acl_auto_quarantine quarantine;
};

/* What holds when a policy says nothing of it. */
void acl_detection_default(struct acl_detection *);
/* Whether it would ever cut a port off. */
bool acl_detection_cuts(const struct acl_detection *);
const char *acl_threat_name(enum acl_threat);

#endif
