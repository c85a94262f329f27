/*
 * A listener is one socket that the supervisor bound and keeps. This file opens it from its address
 * and options, names it and closes it. Of workers it knows only the descriptor number that the
 * listener has there.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "activation.h"
#include "address.h"
#include "error.h"
#include "unix_file.h"

#include <stddef.h>

/* Where a socket comes from. */
enum listener_origin {
    LISTENER_OPENED, /* this supervisor bound it */
    LISTENER_GIVEN,  /* whoever started the supervisor bound it, and keeps it */
    LISTENER_KEPT,   /* a supervisor before bound it, and the service manager's store kept it */
};

struct listener {
    const struct address *address; /* that asked for it; the caller's; NULL: none did */
    enum listener_origin origin;
    int fd;           /* the supervisor's descriptor, close-on-exec; owned */
    int worker_fd;    /* the number at which a worker finds it */
    int family;       /* AF_INET, AF_INET6 or AF_UNIX */
    int socket_type;  /* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET */
    char *name;       /* how SERVER_STARTER_PORT calls it: PORT, HOST:PORT, PATH or @NAME; owned */
    char *label;      /* what `name=` calls it in LISTEN_FDNAMES; owned; NULL: nothing */
    char *warning;    /* where the system gave less than was asked for; owned; NULL: nowhere */
    const char *path; /* of the unix socket that was made here: `name`; NULL: none */
    struct unix_file file; /* the file at that path */
    unsigned *holders;     /* how many have the socket, shared by them; NULL: this one alone */
};

/* Opens the socket of an address, or the pair of *:PORT, with the worker_fd that `listeners` has.
   `backlog` applies if the address sets none; 0 is the system's default. The supervisor's
   descriptor has the same number if that is free, otherwise one from `beyond` up. If `activation`
   (NULL: none) has a socket of that address, it is used as it is. Returns how many were opened: one
   for *:PORT if it serves both families; or -1 with the address and the reason in `error`, and
   nothing open. */
int listener_open(const struct address *address, int backlog, int beyond,
                  struct activation *activation, struct listener *listeners, struct error *error);

/* Uses an inherited socket that no address names. Returns 0, or -1 (no memory). */
int listener_take(struct activated_socket *given, int beyond, struct listener *listener,
                  struct error *error);

/* Makes `copy` a listener on the same socket; its worker_fd and address stay as they are. Returns
   0, or -1 (no memory). */
int listener_share(struct listener *listener, struct listener *copy, struct error *error);

/* Sets the queue length of a listening socket again, as listener_open does. */
void listener_set_backlog(const struct listener *listener, int backlog);

/* Makes this process remove the file of an inherited socket, as if it had made it. */
void listener_own_file(struct listener *listener);

/* Keeps the file when the listener is closed: the store keeps the socket for the next supervisor.
 */
void listener_leave_file(struct listener *listener);

/* Closes the socket, unless another listener shares it, and removes its file if this process made
   it. */
void listener_close(struct listener *listener);

/* What it is, for messages: "tcp", "udp", "unix", "unix-datagram", "unix-seqpacket". */
const char *listener_type_name(const struct listener *listener);

#endif
