#include "log_output.h"

#include "descriptor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long one look at a descriptor that stalls at the end takes. */
#define LOOK_MS 20

/* Polling before a write is not enough where workers write into the same pipe: they may fill it in
   between, and then the write blocks. O_NONBLOCK is what helps, but it belongs to the open file
   description (fcntl(2)), which the workers share and which must block for them. So the pipe, or
   the terminal, is opened once more by its name in /proc, which makes a description of our own.
   Somebody else's may refuse that: then polling has to do. */
static int open_own(int fd, mode_t type, int floor)
{
    return type == S_IFIFO || isatty(fd) ? descriptor_open_again(fd, floor) : -1;
}

void log_output_set(struct log_output *output, int fd, int floor)
{
    struct stat status;
    descriptor_close(&output->own_fd);
    output->fd = fd;
    output->type = fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
    output->own_fd = open_own(fd, output->type, floor);
    output->sent = 0; /* a line that was begun elsewhere is whole here */
}

static bool takes_output(int fd)
{
    struct pollfd target = {.fd = fd, .events = POLLOUT};
    return poll(&target, 1, 0) == 1;
}

static ssize_t try_once(const struct log_output *output, const char *bytes, size_t size)
{
    if (output->type == S_IFSOCK) {
        return send(output->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (output->own_fd >= 0) {
        return write(output->own_fd, bytes, size);
    }
    if (!takes_output(output->fd)) {
        errno = EAGAIN;
        return -1;
    }
    return write(output->fd, bytes, size);
}

/* Worth another try later: everything else will not get better. */
static bool is_stall(int reason)
{
    return reason == EAGAIN || reason == ENOSPC || reason == EDQUOT || reason == ENOBUFS;
}

/* Returns how much of the line is done with: all of it also where it can never be written. */
static size_t try_line(const struct log_output *output, const char *line, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t written = try_once(output, line + done, length - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written == 0 || is_stall(errno)) {
            return done;
        } else if (errno != EINTR) {
            return length;
        }
    }
    return done;
}

static off_t end_of_file(const struct log_output *output)
{
    struct stat status;
    return output->type == S_IFREG && fstat(output->fd, &status) == 0 ? status.st_size : 0;
}

static void keep(struct log_output *output, const char *line, size_t length, size_t sent)
{
    if (output->buffer == NULL) {
        output->buffer = malloc(LOG_OUTPUT_BUFFER);
        output->size = 0;
        output->sent = sent;
        output->end = sent > 0 ? end_of_file(output) : 0;
    }
    if (output->buffer == NULL || length > LOG_OUTPUT_BUFFER - output->size) {
        output->lost++;
        return;
    }
    memcpy(output->buffer + output->size, line, length);
    output->size += length;
}

void log_output_write(struct log_output *output, const char *line, size_t length)
{
    log_output_flush(output);
    if (output->buffer != NULL) {
        keep(output, line, length, 0);
        return;
    }
    size_t sent = try_line(output, line, length);
    if (sent < length) {
        keep(output, line, length, sent);
    }
}

/* The rest of a line belongs behind its beginning: when the file has been written to or emptied in
   between, the line comes once more as a whole. */
static void forget_torn_line(struct log_output *output)
{
    if (output->sent > 0 && output->type == S_IFREG && end_of_file(output) != output->end) {
        output->sent = 0;
    }
}

void log_output_flush(struct log_output *output)
{
    size_t at = 0;
    if (output->buffer == NULL) {
        return;
    }
    forget_torn_line(output);
    while (at < output->size) {
        const char *line = output->buffer + at;
        const char *newline = memchr(line, '\n', output->size - at);
        size_t length = newline != NULL ? (size_t)(newline + 1 - line) : output->size - at;
        output->sent += try_line(output, line + output->sent, length - output->sent);
        if (output->sent < length) {
            output->end = end_of_file(output);
            break;
        }
        output->sent = 0;
        at += length;
    }
    output->size -= at;
    memmove(output->buffer, output->buffer + at, output->size);
    if (output->size == 0) {
        free(output->buffer);
        output->buffer = NULL;
    }
}

bool log_output_is_stalled(const struct log_output *output)
{
    return output->buffer != NULL;
}

size_t log_output_take_lost(struct log_output *output)
{
    size_t lost = output->buffer == NULL ? output->lost : 0;
    output->lost -= lost;
    return lost;
}

void log_output_close(struct log_output *output, int patience_ms)
{
    log_output_flush(output);
    for (int left = patience_ms; left > 0 && output->buffer != NULL; left -= LOOK_MS) {
        (void)poll(NULL, 0, LOOK_MS);
        log_output_flush(output);
    }
    free(output->buffer);
    output->buffer = NULL;
    output->size = 0;
    descriptor_close(&output->own_fd);
    output->own_fd = -1;
}
