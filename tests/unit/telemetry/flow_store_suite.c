/* The flows that are held: which is which, the bound, what goes first. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "acl/policy.h"
#include "tests/unit/telemetry/flow_suites.h"

#define CAPACITY 100

static struct flow_names names;
static struct flow_store store;

static void
begin(uint32_t capacity)
{
    flow_names_init(&names);
    CU_ASSERT_EQUAL_FATAL(flow_store_open(&store, &names, capacity), 0);
}

/* What has been held let go of every name. */
static void
end(void)
{
    flow_store_close(&store);
    CU_ASSERT_EQUAL(hmap_count(&names.by_text), 0);
    flow_names_destroy(&names);
}

static struct acl_addr
peer(uint32_t n)
{
    return acl_addr_from_v4(0x0000000a | __builtin_bswap32(n));
}

void
flow_add(struct flow_store *s, const char *port, uint32_t n, uint32_t hour, uint64_t ns)
{
    struct flow_key key = { .port = flow_names_intern(s->names, port),
                            .peer = peer(n),
                            .hour = hour,
                            .service = 443,
                            .protocol = 6,
                            .direction = ACL_EGRESS };
    struct flow_part part = { .user = flow_names_intern(s->names, "anna"),
                              .rule = flow_names_intern(s->names, "web"),
                              .sessions = flow_names_intern(s->names, "7 anna\n"),
                              .first_ns = ns,
                              .last_ns = ns,
                              .connections = 1,
                              .packets_out = 1,
                              .bytes_out = 100 };

    flow_store_set_time(s, ns);
    flow_store_add(s, &key, &part);
    flow_names_assign(s->names, &key.port, NULL);
    flow_names_assign(s->names, &part.user, NULL);
    flow_names_assign(s->names, &part.rule, NULL);
    flow_names_assign(s->names, &part.sessions, NULL);
}

struct flow_row
flow_of(const struct flow_store *s, const char *port, uint32_t n)
{
    struct acl_addr addr = peer(n);
    struct flow_row row, found = { .id = 0 };
    unsigned matches = 0;

    for (uint32_t slot = 1; slot <= s->used; slot++) {
        if (flow_store_get(s, slot, &row) && !strcmp(row.port, port) &&
            acl_addr_equals(&row.peer, &addr)) {
            found = row;
            matches++;
        }
    }
    return matches == 1 ? found : (struct flow_row){ .id = 0 };
}

static void
test_adds_up(void)
{
    struct flow_row row;

    begin(CAPACITY);
    flow_add(&store, "desk1", 1, 7, 1000);
    flow_add(&store, "desk1", 1, 7, 3000);
    flow_add(&store, "desk1", 1, 7, 2000); /* told later, but of before */
    CU_ASSERT_EQUAL(store.held, 1);
    row = flow_of(&store, "desk1", 1);
    CU_ASSERT_EQUAL(row.connections, 3);
    CU_ASSERT_EQUAL(row.packets_out, 3);
    CU_ASSERT_EQUAL(row.bytes_out, 300);
    CU_ASSERT_EQUAL(row.bytes_in, 0);
    CU_ASSERT_EQUAL(row.first_ns, 1000);
    CU_ASSERT_EQUAL(row.last_ns, 3000);
    CU_ASSERT_EQUAL(row.told_ns, 3000);
    CU_ASSERT_STRING_EQUAL(row.user, "anna");
    CU_ASSERT_STRING_EQUAL(row.rule, "web");
    CU_ASSERT_STRING_EQUAL(row.peer_port, "");
    CU_ASSERT_STRING_EQUAL(row.sessions, "7 anna\n");
    end();
}

/* Everything in the key makes it another flow, and nothing else does. */
static void
test_what_makes_a_flow(void)
{
    struct flow_key keys[8];
    struct flow_part part = { .packets_in = 1 };

    begin(CAPACITY);
    for (int i = 0; i < 8; i++) {
        keys[i] = (struct flow_key){ .port = flow_names_intern(&names, i == 1 ? "b" : "a"),
                                     .peer = peer(i == 2 ? 2 : 1),
                                     .hour = i == 3 ? 8 : 7,
                                     .vlan = i == 4 ? 5 : 4,
                                     .service = i == 5 ? 80 : 443,
                                     .protocol = i == 6 ? 17 : 6,
                                     .direction = i == 7 ? ACL_INGRESS : ACL_EGRESS };
    }
    for (int i = 0; i < 16; i++) {
        part.peer_port = i & 1 ? keys[0].port : NULL;
        part.rule = i & 2 ? keys[1].port : NULL;
        flow_store_add(&store, &keys[i % 8], &part);
    }
    CU_ASSERT_EQUAL(store.held, 8);
    for (uint32_t slot = 1; slot <= store.used; slot++) {
        struct flow_row row;

        CU_ASSERT_FATAL(flow_store_get(&store, slot, &row));
        CU_ASSERT_EQUAL(row.packets_in, 2);
    }
    for (int i = 0; i < 8; i++) {
        flow_names_assign(&names, &keys[i].port, NULL);
    }
    end();
}

static void
test_puts_out_the_oldest(void)
{
    uint64_t told, last;

    begin(CAPACITY);
    for (uint32_t i = 0; i < CAPACITY; i++) {
        flow_add(&store, "desk1", i, 7, 1000 + i);
    }
    CU_ASSERT_EQUAL(store.put_out, 0);
    flow_add(&store, "desk1", 0, 7, 2000); /* no longer the oldest */
    for (uint32_t i = 0; i < 3; i++) {
        flow_add(&store, "desk2", i, 7, 2001 + i);
    }
    CU_ASSERT_EQUAL(store.held, CAPACITY);
    CU_ASSERT_EQUAL(store.put_out, 3);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 0).packets_out, 2);
    for (uint32_t i = 1; i <= 3; i++) {
        CU_ASSERT_EQUAL(flow_of(&store, "desk1", i).packets_out, 0);
    }
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 4).packets_out, 1);
    CU_ASSERT_EQUAL(flow_of(&store, "desk2", 2).packets_out, 1);
    flow_store_oldest(&store, &told, &last);
    CU_ASSERT_EQUAL(told, 1004);
    CU_ASSERT_EQUAL(last, 1004);
    /* Again and again through all of it: nothing of the chains and lists is lost. */
    for (uint32_t i = 0; i < 20 * CAPACITY; i++) {
        flow_add(&store, "desk3", i, 8, 3000 + i);
    }
    CU_ASSERT_EQUAL(store.put_out, 3 + 20 * CAPACITY);
    for (uint32_t i = 19 * CAPACITY; i < 20 * CAPACITY; i++) {
        CU_ASSERT_EQUAL(flow_of(&store, "desk3", i).packets_out, 1);
    }
    end();
}

static void
test_forgets_by_age(void)
{
    uint64_t told, last;

    begin(CAPACITY);
    for (uint32_t i = 0; i < 10; i++) {
        flow_add(&store, "desk1", i, 7, 1000 + i);
    }
    flow_store_forget(&store, 1004);
    CU_ASSERT_EQUAL(store.held, 6);
    CU_ASSERT_EQUAL(store.put_out, 0);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 3).packets_out, 0);
    CU_ASSERT_EQUAL(flow_of(&store, "desk1", 4).packets_out, 1);
    flow_store_forget(&store, UINT64_MAX);
    CU_ASSERT_EQUAL(store.held, 0);
    flow_store_oldest(&store, &told, &last);
    CU_ASSERT_EQUAL(told, 0);
    flow_add(&store, "desk1", 1, 7, 2000);
    CU_ASSERT_EQUAL(store.held, 1);
    CU_ASSERT_EQUAL(store.used, 10); /* slots are used again */
    end();
}

static void
test_finds_what_was_told(void)
{
    uint32_t slot = 1, found = 0;
    uint64_t mark;

    begin(CAPACITY);
    for (uint32_t i = 0; i < 50; i++) {
        flow_add(&store, "desk1", i, 7, 1000);
    }
    mark = flow_store_mark(&store);
    flow_add(&store, "desk1", 3, 7, 1000); /* the clock stands still */
    flow_add(&store, "desk1", 49, 7, 999); /* or goes back */
    flow_add(&store, "desk2", 1, 7, 1000);
    for (int calls = 0; slot && calls < 1000; calls++) {
        if (flow_store_find_told(&store, mark, 4, &slot)) {
            CU_ASSERT(slot == 4 || slot == 50 || slot == 51);
            found++;
            slot++;
        }
    }
    CU_ASSERT_EQUAL(slot, 0);
    CU_ASSERT_EQUAL(found, 3);
    slot = 1;
    CU_ASSERT_FALSE(flow_store_find_told(&store, flow_store_mark(&store), 1000, &slot));
    end();
}

static void
test_eras_of_ports(void)
{
    const struct flow_era *era;

    begin(CAPACITY);
    CU_ASSERT_PTR_NULL(flow_names_port(&names, 5, 1)->name);
    CU_ASSERT_PTR_NULL(flow_names_port(&names, DP_PORT_NONE, 1)->name);
    flow_names_set_port(&names, 5, "first", "anna", 10);
    flow_names_set_port(&names, 5, "first", "anna", 15); /* opened again */
    flow_names_set_port(&names, 5, "second", "", 20);
    CU_ASSERT_STRING_EQUAL(flow_name_text(flow_names_port(&names, 5, 19)->name), "first");
    CU_ASSERT_STRING_EQUAL(flow_name_text(flow_names_port(&names, 5, 19)->user), "anna");
    CU_ASSERT_STRING_EQUAL(flow_name_text(flow_names_port(&names, 5, 20)->name), "second");
    CU_ASSERT_PTR_NULL(flow_names_port(&names, 5, 20)->user);
    era = flow_names_port(&names, 5, 9);
    CU_ASSERT_PTR_NULL(era); /* not 'first' */
    flow_names_set_sessions(&names, 5, "1 anna\n", 10);
    flow_names_set_sessions(&names, 5, "", 20);
    CU_ASSERT_STRING_EQUAL(flow_name_text(flow_names_sessions(&names, 5, 19)), "1 anna\n");
    CU_ASSERT_PTR_NULL(flow_names_sessions(&names, 5, 20));
    flow_names_set_port(&names, 5, "", "", 30);
    flow_names_set_port(&names, 5, "third", "", 40);
    flow_names_set_port(&names, 5, "", "", 50);
    flow_names_set_port(&names, 5, "x", "", 60);
    flow_names_set_port(&names, 5, "", "", 70);
    flow_names_set_sessions(&names, 5, "x", 70);
    flow_names_set_sessions(&names, 5, "", 70);
    flow_names_destroy(&names);
    flow_names_init(&names);
    end();
}

CU_SuiteInfo
flow_store_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a flow adds up", test_adds_up },
        { "what makes a flow", test_what_makes_a_flow },
        { "the oldest is put out, and counted", test_puts_out_the_oldest },
        { "age", test_forgets_by_age },
        { "what was told since", test_finds_what_was_told },
        { "names of a number used again", test_eras_of_ports },
        CU_TEST_INFO_NULL,
    };
    return (CU_SuiteInfo){ "flow store", NULL, NULL, NULL, NULL, tests };
}
