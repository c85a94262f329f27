#include "status_file.h"

#include "descriptor.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* --- the check -------------------------------------------------------------------------------- */

static int check_kind(const struct status_file *status_file, const struct trusted_place *place,
                      struct error *error)
{
    struct stat status;
    if (fstatat(place->directory, place->name, &status, 0) != 0 || S_ISREG(status.st_mode)) {
        return 0;
    }
    return error_set(error, "cannot write status file %s: it is %s", status_file->path,
                     S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
}

int status_file_check(const struct status_file *status_file, struct error *error)
{
    AUTO_PLACE struct trusted_place place = {.directory = -1};
    struct error reason;
    if (status_file->path == NULL) {
        return 0;
    }
    if (trusted_find_entry(status_file->path, &place, &reason) != 0) {
        return error_set(error, "cannot write status file %.200s: its directory: %.250s",
                         status_file->path, reason.text);
    }
    if (check_kind(status_file, &place, error) != 0) {
        return -1;
    }
    if (faccessat(place.directory, ".", W_OK | X_OK, 0) != 0) {
        return error_set(error, "cannot write status file %s: its directory: %s", status_file->path,
                         strerror(errno));
    }
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* What is there is ours, or was there before us. */
static bool is_somebody_elses(const struct status_file *status_file,
                              const struct trusted_place *place)
{
    struct stat status;
    return status_file->is_written &&
           fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           (status.st_dev != status_file->device || status.st_ino != status_file->inode);
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written == 0) {
            errno = ENOSPC;
        }
        if (written <= 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* A name that nobody can know before. */
static void make_name(const struct trusted_place *place, char *name, size_t size)
{
    uint64_t random = 0;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    snprintf(name, size, "%.*s.%016" PRIx64, (int)size - 18, place->name, random);
}

/* Returns 0, or -1 with errno; then nothing is left behind. */
static int replace(struct status_file *status_file, const struct trusted_place *place,
                   const char *text, size_t length)
{
    char name[NAME_MAX + 1];
    struct stat status;
    make_name(place, name, sizeof name);
    AUTO_CLOSE int fd = openat(place->directory, name, NEW_FILE, 0644);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &status) != 0 || write_all(fd, text, length) != 0 ||
        renameat(place->directory, name, place->directory, place->name) != 0) {
        int reason = errno;
        unlinkat(place->directory, name, 0);
        errno = reason;
        return -1;
    }
    status_file->is_written = true;
    status_file->device = status.st_dev;
    status_file->inode = status.st_ino;
    return 0;
}

static void remove_stale(struct status_file *status_file, const struct trusted_place *place)
{
    int reason = errno;
    struct stat status;
    if (fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode) && unlinkat(place->directory, place->name, 0) == 0) {
        status_file->is_written = false;
    }
    errno = reason;
}

static int fail(struct status_file *status_file, const char *reason, struct error *error)
{
    status_file->is_behind = true;
    return error_set(error, "cannot write status file %.200s: %.250s", status_file->path, reason);
}

int status_file_write(struct status_file *status_file, const char *text, size_t length,
                      struct error *error)
{
    AUTO_PLACE struct trusted_place place = {.directory = -1};
    struct error reason;
    if (status_file->path == NULL || status_file->is_lost) {
        return 0;
    }
    if (trusted_find_entry(status_file->path, &place, &reason) != 0) {
        return fail(status_file, reason.text, error);
    }
    if (is_somebody_elses(status_file, &place)) {
        status_file->is_lost = true;
        status_file->is_behind = false;
        return error_set(error, "status file %s: another process replaced it", status_file->path);
    }
    if (replace(status_file, &place, text, length) != 0) {
        remove_stale(status_file, &place);
        if (replace(status_file, &place, text, length) != 0) {
            return fail(status_file, strerror(errno), error);
        }
    }
    status_file->is_behind = false;
    return 0;
}

void status_file_remove(struct status_file *status_file)
{
    if (status_file->is_written) {
        (void)trusted_remove(status_file->path, status_file->device, status_file->inode);
    }
    status_file->is_written = false;
}

/* --- reading ---------------------------------------------------------------------------------- */

int status_file_read(const char *path, struct status_generations *generations, struct error *error)
{
    struct error reason;
    int fd = trusted_open(path, O_RDONLY, 0, &reason);
    AUTO_FCLOSE FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (file == NULL) {
        error_set(error, "cannot open status file %.200s: %.250s", path,
                  fd < 0 ? reason.text : strerror(errno));
        descriptor_close(&fd);
        return -1;
    }
    *generations = (struct status_generations){.count = 0};
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
