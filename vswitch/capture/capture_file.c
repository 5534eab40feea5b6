#include <config.h>

#include "capture/capture_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/pcapng.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(capture_file);

static const char *const state_names[] = { "opening", "running", "ended", "failed", "removed" };

int
capture_dir_open(const char *dir)
{
    return mkdir(dir, 0700) && errno != EEXIST ? errno : 0;
}

static char *
path_of(const char *dir, uint64_t id, const char *suffix)
{
    return xasprintf("%s/%" PRIu64 "%s", dir, id, suffix);
}

static int
write_all(int fd, const void *data, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t wrote = write(fd, (const char *) data + done, n - done);

        if (wrote < 0 && errno != EINTR) {
            return errno;
        }
        done += wrote > 0 ? wrote : 0;
    }
    return 0;
}

/* Whole or not at all, also when the power fails. */
static int
replace(const char *path, const char *text)
{
    char *temporary = xasprintf("%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : write_all(fd, text, strlen(text));

    if (fd >= 0) {
        error = error ? error : fsync(fd) ? errno : 0;
        close(fd);
    }
    if (!error && rename(temporary, path)) {
        error = errno;
    }
    if (error) {
        unlink(temporary);
    }
    free(temporary);
    return error;
}

/* ---- what is known of a capture ---- */

static json_t *
to_json(const struct capture_info *i)
{
    return json_pack(
        "{s:I, s:s, s:b, s:b, s:i, s:I, s:I, s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I}",
        "id", (json_int_t) i->id, "port", i->port, "only_dropped", i->only_dropped, "quarantine",
        i->quarantine, "snaplen", (int) i->snaplen, "limit_packets", (json_int_t) i->limits.packets,
        "limit_bytes", (json_int_t) i->limits.bytes, "limit_seconds", (int) i->limits.seconds,
        "who", i->who, "comment", i->comment, "started_us", (json_int_t) i->started_us, "ended_us",
        (json_int_t) i->ended_us, "state", state_names[i->state], "why", i->why, "packets",
        (json_int_t) i->packets, "bytes", (json_int_t) i->bytes, "lost", (json_int_t) i->lost);
}

int
capture_file_describe(const char *dir, const struct capture_info *i)
{
    char *path = path_of(dir, i->id, ".json");
    json_t *object = to_json(i);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    int error = text ? replace(path, text) : EINVAL;

    free(text);
    json_decref(object);
    free(path);
    return error;
}

static void
take_text(const json_t *object, const char *key, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));

    ovs_strlcpy(to, text ? text : "", size);
}

static uint64_t
take_number(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));

    return n > 0 ? n : 0;
}

static bool
from_json(const json_t *object, struct capture_info *i)
{
    const char *state = json_string_value(json_object_get(object, "state"));

    *i = (struct capture_info){ .id = take_number(object, "id"), .state = CAPTURE_RUNNING };
    take_text(object, "port", i->port, sizeof i->port);
    take_text(object, "who", i->who, sizeof i->who);
    take_text(object, "comment", i->comment, sizeof i->comment);
    take_text(object, "why", i->why, sizeof i->why);
    i->only_dropped = json_is_true(json_object_get(object, "only_dropped"));
    i->quarantine = json_is_true(json_object_get(object, "quarantine"));
    i->snaplen = take_number(object, "snaplen");
    i->limits.packets = take_number(object, "limit_packets");
    i->limits.bytes = take_number(object, "limit_bytes");
    i->limits.seconds = take_number(object, "limit_seconds");
    i->started_us = take_number(object, "started_us");
    i->ended_us = take_number(object, "ended_us");
    i->packets = take_number(object, "packets");
    i->bytes = take_number(object, "bytes");
    i->lost = take_number(object, "lost");
    for (size_t s = 0; state && s < ARRAY_SIZE(state_names); s++) {
        if (!strcmp(state, state_names[s])) {
            i->state = s;
        }
    }
    return i->id && i->port[0];
}

/* "12.json": 12; 0 for anything else. */
static uint64_t
id_of(const char *name)
{
    char *end;
    uint64_t id = strtoull(name, &end, 10);

    return name[0] >= '1' && name[0] <= '9' && !strcmp(end, ".json") ? id : 0;
}

static void
load_one(const char *dir, const char *name, void (*take)(const struct capture_info *, void *),
         void *aux)
{
    char *path = xasprintf("%s/%s", dir, name);
    struct capture_info info;
    json_error_t error;
    json_t *object = json_load_file(path, 0, &error);

    if (object && from_json(object, &info) && info.id == id_of(name)) {
        take(&info, aux);
    } else {
        VLOG_WARN("%s: this is no capture: %s", path, object ? "it has other members" : error.text);
    }
    json_decref(object);
    free(path);
}

void
capture_dir_load(const char *dir, void (*take)(const struct capture_info *, void *aux), void *aux)
{
    DIR *stream = opendir(dir);
    struct dirent *entry;

    while (stream && (entry = readdir(stream))) {
        if (id_of(entry->d_name)) {
            load_one(dir, entry->d_name, take, aux);
        }
    }
    if (stream) {
        closedir(stream);
    }
}

/* ---- ids ---- */

uint64_t
capture_dir_last_id(const char *dir)
{
    char *path = xasprintf("%s/last-id", dir), text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return n > 0 ? strtoull(text, NULL, 10) : 0;
}

int
capture_dir_put_last_id(const char *dir, uint64_t id)
{
    char *path = xasprintf("%s/last-id", dir), *text = xasprintf("%" PRIu64 "\n", id);
    int error = replace(path, text);

    free(text);
    free(path);
    return error;
}

/* ---- packets ---- */

static int
open_packets(const char *dir, uint64_t id, int flags)
{
    char *path = path_of(dir, id, ".pcapng");
    int fd = open(path, flags | O_CLOEXEC, 0600);

    free(path);
    return fd;
}

int
capture_file_create(const char *dir, uint64_t id, int *fd)
{
    *fd = open_packets(dir, id, O_RDWR | O_CREAT | O_EXCL);
    return *fd < 0 ? errno : 0;
}

int
capture_file_open(const char *dir, uint64_t id)
{
    return open_packets(dir, id, O_RDONLY);
}

int
capture_file_append(int fd, uint64_t at, const void *data, size_t n)
{
    int error = write_all(fd, data, n);

    if (error && (ftruncate(fd, at) || lseek(fd, at, SEEK_SET) < 0)) {
        VLOG_WARN("what was written of a block cannot be taken back: %s", ovs_strerror(errno));
    }
    return error;
}

static int
mend(int fd, struct capture_info *i)
{
    struct pcapng_whole whole;
    struct stat st;
    int error = 0;

    if (!pcapng_look(fd, &whole) || fstat(fd, &st)) {
        return errno;
    }
    i->ended_us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
    i->packets = whole.packets;
    i->bytes = whole.bytes;
    if (ftruncate(fd, whole.bytes) || lseek(fd, whole.bytes, SEEK_SET) < 0) {
        return errno;
    }
    if (!whole.ended) {
        const struct pcapng_statistics s = { .from_ns = i->started_us * UINT64_C(1000),
                                             .to_ns = i->ended_us * UINT64_C(1000),
                                             .received = whole.packets };
        struct ofpbuf *b = ofpbuf_new(PCAPNG_STATISTICS_SIZE);

        pcapng_statistics(b, &s);
        error = capture_file_append(fd, i->bytes, b->data, b->size);
        i->bytes += error ? 0 : b->size;
        ofpbuf_delete(b);
    }
    return error;
}

int
capture_file_mend(const char *dir, struct capture_info *i)
{
    int fd = open_packets(dir, i->id, O_RDWR);
    int error = fd < 0 ? errno : mend(fd, i);

    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int
unlink_one(const char *dir, uint64_t id, const char *suffix)
{
    char *path = path_of(dir, id, suffix);
    int error = unlink(path) && errno != ENOENT ? errno : 0;

    free(path);
    return error;
}

int
capture_file_remove_packets(const char *dir, uint64_t id)
{
    return unlink_one(dir, id, ".pcapng");
}

int
capture_file_remove(const char *dir, uint64_t id)
{
    int error = capture_file_remove_packets(dir, id);

    return error ? error : unlink_one(dir, id, ".json");
}
