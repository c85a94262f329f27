#include "capture.h"

#include "descriptor.h"
#include "log.h"
#include "open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How soon a stalled log is tried again, in seconds. */
#define STALLED_SECONDS 0.05
/* How many chunks one turn of the loop copies for one worker. */
#define CHUNKS_A_TURN 64

enum progress { COPIED, NOTHING_THERE, TARGET_STALLED, ENDED };

/* Anything but "would block" is true: what is wrong, the write tells. */
static bool takes_output(int fd)
{
    struct pollfd target = {.fd = fd, .events = POLLOUT};
    return poll(&target, 1, 0) != 0;
}

static void keep_tail(struct capture *capture, const char *bytes, size_t size)
{
    size_t room = sizeof capture->tail - 1; /* the reader wants a NUL behind it */
    if (size >= room) {
        memcpy(capture->tail, bytes + size - room, room);
        capture->tail_size = room;
        return;
    }
    if (capture->tail_size + size > room) {
        size_t dropped = capture->tail_size + size - room;
        memmove(capture->tail, capture->tail + dropped, capture->tail_size - dropped);
        capture->tail_size -= dropped;
    }
    memcpy(capture->tail + capture->tail_size, bytes, size);
    capture->tail_size += size;
}

/* Returns how much was written: all of it, unless errno says why not. */
static size_t write_all(int fd, const char *bytes, size_t size)
{
    size_t written = 0;
    errno = 0;
    while (written < size) {
        ssize_t more = write(fd, bytes + written, size - written);
        if (more < 0 && errno != EINTR) {
            break;
        }
        written += more > 0 ? (size_t)more : 0;
    }
    return written;
}

static void count_lost_lines(struct capture *capture, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        capture->lost_lines += bytes[i] == '\n';
    }
}

static void tell_lost_lines(struct capture *capture)
{
    log_warning("lost %zu line%s of worker output (output not writable)", capture->lost_lines,
                capture->lost_lines == 1 ? "" : "s");
    capture->lost_lines = 0;
}

/* What a terminal does not take yet stays pending. What cannot be written is lost: a worker must
   not stall because a disk is full. */
static void write_out(struct capture *capture, size_t size)
{
    int fd = capture->own_fd >= 0 ? capture->own_fd : capture->target_fd;
    if (size > 0 && capture->is_torn && write_all(fd, "\n", 1) == 1) {
        capture->is_torn = false;
    }
    size_t written = write_all(fd, capture->pending, size);
    if (written < size && errno == EAGAIN) {
        size = written;
    } else if (written < size) {
        if (written > 0) {
            capture->is_torn = capture->pending[written - 1] != '\n';
        }
        /* The newline that a torn line gets later makes it whole where it lacks nothing else. */
        bool lacks_newline = written > 0 && capture->is_torn && capture->pending[written] == '\n';
        size_t lost = written + lacks_newline;
        count_lost_lines(capture, capture->pending + lost, size - lost);
    } else if (size > 0 && capture->lost_lines > 0) {
        tell_lost_lines(capture);
    }
    capture->pending_size -= size;
    memmove(capture->pending, capture->pending + size, capture->pending_size);
}

/* Up to the end of the last whole line, so that two streams into one log do not tear each other's
   lines; all of it when the line does not end. */
static size_t count_whole_lines(const struct capture *capture)
{
    const char *newline = memrchr(capture->pending, '\n', capture->pending_size);
    if (newline != NULL) {
        return (size_t)(newline + 1 - capture->pending);
    }
    return capture->pending_size == sizeof capture->pending ? capture->pending_size : 0;
}

static enum progress copy_chunk(struct capture *capture)
{
    if (!takes_output(capture->target_fd)) {
        return TARGET_STALLED;
    }
    size_t left_by_a_stall = count_whole_lines(capture);
    if (left_by_a_stall > 0) {
        write_out(capture, left_by_a_stall);
        return count_whole_lines(capture) > 0 ? TARGET_STALLED : COPIED;
    }
    char *end = capture->pending + capture->pending_size;
    ssize_t size = read(capture->fd, end, sizeof capture->pending - capture->pending_size);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return NOTHING_THERE;
    }
    if (size <= 0) {
        write_out(capture, capture->pending_size);
        return capture->pending_size == 0 ? ENDED : TARGET_STALLED;
    }
    keep_tail(capture, end, (size_t)size);
    capture->pending_size += (size_t)size;
    write_out(capture, count_whole_lines(capture));
    return COPIED;
}

void capture_free(struct capture *capture)
{
    for (struct capture **link = capture->list; *link != NULL; link = &(*link)->next) {
        if (*link == capture) {
            *link = capture->next;
            break;
        }
    }
    ev_io_stop(capture->loop, &capture->readable);
    ev_timer_stop(capture->loop, &capture->stalled);
    if (takes_output(capture->target_fd)) {
        write_out(capture, capture->pending_size);
    }
    descriptor_close(&capture->fd);
    descriptor_close(&capture->worker_fd);
    descriptor_close(&capture->own_fd);
    free(capture);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)revents;
    struct capture *capture = watcher->data;
    enum progress progress = COPIED;
    for (int i = 0; i < CHUNKS_A_TURN && progress == COPIED; i++) {
        progress = copy_chunk(capture);
    }
    if (progress == TARGET_STALLED) {
        ev_io_stop(loop, watcher);
        ev_timer_set(&capture->stalled, STALLED_SECONDS, 0.0);
        ev_timer_start(loop, &capture->stalled);
    } else if (progress == ENDED) {
        ev_io_stop(loop, watcher);
        if (capture->is_released) {
            capture_free(capture);
        }
    }
}

static void on_stalled(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct capture *capture = watcher->data;
    ev_io_start(loop, &capture->readable);
}

struct capture *capture_new(struct ev_loop *loop, struct capture **list, int target_fd,
                            struct error *error)
{
    int ends[2];
    struct capture *capture = malloc(sizeof *capture);
    if (capture == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        int reason = errno;
        error_set(error, "cannot capture the worker's output: %s", open_files_reason(reason));
        free(capture);
        errno = reason;
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* the worker's end stays as it expects it */
    capture->next = *list;
    capture->list = list;
    *list = capture;
    capture->loop = loop;
    capture->fd = ends[0];
    capture->worker_fd = ends[1];
    capture->target_fd = target_fd;
    /* Polling does not help: a terminal takes a byte, and then waits in the middle of a write. A
       pipe that polls writable takes all that is pending. */
    capture->own_fd = isatty(target_fd) ? descriptor_open_again(target_fd, 0) : -1;
    capture->is_released = false;
    capture->tail_size = 0;
    capture->pending_size = 0;
    capture->lost_lines = 0;
    capture->is_torn = false;
    ev_io_init(&capture->readable, on_readable, capture->fd, EV_READ);
    ev_timer_init(&capture->stalled, on_stalled, 0.0, 0.0);
    capture->readable.data = capture;
    capture->stalled.data = capture;
    return capture;
}

void capture_begin(struct capture *capture)
{
    close(capture->worker_fd);
    capture->worker_fd = -1;
    ev_io_start(capture->loop, &capture->readable);
}

void capture_drain(struct capture *capture)
{
    for (int i = 0; i < CHUNKS_A_TURN && copy_chunk(capture) == COPIED; i++) {
    }
    capture->tail[capture->tail_size] = '\0';
}

void capture_release(struct capture *capture)
{
    capture->is_released = true;
    bool has_ended = capture->worker_fd >= 0 ||
                     (!ev_is_active(&capture->readable) && !ev_is_active(&capture->stalled));
    if (has_ended) {
        capture_free(capture);
    }
}
