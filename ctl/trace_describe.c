/* A packet in words: "tcp/445 --src 10.0.0.7 --dst 10.0.0.9". */
#include <config.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/trace_input.h"
#include "util.h"

static bool
read_number(const char *what, const char *text, uint32_t max, uint32_t *n)
{
    unsigned long long value;

    if (!text[0] || text[strspn(text, "0123456789")] || !str_to_ullong(text, 10, &value) ||
        value > max) {
        ctl_error("%s: '%s' is not a whole number from 0 to %" PRIu32, what, text, max);
        return false;
    }
    *n = (uint32_t) value;
    return true;
}

/* "10.0.0.7", "10.0.0.7:443", "fd00::7", "[fd00::7]:443"; the port is left alone when there is
 * none. */
static bool
split_endpoint(const char *option, const char *text, char **address, uint32_t *port)
{
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    size_t length = colon ? (size_t) (colon - text) : 0;

    if (!colon || (!brackets && memchr(text, ':', length))) {
        *address = xstrdup(text);
        return true;
    } else if (brackets && (length < 3 || text[length - 1] != ']')) {
        ctl_error("--%s: '%s' is neither an address nor ADDRESS:PORT", option, text);
        return false;
    }
    *address = xmemdup0(text + brackets, length - 2 * brackets);
    return read_number(option, colon + 1, UINT16_MAX, port);
}

static const struct {
    const char *name;
    uint8_t protocol;
} protocols[] = {
    { "tcp", IPPROTO_TCP },
    { "udp", IPPROTO_UDP },
    { "icmp", IPPROTO_ICMP },
    { "icmpv6", IPPROTO_ICMPV6 },
};

static bool
take_protocol(const char *service, const char *name, Fusuma__V1__TraceDescription *d)
{
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        if (!strcmp(name, protocols[i].name)) {
            d->protocol = protocols[i].protocol;
            return true;
        }
    }
    if (!name[0] || name[strspn(name, "0123456789")]) {
        ctl_error("'%s' is not a service such as tcp/445, udp/53, icmp, icmp/8 or 47 (what a name "
                  "stands for: 'swctl policy services')",
                  service);
        return false;
    }
    return read_number("protocol", name, UINT8_MAX, &d->protocol);
}

/* What is behind the protocol: a port, or ICMP's type and code. */
static bool
take_rest(const char *service, char *rest, Fusuma__V1__TraceDescription *d)
{
    bool icmp = d->protocol == IPPROTO_ICMP || d->protocol == IPPROTO_ICMPV6;
    char *code = rest ? strchr(rest, '/') : NULL;

    if (!rest) {
        d->icmp_type = d->protocol == IPPROTO_ICMP ? 8 : d->protocol == IPPROTO_ICMPV6 ? 128 : 0;
        return true;
    } else if (d->protocol == IPPROTO_TCP || d->protocol == IPPROTO_UDP) {
        return read_number(service, rest, UINT16_MAX, &d->dst_port);
    } else if (!icmp) {
        ctl_error("'%s': protocol %" PRIu32 " has no ports", service, d->protocol);
        return false;
    }
    if (code) {
        *code++ = '\0';
    }
    return read_number(service, rest, UINT8_MAX, &d->icmp_type) &&
           (!code || read_number(service, code, UINT8_MAX, &d->icmp_code));
}

static bool
take_service(const char *service, bool v6, Fusuma__V1__TraceDescription *d)
{
    char *name = xstrdup(service);
    char *rest = strncmp(name, "ip/", 3) ? strchr(name, '/') : NULL; /* as drops are listed */
    bool ok;

    if (rest) {
        *rest++ = '\0';
    }
    ok = take_protocol(service, rest || strncmp(name, "ip/", 3) ? name : name + 3, d);
    if (ok && v6 && d->protocol == IPPROTO_ICMP) {
        d->protocol = IPPROTO_ICMPV6;
    }
    ok = ok && take_rest(service, rest, d);
    free(name);
    return ok;
}

bool
trace_describe(const struct ctl *ctl, Fusuma__V1__TraceDescription *d, char *owned[2])
{
    const char *from = args_value(ctl->args, OPT_SRC), *to = args_value(ctl->args, OPT_DST);

    if (!to) {
        ctl_error("'trace' needs --dst: where the packet goes");
        return false;
    }
    if (!split_endpoint("dst", to, &owned[1], &d->dst_port) ||
        (from && !split_endpoint("src", from, &owned[0], &d->src_port)) ||
        !take_service(ctl->arg, strchr(owned[1], ':') != NULL, d)) {
        return false;
    }
    d->dst_ip = owned[1];
    if (from) {
        d->src_ip = owned[0];
    }
    if ((d->protocol == IPPROTO_TCP || d->protocol == IPPROTO_UDP) && !d->dst_port) {
        ctl_error("'%s': which port?  As in %s/445", ctl->arg,
                  d->protocol == IPPROTO_TCP ? "tcp" : "udp");
        return false;
    }
    return true;
}
