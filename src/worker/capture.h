/*
 * A capture is a pipe between a worker's output and the supervisor's (--capture): it copies what
 * arrives and keeps the end of it as the worker's last words. It never blocks the event loop: while
 * the log is stalled it stops reading, and the worker waits for the log, as it would without a
 * capture. It lives until the last writer has closed the pipe.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "error.h"
#include "last_words.h"

#include <ev.h>
#include <limits.h>
#include <stdbool.h>

struct capture {
    struct capture *next; /* the supervisor's list of them */
    struct capture **list;
    struct ev_loop *loop;
    int fd;        /* our end, non-blocking; owned */
    int worker_fd; /* the worker's end until it is spawned; owned; -1: closed */
    int target_fd; /* STDOUT_FILENO or STDERR_FILENO */
    int own_fd;    /* the same terminal, opened once more without blocking; owned; -1: none */
    ev_io readable;
    ev_timer stalled;
    bool is_released;
    /* What has been read and not yet been copied: a line that has not ended. A pipe that polls
       writable takes so much without blocking (pipe(7)). */
    char pending[PIPE_BUF];
    size_t pending_size;
    size_t lost_lines;          /* that a full disk did not take, not yet told */
    bool is_torn;               /* the last line that was written lacks its end */
    char tail[LAST_WORDS_SIZE]; /* the last bytes, oldest first */
    size_t tail_size;
};

/* Makes a capture that copies to `target_fd`, and puts it on `list`; it removes itself from there
   at its end. Returns NULL with the reason in `error`. */
struct capture *capture_new(struct ev_loop *loop, struct capture **list, int target_fd,
                            struct error *error);

/* The worker has its end of the pipe: closes it here, and starts to copy. */
void capture_begin(struct capture *capture);

/* Copies what has arrived. Call it before you read the last words of a worker that has ended. */
void capture_drain(struct capture *capture);

/* Its last words are not needed any more: it ends with the last writer, or now if there is none. */
void capture_release(struct capture *capture);

/* Ends it, even if processes still write. */
void capture_free(struct capture *capture);

#endif
