/*
 * Who has an address: the process behind a socket that is in the way, as far as the system tells.
 */
#ifndef SOCKET_OWNER_H
#define SOCKET_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Writes "process PID (COMMAND)" for a process that holds a socket of this type bound to `address`
   (or to one that is in its way). Where another user's processes do not show what they hold, it is
   the one that made a unix socket listen; to ask, that socket is connected to. Returns false when
   the system does not tell: no /proc, another network namespace. */
bool socket_owner_describe(const struct sockaddr *address, socklen_t length, int socket_type,
                           char *buffer, size_t size);

#endif
