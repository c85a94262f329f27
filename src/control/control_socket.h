/*
 * The control socket's file: making the listening socket at a path where an earlier supervisor may
 * have left one, and taking it away again; and the directory of such sockets. Never removes a
 * socket that is answered on, one of another user, nor anything that is no socket.
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

/* Makes the directory of control sockets (mode 0700 for others, 0755 for root) if it is not there.
   One that belongs to neither this user nor root, or that everybody may write to and is not sticky,
   is an error: somebody else could put a socket there. Returns 0 or -1. */
int control_make_directory(struct error *error);

/* Returns 0, or -1 with the path and the reason in `error`. */
int control_socket_open(struct control_socket *socket, const char *path, struct error *error);

/* Closes it, and removes the file if it is still this one. */
void control_socket_close(struct control_socket *socket);

#endif
