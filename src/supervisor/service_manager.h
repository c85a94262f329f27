/*
 * The connection to the service manager: systemd, or another program with its protocol
 * (sd_notify(3), sd_pid_notify_with_fds(3)), which listens at NOTIFY_SOCKET. This file finds it,
 * sends messages, and hands sockets to its file descriptor store. It never waits and decides
 * nothing.
 */
#ifndef SERVICE_MANAGER_H
#define SERVICE_MANAGER_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct service_manager {
    int fd; /* owned; -1: there is no service manager */
    struct sockaddr_un address;
    socklen_t length;
    int64_t watchdog_us; /* a sign of life is wanted at least so often; 0: none is */
    int marker_fd;       /* of a pipe whose other end was stored last; owned; -1: nothing was */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them from the environment: they
   are for this process alone. The descriptor is above `floor`. Returns 0, also without a service
   manager; or -1 with the reason in `error` if NOTIFY_SOCKET is invalid. */
int service_manager_open(struct service_manager *manager, int floor, struct error *error);

/* Sends lines such as "READY=1\nSTATUS=…". Returns 0, also without a service manager; or -1 with
   the reason in `error` and in errno. EAGAIN: its queue is full, try again. */
int service_manager_tell(const struct service_manager *manager, const char *lines,
                         struct error *error);

/* Adds a socket to the store, or removes all sockets of that name (at most 255 ASCII characters, no
   colon). Adding a socket twice adds it once. Both return what service_manager_tell does. */
int service_manager_store(const struct service_manager *manager, int fd, const char *name,
                          struct error *error);
int service_manager_unstore(const struct service_manager *manager, const char *name,
                            struct error *error);

/* Call it after all sockets are stored: only later can one see whether there was room. Returns what
   service_manager_tell does. */
int service_manager_store_marker(struct service_manager *manager, struct error *error);

/* Whether the store kept everything, as far as can be known. */
bool service_manager_keeps(const struct service_manager *manager);

/* The current time, as MONOTONIC_USEC of RELOADING=1 needs it. */
int64_t service_manager_now_us(void);

void service_manager_close(struct service_manager *manager);

#endif
