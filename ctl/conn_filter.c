#include <config.h>

#include "ctl/conn_filter.h"

#include <stdlib.h>
#include <netinet/in.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util.h"

static bool
read_number(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
    unsigned long long number;

    if (text[strspn(text, "0123456789")] || !str_to_ullong(text, 10, &number) || number < min ||
        number > max) {
        ctl_error("%s: '%s' is not a whole number from %" PRIu32 " to %" PRIu32, what, text, min,
                  max);
        return false;
    }
    *value = number;
    return true;
}

static bool
read_protocol(const char *what, const char *text, uint32_t *protocol)
{
    static const struct {
        const char *name;
        uint8_t number;
    } names[] = { { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "icmpv6", 58 } };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(text, names[i].name)) {
            *protocol = names[i].number;
            return true;
        }
    }
    if (text[0] < '0' || text[0] > '9') {
        ctl_error("%s: '%s' is none of icmp, tcp, udp, icmpv6, nor a number", what, text);
        return false;
    }
    return read_number(what, text, 1, 255, protocol);
}

static void
set_text(char **field, const struct args *args, enum option_id id)
{
    if (args_has(args, id)) {
        *field = args->values[id].names[0];
    }
}

bool
conn_filter_from_args(const struct args *args, const char *command,
                      Fusuma__V1__ConnectionFilter *filter)
{
    const char *protocol = args_value(args, OPT_PROTOCOL);

    *filter = (Fusuma__V1__ConnectionFilter) FUSUMA__V1__CONNECTION_FILTER__INIT;
    if (args->values[OPT_PORT].n > 1) {
        ctl_error("'%s' takes --port once", command);
        return false;
    }
    set_text(&filter->port, args, OPT_PORT);
    set_text(&filter->user, args, OPT_USER);
    set_text(&filter->source, args, OPT_SOURCE);
    set_text(&filter->destination, args, OPT_DESTINATION);
    set_text(&filter->state, args, OPT_STATE);
    return (!protocol || read_protocol("--protocol", protocol, &filter->protocol)) &&
           args_number(args, OPT_DPORT, 1, UINT16_MAX, &filter->destination_port);
}

bool
conn_filter_is_empty(const Fusuma__V1__ConnectionFilter *f)
{
    return !f->port[0] && !f->user[0] && !f->source[0] && !f->destination[0] && !f->state[0] &&
           !f->protocol && !f->source_port && !f->destination_port;
}

/* ---- tuples ---- */

/* "10.0.0.7:443" or "[fd00::7]:443". */
static bool
split_endpoint(const char *text, char **address, uint32_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? colon - text : 0;

    if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
        *address = xmemdup0(text + 1, length - 2);
    } else if (length && !memchr(text, ':', length)) {
        *address = xmemdup0(text, length);
    } else {
        ctl_error("'%s' is neither ADDRESS:PORT nor [IPV6-ADDRESS]:PORT", text);
        return false;
    }
    return read_number(text, colon + 1, 1, UINT16_MAX, port);
}

bool
conn_tuple_from_words(const char *const words[3], struct conn_tuple *tuple)
{
    bool ok;

    memset(tuple, 0, sizeof *tuple);
    ok = read_protocol("PROTOCOL", words[0], &tuple->protocol);
    for (int i = 0; i < 2 && ok; i++) {
        if (tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP) {
            ok = split_endpoint(words[1 + i], &tuple->address[i], &tuple->port[i]);
        } else {
            tuple->address[i] = xstrdup(words[1 + i]);
        }
    }
    if (!ok) {
        conn_tuple_destroy(tuple);
    }
    return ok;
}

void
conn_tuple_destroy(struct conn_tuple *tuple)
{
    free(tuple->address[0]);
    free(tuple->address[1]);
}

void
conn_filter_from_tuple(const struct conn_tuple *tuple, bool reverse,
                       Fusuma__V1__ConnectionFilter *filter)
{
    *filter = (Fusuma__V1__ConnectionFilter) FUSUMA__V1__CONNECTION_FILTER__INIT;
    filter->protocol = tuple->protocol;
    filter->source = tuple->address[reverse];
    filter->destination = tuple->address[!reverse];
    filter->source_port = tuple->port[reverse];
    filter->destination_port = tuple->port[!reverse];
}
