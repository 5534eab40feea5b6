#include <config.h>

#include "acl/detection.h"

#include <netinet/in.h>
#include <string.h>

#include "acl/policy.h"

#define N(ARRAY) (sizeof(ARRAY) / sizeof *(ARRAY))

const uint32_t acl_window_s[ACL_N_WINDOWS] = { 10, 300, 86400 };
const char *const acl_window_names[ACL_N_WINDOWS] = { "10s", "5min", "24h" };
const char *const acl_target_sort_names[ACL_N_TARGET_SORTS] = { "desktops", "addresses", "public" };

/* What healthy desktops do and a policy may well deny; docs/incidents.md has the sources. */
static struct acl_range web[] = { { 80, 80 }, { 443, 443 } };
static struct acl_range ntp[] = { { 123, 123 } };
static struct acl_range delivery[] = { { 7680, 7680 } };
static struct acl_range stun[] = { { 3478, 3481 } };
static struct acl_range hops[] = { { 33434, 33523 } };
static struct acl_range bjnp[] = { { 8610, 8613 } };
static struct acl_range calls[] = { { 3478, 3481 }, { 8801, 8810 }, { 50000, 50059 } };
static struct acl_range names[] = { { 137, 138 },   { 1900, 1900 }, { 3702, 3702 },
                                    { 5353, 5353 }, { 5355, 5355 }, { 5357, 5358 } };

static struct acl_service to_web[] = { { IPPROTO_TCP, web, N(web) }, { IPPROTO_UDP, web, N(web) } };
static struct acl_service to_clocks[] = { { IPPROTO_UDP, ntp, N(ntp) } };
static struct acl_service traces[] = { { IPPROTO_UDP, hops, N(hops) } };
static struct acl_service printers[] = { { IPPROTO_UDP, bjnp, N(bjnp) } };
static struct acl_service updates[] = { { IPPROTO_TCP, delivery, N(delivery) } };
static struct acl_service to_stun[] = { { IPPROTO_UDP, stun, N(stun) } };
static struct acl_service media[] = { { IPPROTO_UDP, calls, N(calls) } };
static struct acl_service discovery[] = { { IPPROTO_UDP, names, N(names) },
                                          { IPPROTO_TCP, names, N(names) } };

static const struct acl_exclusion shipped[] = {
    { to_web, N(to_web), true, 256 },      { to_clocks, N(to_clocks), true, 64 },
    { to_stun, N(to_stun), true, 64 },     { traces, N(traces), true, 8 },
    { updates, N(updates), false, 16 },    { media, N(media), false, 8 },
    { discovery, N(discovery), false, 8 }, { printers, N(printers), false, 256 },
};

void
acl_detection_default(struct acl_detection *d)
{
    *d = (struct acl_detection){
        .sweep = { [ACL_DESKTOPS] = { 3, 4, 5 },
                   [ACL_ADDRESSES] = { 8, 16, 32 },
                   [ACL_PUBLIC] = { 32, 64, 256 } },
        .port_scan = { [ACL_DESKTOPS] = { 4, 5, 6 },
                       [ACL_ADDRESSES] = { 10, 20, 40 },
                       [ACL_PUBLIC] = { 10, 20, 40 } },
        .worm_networks = 4,
        .n_exclusions = N(shipped),
        .quarantine = { .at_most = 5 },
    };
    memcpy(d->exclusions, shipped, sizeof shipped);
}

bool
acl_detection_cuts(const struct acl_detection *d)
{
    return d->quarantine.severity != ACL_THREAT_NONE || d->quarantine.rate;
}

const char *
acl_threat_name(enum acl_threat severity)
{
    static const char *const texts[] = { "none", "low", "medium", "high", "critical" };

    return texts[severity];
}
