/*
 * The way of the supervisor's lines to standard error: each is one write, and none ever blocks.
 * What a stalled reader or a full disk does not take waits in a bounded buffer, in its order; what
 * does not fit there is lost, and counted. It owns the buffer and a description of its own, not the
 * descriptor that it was given.
 */
#ifndef LOG_OUTPUT_H
#define LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct log_output {
    int fd;       /* the caller's, which workers share */
    int own_fd;   /* the same pipe or terminal, opened once more without blocking; -1: none */
    mode_t type;  /* S_IFREG, S_IFSOCK, ... of the descriptor; 0: not known */
    char *buffer; /* NULL while nothing waits; owned */
    size_t size;  /* of what waits in it */
    size_t sent;  /* of its first line, when a write took only a part */
    off_t end;    /* of the file after that write */
    size_t lost;  /* lines */
};

/* How many bytes wait at most. */
#define LOG_OUTPUT_BUFFER 65536

/* Lines go to `fd` from now on, those that wait as well. A descriptor of its own gets a number of
   at least `floor`. */
void log_output_set(struct log_output *output, int fd, int floor);

/* Writes a line, or keeps it, or counts it as lost. */
void log_output_write(struct log_output *output, const char *line, size_t length);

/* Tries again to write what waits. */
void log_output_flush(struct log_output *output);

/* True if lines wait. */
bool log_output_is_stalled(const struct log_output *output);

/* How many lines were lost since the last call, once nothing waits any more; 0 until then. */
size_t log_output_take_lost(struct log_output *output);

/* Gives what waits a last chance, for a bounded time, and frees all. `output` can be set anew. */
void log_output_close(struct log_output *output, int patience_ms);

#endif
