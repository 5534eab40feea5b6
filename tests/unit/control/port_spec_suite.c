/* Desired state: what a port may be, by itself. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/desired.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static struct test_spec s;

static void
accepted(void)
{
    desired_port_destroy(spec_created(&s));
}

static void
refused(const char *want)
{
    struct desired_port *port = (struct desired_port *) &s;
    char *error = NULL;

    CU_ASSERT_EQUAL(desired_port_create(&s.spec, RUN_DIR, &port, &error), RPC_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(port);
    expect_text(error, want);
    free(error);
}

static void
refused_name(char *name, const char *want)
{
    spec_desktop(&s, 1);
    s.spec.name = name;
    refused(want);
}

static void
test_names(void)
{
    char longest[PORT_NAME_MAX + 2], want[256];
    struct desired_port *port = NULL;
    char *error = NULL;

    CU_ASSERT_EQUAL(desired_port_create(NULL, RUN_DIR, &port, &error), RPC_INVALID_ARGUMENT);
    expect_text(error, "spec is missing");
    free(error);

    memset(longest, 'x', sizeof longest - 1);
    longest[PORT_NAME_MAX + 1] = '\0';
    snprintf(want, sizeof want, "name: \"%s\" has 64 characters; 1 to 63 are allowed", longest);
    refused_name(longest, want);
    longest[PORT_NAME_MAX] = '\0';
    spec_desktop(&s, 1);
    s.spec.name = longest;
    accepted();
    s.spec.name = "A.z_0-9";
    accepted();
    refused_name("", "name: \"\" has 0 characters; 1 to 63 are allowed");
    refused_name("a b", "name: \"a b\" may hold only letters, digits, '.', '_' and '-'");
    refused_name("a/b", "name: \"a/b\" may hold only letters, digits, '.', '_' and '-'");
    refused_name(".", "name: \".\" must begin with a letter or a digit");
    refused_name("\xc3\xa9", "name: \"\xc3\xa9\" may hold only letters, digits, '.', '_' and '-'");
}

static void
test_good_desktop(void)
{
    struct desired_port *port;

    spec_desktop(&s, 17);
    port = spec_created(&s);
    CU_ASSERT_PTR_NOT_EQUAL(port->spec, &s.spec);
    memset(s.mac, 'x', 4); /* the port has its own copy */
    expect_text(port->spec->mac, "02:00:00:00:00:11");
    CU_ASSERT_EQUAL(port->role, PORT_DESKTOP);
    CU_ASSERT_EQUAL(port->mac, UINT64_C(0x020000000011));
    expect_text(port->socket, RUN_DIR "/desk17.sock");
    CU_ASSERT_EQUAL(port->spec->n_labels, 1);
    expect_text(port->labels[0].key, "pool");
    expect_text(port->labels[0].value, "sales");
    CU_ASSERT_TRUE(port->changed);
    CU_ASSERT_PTR_NULL(port->quarantine);
    CU_ASSERT_PTR_NULL(port->dp);
    desired_port_destroy(port);
    desired_port_destroy(NULL);
}

static void
test_socket_paths(void)
{
    struct desired_port *port;
    const size_t relative = SOCKET_PATH_MAX - strlen(RUN_DIR "/");
    char path[SOCKET_PATH_MAX + 2], want[512];

    spec_desktop(&s, 1);
    s.vhost.socket = "";
    refused("desk1: vhost_user.socket is missing");

    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[SOCKET_PATH_MAX + 1] = '\0';
    s.vhost.socket = path;
    snprintf(want, sizeof want,
             "desk1: vhost_user.socket: %s has 108 bytes; the system's limit is 107", path);
    refused(want);
    path[SOCKET_PATH_MAX] = '\0';
    port = spec_created(&s);
    expect_text(port->socket, path);
    desired_port_destroy(port);

    /* A relative one is counted with the run directory. */
    path[0] = 'x';
    path[relative] = '\0';
    port = spec_created(&s);
    CU_ASSERT_EQUAL(strlen(port->socket), SOCKET_PATH_MAX);
    desired_port_destroy(port);
    path[relative] = 'x';
    path[relative + 1] = '\0';
    snprintf(want, sizeof want,
             "desk1: vhost_user.socket: " RUN_DIR "/%s has 108 bytes; the system's limit is 107",
             path);
    refused(want);
}

static void
test_attachments(void)
{
    spec_desktop(&s, 1);
    s.spec.attachment_case = FUSUMA__V1__PORT_SPEC__ATTACHMENT__NOT_SET;
    refused("desk1: one of vhost_user, af_packet and ethdev is needed");

    spec_uplink(&s, 1);
    accepted();
    s.af_packet.interface = "";
    refused("up1: af_packet.interface: \"\" is not an interface name");
    s.af_packet.interface = "fifteen-letters";
    accepted();
    s.af_packet.interface = "sixteen-letters-";
    refused("up1: af_packet.interface: \"sixteen-letters-\" is not an interface name");

    s.spec.attachment_case = FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV;
    s.spec.ethdev = &s.ethdev;
    refused("up1: ethdev.devargs is missing");
    s.ethdev.devargs = "net_tap0";
    accepted();
}

static void
test_roles(void)
{
    struct desired_port *port;

    spec_desktop(&s, 1);
    s.spec.role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_UNSPECIFIED;
    refused("desk1: role is missing: desktop or uplink");
    s.spec.role = (Fusuma__V1__PortRole) 3;
    refused("desk1: role is missing: desktop or uplink");

    spec_uplink(&s, 1);
    port = spec_created(&s);
    CU_ASSERT_EQUAL(port->role, PORT_UPLINK);
    CU_ASSERT_EQUAL(port->mac, 0);
    CU_ASSERT_EQUAL(port->n_addrs, 0); /* no link-local one either */
    desired_port_destroy(port);
    s.spec.mac = "02:00:00:00:00:01";
    refused("up1: mac: an uplink has no bound addresses");
    spec_uplink(&s, 1);
    s.ips[0] = "10.0.0.1";
    s.spec.ips = s.ips;
    s.spec.n_ips = 1;
    refused("up1: ips: an uplink has no bound addresses");
    spec_uplink(&s, 1);
    s.spec.refresh_on_logoff = true;
    refused("up1: refresh_on_logoff is for a desktop");
}

static void
test_macs(void)
{
    static char *const wrong[] = {
        "02:00:00:00:00",     "02:00:00:00:00:01:02", "02:00:00:00:00:0g",   "02-00-00-00-00-01",
        "102:00:00:00:00:01", "2:0:0:0:0:1",          "-2:00:00:00:00:01",   "0x:00:00:00:00:01",
        " 2:00:00:00:00:01",  "02:00:00:00:00:01 ",   "02:00:00:00:00:0001", "desk"
    };
    struct desired_port *port;

    spec_desktop(&s, 1);
    s.spec.mac = "";
    refused("desk1: mac is missing: a desktop needs one");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        char *want = xasprintf("desk1: mac: \"%s\" is not a MAC address", wrong[i]);

        s.spec.mac = wrong[i];
        refused(want);
        free(want);
    }
    s.spec.mac = "00:00:00:00:00:00";
    refused("desk1: mac: 00:00:00:00:00:00 is not a station's address");
    s.spec.mac = "ff:ff:ff:ff:ff:ff";
    refused("desk1: mac: ff:ff:ff:ff:ff:ff is not a station's address");
    s.spec.mac = "01:00:5e:00:00:fb";
    refused("desk1: mac: 01:00:5e:00:00:fb is not a station's address");
    s.spec.mac = "02:AB:cd:00:00:01";
    port = spec_created(&s);
    CU_ASSERT_EQUAL(port->mac, UINT64_C(0x02abcd000001));
    desired_port_destroy(port);
}

static void
test_ips(void)
{
    static char *const wrong[] = { "", "10.0.0", "10.0.0.1/24", "10.0.0.256", "2001:db8::g" };
    static char *const others[] = { "0.0.0.0",   "0.1.2.3",         "127.0.0.1",
                                    "224.0.0.1", "255.255.255.255", "::",
                                    "::1",       "ff02::1",         "::ffff:127.0.0.1" };

    spec_desktop(&s, 1);
    s.spec.n_ips = 2;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        char *want = xasprintf("desk1: ips: \"%s\" is not an IPv4 or IPv6 address", wrong[i]);

        s.ips[1] = wrong[i];
        refused(want);
        free(want);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char *want = xasprintf("desk1: ips: %s is not a station's address", others[i]);

        s.ips[1] = others[i];
        refused(want);
        free(want);
    }
    s.ips[1] = "10.0.0.1";
    refused("desk1: ips: 10.0.0.1 is listed twice");
    s.ips[1] = "::ffff:10.0.0.1"; /* the same address in other words */
    refused("desk1: ips: ::ffff:10.0.0.1 is listed twice");
    s.ips[1] = "223.255.255.255";
    accepted();
}

static void
test_link_local(void)
{
    struct desired_port *port;
    char text[ACL_ADDR_STRLEN];

    spec_desktop(&s, 1);
    s.spec.mac = "02:11:22:33:44:55";
    port = spec_created(&s);
    CU_ASSERT_EQUAL_FATAL(port->n_addrs, 2);
    expect_text(acl_addr_format(&port->addrs[0], text), "10.0.0.1");
    expect_text(acl_addr_format(&port->addrs[1], text), "fe80::11:22ff:fe33:4455");
    desired_port_destroy(port);

    s.spec.mac = "00:11:22:33:44:55"; /* the universal bit is inverted */
    s.spec.n_ips = 0;
    port = spec_created(&s);
    CU_ASSERT_EQUAL_FATAL(port->n_addrs, 1);
    expect_text(acl_addr_format(&port->addrs[0], text), "fe80::211:22ff:fe33:4455");
    desired_port_destroy(port);

    s.ips[0] = "fe80::211:22ff:fe33:4455"; /* listed: bound once */
    s.spec.n_ips = 1;
    port = spec_created(&s);
    CU_ASSERT_EQUAL(port->n_addrs, 1);
    desired_port_destroy(port);
}

static void
test_labels_and_user(void)
{
    char user[PORT_NAME_MAX + 2];

    spec_desktop(&s, 1);
    s.spec.n_labels = 2;
    s.labels[1].key = "floor";
    s.labels[1].value = "";
    accepted();
    s.labels[1].key = "";
    refused("desk1: labels: a label without a name");
    s.labels[1].key = "pool";
    refused("desk1: labels: pool is listed twice");

    spec_desktop(&s, 1);
    memset(user, 'u', sizeof user - 1);
    user[PORT_NAME_MAX + 1] = '\0';
    s.spec.user = user;
    refused("desk1: user has 64 characters; at most 63 are allowed");
    user[PORT_NAME_MAX] = '\0';
    accepted();
}

static void
test_limits(void)
{
    Fusuma__V1__PortSpec__LabelsEntry labels[PORT_LABELS_MAX + 1], *pointers[PORT_LABELS_MAX + 1];
    char texts[PORT_IPS_MAX + 1][32], *ips[PORT_IPS_MAX + 1];

    for (int i = 0; i <= PORT_IPS_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "10.1.0.%d", i + 1);
        ips[i] = texts[i];
    }
    spec_desktop(&s, 1);
    s.spec.ips = ips;
    s.spec.n_ips = PORT_IPS_MAX;
    accepted();
    s.spec.n_ips++;
    refused("desk1: ips: 65 addresses; at most 64 are allowed");

    for (int i = 0; i <= PORT_LABELS_MAX; i++) {
        fusuma__v1__port_spec__labels_entry__init(&labels[i]);
        labels[i].key = texts[i];
        pointers[i] = &labels[i];
    }
    spec_desktop(&s, 1);
    s.spec.labels = pointers;
    s.spec.n_labels = PORT_LABELS_MAX;
    accepted();
    s.spec.n_labels++;
    refused("desk1: labels: 65 labels; at most 64 are allowed");
}

CU_SuiteInfo
port_spec_suite(void)
{
    static CU_TestInfo tests[] = {
        { "names", test_names },
        { "a good desktop", test_good_desktop },
        { "socket paths", test_socket_paths },
        { "attachments", test_attachments },
        { "roles", test_roles },
        { "MAC addresses", test_macs },
        { "IP addresses", test_ips },
        { "the link-local address", test_link_local },
        { "labels and user", test_labels_and_user },
        { "limits", test_limits },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "one port by itself", NULL, NULL, NULL, NULL, tests };
}
