#include "status_file.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int status_file_check(const struct status_file *status_file, struct error *error)
{
    if (status_file->path == NULL) {
        return 0;
    }
    char path[PATH_MAX];
    if (strlen(status_file->path) + sizeof ".2147483647" > sizeof path) {
        return error_set(error, "status file: the path is longer than %d bytes", PATH_MAX - 12);
    }
    struct stat status;
    if (stat(status_file->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return error_set(error, "cannot write status file %s: it is %s", status_file->path,
                         S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    }
    snprintf(path, sizeof path, "%s", status_file->path);
    const char *directory = dirname(path);
    char inside[PATH_MAX + 2];
    snprintf(inside, sizeof inside, "%s/.", directory); /* of a file, this is not a directory */
    if (access(inside, W_OK | X_OK) != 0) {
        return error_set(error, "cannot write status file %s: directory %s: %s", status_file->path,
                         directory, strerror(errno));
    }
    return 0;
}

static int write_new_file(const char *path, const char *text, size_t length, struct stat *status)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || fstat(fd, status) != 0) {
        return -1;
    }
    ssize_t written = length > 0 ? write(fd, text, length) : 0;
    if (written >= 0 && (size_t)written < length) {
        errno = ENOSPC;
        written = -1;
    }
    return written < 0 ? -1 : 0;
}

/* A newer supervisor may have taken the path. */
static bool is_somebody_elses(const struct status_file *status_file)
{
    struct stat status;
    return status_file->is_written && lstat(status_file->path, &status) == 0 &&
           (status.st_dev != status_file->device || status.st_ino != status_file->inode);
}

int status_file_write(struct status_file *status_file, const char *text, size_t length,
                      struct error *error)
{
    if (status_file->path == NULL || status_file->is_lost) {
        return 0;
    }
    if (is_somebody_elses(status_file)) {
        status_file->is_lost = true;
        return error_set(error, "status file %s: somebody else has put another in its place",
                         status_file->path);
    }
    char temporary[PATH_MAX];
    snprintf(temporary, sizeof temporary, "%s.%d", status_file->path, (int)getpid());
    struct stat status;
    if (write_new_file(temporary, text, length, &status) != 0 ||
        rename(temporary, status_file->path) != 0) {
        int reason = errno;
        unlink(temporary);
        return error_set(error, "cannot write status file %s: %s", status_file->path,
                         strerror(reason));
    }
    status_file->is_written = true;
    status_file->device = status.st_dev;
    status_file->inode = status.st_ino;
    return 0;
}

void status_file_remove(struct status_file *status_file)
{
    if (status_file->is_written && !is_somebody_elses(status_file)) {
        unlink(status_file->path);
    }
    status_file->is_written = false;
}
