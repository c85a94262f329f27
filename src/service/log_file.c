#include "log_file.h"

#include "ascii.h"
#include "descriptor.h"
#include "shell.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the end of the supervisor waits for the log command to read the rest. */
#define DRAIN_MS 2000

static const char *find_command(const char *target)
{
    while (ascii_is_space(*target)) {
        target++;
    }
    if (*target != '|') {
        return NULL;
    }
    for (target++; ascii_is_space(*target); target++) {
    }
    return target;
}

/* Without waiting: the open of a FIFO that nobody reads would never return. */
static int open_file(const char *path, struct error *error)
{
    struct error reason;
    int fd = trusted_open(path, O_WRONLY | O_APPEND | O_CREAT, 0666, &reason);
    if (fd < 0 && errno == ENXIO) {
        return error_set(error, "cannot open log file %s: no process reads this FIFO", path);
    }
    if (fd < 0) {
        return error_set(error, "cannot open log file %.200s: %.280s", path, reason.text);
    }
    fcntl(fd, F_SETFL, O_APPEND); /* the workers write as they are used to */
    return fd;
}

int log_file_open(struct log_file *log, const char *target, struct error *error)
{
    *log = (struct log_file){
        .target = target, .fd = -1, .reader_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    if (target == NULL) {
        return 0;
    }
    log->command = find_command(target);
    if (log->command == NULL) {
        log->fd = open_file(target, error);
        return log->fd >= 0 ? 0 : -1;
    }
    if (*log->command == '\0') {
        return error_set(error, "log file '%s': expected a command after the |", target);
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set(error, "cannot make a pipe for the log command: %s", strerror(errno));
    }
    log->reader_fd = ends[0];
    log->fd = ends[1];
    log->stdout_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    log->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (log->stdout_fd < 0 || log->stderr_fd < 0) {
        return error_set(error, "cannot keep the log command's output: %s", strerror(errno));
    }
    return 0;
}

void log_file_detach(struct log_file *log)
{
    AUTO_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (log->command != NULL && null >= 0) {
        (void)dup3(null, log->stdout_fd, O_CLOEXEC);
        (void)dup3(null, log->stderr_fd, O_CLOEXEC);
    }
}

static int redirect_to(int fd, const char *target, struct error *error)
{
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
        return error_set(error, "cannot redirect the output to %s: %s", target, strerror(errno));
    }
    return 0;
}

int log_file_redirect(struct log_file *log, struct error *error)
{
    if (log->target == NULL) {
        return 0;
    }
    int result = redirect_to(log->fd, log->target, error);
    close(log->fd);
    log->fd = -1;
    return result;
}

int log_file_start_command(struct log_file *log, struct error *error)
{
    if (log->command == NULL) {
        return 0;
    }
    const struct shell_command command = {.text = log->command,
                                          .environment = environ,
                                          .stdin_fd = log->reader_fd,
                                          .stdout_fd = log->stdout_fd,
                                          .stderr_fd = log->stderr_fd};
    struct error reason;
    return shell_spawn(&command, &log->command_pid, &reason) == 0
               ? 0
               : error_set(error, "cannot start the log command '%.150s': %.300s", log->command,
                           reason.text);
}

int log_file_reopen(struct log_file *log, struct error *error)
{
    if (log->target == NULL || log->command != NULL) {
        return 0;
    }
    AUTO_CLOSE int fd = open_file(log->target, error);
    return fd >= 0 ? redirect_to(fd, log->target, error) : -1;
}

/* The command ends by itself when the last writer has gone; a process that the workers left behind
   may still be one, so the wait has a bound. */
static void wait_for_command(pid_t pid)
{
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* glibc has it from 2.36 on */
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    if (pidfd >= 0) {
        (void)poll(&ended, 1, DRAIN_MS);
    }
    waitpid(pid, NULL, WNOHANG);
}

/* What was written while no command was running is not lost: one more is started to read it. */
static void start_last_command(struct log_file *log)
{
    struct pollfd pipe = {.fd = log->reader_fd, .events = POLLIN};
    if (log->command != NULL && log->command_pid == 0 && log->reader_fd >= 0 &&
        poll(&pipe, 1, 0) == 1) {
        (void)log_file_start_command(log, NULL);
    }
}

void log_file_close(struct log_file *log)
{
    start_last_command(log);
    int *const owned[] = {&log->fd, &log->reader_fd, &log->stdout_fd, &log->stderr_fd};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        descriptor_close(owned[i]);
        *owned[i] = -1;
    }
    if (log->command_pid <= 0) {
        return;
    }
    AUTO_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && redirect_to(null, "/dev/null", NULL) == 0) {
        wait_for_command(log->command_pid);
    }
    log->command_pid = 0;
}
