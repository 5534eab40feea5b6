/* What one desktop has tried in vain, and how bad that is.
 *
 * A suspect is a table of the targets that a port was denied, each with its services, for as long
 * as the longest window (24 h).  Grading reads the table and nothing else: acl/detection.h has the
 * thresholds.  Nothing here locks; detect.c calls it under its mutex. */
#ifndef TELEMETRY_SUSPECT_H
#define TELEMETRY_SUSPECT_H 1

#include "acl/detection.h"
#include "acl/policy.h"
#include "telemetry/drop_event.h"
#include "telemetry/hll.h"

#define SUSPECT_TARGETS 1024 /* when it is full the oldest address that is no desktop goes */
#define SUSPECT_SERVICES 16  /* of a target */
#define SUSPECT_RULES 4      /* likewise */

/* A service: protocol << 16 | port, or ICMP type << 8 | code; beyond them: */
#define SERVICE_ARP 0x1000000u
#define SERVICE_ND 0x1000001u

/* ARP comes before everything, also before what is excluded: by itself it counts when nothing has
 * followed it for so long. */
#define SUSPECT_PROBE_S 2

enum suspect_kind {
    SUSPECT_NOTHING,
    SUSPECT_PROBE,
    SUSPECT_PORT_SCAN,
    SUSPECT_SWEEP,
    SUSPECT_WORM,
    SUSPECT_FLOOD /* of attempts at what are no desktops, by their rate */
};

struct suspect_target {
    struct acl_addr addr;
    int64_t first_us, last_us; /* Unix time */
    uint32_t first_s, last_s;  /* of the monotonic clock */
    uint64_t packets;
    char *port, *user; /* of the desktop that has the address; NULL: none of this switch's */
    bool is_desktop;   /* of this switch, or by what the policy says */
    bool is_public;    /* otherwise: of the internet */
    bool tried;        /* it was sent something, beyond ARP and ND for it ... */
    bool counts;       /* ... that no exclusion covers */
    uint8_t exclusion; /* otherwise: which one covers the last attempt */
    uint16_t n_services, n_rules;
    uint32_t services[SUSPECT_SERVICES];
    uint64_t service_packets[SUSPECT_SERVICES];
    char *rules[SUSPECT_RULES];
    struct hll *more; /* services, once they are more than are listed */
    uint32_t more_count;
    struct {
        uint32_t since_s, n;
    } ports[ACL_N_WINDOWS]; /* TCP and UDP ports that were new, by windows that follow each other */
};

struct suspect {
    struct suspect_target *targets; /* [SUSPECT_TARGETS], in the order of their first attempt */
    uint32_t n_targets;
    uint32_t n_forgotten; /* that went for others */
    uint16_t *index;      /* open addressing by address; 0: free, else 1 + the place */
    uint64_t packets;     /* attempts */
    uint32_t probe_due_s; /* when ARP and ND of before count by themselves; 0: there is none */
    bool opens;           /* one of them is enough for an incident */
    bool late_only;       /* ... and each looked like a late segment */
};

/* What detection goes by; detect.c has the one in force. */
struct suspect_rules {
    const struct acl_detection *detection;
    /* Prefixes of addresses that are desktops elsewhere, or decoys: sorted by address, none within
     * another. */
    const struct acl_prefix *desktops;
    size_t n_desktops;
};

enum grounds_kind { /* as incident.proto numbers them */
                    GROUNDS_UNKNOWN,
                    GROUNDS_PROBE,
                    GROUNDS_DESKTOPS,
                    GROUNDS_ADDRESSES,
                    GROUNDS_FLOOD,
                    GROUNDS_PORTS,
                    GROUNDS_SERVICE,
                    GROUNDS_PUBLIC = 11,
                    GROUNDS_RATE
};

/* Why it is graded so. */
struct suspect_grounds {
    enum grounds_kind kind;
    uint64_t count;
    uint32_t networks;
    bool at_least; /* there may be more */
    uint32_t within_s;
};

struct suspect_grade {
    enum suspect_kind kind;
    enum acl_threat severity;
    struct suspect_grounds grounds;
};

int suspect_init(struct suspect *); /* 0 or ENOMEM */
void suspect_destroy(struct suspect *);
/* Takes in a denied attempt; 'at_desktop': the record's peer port is one.  Whether it has told
 * anything new, worth grading. */
bool suspect_add(struct suspect *, const struct suspect_rules *, const struct drop_record *,
                 const struct drop_names *, bool at_desktop);
/* A target from before a restart, to be filled in but for these; 's_ago': seconds since its last
 * attempt. */
struct suspect_target *suspect_restore(struct suspect *, const struct acl_addr *, bool is_desktop,
                                       uint32_t s_ago, uint32_t now_s);
/* Forgets targets that have left every window. */
void suspect_prune(struct suspect *, uint32_t now_s);
uint32_t suspect_target_services(const struct suspect_target *); /* how many there were */
/* 'now_s' is of the monotonic clock. */
void suspect_grade(const struct suspect *, const struct suspect_rules *, uint32_t now_s,
                   struct suspect_grade *);
/* Of a record's packet. */
uint32_t suspect_service(const struct drop_record *);

#endif
