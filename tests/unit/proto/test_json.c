/* JSON of the API's own messages, to the letter; test_json.py compares with Google's mapping. */
#include <config.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdlib.h>

#include "proto/json.h"

#include "fusuma/v1/drop.pb-c.h"
#include "fusuma/v1/port.pb-c.h"

static void
expect_json(const ProtobufCMessage *message, const char *want)
{
    json_t *json = proto_to_json(message);
    char *text = json_dumps(json, JSON_COMPACT);

    CU_ASSERT_STRING_EQUAL(text, want);
    free(text);
    json_decref(json);
}

static void
test_empty(void)
{
    Fusuma__V1__Port port = FUSUMA__V1__PORT__INIT;
    Fusuma__V1__PortSpec spec = FUSUMA__V1__PORT_SPEC__INIT;

    expect_json(&port.base, "{}");
    port.spec = &spec;
    expect_json(&port.base, "{\"spec\":{}}");
}

static void
test_port(void)
{
    Fusuma__V1__Port port = FUSUMA__V1__PORT__INIT;
    Fusuma__V1__PortSpec spec = FUSUMA__V1__PORT_SPEC__INIT;
    Fusuma__V1__VhostUser vhost = FUSUMA__V1__VHOST_USER__INIT;
    Fusuma__V1__PortSpec__LabelsEntry label = FUSUMA__V1__PORT_SPEC__LABELS_ENTRY__INIT;
    Fusuma__V1__PortSpec__LabelsEntry *labels = &label;
    char *ips[] = { "10.0.0.1", "fd00::1" };

    label.key = "pool";
    label.value = "sales";
    vhost.client = 1;
    spec.name = "d1";
    spec.role = FUSUMA__V1__PORT_ROLE__PORT_ROLE_DESKTOP;
    spec.attachment_case = FUSUMA__V1__PORT_SPEC__ATTACHMENT_VHOST_USER;
    spec.vhost_user = &vhost;
    spec.n_ips = 2;
    spec.ips = ips;
    spec.n_labels = 1;
    spec.labels = &labels;
    port.spec = &spec;
    port.quarantined = 1;
    port.generation = UINT64_MAX;
    expect_json(&port.base,
                "{\"spec\":{\"name\":\"d1\",\"role\":\"PORT_ROLE_DESKTOP\",\"vhostUser\":{"
                "\"client\":true},\"ips\":[\"10.0.0.1\",\"fd00::1\"],\"labels\":{\"pool\":"
                "\"sales\"}},\"quarantined\":true,\"generation\":\"18446744073709551615\"}");
}

static void
test_drop(void)
{
    Fusuma__V1__DropEvent event = FUSUMA__V1__DROP_EVENT__INIT;
    Fusuma__V1__DropRecord record = FUSUMA__V1__DROP_RECORD__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    uint8_t packet[] = { 0xff, 0xfe, 0xfd, 0xfc };

    time.seconds = 1700000000;
    time.nanos = 1000;
    record.time = &time;
    record.user = "gr\xfc\xdf"; /* Latin-1: no UTF-8, and still JSON */
    record.src_port = 445;
    record.packet.data = packet;
    record.packet.len = sizeof packet;
    event.event_case = FUSUMA__V1__DROP_EVENT__EVENT_RECORD;
    event.record = &record;
    expect_json(&event.base, "{\"record\":{\"time\":\"2023-11-14T22:13:20.000001Z\",\"user\":"
                             "\"gr??\",\"srcPort\":445,\"packet\":\"//79/A==\"}}");
}

int
main(void)
{
    CU_pSuite suite;
    unsigned failures;

    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    suite = CU_add_suite("json", NULL, NULL);
    CU_ADD_TEST(suite, test_empty);
    CU_ADD_TEST(suite, test_port);
    CU_ADD_TEST(suite, test_drop);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures ? 1 : 0;
}
