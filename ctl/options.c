#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/options.h"
#include "ctl/output.h"
#include "ctl/suggest.h"
#include "unicode.h"
#include "util.h"

const struct option_info option_table[N_OPTIONS] = {
    [OPT_HELP] = { "help", NULL, "explain, and do nothing", .letter = 'h', .repeat = true },
    [OPT_VERSION] = { "version", NULL, "print the version of swctl, and do nothing", .letter = 'V',
                      .repeat = true },
    [OPT_OUTPUT] = { "output", "FORMAT", "table, wide, json or yaml (default: table)",
                     .letter = 'o', .words = OUTPUT_FORMATS },
    [OPT_TARGET] = { "target", "ENDPOINT", "where the switch listens" },
    [OPT_TIMEOUT] = { "timeout", "SECONDS", "how long to wait for an answer (default: 10)" },
    [OPT_TLS_CA] = { "tls-ca", "FILE", "CA of the switch's certificate; HOST:PORT needs all three",
                     .completion = COMPLETE_FILES },
    [OPT_TLS_CERT] = { "tls-cert", "FILE", "your own certificate, which says who you are",
                       .completion = COMPLETE_FILES },
    [OPT_TLS_KEY] = { "tls-key", "FILE", "the key of your certificate",
                      .completion = COMPLETE_FILES },
    [OPT_TYPE] = { "type", "TYPE", "vhost-user, af_packet or ethdev",
                   .words = "vhost-user af_packet ethdev" },
    [OPT_SOCKET] = { "socket", "PATH", "unix socket of a vhost-user port",
                     .completion = COMPLETE_FILES },
    [OPT_CLIENT] = { "client", NULL, "connect to the socket, on which QEMU listens" },
    [OPT_INTERFACE] = { "interface", "IF", "kernel interface of an af_packet port",
                        .completion = COMPLETE_INTERFACES },
    [OPT_DEVARGS] = { "devargs", "D", "DPDK device arguments of an ethdev port" },
    [OPT_ROLE] = { "role", "ROLE", "desktop or uplink", .words = "desktop uplink" },
    [OPT_MAC] = { "mac", "MAC", "MAC address that a desktop is bound to" },
    [OPT_IP] = { "ip", "ADDRESS", "IPv4 or IPv6 address it is bound to (repeat for more)",
                 .repeat = true },
    [OPT_LEARN] = { "learn", NULL, "learn addresses from DHCP and router advertisements" },
    [OPT_USER] = { "user", "USER", "who uses the desktop", .completion = COMPLETE_USERS },
    [OPT_LABEL] = { "label", "KEY=VALUE", "label for policy groups (repeat for more)",
                    .repeat = true },
    [OPT_VLAN] = { "vlan", "N",
                   "VLAN of the port's untagged frames (default: 0, the untagged network)" },
    [OPT_TRUNK] = { "trunk", "LIST", "VLANs that an uplink carries tagged, as 10,20-29",
                    .repeat = true },
    [OPT_NO_UNTAGGED] = { "no-untagged", NULL, "the uplink carries tagged frames only" },
    [OPT_STORM] = { "storm", "CLASS=PPS", "limit of broadcast, multicast or unknown-unicast",
                    .repeat = true, .words = "broadcast= multicast= unknown-unicast=" },
    [OPT_MAC_LIMIT] = { "mac-limit", "N", "stations learned behind an uplink (default: 8192)" },
    [OPT_PORT] = { "port", "NAME", "only this port (repeat for more)", .repeat = true,
                   .completion = COMPLETE_PORTS },
    [OPT_REASON] = { "reason", "REASON", "only this reason (repeat for more); of a release: why",
                     .repeat = true, .completion = COMPLETE_REASONS },
    [OPT_ADDRESS] = { "address", "ADDRESS", "only from or to this address or prefix" },
    [OPT_FOLLOW] = { "follow", NULL, "go on with what comes, until interrupted or at an end",
                     .letter = 'f' },
    [OPT_RESUME] = { "resume", "EPOCH.N", "begin after this position in the stream" },
    [OPT_NEW] = { "new", NULL, "begin with what is dropped from now on" },
    [OPT_INTERVAL] = { "interval", "MS", "print again after every MS milliseconds" },
    [OPT_LIMIT] = { "limit", "N", "at most N of them (default: 1000)" },
    [OPT_SOURCE] = { "source", "CIDR", "only opened by an address in this prefix" },
    [OPT_DESTINATION] = { "destination", "CIDR", "only opened to an address in this prefix" },
    [OPT_PROTOCOL] = { "protocol", "PROTOCOL", "only icmp, tcp, udp, icmpv6 or this number",
                       .words = "icmp tcp udp icmpv6" },
    [OPT_DPORT] = { "dport", "N", "only to this TCP or UDP port" },
    [OPT_STATE] = { "state", "STATE", "only in this state, as it is listed",
                    .words = "syn-sent syn-received established closing closed unreplied replied" },
    [OPT_ALL] = { "all", NULL, "every one" },
    [OPT_DRY_RUN] = { "dry-run", NULL, "say what would be done, and do nothing" },
    [OPT_EXPECT_VERSION] = { "expect-version", "N", "only if this version is in force (0: none)",
                             .completion = COMPLETE_VERSIONS },
    [OPT_CONFIRM_WITHIN] = { "confirm-within", "SECONDS",
                             "go back unless 'policy confirm' comes in time" },
    [OPT_ALLOW] = { "allow", "LIST", "keep this list of the policy open (repeat for more)",
                    .repeat = true },
    [OPT_RESET] = { "reset", NULL, "tell both ends of its TCP connections" },
    [OPT_COMMENT] = { "comment", "TEXT", "why, for whoever looks later" },
    [OPT_FILE] = { "file", "FILE", "read them from FILE, one a line",
                   .completion = COMPLETE_FILES },
    [OPT_FROM] = { "from", "VERSION", "compare this one (default: the one in force)",
                   .completion = COMPLETE_VERSIONS },
    [OPT_TO] = { "to", "VERSION", "... with this one (default: the one in force)",
                 .completion = COMPLETE_VERSIONS },
    [OPT_SRC] = { "src", "ADDRESS", "where a packet comes from, with a :PORT if that matters" },
    [OPT_DST] = { "dst", "ADDRESS", "where a packet goes" },
    [OPT_PCAP] = { "pcap", "FILE", "the packets of a capture (pcap or pcapng; - is stdin)",
                   .completion = COMPLETE_FILES },
    [OPT_DROP] = { "drop", "RECORD",
                   "drop record EPOCH.N, or those of a file ('drops -o json'; - is stdin)",
                   .completion = COMPLETE_FILES },
    [OPT_AGAINST] = { "against", "FILE", "drop records ('drops -o json') or a capture",
                      .completion = COMPLETE_FILES },
    [OPT_INCLUDE_DROPS] = { "include-drops", NULL, "what was really dropped, too" },
    [OPT_INCLUDE_DESKTOPS] = { "include-desktops", NULL,
                               "rules for what is between desktops, too" },
    [OPT_LANG] = { "lang", "LANGUAGE", "of the report: en or ja (default: en)", .words = "en ja" },
    [OPT_SAVE] = { "save", "FILE", "write it to FILE, which only you can read (mode 0600)",
                   .letter = 'w', .completion = COMPLETE_FILES },
    [OPT_SEVERITY] = { "severity", "SEVERITY", "only of this severity, or higher",
                       .words = "low medium high critical" },
    [OPT_HOST] = { "host", "ADDRESS", "what this address or prefix has a part in" },
    [OPT_CHECK] = { "check", NULL, "say whether the configuration is good, and do nothing" },
    [OPT_STATUS] = { "status", "DIR", "the cursors of the sinks in a state directory",
                     .completion = COMPLETE_FILES },
    [OPT_VM_ID] = { "vm-id", "ID", "the virtual machine's id, as its host or broker knows it" },
    [OPT_SESSION] = { "session", "NAME", "what the broker calls the session" },
    [OPT_OPEN] = { "open", NULL, "only those that have not ended" },
    [OPT_AT] = { "at", "TIME", "when that was: 2026-11-25T14:00:00+09:00, or so long ago: 90s" },
    [OPT_REFRESH_ON_LOGOFF] = { "refresh-on-logoff", NULL,
                                "the last logout begins the desktop's refresh" },
    [OPT_SINCE] = { "since", "TIME", "only what was after this time, or so long ago: 10:30, 2h" },
    [OPT_UNTIL] = { "until", "TIME", "only what was before this time, likewise" },
    [OPT_LISTEN] = { "listen", "ADDRESS", "ADDRESS:PORT where the broker, or its actors, call" },
    [OPT_LISTEN_CERT] = { "listen-cert", "FILE",
                          "certificate for who calls, in PEM; beyond "
                          "loopback it is needed",
                          .completion = COMPLETE_FILES },
    [OPT_LISTEN_KEY] = { "listen-key", "FILE", "its key", .completion = COMPLETE_FILES },
    [OPT_ADAPTER] = { "adapter", "ADAPTER", "webhook or uds", .words = "webhook uds" },
    [OPT_TOKEN_FILE] = { "token-file", "FILE", "its first line is what callers have to know",
                         .completion = COMPLETE_FILES },
    [OPT_UPSTREAM] = { "upstream", "URL", "the UDS server, http(s)://HOST[:PORT]" },
    [OPT_UPSTREAM_CA] = { "upstream-ca", "FILE", "CA of its certificate (default: the system's)",
                          .completion = COMPLETE_FILES },
    [OPT_NAMESPACE] = { "namespace", "NAME", "the desktop's network namespace (or its path)" },
    [OPT_ALLOWED] = { "allowed", "PEER", "ADDRESS:PORT that it may connect to by TCP" },
    [OPT_QUARANTINE] = { "quarantine", NULL, "cut it off, if the policy does not" },
    [OPT_SINK_FILE] = { "sink-file", "FILE", "where a relay writes events, one a line",
                        .completion = COMPLETE_FILES },
    [OPT_DROPPED] = { "dropped", NULL, "only packets that were dropped" },
    [OPT_SNAPLEN] = { "snaplen", "N", "only the first N bytes of each packet, 64 to 65535" },
    [OPT_PACKETS] = { "packets", "N", "end after N packets" },
    [OPT_SIZE] = { "size", "BYTES", "end at a file of so many bytes, as 10M (default: 64M)" },
    [OPT_SECONDS] = { "seconds", "N", "end after N seconds, at most 604800 (default: 3600)" },
    [OPT_CAPTURE] = { "capture", NULL, "capture what it sends, and is sent, from now on" },
    [OPT_RULES] = { "rules", NULL, "the rules and their hits instead of the text" },
};

/* What getopt returns for a long option: out of the way of the letters. */
#define LONG_BASE 256

struct spelling {
    struct option longs[N_OPTIONS + 1];
    char letters[2 + 2 * N_OPTIONS + 1];
};

static void
spell(struct spelling *s)
{
    char *p = s->letters;

    /* '-': words come in their order, as 1, whatever POSIXLY_CORRECT says.  ':': say errors here.
     */
    *p++ = '-';
    *p++ = ':';
    for (int i = 0; i < N_OPTIONS; i++) {
        const struct option_info *info = &option_table[i];

        s->longs[i] = (struct option){ .name = info->name,
                                       .has_arg = info->value ? required_argument : no_argument,
                                       .val = LONG_BASE + i };
        if (info->letter) {
            *p++ = info->letter;
            if (info->value) {
                *p++ = ':';
            }
        }
    }
    *p = '\0';
    s->longs[N_OPTIONS] = (struct option){ .name = NULL };
}

/* N_OPTIONS when 'c' is not one. */
static enum option_id
option_from(int c)
{
    if (c >= LONG_BASE) {
        return c - LONG_BASE;
    }
    for (int i = 0; i < N_OPTIONS; i++) {
        if (c && option_table[i].letter == c) {
            return i;
        }
    }
    return N_OPTIONS;
}

static void
complain_unknown(const char *text)
{
    const char *name = text + strspn(text, "-");
    size_t length = strcspn(name, "=");
    struct suggestion s;

    if (optopt && optopt < LONG_BASE) {
        ctl_error("unknown option '-%c'", optopt);
        return;
    }
    suggest_init(&s, name, length);
    for (int i = 0; i < N_OPTIONS; i++) {
        suggest_offer(&s, option_table[i].name, strlen(option_table[i].name));
    }
    if (s.best) {
        ctl_error("unknown option '--%.*s'; did you mean '--%s'?", (int) length, name, s.best);
    } else {
        ctl_error("unknown option '--%.*s'", (int) length, name);
    }
}

static bool
add_value(struct args *args, enum option_id id, const char *value)
{
    const struct option_info *info = &option_table[id];

    if (args->values[id].n && !info->repeat) {
        ctl_error("--%s was given twice", info->name);
        return false;
    }
    if (info->value && !value[0]) {
        ctl_error("--%s needs a value (%s)", info->name, info->value);
        return false;
    }
    svec_add(&args->values[id], value);
    return true;
}

static bool
take(struct args *args, int c, const char *text)
{
    enum option_id id;

    switch (c) {
    case 1:
        svec_add(&args->words, optarg);
        return true;
    case ':':
        id = option_from(optopt);
        ctl_error("--%s needs a value (%s)", option_table[id].name, option_table[id].value);
        return false;
    case '?':
        if (optopt >= LONG_BASE) {
            ctl_error("--%s takes no value", option_table[optopt - LONG_BASE].name);
        } else {
            complain_unknown(text);
        }
        return false;
    default:
        return add_value(args, option_from(c), optarg ? optarg : "");
    }
}

bool
args_parse(struct args *args, int argc, char *argv[])
{
    struct spelling spelling = { .letters = "" };
    int c;

    svec_init(&args->words);
    for (int i = 0; i < N_OPTIONS; i++) {
        svec_init(&args->values[i]);
    }
    /* Protobuf strings are UTF-8; a peer may drop the whole request for one that is not. */
    for (int i = 1; i < argc; i++) {
        char *error = utf8_validate(argv[i], NULL);

        if (error) {
            free(error);
            ctl_error("argument %d is not UTF-8", i);
            return false;
        }
    }
    spell(&spelling);
    while ((c = getopt_long(argc, argv, spelling.letters, spelling.longs, NULL)) != -1) {
        if (!take(args, c, argv[optind - 1])) {
            return false;
        }
    }
    while (optind < argc) {
        svec_add(&args->words, argv[optind++]);
    }
    return true;
}

void
args_destroy(struct args *args)
{
    if (!args) {
        return;
    }
    svec_destroy(&args->words);
    for (int i = 0; i < N_OPTIONS; i++) {
        svec_destroy(&args->values[i]);
    }
}

bool
args_has(const struct args *args, enum option_id id)
{
    return args->values[id].n > 0;
}

const char *
args_value(const struct args *args, enum option_id id)
{
    return args_has(args, id) ? args->values[id].names[0] : NULL;
}

bool
args_number(const struct args *args, enum option_id id, uint32_t min, uint32_t max, uint32_t *value)
{
    const char *text = args_value(args, id);
    unsigned long long number;

    if (!text) {
        return true;
    }
    /* str_to_ullong() would take a sign. */
    if (text[strspn(text, "0123456789")] || !str_to_ullong(text, 10, &number) || number < min ||
        number > max) {
        ctl_error("--%s: '%s' is not a whole number from %" PRIu32 " to %" PRIu32,
                  option_table[id].name, text, min, max);
        return false;
    }
    *value = number;
    return true;
}

bool
args_size(const struct args *args, enum option_id id, uint64_t *value)
{
    static const char units[] = "KMG";
    const char *text = args_value(args, id);
    const char *unit;
    uint64_t number;
    char *end;

    if (!text) {
        return true;
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (text[0] < '0' || text[0] > '9' || errno || !number ||
        number > UINT32_MAX * UINT64_C(1024) || (*end && (!unit || end[1]))) {
        ctl_error("--%s: '%s' is not a number of bytes, as 1000000, 500K, 64M or 2G",
                  option_table[id].name, text);
        return false;
    }
    *value = number << (unit ? 10 * (unit - units + 1) : 0);
    return true;
}

bool
args_position(const struct args *args, enum option_id id, uint64_t *epoch, uint64_t *n)
{
    const char *text = args_value(args, id);
    const char *dot = text ? strchr(text, '.') : NULL;
    unsigned long long first, second;
    char *head;
    bool ok;

    if (!text) {
        return true;
    }
    head = xmemdup0(text, dot ? (size_t) (dot - text) : strlen(text));
    ok = dot && !text[strspn(text, "0123456789.")] && str_to_ullong(head, 10, &first) &&
         str_to_ullong(dot + 1, 10, &second);
    free(head);
    if (!ok) {
        ctl_error("--%s: '%s' is not a position such as 1700000000.42", option_table[id].name,
                  text);
        return false;
    }
    *epoch = first;
    *n = second;
    return true;
}

bool
args_only(const struct args *args, option_set accepted, const char *command)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        if (args_has(args, i) && !(accepted & OPT_BIT(i))) {
            ctl_error("'%s' has no option --%s; see 'swctl %s --help'", command,
                      option_table[i].name, command);
            return false;
        }
    }
    return true;
}
