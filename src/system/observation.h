/*
 * What the kernel tells about a service while it runs: the accept queues of listeners, the
 * connections that processes hold, their memory. What the system does not tell is said to be
 * unknown. To look at processes may take long, and one that hangs may hold up who looks at it.
 */
#ifndef OBSERVATION_H
#define OBSERVATION_H

#include "socket_diag.h"

#include <stdint.h>
#include <sys/types.h>

/* Looks at a socket alone, by its descriptor, which takes a microsecond: which listener it is, and
   the accept queue of TCP. The rest is for socket_diag_list_accepted. */
struct diag_listener observe_listener(int fd);

/* How many of the connections in `accepted` are held by `pid` and the processes below it; one that
   several of them hold counts once. -1: unknown. */
int64_t observe_connections(pid_t pid, const struct socket_list *accepted);

/* Resident memory of `pid` and the processes below it, in bytes; -1: unknown. What they share
   counts once (Pss), unless it cannot be read or would take long to count: then it counts for each
   (Rss). */
int64_t observe_memory(pid_t pid);

#endif
