/* The audit log: its chain over files and restarts, a full disk, and what damage does. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/audit_log.h"
#include "proto/audit_chain.h"
#include "tests/unit/control/suites.h"
#include "util.h"

#define MIB (1u << 20)

static char dir[] = "/tmp/fusuma-audit.XXXXXX";
static char path[64];

static int
setup(void)
{
    if (!mkdtemp(dir)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/audit.log", dir);
    return 0;
}

static void
remove_files(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    if (!d) {
        return; /* called outside of tests, too, where nothing can be asserted */
    }
    while ((e = readdir(d))) {
        unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}

static int
teardown(void)
{
    remove_files();
    return rmdir(dir);
}

static struct audit_log *
opened(size_t max_bytes)
{
    struct audit_log *log;
    char *error = NULL;
    int retval = audit_log_open(dir, max_bytes, NULL, NULL, &log, &error);

    if (retval) {
        expect_text(error, "no error");
    }
    CU_ASSERT_EQUAL_FATAL(retval, 0);
    return log;
}

static uint64_t
append(struct audit_log *log, const char *event)
{
    json_t *entry = audit_entry(event);
    uint64_t seq = 0;

    CU_ASSERT_EQUAL(audit_log_append(log, entry, false, &seq, NULL), 0);
    json_decref(entry);
    return seq;
}

static void
scan(const char *file, struct audit_scan *s)
{
    FILE *stream = fopen(file, "r");

    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    CU_ASSERT_EQUAL(audit_chain_scan(stream, 0, s, NULL, NULL), 0);
    fclose(stream);
    audit_scan_destroy(s);
}

static void
expect_whole(uint64_t first, uint64_t last, uint64_t torn)
{
    struct audit_scan s;

    scan(path, &s);
    CU_ASSERT_EQUAL(s.bad_line, 0);
    CU_ASSERT_EQUAL(s.first_seq, first);
    CU_ASSERT_EQUAL(s.seq, last);
    CU_ASSERT_EQUAL(s.n_torn, torn);
    CU_ASSERT_EQUAL(s.torn_len, 0);
}

static void
test_goes_on(void)
{
    struct audit_log *log = opened(MIB);
    struct stat st;

    CU_ASSERT_EQUAL(append(log, "start"), 2);
    CU_ASSERT_EQUAL(append(log, "request"), 3);
    audit_log_close(log);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    log = opened(MIB);
    CU_ASSERT_EQUAL(append(log, "start"), 4);
    audit_log_close(log);
    expect_whole(1, 4, 0);
    remove_files();
}

static void
test_rotation(void)
{
    struct audit_log *log = opened(1000);
    struct audit_scan before, s;
    char hash[AUDIT_HASH_LEN + 1] = AUDIT_NO_HASH;
    uint64_t seq = 0, first = 1;
    char *file;
    size_t n = 0;

    for (int i = 0; i < 40; i++) {
        seq = append(log, "request");
    }
    audit_log_close(log);
    /* Every file goes on from the one before it. */
    while (first <= seq) {
        file = xasprintf("%s.%012" PRIu64, path, first);
        scan(access(file, F_OK) ? path : file, &s);
        CU_ASSERT_EQUAL(s.bad_line, 0);
        CU_ASSERT_EQUAL(s.first_seq, first);
        CU_ASSERT_STRING_EQUAL(s.prev, hash);
        strcpy(hash, s.hash);
        before = s;
        free(file);
        CU_ASSERT_TRUE_FATAL(s.seq >= first);
        first = s.seq + 1;
        n++;
    }
    CU_ASSERT_EQUAL(before.seq, seq);
    CU_ASSERT_TRUE(n > 4);

    /* Killed between the renaming and the new file, of which there was no head. */
    unlink(path);
    file = xasprintf("%s/audit.head", dir);
    CU_ASSERT_EQUAL(unlink(file), 0);
    free(file);
    log = opened(1000);
    audit_log_close(log);
    scan(path, &s);
    CU_ASSERT_EQUAL(s.first_seq, before.first_seq);
    remove_files();
}

/* The election id is text: JSON's integers are too small for it. */
static void
elect(struct audit_log *log, const char *id)
{
    json_t *entry = audit_entry("request");

    json_object_set_new(entry, "election", json_string(id));
    CU_ASSERT_EQUAL(audit_log_append(log, entry, true, NULL, NULL), 0);
    json_decref(entry);
}

static void
test_election(void)
{
    struct audit_log *log = opened(400);

    CU_ASSERT_EQUAL(audit_log_election(log), 0);
    elect(log, "18446744073709551615");
    elect(log, "3");
    for (int i = 0; i < 10; i++) { /* over several files */
        append(log, "request");
    }
    audit_log_close(log);
    log = opened(400);
    CU_ASSERT_EQUAL(audit_log_election(log), UINT64_MAX);
    audit_log_close(log);
    remove_files();
}

static void
append_bytes(const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_APPEND);

    CU_ASSERT_EQUAL(write(fd, bytes, n), (ssize_t) n);
    close(fd);
}

static void
test_torn(void)
{
    struct audit_log *log = opened(MIB);
    struct audit_scan s;
    struct stat st;

    append(log, "start");
    audit_log_close(log);
    append_bytes("{\"seq\":3,\"x\0\xff", 13);
    scan(path, &s);
    CU_ASSERT_EQUAL(s.torn_len, 13);
    CU_ASSERT_EQUAL(s.seq, 2);
    log = opened(MIB);
    CU_ASSERT_EQUAL(append(log, "start"), 4); /* 3 is about the torn one */
    audit_log_close(log);
    expect_whole(1, 4, 1);

    /* All of it but its newline. */
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(truncate(path, st.st_size - 1), 0);
    log = opened(MIB);
    CU_ASSERT_EQUAL(append(log, "start"), 5);
    audit_log_close(log);
    expect_whole(1, 5, 1);

    /* What is torn and not told of is not whole, even if it looks like a line. */
    append_bytes("{}\n", 3);
    scan(path, &s);
    CU_ASSERT_EQUAL(s.bad_line, 7);
    remove_files();
}

/* A write that does not fit is taken back; what got lost is said when there is room. */
static void
test_full(void)
{
    struct rlimit old, tight;
    struct audit_log *log = opened(MIB);
    json_t *entry = audit_entry("result");
    struct stat st;
    char *lines = NULL;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    append(log, "start");
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = st.st_size + 20;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(audit_log_append(log, entry, true, NULL, NULL), EFBIG);
    }
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(audit_log_append(log, entry, true, NULL, &lines), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
    CU_ASSERT_PTR_NOT_NULL(strstr(lines, "\"lost\":3,"));
    free(lines);
    json_decref(entry);
    CU_ASSERT_EQUAL(append(log, "start"), 4);
    audit_log_close(log);
    expect_whole(1, 4, 0);
    remove_files();
}

static void
count(const char *line, void *n)
{
    CU_ASSERT_EQUAL(line[0], '{');
    CU_ASSERT_EQUAL(line[strlen(line) - 1], '}');
    ++*(int *) n;
}

/* Without its last 'n' lines. */
static void
cut_lines(unsigned n)
{
    char text[4096], *end;
    int fd = open(path, O_RDWR);
    ssize_t size = read(fd, text, sizeof text - 1);

    CU_ASSERT_TRUE_FATAL(size > 0);
    text[size] = '\0';
    for (end = text + size; n-- > 0;) {
        *--end = '\0'; /* its newline */
        end = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
    }
    CU_ASSERT_EQUAL(ftruncate(fd, end - text), 0);
    close(fd);
}

static void
count_aside(unsigned want)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    unsigned n = 0;

    while ((e = readdir(d))) {
        n += strstr(e->d_name, "damaged") != NULL;
    }
    closedir(d);
    CU_ASSERT_EQUAL(n, want);
}

static void
test_damaged(void)
{
    struct audit_log *log = opened(MIB);
    struct audit_scan s;
    char *error = NULL;
    int fd, n = 0;

    append(log, "start");
    append(log, "request");
    append(log, "result");
    audit_log_close(log);
    fd = open(path, O_RDWR);
    CU_ASSERT_EQUAL(pwrite(fd, "#", 1, 300), 1); /* in the second line */
    close(fd);
    scan(path, &s);
    CU_ASSERT_EQUAL(s.bad_line, 2);
    CU_ASSERT_EQUAL_FATAL(audit_log_open(dir, MIB, count, &n, &log, &error), 0);
    CU_ASSERT_EQUAL(n, 2); /* what was good of the old one, and the new one's beginning */
    CU_ASSERT_EQUAL(append(log, "start"), 3);
    audit_log_close(log);
    expect_whole(2, 3, 0);
    count_aside(1);
    log = opened(MIB); /* whose end is not the damaged one's */
    audit_log_close(log);
    count_aside(1);
    remove_files();
}

static void
keep_last(const char *line, void *text)
{
    snprintf(text, 1024, "%s", line);
}

/* The log is taken up and its new file's first line is about what is missing; once. */
static void
expect_missed(uint64_t last, const char *why, unsigned aside)
{
    char line[1024] = "", *error = NULL;
    struct audit_log *log;

    CU_ASSERT_EQUAL_FATAL(audit_log_open(dir, MIB, keep_last, line, &log, &error), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "\"event\":\"begin\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, why));
    count_aside(aside);
    audit_log_close(log);
    expect_whole(last + 1, last + 1, 0); /* no seq is given twice */
    log = opened(MIB);
    CU_ASSERT_EQUAL(append(log, "start"), last + 2);
    audit_log_close(log);
    expect_whole(last + 1, last + 2, 0);
    count_aside(aside);
    remove_files();
}

static void
write_log(void)
{
    struct audit_log *log = opened(MIB);

    append(log, "start");
    append(log, "request");
    append(log, "result");
    audit_log_close(log);
}

static void
test_end_cut_off(void)
{
    const char *why = "its end is cut off: lines up to 4 were written, and it ends at ";
    char *head = xasprintf("%s/audit.head", dir), *kept = xasprintf("%s/kept", dir);
    struct audit_log *log;

    for (unsigned n = 1; n <= 3; n++) {
        write_log();
        cut_lines(n);
        expect_missed(4, why, 1);
    }
    write_log();
    cut_lines(4); /* an empty file */
    expect_missed(4, why, 0);
    write_log();
    CU_ASSERT_EQUAL(unlink(path), 0);
    expect_missed(4, why, 0);

    /* The same number of lines, and well chained, but others. */
    write_log();
    cut_lines(1);
    CU_ASSERT_EQUAL(rename(head, kept), 0);
    log = opened(MIB);
    append(log, "forged");
    audit_log_close(log);
    CU_ASSERT_EQUAL(rename(kept, head), 0);
    expect_missed(4, "line 4 is not the one that the switch has written", 1);

    /* A head that is none says nothing; nor does none. */
    write_log();
    CU_ASSERT_EQUAL(truncate(head, 30), 0);
    log = opened(MIB);
    CU_ASSERT_EQUAL(append(log, "start"), 5);
    audit_log_close(log);
    CU_ASSERT_EQUAL(unlink(head), 0);
    log = opened(MIB);
    CU_ASSERT_EQUAL(append(log, "start"), 6);
    audit_log_close(log);
    expect_whole(1, 6, 0);
    count_aside(0);
    remove_files();
    free(kept);
    free(head);
}

static void
test_cannot_open(void)
{
    struct audit_log *log;
    char *error = NULL, *want = xasprintf("%s: Is a directory", path);

    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    CU_ASSERT_EQUAL(audit_log_open(dir, MIB, NULL, NULL, &log, &error), EISDIR);
    expect_text(error, want);
    CU_ASSERT_PTR_NULL(log);
    free(error);
    free(want);
    rmdir(path);
}

CU_SuiteInfo
audit_log_suite(void)
{
    static CU_TestInfo tests[] = {
        { "the chain goes on after a restart", test_goes_on },
        { "the chain goes on in the next file", test_rotation },
        { "the highest election id is kept", test_election },
        { "a torn line", test_torn },
        { "a full disk", test_full },
        { "a damaged file is kept aside", test_damaged },
        { "an end that is cut off is missed", test_end_cut_off },
        { "a file that cannot be opened", test_cannot_open },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "audit log", setup, teardown, NULL, NULL, tests };
}
