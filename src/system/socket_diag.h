/*
 * What sock_diag(7) tells about listeners: which one has an address, how many connections wait, and
 * which have been accepted. The kernel picks the sockets of the listener's port, so that a busy
 * machine's others cost nothing here. Nothing waits: the kernel answers within the call, or not at
 * all.
 */
#ifndef SOCKET_DIAG_H
#define SOCKET_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Sockets, by the inode numbers that /proc/PID/fd shows. {.count = 0} is an empty list. */
struct socket_list {
    uint32_t *inodes; /* owned */
    size_t count;
    size_t capacity;
    bool is_partial; /* not all could be listed */
};

/* Appends the connections that were accepted from this listener (TCP or unix) and that some
   process holds open: established, or shut down by one side only. Those that still wait to be
   accepted are not among them. Returns their number; or -1, and then the list is partial. */
int64_t socket_diag_list_accepted(int listener_fd, struct socket_list *list);

/* The accept queue of a unix listener. Returns 0 or -1. */
int socket_diag_unix_queue(int listener_fd, int64_t *waiting, int64_t *backlog);

/* The inode of a socket of this type that is bound to `address`, or to one that is in its way: for
   TCP and unix stream a listener, or one that does not listen yet, never a connection. 0: none is
   known. A relative path is seen from the current directory. */
uint32_t socket_diag_find(const struct sockaddr *address, socklen_t length, int socket_type);

void socket_list_free(struct socket_list *list);

#endif
