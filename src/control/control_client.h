/*
 * One client of the control socket: the part of its request that has come, and the replies that it
 * has not taken yet. It never waits: what cannot be read or written now is left for later, and both
 * sides have a longest length. It knows nothing about other clients or about what the lines mean.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest request, without its newline. A longer one is answered by an error, and the client
   goes. */
#define CONTROL_REQUEST_MAX 1024
/* A client whose unread replies are longer than this has stopped reading, and goes. */
#define CONTROL_QUEUE_MAX ((size_t)1024 * 1024)

struct control_client {
    uint64_t number;
    int fd;        /* owned, non-blocking */
    bool asked;    /* its request has been taken; what it says behind that is not listened to */
    bool finished; /* no more replies follow */
    bool lost;     /* to be dropped: shut down already, so that poll(2) tells of it */
    size_t request_length;
    char request[CONTROL_REQUEST_MAX + 1];
    struct builder queue; /* owned; replies that are not sent yet */
};

enum control_request {
    CONTROL_REQUEST_PARTIAL,  /* more of it may come */
    CONTROL_REQUEST_COMPLETE, /* a line of text, in `request`, without its newline */
    CONTROL_REQUEST_TOO_LONG,
    CONTROL_REQUEST_NOT_TEXT, /* a line with control characters in it */
    CONTROL_REQUEST_NONE,     /* the client hung up before its request was whole */
};

/* Takes over `fd`, which must be non-blocking. NULL when there is no memory; then `fd` is closed.
 */
struct control_client *control_client_new(uint64_t number, int fd);

/* Closes the connection and frees the client. */
void control_client_free(struct control_client *client);

/* Reads what has come of the request, once. */
enum control_request control_client_read(struct control_client *client);

/* Queues one line; `text` has no newline. Returns 0, or -1 when too much is unread (or no memory is
   left). */
int control_client_queue(struct control_client *client, const char *text);

/* Sends what can be sent now. Returns 0, or -1 when the client is gone. */
int control_client_flush(struct control_client *client);

/* Gives the connection up before the client is freed: its peer reads an end, and its descriptor
   polls as hung up. */
void control_client_lose(struct control_client *client);

#endif
