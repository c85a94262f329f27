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

/* Makes a socket with a name that the kernel picks (autobind). Returns 0 or -1. */
int notify_open(struct notify_socket *socket, struct error *error);

void notify_close(struct notify_socket *socket);

/* Takes one datagram, and may wait for as long as its sender likes (SO_LINGER of a socket that came
   along), so only a companion does. Returns 1 with it in `message`; 0 when there is none left; -1
   on an error. A message that says nothing of the above comes from sender 0: a barrier, what is not
   understood, a datagram longer than 4096 bytes, and one whose sender has no number here (it is in
   a pid namespace that is not below this one). Descriptors that came along (FDSTORE=1, BARRIER=1)
   are closed, which is what sd_notify_barrier(3) waits for. */
int notify_receive(const struct notify_socket *socket, struct notify_message *message);

/* Makes one line of valid UTF-8 of a status: for terminals and JSON strings. One that is too long
   ends at a whole character. */
void notify_clean_text(const char *value, size_t size, char text[NOTIFY_STATUS_SIZE]);

/* Takes a datagram's text apart; pure, for the tests and the fuzzer. `text` need not end in a NUL.
   The sender becomes 0: a text does not tell. */
void notify_parse(const char *text, size_t size, struct notify_message *message);

#endif
