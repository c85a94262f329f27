#include "daemon.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct daemon_result {
    int exit_status;
    char message[sizeof(((struct error *)0)->text)];
};

/* The report is shorter than PIPE_BUF, so it comes whole or not at all. */
static _Noreturn void await_report(int fd)
{
    struct daemon_result result;
    ssize_t got;
    do {
        got = read(fd, &result, sizeof result);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof result) {
        static const char text[] = "the background process exited before it was ready\n";
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
        _exit(1);
    }
    (void)!write(STDERR_FILENO, result.message, strnlen(result.message, sizeof result.message));
    _exit(result.exit_status);
}

static void read_from_null(void)
{
    AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
    }
}

int daemon_start(int *report_fd, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set(error, "cannot make a pipe to the background process: %s",
                         strerror(errno));
    }
    pid_t pid = fork();
    if (pid < 0) {
        return error_set(error, "cannot start the background process: %s", strerror(errno));
    }
    if (pid > 0) {
        close(ends[1]);
        await_report(ends[0]);
    }
    close(ends[0]);
    setsid();
    /* A second fork: not the session's leader, it can never be given a terminal. */
    if (fork() != 0) {
        _exit(0);
    }
    read_from_null();
    *report_fd = ends[1];
    return 0;
}

void daemon_report(int *report_fd, int exit_status, const char *message)
{
    if (*report_fd < 0) {
        return;
    }
    struct daemon_result result = {.exit_status = exit_status};
    strncpy(result.message, message, sizeof result.message - 1);
    (void)!write(*report_fd, &result, sizeof result);
    close(*report_fd);
    *report_fd = -1;
}
