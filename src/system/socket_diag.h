/*
 * What sock_diag(7) tells about listeners: which one has an address, how many connections wait, and
 * which have been accepted. One question is about all listeners of a family, for the kernel walks
 * over every socket of the machine to answer it. Nothing waits, but that walk takes its time.
 * Sockets are told apart by their cookies (SO_COOKIE), which are never used again, as inode numbers
 * are.
 */
#ifndef SOCKET_DIAG_H
#define SOCKET_DIAG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Sockets, by the inode numbers that /proc/PID/fd shows. {.count = 0} is an empty list. */
struct socket_list {
    uint32_t *inodes; /* owned */
    size_t count;
    bool is_partial; /* not all could be listed */
};

/* A listener that is asked about, and what is known of it. */
struct diag_listener {
    int fd; /* as its owner knows it */
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } address; /* of a unix socket the family alone */
    uint64_t cookie;
    bool is_listening;   /* nothing is known of others */
    int64_t waiting;     /* connections not yet accepted; -1: unknown */
    int64_t backlog;     /* how many may wait (Linux lets one more in); -1: unknown */
    int64_t connections; /* accepted and still open, in any process; -1: unknown */
};

/* Finds the connections that were accepted from these listeners (TCP or unix) and that some process
   holds open: established, or shut down by one side only. Those that still wait to be accepted are
   not among them. Counts them for each listener, appends them to the list, and tells the queue of a
   unix listener. Returns 0; or -1, and then the list is partial. */
int socket_diag_list_accepted(struct diag_listener *listeners, size_t count,
                              struct socket_list *list);

struct diag_socket {
    uint32_t inode;
    uint64_t cookie;
};

/* The socket of this type that is bound to `address`, or to one that is in its way: for TCP and
   unix stream a listener, or one that does not listen yet, never a connection. Returns 0, or -1
   when none is known. A relative path is seen from the current directory. */
int socket_diag_find(const struct sockaddr *address, socklen_t length, int socket_type,
                     struct diag_socket *found);

void socket_list_free(struct socket_list *list);

#endif
