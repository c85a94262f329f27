/*
 * The readiness protocol of sd_notify(3): a worker sends datagrams of NAME=VALUE lines to the unix
 * socket that NOTIFY_SOCKET names. Each generation has a socket of its own, and a message counts
 * only if the kernel says that its sender is the generation's worker or a process below it.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "error.h"
#include "process_tree.h" /* process_is_within, for who asks whose message it is */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest STATUS= that is kept, with its NUL. */
#define NOTIFY_STATUS_SIZE 256

struct notify_socket {
    int fd;            /* non-blocking, close-on-exec; owned; -1: none */
    char address[108]; /* the value of NOTIFY_SOCKET: "@" and an abstract name (unix(7)) */
};

/* What one datagram says. */
struct notify_message {
    pid_t sender;          /* as the kernel has it (SCM_CREDENTIALS); 0: the message says nothing */
    bool ready;            /* READY=1 */
    bool stopping;         /* STOPPING=1 */
    bool watchdog;         /* WATCHDOG=1: alive */
    bool watchdog_trigger; /* WATCHDOG=trigger: the worker itself says that it hangs */
    bool has_status;       /* STATUS=TEXT */
    char status[NOTIFY_STATUS_SIZE]; /* one line of valid UTF-8, control characters made spaces */
    int64_t extend_ms; /* EXTEND_TIMEOUT_USEC=, rounded up, at most DURATION_MAX_MS; 0: not said */
    int64_t watchdog_ms; /* WATCHDOG_USEC=, rounded up; 0: not said */
};

/* Makes a socket with a name that the kernel chooses (autobind). Returns 0 or -1. */
int notify_open(struct notify_socket *socket, struct error *error);

void notify_close(struct notify_socket *socket);

/* Receives one datagram. This may wait as long as its sender likes (SO_LINGER of a socket that came
   with it), so only a companion calls it. Returns 1 with the message in `message`; 0 if none is
   left; -1 on an error. The sender is 0 for a message without any of the fields above: a barrier,
   an unknown field, a datagram longer than 4096 bytes, or a sender without a number in this pid
   namespace. Descriptors that came with it (FDSTORE=1, BARRIER=1) are closed; sd_notify_barrier(3)
   waits for that. */
int notify_receive(const struct notify_socket *socket, struct notify_message *message);

/* Makes a status one line of valid UTF-8, for terminals and JSON strings. It cuts a long one after
   a whole character. */
void notify_clean_text(const char *value, size_t size, char text[NOTIFY_STATUS_SIZE]);

/* Parses a datagram's text; pure, for the tests and the fuzzer. `text` need not end in a NUL. The
   sender becomes 0: the text does not contain it. */
void notify_parse(const char *text, size_t size, struct notify_message *message);

#endif
