/*
 * The control socket's file and its directory: makes the listening socket, also where an earlier
 * supervisor left one, and removes it. It never removes a socket that answers, a socket of another
 * user, or a file that is not a socket.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include "error.h"

#include <sys/types.h>
#include <sys/un.h>

struct control_socket {
    int fd; /* listening, non-blocking, close-on-exec; owned; -1: none */
    struct sockaddr_un address;
    dev_t device; /* which file it is: another supervisor may have put its own there since */
    ino_t inode;
};

/* Makes the directory of control sockets (mode 0700 for others, 0755 for root) if it does not
   exist. A directory that belongs to neither this user nor root, or that is world-writable and not
   sticky, is an error: another user could put a socket there. Returns 0 or -1. */
int control_make_directory(struct error *error);

/* Returns 0, or -1 with the path and the reason in `error`. */
int control_socket_open(struct control_socket *socket, const char *path, struct error *error);

/* Closes it, and removes the file if it is still this one. */
void control_socket_close(struct control_socket *socket);

#endif
