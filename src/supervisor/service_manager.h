/*
 * The service manager is who started the supervisor and listens at NOTIFY_SOCKET for what becomes
 * of it: systemd, or whoever speaks its protocol (sd_notify(3), sd_pid_notify_with_fds(3)). This
 * file finds it, tells it what it is given to tell, and hands it sockets for its file descriptor
 * store. It never waits for it, and decides nothing.
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

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are meant for this process alone: they
   are gone from the environment afterwards. The descriptor is above `floor`. Returns 0, also when
   there is no service manager; or -1 when what NOTIFY_SOCKET says makes no sense, and `error` says
   why; then there is none. */
int service_manager_open(struct service_manager *manager, int floor, struct error *error);

/* Sends lines such as "READY=1\nSTATUS=…". Returns 0, also without a service manager; or -1 with
   the reason in `error` and in errno: EAGAIN if it is to be tried again, as its queue is full. */
int service_manager_tell(const struct service_manager *manager, const char *lines,
                         struct error *error);

/* Has the store keep a socket, or forget all of that name (at most 255 characters of ASCII, no
   colon). Keeping the same socket twice is keeping it once. Both as service_manager_tell. */
int service_manager_store(const struct service_manager *manager, int fd, const char *name,
                          struct error *error);
int service_manager_unstore(const struct service_manager *manager, const char *name,
                            struct error *error);

/* To be called when all was stored: whether there was room for it shows afterwards only. As
   service_manager_tell. */
int service_manager_store_marker(struct service_manager *manager, struct error *error);

/* Whether the store has what it was given, as far as can be known. */
bool service_manager_keeps(const struct service_manager *manager);

/* Now, as RELOADING=1 is to tell it in MONOTONIC_USEC. */
int64_t service_manager_now_us(void);

void service_manager_close(struct service_manager *manager);

#endif
