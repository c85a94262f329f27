#include "last_words.h"

#include "descriptor.h"
#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

struct last_words_mark last_words_mark(void)
{
    struct stat status;
    if (fstat(STDERR_FILENO, &status) != 0) {
        return (struct last_words_mark){.end = -1};
    }
    return (struct last_words_mark){.device = status.st_dev,
                                    .inode = status.st_ino,
                                    .end = S_ISREG(status.st_mode) ? status.st_size : -1};
}

/* True if standard error is another file now than it was for that worker. */
static bool is_elsewhere(const struct last_words_mark *mark)
{
    struct stat status;
    return mark->end >= 0 && fstat(STDERR_FILENO, &status) == 0 &&
           (status.st_dev != mark->device || status.st_ino != mark->inode);
}

ssize_t last_words_read(const struct last_words_mark *mark, char *buffer, size_t size)
{
    struct stat status;
    bool can_be_told = mark->end >= 0 && !is_elsewhere(mark);
    AUTO_CLOSE int fd = can_be_told ? open_for_reading() : -1;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return -1;
    }
    off_t start = status.st_size < mark->end ? 0 : mark->end; /* truncated: all of it is new */
    if (status.st_size - start > (off_t)(size - 1)) {
        start = status.st_size - (off_t)(size - 1);
    }
    ssize_t length = pread(fd, buffer, size - 1, start);
    buffer[length > 0 ? length : 0] = '\0';
    return length;
}

const char *last_words_describe_output(const struct last_words_mark *mark, pid_t pid, char *buffer,
                                       size_t size)
{
    char target[128] = "";
    struct stat status;
    ssize_t length = readlink("/proc/self/fd/2", target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (fstat(STDERR_FILENO, &status) != 0) {
        snprintf(buffer, size, "nowhere: standard error is closed");
    } else if (mark != NULL && is_elsewhere(mark)) {
        snprintf(buffer, size, "the log file before it was reopened");
    } else if (S_ISREG(status.st_mode)) {
        snprintf(buffer, size, "the file %s", target);
    } else if (journal_is_stream(STDERR_FILENO)) {
        snprintf(buffer, size, "the journal: journalctl _PID=%d", (int)pid);
    } else if (isatty(STDERR_FILENO)) {
        snprintf(buffer, size, "the supervisor's terminal, %s", target);
    } else {
        snprintf(buffer, size, "the supervisor's standard error, %s",
                 S_ISFIFO(status.st_mode) ? "a pipe" : target);
    }
    return buffer;
}

bool last_words_mention_address_in_use(const char *words)
{
    return strcasestr(words, "address already in use") != NULL ||
           strcasestr(words, "address in use") != NULL || strstr(words, "EADDRINUSE") != NULL;
}
