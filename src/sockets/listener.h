/*
 * A listener is one socket that the supervisor bound and keeps. This file opens one from its
 * address, with the options that stand there, names it and closes it. It knows nothing about
 * workers beyond the descriptor number that a listener has there.
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

/* Opens the socket of an address, or the pair of *:PORT, one each where `listeners` says worker_fd.
   `backlog` is used where the address asks for none; 0 is the system's default. The supervisor's
   own descriptor is the same number where that is free here, else one from `beyond` up. A socket of
   `activation` (NULL: there is none) that has the address already is taken as it is. Returns how
   many were opened, one for *:PORT where that serves both families; or -1 with the address and the
   reason in `error`, and nothing left behind. */
int listener_open(const struct address *address, int backlog, int beyond,
                  struct activation *activation, struct listener *listeners, struct error *error);

/* Takes a socket from above that no address names. Returns 0, or -1 (no memory). */
int listener_take(struct activated_socket *given, int beyond, struct listener *listener,
                  struct error *error);

/* Makes `copy`, whose worker_fd and address stay as they are, a listener on the very same socket.
   Returns 0, or -1 (no memory). */
int listener_share(struct listener *listener, struct listener *copy, struct error *error);

/* Gives the queue of a socket that listens its length anew, as in listener_open. */
void listener_set_backlog(const struct listener *listener, int backlog);

/* From now on the file of a socket that was kept is removed as if it had been made here. */
void listener_own_file(struct listener *listener);

/* The file stays when the listener is closed: the store keeps the socket, for a supervisor that
   follows. */
void listener_leave_file(struct listener *listener);

/* Closes it, unless another one shares the socket, and removes its file if that is still the one
   made here. */
void listener_close(struct listener *listener);

/* What it is, for messages: "tcp", "udp", "unix", "unix-datagram", "unix-seqpacket". */
const char *listener_type_name(const struct listener *listener);

#endif
