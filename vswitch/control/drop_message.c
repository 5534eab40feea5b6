#include <config.h>

#include "control/drop_message.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "acl/policy.h"
#include "control/message.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "telemetry/reasons.h"
#include "telemetry/suspect.h"
#include "util.h"

/* What an intruder on a desktop network is after, by the names an administrator uses. */
static const struct {
    uint16_t port;
    const char *name;
} services[] = {
    { 20, "ftp-data" },
    { 21, "ftp" },
    { 22, "ssh" },
    { 23, "telnet" },
    { 25, "smtp" },
    { 53, "dns" },
    { 67, "dhcp" },
    { 68, "dhcp" },
    { 69, "tftp" },
    { 80, "http" },
    { 88, "kerberos" },
    { 110, "pop3" },
    { 111, "rpcbind" },
    { 123, "ntp" },
    { 135, "msrpc" },
    { 137, "netbios" },
    { 138, "netbios" },
    { 139, "netbios" },
    { 143, "imap" },
    { 161, "snmp" },
    { 389, "ldap" },
    { 443, "https" },
    { 445, "smb" },
    { 464, "kpasswd" },
    { 514, "syslog" },
    { 587, "submission" },
    { 631, "ipp" },
    { 636, "ldaps" },
    { 993, "imaps" },
    { 995, "pop3s" },
    { 1433, "mssql" },
    { 1521, "oracle" },
    { 1900, "ssdp" },
    { 2049, "nfs" },
    { 3268, "ldap-gc" },
    { 3306, "mysql" },
    { 3389, "rdp" },
    { 3702, "ws-discovery" },
    { 5353, "mdns" },
    { 5355, "llmnr" },
    { 5432, "postgresql" },
    { 5900, "vnc" },
    { 5985, "winrm" },
    { 5986, "winrm" },
    { 6379, "redis" },
    { 8080, "http" },
    { 8443, "https" },
    { 9100, "jetdirect" },
    { 9200, "elasticsearch" },
    { 27017, "mongodb" },
};

const char *
service_name(uint8_t protocol, uint16_t port)
{
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
        for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
            if (services[i].port == port) {
                return services[i].name;
            }
        }
    }
    return NULL;
}

static bool
is_icmp(const struct drop_record *r)
{
    return r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6;
}

static bool
is_ip(const struct drop_record *r)
{
    return r->ethertype == ETH_TYPE_IP || r->ethertype == ETH_TYPE_IPV6;
}

static char *
ip_service_text(uint8_t protocol, uint16_t dport)
{
    const char *name = service_name(protocol, dport);

    switch (protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
        return xasprintf("%s/%u%s%s", protocol == IPPROTO_TCP ? "tcp" : "udp", dport,
                         name ? " " : "", name ? name : "");
    case IPPROTO_ICMP:
        return xasprintf("icmp/%u", dport >> 8);
    case IPPROTO_ICMPV6:
        return xasprintf("icmpv6/%u", dport >> 8);
    default:
        return xasprintf("ip/%u", protocol);
    }
}

/* "tcp/445 smb", "icmp/8", "ip/47", "arp", "0x88cc". */
static char *
service_text(const struct drop_record *r)
{
    if (r->ethertype == ETH_TYPE_ARP) {
        return xstrdup("arp");
    }
    return is_ip(r) ? ip_service_text(r->protocol, r->dport) : xasprintf("0x%04x", r->ethertype);
}

char *
service_key_text(uint32_t key)
{
    return key == SERVICE_ARP  ? xstrdup("arp")
           : key == SERVICE_ND ? xstrdup("nd")
                               : ip_service_text(key >> 16, key & 0xffff);
}

bool
service_key_parse(const char *text, uint32_t *key)
{
    static const struct {
        const char *name;
        uint8_t protocol, shift;
    } kinds[] = { { "tcp/", IPPROTO_TCP, 0 },
                  { "udp/", IPPROTO_UDP, 0 },
                  { "icmp/", IPPROTO_ICMP, 8 },
                  { "icmpv6/", IPPROTO_ICMPV6, 8 } };

    if (!strcmp(text, "arp") || !strcmp(text, "nd")) {
        *key = *text == 'a' ? SERVICE_ARP : SERVICE_ND;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        size_t n = strlen(kinds[i].name);

        if (!strncmp(text, kinds[i].name, n)) {
            *key = (uint32_t) kinds[i].protocol << 16 |
                   ((strtoul(text + n, NULL, 10) << kinds[i].shift) & 0xffff);
            return true;
        }
    }
    *key = !strncmp(text, "ip/", 3) ? (uint32_t) (strtoul(text + 3, NULL, 10) & 0xff) << 16 : 0;
    return *key != 0;
}

static Fusuma__V1__Cursor *
cursor(uint64_t epoch, uint64_t n)
{
    Fusuma__V1__Cursor *m = message_new(&fusuma__v1__cursor__descriptor);

    m->epoch = epoch;
    m->n = n;
    return m;
}

static Google__Protobuf__Timestamp *
time_of(uint64_t ns)
{
    Google__Protobuf__Timestamp *m = message_new(&google__protobuf__timestamp__descriptor);

    m->seconds = ns / UINT64_C(1000000000);
    m->nanos = ns % UINT64_C(1000000000);
    return m;
}

static void
put_packet(Fusuma__V1__DropRecord *m, const struct drop_record *r)
{
    if (r->n_bytes >= ETH_HEADER_LEN) {
        const struct eth_header *eth = (const struct eth_header *) r->bytes;

        m->dst_mac = xasprintf(ETH_ADDR_FMT, ETH_ADDR_ARGS(eth->eth_dst));
        m->src_mac = xasprintf(ETH_ADDR_FMT, ETH_ADDR_ARGS(eth->eth_src));
    }
    if (r->n_bytes) {
        m->packet.data = xmemdup(r->bytes, r->n_bytes);
        m->packet.len = r->n_bytes;
    }
}

static void
put_addresses(Fusuma__V1__DropRecord *m, const struct drop_record *r)
{
    static const struct acl_addr none;
    char text[ACL_ADDR_STRLEN];

    if (!is_ip(r) && r->ethertype != ETH_TYPE_ARP) {
        return;
    }
    /* Both are missing when the header could not be read: then "::" would be a lie. */
    if (!acl_addr_equals(&r->src, &none) || !acl_addr_equals(&r->dst, &none)) {
        m->src_ip = xstrdup(acl_addr_format(&r->src, text));
        m->dst_ip = xstrdup(acl_addr_format(&r->dst, text));
    }
    if (is_ip(r)) {
        m->protocol = r->protocol;
        m->icmp_type = is_icmp(r) ? r->dport >> 8 : 0;
        m->icmp_code = is_icmp(r) ? r->dport & 0xff : 0;
        m->src_port = is_icmp(r) ? 0 : r->sport;
        m->dst_port = is_icmp(r) ? 0 : r->dport;
    }
}

/* Of a line "ID USER" that ends at 'end'. */
static Fusuma__V1__SessionRef *
session_ref(const char *line, const char *end)
{
    Fusuma__V1__SessionRef *m = message_new(&fusuma__v1__session_ref__descriptor);
    const char *user = strchr(line, ' ') + 1;

    m->id = strtoull(line, NULL, 10);
    m->user = xmemdup0(user, end - user);
    return m;
}

char *
sessions_message(const char *lines, const char *otherwise, Fusuma__V1__SessionRef ***sessions,
                 size_t *n)
{
    struct ds names = DS_EMPTY_INITIALIZER;

    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        Fusuma__V1__SessionRef *m = session_ref(lines, end);

        ds_put_format(&names, "%s%s", names.length ? ", " : "", m->user);
        message_append(*sessions, *n, m);
    }
    if (!names.length) {
        ds_put_cstr(&names, otherwise);
    }
    return ds_steal_cstr(&names);
}

static Fusuma__V1__DropRecord *
record_message(uint64_t epoch, const struct drop_event *event)
{
    Fusuma__V1__DropRecord *m = message_new(&fusuma__v1__drop_record__descriptor);
    const struct drop_record *r = &event->record;

    m->cursor = cursor(epoch, event->n);
    m->time = time_of(r->wall_ns);
    m->monotonic_ns = r->mono_ns;
    m->port = xstrdup(event->port);
    m->user = sessions_message(event->sessions, event->user, &m->sessions, &m->n_sessions);
    m->peer_port = xstrdup(event->peer_port);
    m->peer_user = sessions_message(event->peer_sessions, event->peer_user, &m->peer_sessions,
                                    &m->n_peer_sessions);
    m->ethertype = r->ethertype;
    put_packet(m, r);
    put_addresses(m, r);
    m->service = service_text(r);
    m->rule = xstrdup(event->rule);
    m->reason = xstrdup(drop_reason_name(r->reason));
    m->log_class = xstrdup(r->log == ACL_LOG_INCIDENT ? "incident" : "record");
    m->count = r->count;
    m->repeat = r->repeat;
    m->packet_length = r->packet_len;
    m->generation = r->generation;
    m->vlan = r->vlan;
    return m;
}

static Fusuma__V1__Unsaid *
unsaid_message(uint64_t epoch, const struct drop_event *event)
{
    Fusuma__V1__Unsaid *m = message_new(&fusuma__v1__unsaid__descriptor);

    m->cursor = cursor(epoch, event->n);
    m->port = xstrdup(event->port);
    m->reason = xstrdup(drop_reason_name(event->unsaid.reason));
    m->suppressed = event->unsaid.suppressed;
    m->lost = event->unsaid.lost;
    return m;
}

static Fusuma__V1__Correction *
correction_message(uint64_t epoch, const struct drop_event *event)
{
    Fusuma__V1__Correction *m = message_new(&fusuma__v1__correction__descriptor);
    const char *end = strchr(event->sessions, '\n');

    m->cursor = cursor(epoch, event->n);
    m->port = xstrdup(event->port);
    m->from = time_of(event->correction.from_ns);
    m->to = time_of(event->correction.to_ns);
    m->session = end ? session_ref(event->sessions, end) : NULL;
    m->withdrawn = event->correction.withdrawn;
    return m;
}

static Fusuma__V1__Gap *
gap_message(const struct drop_event *event)
{
    Fusuma__V1__Gap *m = message_new(&fusuma__v1__gap__descriptor);

    m->first = cursor(event->gap.first.epoch, event->gap.first.n);
    m->last = cursor(event->gap.last.epoch, event->gap.last.n);
    m->events = event->gap.events;
    return m;
}

Fusuma__V1__DropEvent *
drop_event_message(uint64_t epoch, const struct drop_event *event)
{
    Fusuma__V1__DropEvent *m = message_new(&fusuma__v1__drop_event__descriptor);

    switch (event->type) {
    case DROP_EVENT_RECORD:
        m->event_case = FUSUMA__V1__DROP_EVENT__EVENT_RECORD;
        m->record = record_message(epoch, event);
        break;
    case DROP_EVENT_UNSAID:
        m->event_case = FUSUMA__V1__DROP_EVENT__EVENT_UNSAID;
        m->unsaid = unsaid_message(epoch, event);
        break;
    case DROP_EVENT_CORRECTION:
        m->event_case = FUSUMA__V1__DROP_EVENT__EVENT_CORRECTION;
        m->correction = correction_message(epoch, event);
        break;
    case DROP_EVENT_GAP:
        m->event_case = FUSUMA__V1__DROP_EVENT__EVENT_GAP;
        m->gap = gap_message(event);
        break;
    }
    return m;
}
