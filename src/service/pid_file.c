#include "pid_file.h"

#include "descriptor.h"
#include "lock_holder.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PID_FILE_MODE 0644
/* How often it is tried to take the file from those who have no right to it, and how long is waited
   for somebody who only looks. */
enum { ATTEMPTS = 20, PAUSE_NS = 10000000 };

pid_t pid_file_read(int fd)
{
    char text[32];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0) {
        return -1;
    }
    text[size] = '\0';
    char *end;
    long pid = strtol(text, &end, 10);
    return end > text && (*end == '\n' || *end == '\0') && pid > 0 && pid <= INT_MAX ? (pid_t)pid
                                                                                     : -1;
}

/* A device or a FIFO could be locked as well, and would be removed at the end: /dev/null, say. */
static int check_regular(int fd, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return error_set(error, "cannot open pid file %s: %s", path, strerror(errno));
    }
    return S_ISREG(status.st_mode) ? 0
                                   : error_set(error, "pid file %s: expected a regular file", path);
}

int pid_file_open(const char *path, int flags, struct error *error)
{
    struct error reason;
    int fd = trusted_open(path, flags, PID_FILE_MODE, &reason);
    if (fd < 0) {
        return error_set(error, "cannot open pid file %.200s: %.280s", path, reason.text);
    }
    if (check_regular(fd, path, error) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Removes the file that `fd` has open, unless there is another in its place by now. Returns 0 when
   it is there no longer. */
static int remove_opened(int fd, const char *path)
{
    struct stat opened;
    return fstat(fd, &opened) == 0 ? trusted_remove(path, opened.st_dev, opened.st_ino) : -1;
}

/* The supervisor before us may have removed the file between our open and our lock. */
static bool is_still_named(int fd, const char *path)
{
    struct stat opened;
    struct stat named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static bool is_of_another_user(int fd)
{
    struct stat status;
    return fstat(fd, &status) != 0 || !trusted_user(status.st_uid);
}

/* --- taking it --------------------------------------------------------------------------------
 */

enum attempt { TAKEN, TRY_AGAIN, REFUSED };

/* Whoever can read the file can lock it. Only a supervisor's lock is one: that of the process which
   the file names, or, while its pid is not written yet, one of a user who may run it. A client that
   looks whether the file is locked holds it for a moment. */
static enum attempt refuse_lock(int fd, const char *path, struct error *error)
{
    pid_t pid = pid_file_read(fd);
    if (pid > 0 && lock_holder_is(fd, pid) != LOCK_HOLDER_NO) {
        error_set(error, "pid file %s is locked by a running supervisor, pid %d", path, (int)pid);
        return REFUSED;
    }
    if (lock_holder_is_trusted(fd) != LOCK_HOLDER_NO) {
        error_set(error, "pid file %s is locked by a running supervisor", path);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        return TRY_AGAIN;
    }
    if (remove_opened(fd, path) != 0) {
        error_set(error,
                  "pid file %s is locked by a process of another user (expected a supervisor)",
                  path);
        return REFUSED;
    }
    return TRY_AGAIN;
}

/* What another user has made, that user can write to: it is replaced. */
static enum attempt replace(int fd, const char *path, struct error *error)
{
    if (remove_opened(fd, path) == 0) {
        return TRY_AGAIN;
    }
    error_set(error, "pid file %s belongs to another user, and tasuki cannot replace it: %s", path,
              strerror(errno));
    return REFUSED;
}

static enum attempt try_lock(int fd, const char *path, struct error *error)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return refuse_lock(fd, path, error);
        }
        error_set(error, "cannot lock pid file %s: %s", path, strerror(errno));
        return REFUSED;
    }
    if (!is_still_named(fd, path)) {
        return TRY_AGAIN;
    }
    return is_of_another_user(fd) ? replace(fd, path, error) : TAKEN;
}

int pid_file_acquire(struct pid_file *pid_file, const char *path, struct error *error)
{
    *pid_file = (struct pid_file){.path = path, .fd = -1};
    error_set(error, "cannot lock pid file %s: another process keeps replacing it", path);
    for (int i = 0; i < ATTEMPTS; i++) {
        int fd = pid_file_open(path, O_RDWR | O_CREAT, error);
        if (fd < 0) {
            return -1;
        }
        enum attempt attempt = try_lock(fd, path, error);
        if (attempt == TAKEN) {
            pid_file->fd = fd;
            /* Until the new pid is written, nobody must signal the one of a dead supervisor. */
            return ftruncate(fd, 0) == 0
                       ? 0
                       : error_set(error, "cannot write pid file %s: %s", path, strerror(errno));
        }
        close(fd);
        if (attempt == REFUSED) {
            return -1;
        }
    }
    return -1;
}

int pid_file_write(struct pid_file *pid_file, struct error *error)
{
    if (pid_file->fd < 0) {
        return 0;
    }
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(pid_file->fd, 0) != 0 ||
        pwrite(pid_file->fd, text, (size_t)length, 0) != (ssize_t)length) {
        return error_set(error, "cannot write pid file %s: %s", pid_file->path, strerror(errno));
    }
    return 0;
}

void pid_file_release(struct pid_file *pid_file)
{
    if (pid_file->fd < 0) {
        return;
    }
    (void)remove_opened(pid_file->fd, pid_file->path);
    close(pid_file->fd);
    pid_file->fd = -1;
}
