#include "envdir.h"

#include "descriptor.h"
#include "trusted_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The longest value: Linux takes no longer string in an environment (MAX_ARG_STRLEN, execve(2)). */
#define VALUE_MAX (128 * 1024 - 256)

static ssize_t read_all(int fd, char *buffer, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, buffer + length, size - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    return (ssize_t)length;
}

char *envdir_parse_value(char *buffer, size_t size)
{
    if (size == 0) {
        return NULL;
    }
    buffer[size] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
    return buffer;
}

static int read_variable(int directory, const char *name, struct environment *environment,
                         struct error *error)
{
    static char buffer[VALUE_MAX + 1]; /* too large for the stack; untouched pages cost nothing */
    struct error reason;
    AUTO_CLOSE int fd = trusted_open_at(directory, name, O_RDONLY, 0, &reason);
    if (fd < 0) {
        return error_set(error, "%.100s: %.300s", name, reason.text);
    }
    ssize_t size = read_all(fd, buffer, VALUE_MAX);
    if (size < 0 && errno == EISDIR) {
        return 0;
    }
    if (size < 0) {
        return error_set(error, "%s: %s", name, strerror(errno));
    }
    if (size == VALUE_MAX && memchr(buffer, '\n', VALUE_MAX) == NULL) {
        return error_set(error, "%s: the value is longer than %d bytes", name, VALUE_MAX);
    }
    const char *value = envdir_parse_value(buffer, (size_t)size);
    return value != NULL ? environment_set(environment, name, value, error) : 0;
}

int envdir_read(const char *path, struct environment *environment, struct error *error)
{
    struct error reason;
    int fd = trusted_open(path, O_RDONLY | O_DIRECTORY, 0, &reason);
    if (fd < 0 && errno == ENOENT) {
        return 0;
    }
    AUTO_CLOSEDIR DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        error_set(error, "%s", fd < 0 ? reason.text : strerror(errno));
        descriptor_close(&fd);
        return 1;
    }
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        const char *name = entry->d_name;
        if (name[0] == '.' || strchr(name, '=') != NULL) {
            continue;
        }
        if (read_variable(dirfd(directory), name, environment, error) != 0) {
            failed++;
        }
    }
    return failed;
}
