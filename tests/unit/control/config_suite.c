/* The configuration file: what is read, and that every slip is named by its place. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config.h"
#include "control/file.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static char directory[] = "/tmp/fusuma-config.XXXXXX";
static char file[64], policy_file[64];

static void
write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *stream = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, n, stream), n);
    CU_ASSERT_EQUAL(fclose(stream), 0);
}

static void
write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static int
setup(void)
{
    if (!mkdtemp(directory)) {
        return 1;
    }
    snprintf(file, sizeof file, "%s/fusuma.yaml", directory);
    snprintf(policy_file, sizeof policy_file, "%s/policy.yaml", directory);
    return 0;
}

static int
teardown(void)
{
    unlink(file);
    unlink(policy_file);
    return rmdir(directory);
}

/* Reads 'text', which must be good. */
static void
good(const char *text, struct config *config)
{
    char *error = NULL;
    int retval;

    write_text(file, text);
    config_init(config);
    retval = config_read(file, config, &error);
    if (retval) {
        expect_text(error, "no error");
        free(error);
    }
    CU_ASSERT_EQUAL_FATAL(retval, 0);
}

static void
expect_untouched(const struct config *config)
{
    CU_ASSERT_EQUAL(config->connections, 262144);
    CU_ASSERT_EQUAL(config->buffers, 32768);
    CU_ASSERT_EQUAL(config->drop_records, 1000000);
    CU_ASSERT_EQUAL(config->flows, 262144);
    CU_ASSERT_EQUAL(config->flow_hours, 72);
    CU_ASSERT_EQUAL(config->capture_megabytes, 1024);
    CU_ASSERT_TRUE(config->idle_sleep);
    CU_ASSERT_PTR_NULL(config->metrics);
    CU_ASSERT_PTR_NULL(config->ports);
    CU_ASSERT_PTR_NULL(config->places);
    CU_ASSERT_EQUAL(config->n_ports, 0);
    CU_ASSERT_PTR_NULL(config->policy);
    CU_ASSERT_PTR_NULL(config->policy_file);
}

/* Reads the 'n' bytes of 'text', which are refused with "FILE:'want'"; nothing is taken. */
static void
bad_bytes(const char *text, size_t n, const char *want)
{
    char *whole = xasprintf("%s:%s", file, want);
    struct config config;
    char *error = NULL;

    write_bytes(file, text, n);
    config_init(&config);
    CU_ASSERT_EQUAL(config_read(file, &config, &error), EINVAL);
    expect_text(error, whole);
    expect_untouched(&config);
    config_destroy(&config);
    free(error);
    free(whole);
}

static void
bad(const char *text, const char *want)
{
    bad_bytes(text, strlen(text), want);
}

/* The one in config.h, but for the interface. */
static const char good_file[] =
    "settings: { connections: 1024, port_connections: 64, buffers: 4096, drop_records: 5000, "
    "idle_sleep: false, "
    "flow_journal: { flows: 2048, hours: 24 }, capture_megabytes: 7,\n"
    "  metrics: '[::1]:9464' }\n"
    "ports:\n"
    "  - name: desk1\n"
    "    role: desktop                    # desktop or uplink\n"
    "    vhost_user: { socket: desk1.sock, client: true }\n"
    "    mac: 02:00:00:00:00:01\n"
    "    ips: [10.0.0.11, \"2001:db8::11\"]\n"
    "    user: alice\n"
    "    labels: { pool: sales, floor: '3' }\n"
    "  - { name: up, role: uplink, af_packet: { interface: eth1 } }\n"
    "  - { name: nic, role: uplink, ethdev: { devargs: \"0000:01:00.0\" },\n"
    "      storm: { broadcast_pps: 7, multicast_pps: off, unknown_unicast_pps: 100000000 },\n"
    "      mac_limit: 65536 }\n"
    "policy: policy.yaml\n"
    "access:\n"
    "  - { user: 0, roles: [operator] }\n"
    "  - { cn: ctl, roles: [viewer, policy] }\n";

static void
expect_desktop(const Fusuma__V1__PortSpec *spec)
{
    expect_text(spec->name, "desk1");
    CU_ASSERT_EQUAL(spec->role, FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP);
    CU_ASSERT_EQUAL_FATAL(spec->attachment_case, FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER);
    expect_text(spec->vhost_user->socket, "desk1.sock");
    CU_ASSERT_TRUE(spec->vhost_user->client);
    expect_text(spec->mac, "02:00:00:00:00:01");
    CU_ASSERT_EQUAL_FATAL(spec->n_ips, 2);
    expect_text(spec->ips[0], "10.0.0.11");
    expect_text(spec->ips[1], "2001:db8::11");
    expect_text(spec->user, "alice");
    CU_ASSERT_EQUAL_FATAL(spec->n_labels, 2);
    expect_text(spec->labels[0]->key, "pool");
    expect_text(spec->labels[0]->value, "sales");
    expect_text(spec->labels[1]->key, "floor");
    expect_text(spec->labels[1]->value, "3");
}

static void
test_good_file(void)
{
    struct config c;

    write_text(policy_file, "version: 1\n");
    good(good_file, &c);
    CU_ASSERT_EQUAL(c.connections, 1024);
    CU_ASSERT_EQUAL(c.buffers, 4096);
    CU_ASSERT_EQUAL(c.drop_records, 5000);
    CU_ASSERT_EQUAL(c.flows, 2048);
    CU_ASSERT_EQUAL(c.flow_hours, 24);
    CU_ASSERT_EQUAL(c.port_connections, 64);
    CU_ASSERT_EQUAL(c.capture_megabytes, 7);
    CU_ASSERT_FALSE(c.idle_sleep);
    expect_text(c.metrics, "[::1]:9464");
    CU_ASSERT_EQUAL_FATAL(c.n_ports, 3);
    expect_desktop(c.ports[0]);
    expect_text(c.ports[1]->name, "up");
    CU_ASSERT_EQUAL(c.ports[1]->role, FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK);
    CU_ASSERT_EQUAL_FATAL(c.ports[1]->attachment_case, FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET);
    expect_text(c.ports[1]->af_packet->interface, "eth1");
    CU_ASSERT_EQUAL(c.ports[1]->n_labels, 0);
    CU_ASSERT_EQUAL_FATAL(c.ports[2]->attachment_case, FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV);
    expect_text(c.ports[2]->ethdev->devargs, "0000:01:00.0");
    CU_ASSERT_PTR_NULL(c.ports[1]->storm);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c.ports[2]->storm);
    CU_ASSERT_EQUAL(c.ports[2]->storm->broadcast_pps, 7);
    CU_ASSERT_EQUAL(c.ports[2]->storm->multicast_pps, UINT32_MAX);
    CU_ASSERT_EQUAL(c.ports[2]->storm->unknown_unicast_pps, 100000000);
    CU_ASSERT_EQUAL(c.ports[2]->mac_limit, 65536);
    CU_ASSERT_EQUAL(c.places[0].line, 4);
    CU_ASSERT_EQUAL(c.places[0].column, 5);
    CU_ASSERT_EQUAL(c.places[1].line, 11);
    CU_ASSERT_EQUAL(c.places[2].line, 12);
    CU_ASSERT_EQUAL(c.places[2].column, 5);
    expect_text(c.policy, "version: 1\n");
    CU_ASSERT_EQUAL_FATAL(c.access.n, 2);
    CU_ASSERT_EQUAL(c.access.entries[1].roles, 1u << RPC_VIEWER | 1u << RPC_POLICY);
    expect_text(c.policy_file, policy_file);
    config_destroy(&c);
}

static void
test_defaults(void)
{
    struct config c;

    good("ports: []\n", &c);
    expect_untouched(&c);
    config_destroy(&c);
    good("settings: {}\n", &c);
    expect_untouched(&c);
    config_destroy(&c);
    good("ports: [{}]\n", &c); /* its fields are checked later, and it has a place for that */
    CU_ASSERT_EQUAL(c.places[0].line, 1);
    CU_ASSERT_EQUAL(c.places[0].column, 9);
    config_destroy(&c);
}

/* A second reading replaces the first, or leaves it. */
static void
test_read_again(void)
{
    struct config c;
    char *error = NULL;

    good("settings: { buffers: 2048 }\nports: [{ name: a }, { name: b }]\n", &c);
    write_text(file, "settings: { buffers: 4096, bufers: 1 }\nports: [{ name: c }]\n");
    CU_ASSERT_EQUAL(config_read(file, &c, &error), EINVAL);
    free(error);
    CU_ASSERT_EQUAL(c.buffers, 2048);
    CU_ASSERT_EQUAL(c.n_ports, 2);
    write_text(file, "ports: [{ name: c }]\n");
    CU_ASSERT_EQUAL(config_read(file, &c, &error), 0);
    CU_ASSERT_EQUAL(c.buffers, 32768);
    CU_ASSERT_EQUAL_FATAL(c.n_ports, 1);
    expect_text(c.ports[0]->name, "c");
    config_destroy(&c);
}

#define FILE_KEYS " (there are: settings, ports, policy, access)"
#define ADDRESS "ADDRESS:PORT is expected, such as 127.0.0.1:9464 or \"[::1]:9464\""
#define SETTINGS_KEYS                                                                              \
    " (there are: connections, buffers, drop_records, flow_journal, capture_megabytes, "           \
    "idle_sleep, metrics, port_connections)"
#define PORT_KEYS                                                                                  \
    " (there are: name, role, vhost_user, af_packet, ethdev, mac, ips, learn, user, vm_id, "       \
    "refresh_on_logoff, labels, "                                                                  \
    "vlan, trunks, no_untagged, storm, mac_limit)"

static void
test_unknown_keys(void)
{
    bad("setings: {}\n", "1:1: setings: unknown key" FILE_KEYS);
    bad("access: { cn: x }\n", "1:9: access: a list of entries is expected");
    bad("access:\n  - { cn: x, roles: [king] }\n",
        "2:22: roles: viewer, operator, responder, policy or admin is expected");
    bad("ports: []\n\"port\": []\n", "2:1: port: unknown key" FILE_KEYS);
    bad("settings: { connections: 2048,\n  bufers: 1 }\n",
        "2:3: bufers: unknown key" SETTINGS_KEYS);
    bad("ports:\n  - name: a\n    rle: uplink\n", "3:5: rle: unknown key" PORT_KEYS);
    bad("ports: [{ name: a, vhost_user: { path: x } }]\n",
        "1:34: path: unknown key (there are: socket, client)");
    bad("ports: [{ name: a, af_packet: { socket: x } }]\n",
        "1:33: socket: unknown key (there are: interface)");
    bad("ports: [{ name: a, ethdev: { interface: x } }]\n",
        "1:30: interface: unknown key (there are: devargs)");
    bad("ports: [{ name: a, storm: { broadcasts: 1 } }]\n",
        "1:29: broadcasts: unknown key (there are: broadcast_pps, multicast_pps, "
        "unknown_unicast_pps)");
    bad("ports:\n  - <<: { name: a }\n", "2:5: <<: unknown key" PORT_KEYS);
    /* What came before is not taken either. */
    bad("settings: { buffers: 4096, idle_sleep: false }\nports: [{ name: a }]\nx: y\n",
        "3:1: x: unknown key" FILE_KEYS);
}

static void
test_kinds(void)
{
    bad("hello\n", "1:1: a mapping (key: value) is expected");
    bad("[]\n", "1:1: a mapping (key: value) is expected");
    bad("settings: 7\n", "1:11: a mapping (key: value) is expected");
    bad("settings: [connections]\n", "1:11: a mapping (key: value) is expected");
    bad("ports: desk1\n", "1:8: ports: a list of ports is expected");
    bad("ports: { name: a }\n", "1:8: ports: a list of ports is expected");
    bad("ports:\n  - { name: a }\n  - 7\n", "3:5: a mapping (key: value) is expected");
    bad("ports: [{ vhost_user: a.sock }]\n", "1:23: a mapping (key: value) is expected");
    bad("ports: [{ ips: 10.0.0.1 }]\n", "1:16: ips: a list of addresses is expected");
    bad("ports: [{ ips: [10.0.0.1,\n    [10.0.0.2]] }]\n", "2:5: ips: a value is expected");
    bad("ports: [{ labels: sales }]\n", "1:19: labels: a mapping of names to values is expected");
    bad("ports: [{ labels: { pool: [sales] } }]\n", "1:27: pool: a value is expected");
    bad("ports: [{ name: { a: b } }]\n", "1:17: name: a value is expected");
    bad("policy: [a, b]\n", "1:9: policy: a value is expected");
    bad("{ [a]: b }\n", "1:3: a key must be plain text");
}

static void
test_absent_values(void)
{
    bad("ports: [{ name: \"\" }]\n", "1:17: name: a value is expected");
    bad("ports: [{ labels: { pool: '' } }]\n", "1:27: pool: a value is expected");
    bad("policy:\n", "1:1: policy: a value is expected");
    bad("settings:\n", "1:1: a mapping (key: value) is expected");
    bad("settings:\n  connections:\n", "2:3: connections: a value is expected");
    bad("ports:\n  -\n", "2:3: a mapping (key: value) is expected");
}

#define NUMBER(MIN, MAX) ": a number from " #MIN " to " #MAX " is expected, not "

static void
test_numbers(void)
{
    struct config c;

    good("settings: { connections: 67108864, buffers: 16777216, drop_records: 1000000000 }\n", &c);
    CU_ASSERT_EQUAL(c.connections, 67108864);
    CU_ASSERT_EQUAL(c.buffers, 16777216);
    CU_ASSERT_EQUAL(c.drop_records, 1000000000);
    config_destroy(&c);
    bad("settings: { connections: 1023 }\n", "1:26: connections" NUMBER(1024, 67108864) "\"1023\"");
    bad("settings: { connections: 67108865 }\n",
        "1:26: connections" NUMBER(1024, 67108864) "\"67108865\"");
    bad("settings: { buffers: 2047 }\n", "1:22: buffers" NUMBER(2048, 16777216) "\"2047\"");
    bad("settings: { port_connections: 15 }\n",
        "1:31: port_connections" NUMBER(16, 67108864) "\"15\"");
    bad("settings: { flow_journal: { flows: 1023 } }\n",
        "1:36: flows" NUMBER(1024, 16777216) "\"1023\"");
    bad("settings: { flow_journal: { hours: 0 } }\n", "1:36: hours" NUMBER(1, 8784) "\"0\"");
    bad("settings: { capture_megabytes: 0 }\n",
        "1:32: capture_megabytes" NUMBER(1, 1048576) "\"0\"");
    bad("settings: { flow_journal: { days: 3 } }\n",
        "1:29: days: unknown key (there are: flows, hours)");
    bad("settings: { drop_records: 999 }\n",
        "1:27: drop_records" NUMBER(1000, 1000000000) "\"999\"");
    bad("ports: [{ storm: { broadcast_pps: 0 } }]\n",
        "1:35: broadcast_pps" NUMBER(1, 100000000) "\"0\"");
    bad("ports: [{ storm: { multicast_pps: 100000001 } }]\n",
        "1:35: multicast_pps" NUMBER(1, 100000000) "\"100000001\"");
    bad("ports: [{ storm: { unknown_unicast_pps: Off } }]\n",
        "1:41: unknown_unicast_pps" NUMBER(1, 100000000) "\"Off\"");
    bad("ports: [{ mac_limit: 65537 }]\n", "1:22: mac_limit" NUMBER(1, 65536) "\"65537\"");
    bad("ports: [{ mac_limit: 0 }]\n", "1:22: mac_limit" NUMBER(1, 65536) "\"0\"");
    bad("settings: { buffers: 4k }\n", "1:22: buffers" NUMBER(2048, 16777216) "\"4k\"");
    bad("settings: { buffers: 0x1000 }\n", "1:22: buffers" NUMBER(2048, 16777216) "\"0x1000\"");
    bad("settings: { buffers: +4096 }\n", "1:22: buffers" NUMBER(2048, 16777216) "\"+4096\"");
    bad("settings: { buffers: -4096 }\n", "1:22: buffers" NUMBER(2048, 16777216) "\"-4096\"");
    bad("settings: { buffers: ' 4096' }\n", "1:22: buffers" NUMBER(2048, 16777216) "\" 4096\"");
    bad("settings: { buffers: 4294971392 }\n", /* 2^32 + 4096 */
        "1:22: buffers" NUMBER(2048, 16777216) "\"4294971392\"");
    bad("settings: { buffers: 18446744073709555712 }\n", /* 2^64 + 4096 */
        "1:22: buffers" NUMBER(2048, 16777216) "\"18446744073709555712\"");
}

static void
test_words(void)
{
    bad("settings: { idle_sleep: yes }\n", "1:25: idle_sleep: true or false is expected");
    bad("settings: { metrics: 9464 }\n", "1:22: metrics: " ADDRESS);
    bad("settings: { metrics: 'host:9464' }\n", "1:22: metrics: " ADDRESS);
    bad("settings: { metrics: '[::1]' }\n", "1:22: metrics: " ADDRESS);
    bad("settings: { metrics: 'unix:/run/metrics' }\n", "1:22: metrics: " ADDRESS);
    bad("settings: { metrics: '127.0.0.1:65536' }\n", "1:22: metrics: " ADDRESS);
    bad("ports: [{ vhost_user: { client: 1 } }]\n", "1:33: client: true or false is expected");
    bad("ports: [{ role: server }]\n", "1:17: role: desktop or uplink is expected");
    bad("ports: [{ role: Desktop }]\n", "1:17: role: desktop or uplink is expected");
    bad("ports: [{ af_packet: { interface: a },\n          ethdev: { devargs: b } }]\n",
        "2:11: ethdev: a port has one of vhost_user, af_packet and ethdev");
}

/* Each would otherwise change what the file says without a word. */
static void
test_yaml_that_is_refused(void)
{
    bad("", "1:1: the text is empty");
    bad("# nothing\n", "1:1: the text is empty");
    bad("ports: [{ name: a, name: b }]\n", "1:20: duplicate key 'name' (first on line 1)");
    bad("settings: {}\nports: []\nsettings: {}\n",
        "3:1: duplicate key 'settings' (first on line 1)");
    bad("ports: [{ labels: { a: b,\n  a: c } }]\n", "2:3: duplicate key 'a' (first on line 1)");
    bad("ports: [{ name: a, user: *name }]\n", "1:27: aliases are not supported");
    bad("ports: [{ name: &name a }]\n", "1:23: anchors and tags are not supported");
    bad("ports: [{ name: !!str a }]\n", "1:23: anchors and tags are not supported");
    bad("settings: {}\n---\nports: []\n", "2:1: several documents in one text are not supported");
    bad("ports: [{ name: \"a\\0b\" }]\n", "1:17: NUL character in text");
    bad_bytes("settings: {}\n\0ports: 7\n", 23,
              "2:1: byte 0x00: not UTF-8, or a control character");
    bad("ports: [{ name: \xff }]\n", "1:17: byte 0xff: not UTF-8, or a control character");
    bad("ports:\n\t- name: a\n", "2:1: tab character may not be used as indentation");
    bad("ports: [{ name: a\n", "2:1: missing comma in flow mapping");
}

static void
test_policy_file(void)
{
    char *text = xasprintf("policy: %s\n", policy_file);
    struct config c;

    write_text(policy_file, "anything: at all"); /* control reads it, and says what is wrong */
    good(text, &c);
    expect_text(c.policy, "anything: at all");
    expect_text(c.policy_file, policy_file);
    config_destroy(&c);
    free(text);

    unlink(policy_file);
    text = xasprintf("2:9: policy: %s: No such file or directory", policy_file);
    bad("settings: {}\npolicy: policy.yaml\n", text);
    free(text);
    text = xasprintf("1:9: policy: %s/.: Is a directory", directory);
    bad("policy: .\n", text);
    free(text);
}

static void
expect_unreadable(const char *path, int want, const char *why)
{
    struct config config;
    char *error = NULL;
    char *whole = xasprintf("%s: %s", path, why);

    config_init(&config);
    CU_ASSERT_EQUAL(config_read(path, &config, &error), want);
    expect_text(error, whole);
    expect_untouched(&config);
    config_destroy(&config);
    free(error);
    free(whole);
}

static void
test_unreadable(void)
{
    char *text;
    size_t size;

    unlink(file);
    expect_unreadable(file, ENOENT, "No such file or directory");
    expect_unreadable(directory, EISDIR, "Is a directory");
    write_text(file, "");
    CU_ASSERT_EQUAL(truncate(file, FILE_READ_MAX), 0);
    CU_ASSERT_EQUAL(file_read(file, &text, &size), 0);
    CU_ASSERT_EQUAL(size, FILE_READ_MAX);
    free(text);
    CU_ASSERT_EQUAL(truncate(file, FILE_READ_MAX + 1), 0);
    expect_unreadable(file, EFBIG, "File too large");
}

CU_SuiteInfo
config_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a good file", test_good_file },
        { "defaults", test_defaults },
        { "reading again", test_read_again },
        { "unknown keys", test_unknown_keys },
        { "values of the wrong kind", test_kinds },
        { "absent values", test_absent_values },
        { "numbers", test_numbers },
        { "words", test_words },
        { "YAML that is refused", test_yaml_that_is_refused },
        { "the policy file", test_policy_file },
        { "files that cannot be read", test_unreadable },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "configuration file", setup, teardown, NULL, NULL, tests };
}
