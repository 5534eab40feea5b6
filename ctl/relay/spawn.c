#include <config.h>

#include "ctl/relay/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/relay/clock.h"
#include "util.h"

extern char **environ;

/* Threads of ours block signals, and the relay ignores SIGPIPE: the program does neither. */
static void
set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, defaults;

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawnattr_init(attr);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &defaults);
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETPGROUP);
}

static int
start(char *const argv[], int input, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc;

    set_attributes(&attr);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    rc = posix_spawn(pid, argv[0], &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

static bool
wait_for(int fd, short events, int64_t until)
{
    struct pollfd p = { .fd = fd, .events = events };
    int64_t ms;
    int n;

    do {
        ms = until - relay_now_ms();
        n = ms > 0 ? poll(&p, 1, (int) ms) : 0;
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* A program need not read all that it is given. */
static void
feed(int fd, const char *input, size_t n, int64_t until)
{
    while (n && wait_for(fd, POLLOUT, until)) {
        ssize_t w = write(fd, input, n);

        if (w < 0 && errno != EAGAIN && errno != EINTR) {
            return;
        }
        input += w > 0 ? w : 0;
        n -= w > 0 ? (size_t) w : 0;
    }
}

/* Its status as waitpid() has it; '*late': it took too long. */
static int
reap(pid_t pid, int64_t until, bool *late)
{
    int fd = pidfd_open(pid, 0), status = 0;

    *late = fd >= 0 && !wait_for(fd, POLLIN, until);
    if (*late) {
        kill(-pid, SIGKILL);
    }
    if (fd >= 0) {
        close(fd);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        continue;
    }
    return status;
}

int
relay_spawn(char *const argv[], const char *input, size_t n, unsigned timeout_ms, char **why)
{
    int64_t until = relay_now_ms() + timeout_ms;
    int pipes[2], status, rc;
    bool late;
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC)) {
        *why = xasprintf("%s: %s", argv[0], ovs_strerror(errno));
        return -1;
    }
    rc = start(argv, pipes[0], &pid);
    close(pipes[0]);
    if (rc) {
        close(pipes[1]);
        *why = xasprintf("%s: %s", argv[0], ovs_strerror(rc));
        return -1;
    }
    fcntl(pipes[1], F_SETFL, O_NONBLOCK);
    feed(pipes[1], input, n, until);
    close(pipes[1]);
    status = reap(pid, until, &late);
    if (late) {
        *why =
            xasprintf("%s: it took longer than %g s and was killed", argv[0], timeout_ms / 1000.0);
        return -1;
    }
    if (!WIFEXITED(status)) {
        *why = xasprintf("%s: killed by signal %d", argv[0], WTERMSIG(status));
        return -1;
    }
    return WEXITSTATUS(status);
}
