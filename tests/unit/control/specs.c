#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/desired.h"
#include "tests/unit/control/suites.h"

static void
spec_init(struct test_spec *s, const char *kind, unsigned n)
{
    memset(s, 0, sizeof *s);
    fusuma__v1__port_spec__init(&s->spec);
    fusuma__v1__vhost_user__init(&s->vhost);
    fusuma__v1__af_packet__init(&s->af_packet);
    fusuma__v1__ethdev__init(&s->ethdev);
    fusuma__v1__storm_limits__init(&s->storm);
    for (int i = 0; i < 2; i++) {
        fusuma__v1__port_spec__labels_entry__init(&s->labels[i]);
        s->label_pointers[i] = &s->labels[i];
    }
    snprintf(s->name, sizeof s->name, "%s%u", kind, n);
    s->spec.name = s->name;
}

void
spec_desktop(struct test_spec *s, unsigned n)
{
    spec_init(s, "desk", n);
    snprintf(s->mac, sizeof s->mac, "02:00:00:00:%02x:%02x", n >> 8 & 0xff, n & 0xff);
    snprintf(s->ip, sizeof s->ip, "10.0.%u.%u", n >> 8 & 0xff, n & 0xff);
    snprintf(s->socket, sizeof s->socket, "%.20s.sock", s->name);
    s->vhost.socket = s->socket;
    s->ips[0] = s->ip;
    s->labels[0].key = "pool";
    s->labels[0].value = "sales";
    s->spec.role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP;
    s->spec.attachment_case = FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER;
    s->spec.vhost_user = &s->vhost;
    s->spec.mac = s->mac;
    s->spec.ips = s->ips;
    s->spec.n_ips = 1;
    s->spec.user = "alice";
    s->spec.labels = s->label_pointers;
    s->spec.n_labels = 1;
}

void
spec_uplink(struct test_spec *s, unsigned n)
{
    spec_init(s, "up", n);
    snprintf(s->socket, sizeof s->socket, "eth%u", n);
    s->af_packet.interface = s->socket;
    s->spec.role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_UPLINK;
    s->spec.attachment_case = FUSUMA__V1__PORT_SPEC__ATTACHMENT_AF_PACKET;
    s->spec.af_packet = &s->af_packet;
}

struct desired_port *
spec_created(const struct test_spec *s)
{
    struct desired_port *port;
    char *error = NULL;
    enum rpc_status status = desired_port_create(&s->spec, RUN_DIR, &port, &error);

    if (status) {
        expect_text(error, "no error");
        free(error);
    }
    CU_ASSERT_EQUAL_FATAL(status, RPC_OK);
    return port;
}
