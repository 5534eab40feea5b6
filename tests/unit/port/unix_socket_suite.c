#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "port/unix_socket.h"
#include "tests/unit/port/suites.h"

static char folder[] = "/tmp/unix-socket-XXXXXX";
static char path[64];
static char reason[256];

static int
make_folder(void)
{
    if (!mkdtemp(folder)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/s", folder);
    return 0;
}

static int
remove_folder(void)
{
    return rmdir(folder);
}

static int
listen_at(const char *where)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(sun.sun_path, where);
    CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *) &sun, sizeof sun) && !listen(fd, 1));
    return fd;
}

static void
test_path(void)
{
    char name[200];

    memset(name, 'x', sizeof name);
    name[108] = '\0';
    CU_ASSERT_EQUAL(unix_socket_check(name, reason, sizeof reason), ENAMETOOLONG);
    CU_ASSERT_STRING_EQUAL(reason, "socket path is 108 bytes long, at most 107 are possible");
    name[107] = '\0';
    CU_ASSERT_EQUAL(unix_socket_check(name, reason, sizeof reason), 0);
    name[106] = '/';
    CU_ASSERT_EQUAL(unix_socket_check(name, reason, sizeof reason), ENOENT);
    CU_ASSERT_EQUAL(unix_socket_check("", reason, sizeof reason), EINVAL);
    CU_ASSERT_EQUAL(unix_socket_check(NULL, reason, sizeof reason), EINVAL);
    CU_ASSERT_EQUAL(unix_socket_check("/no/such/folder/s", reason, sizeof reason), ENOENT);
    CU_ASSERT_EQUAL(unix_socket_check(path, reason, sizeof reason), 0);
}

static void
test_stale(void)
{
    int fd = listen_at(path);

    CU_ASSERT_EQUAL(unix_socket_clear_stale(path, reason, sizeof reason), EADDRINUSE);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    close(fd);
    CU_ASSERT_EQUAL(unix_socket_clear_stale(path, reason, sizeof reason), 0);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(unix_socket_clear_stale(path, reason, sizeof reason), 0);
}

static void
test_not_a_socket(void)
{
    close(open(path, O_CREAT | O_WRONLY, 0600));
    CU_ASSERT_EQUAL(unix_socket_clear_stale(path, reason, sizeof reason), EEXIST);
    CU_ASSERT_EQUAL(unix_socket_check_peer(path, reason, sizeof reason), EEXIST);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* Who is to be connected to may not be there yet. */
static void
test_peer(void)
{
    int fd;

    CU_ASSERT_EQUAL(unix_socket_check_peer(path, reason, sizeof reason), 0);
    fd = listen_at(path);
    CU_ASSERT_EQUAL(unix_socket_check_peer(path, reason, sizeof reason), 0);
    close(fd);
    CU_ASSERT_EQUAL(unix_socket_check_peer(path, reason, sizeof reason), 0);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* A symlink is not followed: it is not ours to remove what it leads to. */
static void
test_symlink(void)
{
    CU_ASSERT_EQUAL_FATAL(symlink("/dev/null", path), 0);
    CU_ASSERT_EQUAL(unix_socket_clear_stale(path, reason, sizeof reason), EEXIST);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

void
suite_unix_socket(void)
{
    CU_pSuite s = CU_add_suite("unix_socket", make_folder, remove_folder);

    CU_add_test(s, "path", test_path);
    CU_add_test(s, "stale", test_stale);
    CU_add_test(s, "not a socket", test_not_a_socket);
    CU_add_test(s, "peer", test_peer);
    CU_add_test(s, "symlink", test_symlink);
}
