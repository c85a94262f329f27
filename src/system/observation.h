/*
 * What the kernel tells about a service while it runs: the accept queues of listeners, the
 * connections that processes hold, their memory. Nothing here waits, and what the system does not
 * tell is said to be unknown.
 */
#ifndef OBSERVATION_H
#define OBSERVATION_H

#include "socket_diag.h"

#include <stdint.h>
#include <sys/types.h>

struct queue_observation {
    int64_t waiting;     /* connections not yet accepted; -1: unknown */
    int64_t backlog;     /* how many may wait (Linux lets one more in); -1: unknown */
    int64_t connections; /* accepted and still open, in any process; -1: unknown */
};

/* Observes a listening socket: TCP by TCP_INFO and sock_diag(7), unix by sock_diag. Any
   other socket has -1 everywhere. The connections are appended to `accepted`, for
   observe_connections. */
struct queue_observation observe_queue(int listener_fd, struct socket_list *accepted);

/* How many of the connections in `accepted` are held by `pid` and the processes below it; one that
   several of them hold counts once. -1: unknown. */
int64_t observe_connections(pid_t pid, const struct socket_list *accepted);

/* Resident memory of `pid` and the processes below it, in bytes; -1: unknown. What they share
   counts once (Pss), unless it cannot be read or would take long to count: then it counts for each
   (Rss). */
int64_t observe_memory(pid_t pid);

#endif
