#include <config.h>

#include "ctl/relay/status.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "ctl/relay/clock.h"
#include "ctl/relay/cursor.h"
#include "fusuma/v1/system.pb-c.h"
#include "util.h"

#define SUFFIX ".cursor"

static bool
is_cursor(const char *name)
{
    size_t n = strlen(name);

    return n > strlen(SUFFIX) && !strcmp(name + n - strlen(SUFFIX), SUFFIX);
}

/* The sinks that have a cursor there, sorted. */
static int
list_sinks(const char *path, struct svec *sinks)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir) {
        return errno;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (is_cursor(entry->d_name)) {
            svec_add_nocopy(sinks, xmemdup0(entry->d_name, strlen(entry->d_name) - strlen(SUFFIX)));
        }
    }
    closedir(dir);
    svec_sort(sinks);
    return 0;
}

/* Of the switch, if it answers; else 0, and lags are as of when the cursors were stored. */
static uint64_t
ask_newest(struct ctl *ctl)
{
    Fusuma__V1__GetInfoRequest request = FUSUMA__V1__GET_INFO_REQUEST__INIT;
    Fusuma__V1__Info *info = NULL;
    uint64_t newest = 0;
    char *error = NULL;

    if (client_try(ctl, &fusuma__v1__system_service__descriptor, "GetInfo", &request, &info,
                   &error) == RPC_OK) {
        newest = info->drops_newest;
        client_free(info);
    }
    free(error);
    return newest;
}

static uint64_t
lag_of(const struct relay_cursor *c, uint64_t newest)
{
    newest = MAX(newest, c->newest);
    return newest > c->n ? newest - c->n : 0;
}

static json_t *
to_json(const char *sink, const struct relay_cursor *c, uint64_t newest)
{
    json_t *root =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "sink", sink, "delivered",
                  (json_int_t) c->delivered, "refused", (json_int_t) c->refused, "missing",
                  (json_int_t) c->missing, "gaps", (json_int_t) c->gaps, "silent", c->silent);

    if (c->has_drops) {
        json_object_set_new(root, "drops", json_sprintf("%" PRIu64 ".%" PRIu64, c->epoch, c->n));
        json_object_set_new(root, "lag", json_integer((json_int_t) lag_of(c, newest)));
    }
    if (c->has_incidents) {
        json_object_set_new(root, "incidents", json_integer((json_int_t) c->revision));
    }
    json_object_set_new(root, "storedAgoS",
                        json_integer((relay_wall_ns() - c->stored_ns) / 1000000000));
    return root;
}

static void
add_row(struct columns *columns, const char *sink, const struct relay_cursor *c, uint64_t newest)
{
    columns_text(columns, sink);
    if (c->has_drops) {
        columns_format(columns, "%" PRIu64 ".%" PRIu64, c->epoch, c->n);
        columns_number(columns, lag_of(c, newest));
    } else {
        columns_text(columns, "");
        columns_text(columns, "");
    }
    columns_number(columns, c->revision);
    columns_number(columns, c->delivered);
    columns_number(columns, c->refused);
    columns_number(columns, c->missing);
    columns_format(columns, "%" PRId64 " s", (relay_wall_ns() - c->stored_ns) / 1000000000);
}

/* False, and said: one of them is damaged. */
static bool
show(const char *dir, const struct svec *sinks, uint64_t newest, bool structured)
{
    struct columns columns;
    json_t *all = json_array();
    bool good = true;

    columns_init(&columns, "SINK DROPS >LAG >INCIDENTS >DELIVERED >REFUSED >MISSING >STORED");
    for (size_t i = 0; i < sinks->n; i++) {
        struct relay_cursor c;
        int rc;

        relay_cursor_init(&c);
        rc = relay_cursor_load(&c, dir, sinks->names[i]);
        if (rc) {
            ctl_error("%s/%s%s: %s", dir, sinks->names[i], SUFFIX,
                      rc == EINVAL ? "it is damaged" : ovs_strerror(rc));
            good = false;
        } else {
            add_row(&columns, sinks->names[i], &c, newest);
            json_array_append_new(all, to_json(sinks->names[i], &c, newest));
        }
        relay_cursor_destroy(&c);
    }
    if (structured) {
        output_value(all);
        columns_destroy(&columns);
    } else {
        columns_print(&columns);
    }
    json_decref(all);
    return good;
}

int
relay_status(struct ctl *ctl, const char *dir)
{
    struct svec sinks = SVEC_EMPTY_INITIALIZER;
    int rc = list_sinks(dir, &sinks);
    bool good;

    if (rc) {
        ctl_error("%s: %s", dir, ovs_strerror(rc));
        return CTL_USAGE;
    }
    good = show(dir, &sinks, ask_newest(ctl), ctl->structured);
    svec_destroy(&sinks);
    return good ? CTL_OK : CTL_REFUSED;
}
