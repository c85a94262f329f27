#include "file_client.h"

#include "descriptor.h"
#include "pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
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
    int fd;    /* of the pid file */
    pid_t pid; /* of the supervisor */
};

static void close_target(struct target *target)
{
    descriptor_close(&target->fd);
}

/* The lock tells whether the supervisor lives: without it, the pid may be another process's. */
static int find_supervisor(struct target *target, struct error *error)
{
    target->fd = open(target->path, O_RDWR | O_CLOEXEC);
    if (target->fd < 0 && (errno == EACCES || errno == EROFS)) {
        target->fd = open(target->path, O_RDONLY | O_CLOEXEC);
    }
    if (target->fd < 0) {
        return error_set(error, "cannot open pid file %s: %s", target->path, strerror(errno));
    }
    if (flock(target->fd, LOCK_SH | LOCK_NB) == 0) {
        return error_set(error, "no supervisor is running: pid file %s is not locked",
                         target->path);
    }
    target->pid = pid_file_read(target->fd);
    if (target->pid <= 0) {
        return error_set(error, "pid file %s: expected a pid in it", target->path);
    }
    return 0;
}

static int send_signal(const struct target *target, int signal, const char *name,
                       struct error *error)
{
    if (kill(target->pid, signal) != 0) {
        return error_set(error, "cannot send %s to the supervisor, pid %d: %s", name,
                         (int)target->pid, strerror(errno));
    }
    return 0;
}

/* --- the status file ---------------------------------------------------------------------------
 */

struct generations {
    uint64_t newest;
    size_t count;
};

static int read_generations(const char *path, struct generations *generations, struct error *error)
{
    AUTO_FCLOSE FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(error, "cannot open status file %s: %s", path, strerror(errno));
    }
    *generations = (struct generations){.count = 0};
    char line[128];
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t number;
        char colon;
        if (sscanf(line, "%" SCNu64 "%c", &number, &colon) == 2 && colon == ':') {
            generations->count++;
            generations->newest = number > generations->newest ? number : generations->newest;
        }
    }
    return 0;
}

/* --- waiting -----------------------------------------------------------------------------------
 */

struct watch {
    int changes; /* inotify(7) on the status file's directory; -1: cannot be had */
    int end;     /* pidfd of the supervisor; -1: cannot be had */
};

static void close_watch(struct watch *watch)
{
    descriptor_close(&watch->changes);
    descriptor_close(&watch->end);
}

static struct watch start_watch(const char *status_file, pid_t pid)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", status_file);
    struct watch watch = {.changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
                          .end = (int)syscall(SYS_pidfd_open, pid, 0)};
    if (watch.changes >= 0 &&
        inotify_add_watch(watch.changes, dirname(path), IN_MOVED_TO | IN_DELETE) < 0) {
        close(watch.changes);
        watch.changes = -1;
    }
    return watch;
}

/* Returns when something may have changed; true if the supervisor has ended. */
static bool wait_for_change(const struct watch *watch, pid_t pid)
{
    struct pollfd polled[] = {{.fd = watch->changes, .events = POLLIN},
                              {.fd = watch->end, .events = POLLIN}};
    bool is_announced = watch->changes >= 0 && watch->end >= 0;
    (void)poll(polled, 2, is_announced ? ANNOUNCED_POLL_MS : POLL_MS);
    char events[4096];
    while (watch->changes >= 0 && read(watch->changes, events, sizeof events) > 0) {
    }
    if (watch->end >= 0) {
        return (polled[1].revents & POLLIN) != 0;
    }
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* --- requests ----------------------------------------------------------------------------------
 */

static int read_generations_before(const char *status_file, struct generations *before,
                                   struct error *error)
{
    if (read_generations(status_file, before, error) != 0) {
        return -1;
    }
    return before->count > 0 ? 0
                             : error_set(error, "status file %s lists no generation", status_file);
}

int file_client_find(const char *pid_file, const char *status_file, pid_t *pid, struct error *error)
{
    __attribute__((cleanup(close_target))) struct target target = {.path = pid_file, .fd = -1};
    struct generations before;
    if (find_supervisor(&target, error) != 0 ||
        read_generations_before(status_file, &before, error) != 0) {
        return -1;
    }
    *pid = target.pid;
    return 0;
}

int file_client_restart(const char *pid_file, const char *status_file, struct error *error)
{
    __attribute__((cleanup(close_target))) struct target target = {.path = pid_file, .fd = -1};
    if (find_supervisor(&target, error) != 0) {
        return -1;
    }
    __attribute__((cleanup(close_watch))) struct watch watch = start_watch(status_file, target.pid);
    struct generations before = {.count = 0};
    if (read_generations_before(status_file, &before, error) != 0) {
        return -1;
    }
    if (send_signal(&target, SIGHUP, "HUP", error) != 0) {
        return -1;
    }
    bool has_ended = false;
    for (;;) {
        struct generations now = {.count = 0};
        if (read_generations(status_file, &now, error) == 0 && now.count == 1 &&
            now.newest > before.newest) {
            return 0;
        }
        if (has_ended) {
            return error_set(error,
                             "the supervisor, pid %d, ended before the new generation had "
                             "taken over",
                             (int)target.pid);
        }
        has_ended = wait_for_change(&watch, target.pid);
    }
}

int file_client_stop(const char *pid_file, struct error *error)
{
    __attribute__((cleanup(close_target))) struct target target = {.path = pid_file, .fd = -1};
    if (find_supervisor(&target, error) != 0 || send_signal(&target, SIGTERM, "TERM", error) != 0) {
        return -1;
    }
    while (flock(target.fd, LOCK_SH) != 0) {
        if (errno != EINTR) {
            return error_set(error, "cannot wait for pid file %s: %s", pid_file, strerror(errno));
        }
    }
    return 0;
}
