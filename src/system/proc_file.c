#include "proc_file.h"

#include "ascii.h"
#include "descriptor.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

ssize_t proc_file_read(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (length >= 0) {
        text[length] = '\0';
    }
    return length;
}

int64_t proc_file_number(const char *text)
{
    const char *end;
    while (*text == ' ') {
        text++;
    }
    return ascii_parse_number(text, LONG_MAX, &end);
}
