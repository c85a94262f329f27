/*
 * Standard output and standard error, put somewhere else for a while. cmocka writes its own
 * messages there, so tests assert only after they have put them back.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include "scratch.h"

struct streams {
    int output;
    int error;
};

static inline struct streams streams_save(void)
{
    fflush(stdout);
    fflush(stderr);
    struct streams saved = {.output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 200),
                            .error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 200)};
    assert_true(saved.output >= 0 && saved.error >= 0);
    return saved;
}

static inline void streams_restore(struct streams saved)
{
    dup2(saved.output, STDOUT_FILENO);
    dup2(saved.error, STDERR_FILENO);
    close(saved.output);
    close(saved.error);
}

/* Sends one of the two to a file, which is made or emptied. */
static inline void stream_to_file(int stream, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    dup2(fd, stream);
    close(fd);
}

/* What a worker does: a write without the buffers of stdio. */
static inline void stream_say(int stream, const char *text)
{
    ssize_t written = write(stream, text, strlen(text));
    (void)written; /* what arrives is what the test asserts */
}

#endif
