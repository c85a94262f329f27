#include "last_words.h"

#include "descriptor.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard error is open for writing only, as a rule; its name in /proc opens it for reading. */
static int open_for_reading(void)
{
    struct stat status;
    if (fstat(STDERR_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) {
        return -1;
    }
    return open("/proc/self/fd/2", O_RDONLY | O_CLOEXEC);
}

off_t last_words_mark(void)
{
    struct stat status;
    return fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

ssize_t last_words_read(off_t mark, char *buffer, size_t size)
{
    struct stat status;
    AUTO_CLOSE int fd = mark >= 0 ? open_for_reading() : -1;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return -1;
    }
    if (status.st_size < mark) {
        mark = 0; /* somebody truncated the file: all of it is new */
    }
    if (status.st_size - mark > (off_t)(size - 1)) {
        mark = status.st_size - (off_t)(size - 1);
    }
    ssize_t length = pread(fd, buffer, size - 1, mark);
    buffer[length > 0 ? length : 0] = '\0';
    return length;
}

bool last_words_mention_address_in_use(const char *words)
{
    return strcasestr(words, "address already in use") != NULL ||
           strcasestr(words, "address in use") != NULL || strstr(words, "EADDRINUSE") != NULL;
}
