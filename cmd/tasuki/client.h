/*
 * The client's side of the control socket: a connection to one supervisor, a request, and its
 * replies, a JSON object a line. It waits only where it is told until when.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* For a deadline: wait as long as it takes. */
#define CLIENT_FOREVER INT64_MAX

struct client {
    int fd;         /* owned */
    int process_fd; /* the supervisor's pidfd, to see it end; owned; -1: cannot be had */
    pid_t pid;      /* the supervisor's; 0: not known */
    char *buffer;   /* owned: what has been read, from `line` on */
    size_t length;
    size_t capacity;
    size_t taken;   /* bytes of the buffer that the last line took */
    json_t *object; /* the last reply; owned, valid until the next */
};

enum client_outcome {
    CLIENT_REPLY,       /* in `object`, and in client_line() as it came */
    CLIENT_ENDED,       /* the supervisor closed the connection, or ended */
    CLIENT_TIMEOUT,     /* the deadline passed */
    CLIENT_INTERRUPTED, /* interrupt_came() */
    CLIENT_GARBLED,     /* what came is no JSON object */
};

/* The clock of deadlines, in milliseconds. */
int64_t client_now(void);

/* Returns 0, or the error's number (errno(3)): ECONNREFUSED and ENOENT say that nobody listens
 * there, EPERM that somebody does who is neither root, nor this user, nor the directory's owner. */
int client_connect(struct client *client, const char *path, struct error *error);

/* Sends a request; `line` has no newline. A supervisor that has gone shows in client_next. */
void client_ask(struct client *client, const char *line);

/* Waits for the next reply. */
enum client_outcome client_next(struct client *client, int64_t deadline);

/* The last reply as it came. */
const char *client_line(const struct client *client);

/* Waits until the supervisor's process has ended: CLIENT_ENDED, CLIENT_TIMEOUT or
 * CLIENT_INTERRUPTED. */
enum client_outcome client_wait_for_end(struct client *client, int64_t deadline);

/* Frees what it owns; fine for one that was never connected, if it was set to CLIENT_NONE. */
void client_close(struct client *client);

#define CLIENT_NONE ((struct client){.fd = -1, .process_fd = -1})

#endif
