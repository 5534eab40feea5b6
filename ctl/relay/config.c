#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/relay/config_priv.h"
#include "util.h"

#define MAX_FILE (1u << 20)
#define MAX_SINKS 64
#define MAX_NAME 64

#define OF(TYPE) (1u << (TYPE))
#define ANY (OF(RELAY_N_TYPES) - 1)

const char *const relay_type_names[] = { "file", "syslog", "webhook", "mail", "command", NULL };
static const char *const transports[] = { "udp", "tcp", "tls", NULL };
static const char *const formats[] = { "ecs", "text", NULL };
static const char *const starts[] = { "oldest", "now", NULL };
/* RFC 5424, table 1: by its number. */
static const char *const facilities[] = { "kern",     "user",   "mail",   "daemon", "auth",
                                          "syslog",   "lpr",    "news",   "uucp",   "cron",
                                          "authpriv", "ftp",    "ntp",    "audit",  "alert",
                                          "clock",    "local0", "local1", "local2", "local3",
                                          "local4",   "local5", "local6", "local7", NULL };

#define AT(MEMBER) offsetof(struct relay_sink_config, MEMBER)
static const struct relay_key sink_keys[] = {
    { "name", TEXT, AT(name), .types = ANY, .required = ANY },
    { "type", WORD, AT(type), .types = ANY, .required = ANY, .words = relay_type_names },
    { "what", BITS, AT(what), .types = ANY, .required = ANY, .words = relay_what_names },
    { "min_severity", WORD, AT(min_severity), .types = ANY, .words = relay_severity_names },
    { "start", WORD, AT(start), .types = ANY, .words = starts },
    { "timeout", TIME, AT(timeout_ms), .types = ANY & ~OF(RELAY_FILE), .min = 100, .max = 600000,
      .otherwise = 10000 },
    { "path", PATH, AT(path), .types = OF(RELAY_FILE), .required = OF(RELAY_FILE) },
    { "transport", WORD, AT(transport), .types = OF(RELAY_SYSLOG), .required = OF(RELAY_SYSLOG),
      .words = transports },
    { "host", TEXT, AT(host), .types = OF(RELAY_SYSLOG), .required = OF(RELAY_SYSLOG) },
    { "port", TEXT, AT(port), .types = OF(RELAY_SYSLOG) },
    { "format", WORD, AT(format), .types = OF(RELAY_SYSLOG), .words = formats },
    { "facility", WORD, AT(facility), .types = OF(RELAY_SYSLOG), .words = facilities,
      .otherwise = 16 },
    { "sd_id", TEXT, AT(sd_id), .types = OF(RELAY_SYSLOG) },
    { "max_size", NUMBER, AT(max_size), .types = OF(RELAY_SYSLOG), .min = 480, .max = 1 << 20 },
    { "server_name", TEXT, AT(server_name), .types = OF(RELAY_SYSLOG) },
    { "ca", PATH, AT(ca), .types = OF(RELAY_SYSLOG) | OF(RELAY_WEBHOOK) },
    { "cert", PATH, AT(cert), .types = OF(RELAY_SYSLOG) },
    { "key", PATH, AT(key), .types = OF(RELAY_SYSLOG) },
    { "url", TEXT, AT(url), .types = OF(RELAY_WEBHOOK), .required = OF(RELAY_WEBHOOK) },
    { "secret_file", PATH, AT(secret_file), .types = OF(RELAY_WEBHOOK) },
    { "token_file", PATH, AT(token_file), .types = OF(RELAY_WEBHOOK) },
    { "batch", NUMBER, AT(batch), .types = OF(RELAY_WEBHOOK), .min = 1, .max = 1000,
      .otherwise = 1 },
    { "to", WORDS, AT(to), .types = OF(RELAY_MAIL), .required = OF(RELAY_MAIL) },
    { "from", TEXT, AT(from), .types = OF(RELAY_MAIL), .required = OF(RELAY_MAIL) },
    { "sendmail", PATH, AT(sendmail), .types = OF(RELAY_MAIL) },
    { "every", TIME, AT(every_ms), .types = OF(RELAY_MAIL), .min = 0, .max = 86400000,
      .otherwise = 300000 },
    { "argv", WORDS, AT(argv), .types = OF(RELAY_COMMAND), .required = OF(RELAY_COMMAND) },
};

#define TOP(MEMBER) offsetof(struct relay_config, MEMBER)
static const struct relay_key top_keys[] = {
    { "switch", TEXT, TOP(switch_name), .types = ANY },
    { "state", PATH, TOP(state), .types = ANY, .required = ANY },
    { "heartbeat", TIME, TOP(heartbeat_ms), .types = ANY, .min = 100, .max = 86400000,
      .otherwise = 60000 },
};

/* It names files. */
static bool
is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

    return !name[n] && n <= MAX_NAME && name[0] != '.' && name[0] != '-';
}

/* RFC 5424, 6.3.2: a name of the private kind, NAME@NUMBER. */
static bool
is_sd_id(const char *id)
{
    const char *at = strchr(id, '@');

    return strlen(id) <= 32 && at && at > id && at[1] && !at[1 + strspn(at + 1, "0123456789.")] &&
           !strpbrk(id, "= ]\"");
}

/* What one key's value says about others. */
static int
check_syslog(const struct acl_yaml *map, struct relay_sink_config *s, struct acl_error *error)
{
    bool tls = s->transport == RELAY_TLS;

    if (tls && !s->ca) {
        return relay_wrong(map, error, "'ca' is missing: the receiver's certificate is verified");
    }
    if (!tls && (s->ca || s->cert || s->key || s->server_name)) {
        return relay_wrong(map, error, "ca, cert, key and server_name are for transport: tls");
    }
    if (!s->cert != !s->key) {
        return relay_wrong(map, error, "cert and key go together");
    }
    if (s->sd_id && !is_sd_id(s->sd_id)) {
        return relay_wrong(relay_find_value(map, "sd_id"), error,
                           "sd_id: '%.40s' is not NAME@NUMBER", s->sd_id);
    }
    if (!s->port) {
        s->port = xstrdup(tls ? "6514" : "514");
    }
    return 0;
}

/* What goes into a mail's header may not begin another one. */
static bool
is_address(const char *s)
{
    const char *at = strchr(s, '@');

    for (const char *c = s; *c; c++) {
        if ((unsigned char) *c <= ' ' || (unsigned char) *c > '~' || strchr(",;:<>()[]\\\"", *c)) {
            return false;
        }
    }
    return s[0] != '-' && (!at || (at > s && at[1]));
}

static int
check_mail(const struct acl_yaml *map, struct relay_sink_config *s, struct acl_error *error)
{
    for (size_t i = 0; i < s->to.n; i++) {
        if (!is_address(s->to.words[i])) {
            return relay_wrong(relay_find_value(map, "to"), error, "to: '%.64s' is no address",
                               s->to.words[i]);
        }
    }
    if (!is_address(s->from)) {
        return relay_wrong(relay_find_value(map, "from"), error, "from: '%.64s' is no address",
                           s->from);
    }
    if (s->what & 1u << RELAY_DROPS) {
        return relay_wrong(relay_find_value(map, "what"), error,
                           "what: drops are not for mail; incidents sum them up");
    }
    if (!s->sendmail) {
        s->sendmail = xstrdup("/usr/sbin/sendmail");
    }
    return 0;
}

/* It is logged, so it has no secrets in it. */
static bool
is_url(const char *url)
{
    const char *host = !strncmp(url, "http://", 7)    ? url + 7
                       : !strncmp(url, "https://", 8) ? url + 8
                                                      : "";
    size_t n = strcspn(host, "/?#");

    return n && !memchr(host, '@', n);
}

static int
check_sink(const struct acl_yaml *map, const struct relay_config *c, struct relay_sink_config *s,
           struct acl_error *error)
{
    if (!is_name(s->name)) {
        return relay_wrong(relay_find_value(map, "name"), error,
                           "name: '%.64s' is not 1 to %d letters, digits, '_', '-', '.'", s->name,
                           MAX_NAME);
    }
    for (size_t i = 0; i < c->n_sinks; i++) {
        if (!strcmp(c->sinks[i].name, s->name)) {
            return relay_wrong(map, error, "name: '%.64s' is another sink's, too", s->name);
        }
    }
    if (s->type == RELAY_WEBHOOK && !is_url(s->url)) {
        return relay_wrong(
            relay_find_value(map, "url"), error,
            "url: it is not http:// or https:// with a host, and without a password");
    }
    if (s->type == RELAY_COMMAND && s->argv.words[0][0] != '/') {
        return relay_wrong(relay_find_value(map, "argv"), error,
                           "argv: '%.64s' is not an absolute path", s->argv.words[0]);
    }
    return s->type == RELAY_SYSLOG ? check_syslog(map, s, error)
           : s->type == RELAY_MAIL ? check_mail(map, s, error)
                                   : 0;
}

static void
sink_destroy(struct relay_sink_config *s)
{
    relay_free_keys(sink_keys, ARRAY_SIZE(sink_keys), s);
}

static int
take_sink(const struct acl_yaml *map, struct relay_config *c, struct acl_error *error)
{
    struct relay_sink_config s = { .line = map->line, .column = map->column };
    const struct acl_yaml *type;
    int rc;

    if (map->kind != ACL_YAML_MAPPING) {
        return relay_wrong(map, error, "sinks: each is a mapping with name, type and what");
    }
    type = relay_find_value(map, "type");
    if (!type) {
        return relay_wrong(map, error, "'type' is missing");
    }
    relay_set_defaults(sink_keys, ARRAY_SIZE(sink_keys), &s);
    rc = relay_find_word(type, "type", relay_type_names, &s.type, error);
    if (!rc) {
        rc = relay_take_map(map, sink_keys, ARRAY_SIZE(sink_keys), OF(s.type), NULL, &s, error);
    }
    if (!rc) {
        rc = check_sink(map, c, &s, error);
    }
    if (rc) {
        sink_destroy(&s);
        return rc;
    }
    c->sinks[c->n_sinks++] = s;
    return 0;
}

static int
take_config(const struct acl_yaml *root, struct relay_config *c, struct acl_error *error)
{
    const struct acl_yaml *sinks;
    int rc;

    if (root->kind != ACL_YAML_MAPPING) {
        return relay_wrong(root, error, "a mapping with state and sinks is expected");
    }
    relay_set_defaults(top_keys, ARRAY_SIZE(top_keys), c);
    rc = relay_take_map(root, top_keys, ARRAY_SIZE(top_keys), ANY, "sinks", c, error);
    if (rc) {
        return rc;
    }
    if (c->switch_name && !is_name(c->switch_name)) {
        return relay_wrong(relay_find_value(root, "switch"), error,
                           "switch: '%.64s' is no host's name", c->switch_name);
    }
    sinks = relay_find_value(root, "sinks");
    if (!sinks || sinks->kind != ACL_YAML_SEQUENCE || !sinks->n || sinks->n > MAX_SINKS) {
        return relay_wrong(sinks ? sinks : root, error, "sinks: a list of 1 to %d is expected",
                           MAX_SINKS);
    }
    c->sinks = xcalloc(sinks->n, sizeof *c->sinks);
    for (const struct acl_yaml *s = sinks->child; s && !rc; s = s->next) {
        rc = take_sink(s, c, error);
    }
    return rc;
}

void
relay_config_destroy(struct relay_config *c)
{
    if (c) {
        for (size_t i = 0; i < c->n_sinks; i++) {
            sink_destroy(&c->sinks[i]);
        }
        free(c->sinks);
        relay_free_keys(top_keys, ARRAY_SIZE(top_keys), c);
        free(c);
    }
}

/* ---- the file ---- */

static int
read_file(const char *file, char **textp, size_t *len)
{
    FILE *f = fopen(file, "re");
    char *text = f ? xmalloc(MAX_FILE + 1) : NULL;
    int rc = 0;

    if (!f) {
        return errno;
    }
    *len = fread(text, 1, MAX_FILE + 1, f);
    if (ferror(f)) {
        rc = errno ? errno : EIO;
    } else if (*len > MAX_FILE) {
        rc = EFBIG;
    }
    fclose(f);
    if (rc) {
        free(text);
        return rc;
    }
    *textp = text;
    return 0;
}

int
relay_config_read(const char *file, struct relay_config **configp, char **error)
{
    struct relay_config *c = xzalloc(sizeof *c);
    struct acl_error why = { 0 };
    struct acl_yaml *root = NULL;
    char *text = NULL;
    size_t len = 0;
    int rc = read_file(file, &text, &len);

    if (rc) {
        *error = xasprintf("%s: %s", file, ovs_strerror(rc));
        free(c);
        return rc;
    }
    rc = acl_yaml_parse(text, len, NULL, &root, &why);
    if (!rc) {
        rc = take_config(root, c, &why);
    }
    acl_yaml_destroy(root);
    free(text);
    if (rc) {
        *error = why.text[0] ? xasprintf("%s:%u:%u: %s", file, why.line, why.column, why.text)
                             : xasprintf("%s: %s", file, ovs_strerror(rc));
        relay_config_destroy(c);
        return rc;
    }
    *configp = c;
    return 0;
}
