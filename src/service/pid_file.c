#include "pid_file.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int lock(int fd, const char *path, struct error *error)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return 0;
    }
    if (errno != EWOULDBLOCK) {
        return error_set(error, "cannot lock pid file %s: %s", path, strerror(errno));
    }
    pid_t pid = pid_file_read(fd);
    if (pid > 0) {
        return error_set(error, "pid file %s is locked by a running supervisor, pid %d", path,
                         (int)pid);
    }
    return error_set(error, "pid file %s is locked by a running supervisor", path);
}

/* A device or a FIFO could be locked as well, and would be removed at the end: /dev/null, say. */
static int check_regular(int fd, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return error_set(error, "cannot open pid file %s: %s", path, strerror(errno));
    }
    return S_ISREG(status.st_mode)
               ? 0
               : error_set(error, "pid file %s: expected a regular file or nothing there", path);
}

/* The supervisor before us may have removed the file between our open and our lock. */
static bool is_still_named(int fd, const char *path)
{
    struct stat opened;
    struct stat named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

int pid_file_acquire(struct pid_file *pid_file, const char *path, struct error *error)
{
    *pid_file = (struct pid_file){.path = path, .fd = -1};
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
        if (fd < 0) {
            return error_set(error, "cannot open pid file %s: %s", path, strerror(errno));
        }
        if (check_regular(fd, path, error) != 0 || lock(fd, path, error) != 0) {
            close(fd);
            return -1;
        }
        if (is_still_named(fd, path)) {
            pid_file->fd = fd;
            /* Until the new pid is written, nobody must signal the one of a dead supervisor. */
            return ftruncate(fd, 0) == 0
                       ? 0
                       : error_set(error, "cannot write pid file %s: %s", path, strerror(errno));
        }
        close(fd);
    }
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
    if (is_still_named(pid_file->fd, pid_file->path)) {
        unlink(pid_file->path);
    }
    close(pid_file->fd);
    pid_file->fd = -1;
}
