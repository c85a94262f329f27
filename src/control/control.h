/*
 * The control socket: a unix stream socket, mode 0600. A request is one line, replies are JSON
 * objects, one on each line. A connection carries one request. This file accepts clients, checks by
 * the kernel's credentials that they are root or the same user, passes their requests on, and
 * queues replies. No client can block it: every descriptor is non-blocking, and requests, reply
 * queues and the number of clients have limits. It does not know what requests mean, and knows no
 * event loop: one descriptor (an epoll(7) instance) stands for all, to be polled for reading.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "error.h"

#include <stdint.h>

/* At this limit a new client replaces the oldest one that has not asked yet or only has to read its
   last reply. If all others wait for replies, the new client gets an error. */
#define CONTROL_CLIENTS_MAX 256

struct control;

/* What takes the requests; called from control_process only. `client` names the client in
   control_send and control_finish; numbers are never used again. */
struct control_handler {
    /* A line of text without its newline, at most once a client. */
    void (*on_request)(void *context, uint64_t client, const char *line);
    /* A client that was waiting for replies hung up, or was dropped. Not after control_finish. */
    void (*on_gone)(void *context, uint64_t client);
    void *context;
};

/* Binds `path` (at most 107 bytes) and listens. It replaces a stale socket; a socket that answers,
   or another file, is an error. It does not make the directory. Returns the server, or NULL with
   the reason in `error`. */
struct control *control_open(const char *path, const struct control_handler *handler,
                             struct error *error);

/* The one descriptor to poll for reading. */
int control_fd(const struct control *control);

/* Does what can be done now, without waiting: accepts, reads, hands requests to the handler,
   writes. One call does a bounded amount; if more is to be done, the descriptor stays readable. */
void control_process(struct control *control);

/* Sends one reply line, or queues it. A client that has hung up is no error. NULL (no memory for
   the reply) closes the connection. */
void control_send(struct control *control, uint64_t client, const char *line);

/* No more replies follow: closes the client after it has received what is queued. */
void control_finish(struct control *control, uint64_t client);

/* Closes everything, having tried once to send what is queued, and removes the socket if it is
   ours. NULL is fine. */
void control_close(struct control *control);

#endif
