/*
 * The control socket: a unix stream socket, mode 0600, on which a request comes as a line and
 * replies go out as JSON objects, a line each. A connection is for one request. This file accepts
 * clients, checks by the kernel's credentials that they are root or the same user, hands on their
 * requests, and queues replies. Nothing a client does holds it up: every descriptor is
 * non-blocking, a request has a longest length, a reply queue too, and there is a largest number of
 * clients. It knows nothing about what the requests mean, and nothing about the event loop: all its
 * descriptors stand behind one (an epoll(7) instance), to be polled for reading.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "error.h"

#include <stdint.h>

/* When there are so many, a new client takes the place of the oldest that has asked for nothing yet
   or has only to read its last reply. Where all the others wait for something, it gets an error. */
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

/* Binds `path` (at most 107 bytes) and listens. A stale socket is replaced; one that is answered on
   is an error; so is anything else there. The directory is not made here. Returns the server, or
   NULL with the reason in `error`. */
struct control *control_open(const char *path, const struct control_handler *handler,
                             struct error *error);

/* The one descriptor to poll for reading. */
int control_fd(const struct control *control);

/* Does what can be done now, without waiting: accepts, reads, hands requests to the handler,
   writes. One call does a bounded amount; if more is to be done, the descriptor stays readable. */
void control_process(struct control *control);

/* Sends one reply line, or queues what the client does not take at once. A client that is gone is
   no error. NULL, for want of the memory to make it, costs the client its connection. */
void control_send(struct control *control, uint64_t client, const char *line);

/* No more replies follow: the client is closed once it has got what is queued. */
void control_finish(struct control *control, uint64_t client);

/* Closes everything, having tried once to send what is queued, and removes the socket if it is
   ours. NULL is fine. */
void control_close(struct control *control);

#endif
