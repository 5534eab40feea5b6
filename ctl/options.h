/* The options of swctl.  Each has one meaning and one shape wherever it is accepted, so that they
 * can stand before or after the command. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H 1

#include <stdbool.h>
#include <stdint.h>

#include "ctl/completion.h"
#include "svec.h"

enum option_id {
    OPT_HELP,
    OPT_VERSION,
    OPT_OUTPUT,
    OPT_TARGET,
    OPT_TIMEOUT,
    OPT_TLS_CA,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_TYPE,
    OPT_SOCKET,
    OPT_CLIENT,
    OPT_INTERFACE,
    OPT_DEVARGS,
    OPT_ROLE,
    OPT_MAC,
    OPT_IP,
    OPT_LEARN,
    OPT_USER,
    OPT_LABEL,
    OPT_VLAN,
    OPT_TRUNK,
    OPT_NO_UNTAGGED,
    OPT_STORM,
    OPT_MAC_LIMIT,
    OPT_PORT,
    OPT_REASON,
    OPT_ADDRESS,
    OPT_FOLLOW,
    OPT_RESUME,
    OPT_NEW,
    OPT_INTERVAL,
    OPT_LIMIT,
    OPT_RULES,
    OPT_VM_ID,
    OPT_SESSION,
    OPT_OPEN,
    OPT_AT,
    OPT_REFRESH_ON_LOGOFF,
    OPT_DRY_RUN,
    OPT_EXPECT_VERSION,
    OPT_CONFIRM_WITHIN,
    OPT_COMMENT,
    OPT_ALLOW,
    OPT_RESET,
    OPT_SOURCE,
    OPT_DESTINATION,
    OPT_PROTOCOL,
    OPT_DPORT,
    OPT_STATE,
    OPT_ALL,
    OPT_FILE,
    OPT_FROM,
    OPT_TO,
    OPT_SRC,
    OPT_DST,
    OPT_PCAP,
    OPT_DROP,
    OPT_AGAINST,
    OPT_INCLUDE_DROPS,
    OPT_INCLUDE_DESKTOPS,
    OPT_LANG,
    OPT_SAVE,
    OPT_SEVERITY,
    OPT_HOST,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_LISTEN,
    OPT_LISTEN_CERT,
    OPT_LISTEN_KEY,
    OPT_ADAPTER,
    OPT_TOKEN_FILE,
    OPT_UPSTREAM,
    OPT_UPSTREAM_CA,
    OPT_CHECK,
    OPT_STATUS,
    OPT_NAMESPACE,
    OPT_ALLOWED,
    OPT_QUARANTINE,
    OPT_SINK_FILE,
    OPT_DROPPED,
    OPT_SNAPLEN,
    OPT_PACKETS,
    OPT_SIZE,
    OPT_SECONDS,
    OPT_CAPTURE,
    N_OPTIONS
};

/* A set of them. */
typedef unsigned __int128 option_set;
_Static_assert(N_OPTIONS <= 128, "option_set has no room for another option");
#define OPT_BIT(ID) ((option_set) 1 << (ID))
#define OPT_COMMON                                                                                 \
    (OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION) | OPT_BIT(OPT_OUTPUT) | OPT_BIT(OPT_TARGET) |        \
     OPT_BIT(OPT_TIMEOUT) | OPT_BIT(OPT_TLS_CA) | OPT_BIT(OPT_TLS_CERT) | OPT_BIT(OPT_TLS_KEY))

struct option_info {
    const char *name;
    const char *value; /* what --help calls its value; NULL: it takes none */
    const char *brief;
    char letter; /* '\0': none */
    bool repeat;
    const char *words;          /* that its value may be, separated by spaces; NULL: any */
    enum completion completion; /* what its value is the name of */
};
extern const struct option_info option_table[N_OPTIONS];

/* The command line, taken apart: words that are not options, and the values of each option. */
struct args {
    struct svec words;
    struct svec values[N_OPTIONS];
};

/* False, with the reason on standard error, when the line is wrong. */
bool args_parse(struct args *, int argc, char *argv[]);
void args_destroy(struct args *);

bool args_has(const struct args *, enum option_id);
/* The option's value; NULL when it was not given. */
const char *args_value(const struct args *, enum option_id);
/* Its value as a whole number from 'min' to 'max'; '*value' is left alone when it was not given. */
bool args_number(const struct args *, enum option_id, uint32_t min, uint32_t max, uint32_t *value);
/* Its value in bytes, at least 1, also as "64K", "64M", "2G" (of 1,024); likewise. */
bool args_size(const struct args *, enum option_id, uint64_t *value);
/* Its value as a position in a stream, EPOCH.N; both are left alone when it was not given. */
bool args_position(const struct args *, enum option_id, uint64_t *epoch, uint64_t *n);
/* Refuses options that are not in 'accepted', in the name of 'command'. */
bool args_only(const struct args *, option_set accepted, const char *command);

#endif
