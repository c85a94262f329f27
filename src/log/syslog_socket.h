/*
 * The socket of the syslog daemon. syslog(3) would wait for a daemon that is stalled; this never
 * waits, and finds the next daemon by itself when one has gone.
 */
#ifndef SYSLOG_SOCKET_H
#define SYSLOG_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

/* A longer tag is cut off by some daemons. */
#define SYSLOG_TAG_MAX 32

struct syslog_socket {
    const char *path; /* the caller's */
    int fd;           /* -1: not connected; owned */
    int floor;        /* the least number that it may have */
};

/* Sends one message. Returns false if nobody takes it now. */
bool syslog_socket_send(struct syslog_socket *socket, const char *message, size_t length);

void syslog_socket_close(struct syslog_socket *socket);

/* A facility by its name (daemon, local0, ...) as syslog(3) counts them; -1: no such facility. */
int syslog_facility_parse(const char *name);

#endif
