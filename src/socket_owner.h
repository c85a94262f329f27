/*
 * Who has an address: the process behind a socket that is in the way, as far as /proc tells.
 */
#ifndef SOCKET_OWNER_H
#define SOCKET_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Writes "PID (COMMAND)" for a process that holds a socket of this type bound to `address` (or to
   one that is in its way). Returns false when the system does not tell: no /proc, another user's
   process, another network namespace. */
bool socket_owner_describe(const struct sockaddr *address, int socket_type, char *buffer,
                           size_t size);

#endif
