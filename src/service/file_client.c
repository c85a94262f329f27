#include "file_client.h"

#include "descriptor.h"
#include "lock_holder.h"
#include "pid_file.h"
#include "status_file.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where nothing can tell of a change (no inotify, no pidfd), it is looked for this often. */
#define POLL_MS 100
/* A change that was not announced (a network file system) is found at last this late. */
#define ANNOUNCED_POLL_MS 1000

/* --- the supervisor ----------------------------------------------------------------------------
 */

struct target {
    const char *path;
    int fd;         /* of the pid file */
    pid_t pid;      /* of the supervisor */
    int process_fd; /* its pidfd: it means no other process later; -1: cannot be had */
};

#define AUTO_TARGET __attribute__((cleanup(close_target)))
#define NO_TARGET(file) ((struct target){.path = (file), .fd = -1, .process_fd = -1})

static void close_target(struct target *target)
{
    descriptor_close(&target->fd);
    descriptor_close(&target->process_fd);
}

static bool has_ended(const struct target *target)
{
    struct pollfd process = {.fd = target->process_fd, .events = POLLIN};
    if (target->process_fd >= 0) {
        return poll(&process, 1, 0) == 1;
    }
    return kill(target->pid, 0) != 0 && errno == ESRCH;
}

static int check_holder(const struct target *target, struct error *error)
{
    return lock_holder_is(target->fd, target->pid) != LOCK_HOLDER_NO
               ? 0
               : error_set(error,
                           "pid file %s names process %d, which does not hold its lock (expected "
                           "the supervisor)",
                           target->path, (int)target->pid);
}

/* Who writes a pid file may have signalled only what they could signal without it. */
static int check_owner(const struct target *target, struct error *error)
{
    char path[32];
    struct stat file;
    struct stat process;
    if (fstat(target->fd, &file) != 0 || trusted_user(file.st_uid)) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/%d", (int)target->pid);
    if (stat(path, &process) == 0 && process.st_uid == file.st_uid) {
        return 0;
    }
    return error_set(error,
                     "pid file %s belongs to user %u, but names process %d of another user "
                     "(expected a pid file of root or of that user)",
                     target->path, (unsigned)file.st_uid, (int)target->pid);
}

/* A pid may have become another process's, and a pid file may be written by anybody who owns its
   directory: the process is held first and looked at then. */
static int check_supervisor(const struct target *target, struct error *error)
{
    if (check_holder(target, error) != 0 || check_owner(target, error) != 0) {
        return -1;
    }
    return !has_ended(target)
               ? 0
               : error_set(error, "no supervisor is running: process %d in pid file %s has exited",
                           (int)target->pid, target->path);
}

/* The lock tells whether the supervisor lives. */
static int find_supervisor(struct target *target, struct error *error)
{
    target->fd = pid_file_open(target->path, O_RDONLY, error);
    if (target->fd < 0) {
        return -1;
    }
    if (flock(target->fd, LOCK_SH | LOCK_NB) == 0) {
        return error_set(error, "no supervisor is running: pid file %s is not locked",
                         target->path);
    }
    target->pid = pid_file_read(target->fd);
    if (target->pid <= 0) {
        return error_set(error, "pid file %s: expected a pid", target->path);
    }
    target->process_fd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    return check_supervisor(target, error);
}

static int send_signal(const struct target *target, int signal, const char *name,
                       struct error *error)
{
    long result = target->process_fd >= 0
                      ? syscall(SYS_pidfd_send_signal, target->process_fd, signal, NULL, 0)
                      : kill(target->pid, signal);
    if (result != 0) {
        return error_set(error, "cannot send %s to the supervisor, pid %d: %s", name,
                         (int)target->pid, strerror(errno));
    }
    return 0;
}

/* --- waiting -----------------------------------------------------------------------------------
 */

/* Returns an inotify(7) descriptor for the status file's directory; -1: cannot be had. */
static int watch_changes(const char *status_file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", status_file);
    int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (changes >= 0 && inotify_add_watch(changes, dirname(path), IN_MOVED_TO | IN_DELETE) < 0) {
        close(changes);
        return -1;
    }
    return changes;
}

/* Returns when something may have changed; true if the supervisor has ended. */
static bool wait_for_change(int changes, const struct target *target)
{
    struct pollfd polled[] = {{.fd = changes, .events = POLLIN},
                              {.fd = target->process_fd, .events = POLLIN}};
    bool is_announced = changes >= 0 && target->process_fd >= 0;
    (void)poll(polled, 2, is_announced ? ANNOUNCED_POLL_MS : POLL_MS);
    char events[4096];
    while (changes >= 0 && read(changes, events, sizeof events) > 0) {
    }
    return has_ended(target);
}

/* --- requests ----------------------------------------------------------------------------------
 */

static int read_before(const char *status_file, struct status_generations *before,
                       struct error *error)
{
    if (status_file_read(status_file, before, error) != 0) {
        return -1;
    }
    return before->count > 0 ? 0
                             : error_set(error, "status file %s lists no generation", status_file);
}

int file_client_find(const char *pid_file, const char *status_file, pid_t *pid, struct error *error)
{
    AUTO_TARGET struct target target = NO_TARGET(pid_file);
    struct status_generations before;
    if (find_supervisor(&target, error) != 0 || read_before(status_file, &before, error) != 0) {
        return -1;
    }
    *pid = target.pid;
    return 0;
}

int file_client_restart(const char *pid_file, const char *status_file, struct error *error)
{
    AUTO_TARGET struct target target = NO_TARGET(pid_file);
    if (find_supervisor(&target, error) != 0) {
        return -1;
    }
    AUTO_CLOSE int changes = watch_changes(status_file);
    struct status_generations before;
    if (read_before(status_file, &before, error) != 0 ||
        send_signal(&target, SIGHUP, "HUP", error) != 0) {
        return -1;
    }
    for (bool is_over = false;; is_over = wait_for_change(changes, &target)) {
        struct status_generations now;
        if (status_file_read(status_file, &now, error) == 0 && now.count == 1 &&
            now.newest > before.newest) {
            return 0;
        }
        if (is_over) {
            return error_set(error,
                             "the supervisor (pid %d) exited before the new generation was serving",
                             (int)target.pid);
        }
    }
}

/* Without a pidfd the lock tells, too, as long as nobody else takes it. */
static bool is_stopped(const struct target *target)
{
    return has_ended(target) ||
           (target->process_fd < 0 && flock(target->fd, LOCK_SH | LOCK_NB) == 0);
}

int file_client_stop(const char *pid_file, struct error *error)
{
    AUTO_TARGET struct target target = NO_TARGET(pid_file);
    if (find_supervisor(&target, error) != 0 || send_signal(&target, SIGTERM, "TERM", error) != 0) {
        return -1;
    }
    while (!is_stopped(&target)) {
        struct pollfd process = {.fd = target.process_fd, .events = POLLIN};
        (void)poll(&process, 1, target.process_fd >= 0 ? -1 : POLL_MS);
    }
    return 0;
}
