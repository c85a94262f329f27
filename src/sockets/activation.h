/*
 * Sockets from above: what whoever started the supervisor has opened for it and told it of in
 * LISTEN_FDS, as systemd does for the service of a .socket unit (sd_listen_fds(3)). This file reads
 * the variables and checks the descriptors, and keeps them until somebody claims them. It binds
 * nothing, and never removes a path: those sockets are somebody else's, or another supervisor's
 * that left them in the service manager's store.
 */
#ifndef ACTIVATION_H
#define ACTIVATION_H

#include "error.h"
#include "unix_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct activated_socket {
    int fd; /* close-on-exec; owned; -1: somebody has claimed it */
    int socket_type;
    struct sockaddr_storage address; /* what it is bound to */
    socklen_t length;
    char *label;           /* of LISTEN_FDNAMES; NULL: it has none; owned */
    char *stored_name;     /* it comes from the store, under this name; NULL: it does not; owned */
    struct unix_file file; /* of one from the store: its file, if it has one */
};

struct activation {
    struct activated_socket *items; /* owned */
    size_t count;
};

/* Takes the sockets that LISTEN_PID says are this process's, none if it says another's or nothing.
   The variables are gone from the environment afterwards, so that no child takes them for its own.
   Returns 0; or -1 with what is wrong in `error`, and nothing is to be freed. */
int activation_take(struct activation *activation, struct error *error);

/* The socket of this type and address that nobody has claimed yet, but not one from the store whose
   file is no longer there, so that nobody can reach it; one that is bound to the IPv6
   wildcard and serves IPv4, too, is also that of the IPv4 wildcard. NULL: there is none. Whoever
   claims it takes `fd` and `label` out of it, and leaves -1 and NULL. `activation` may be NULL. */
struct activated_socket *activation_find(const struct activation *activation,
                                         const struct sockaddr *address, socklen_t length,
                                         int socket_type);

/* How many nobody has claimed, but for those from the store: these are nobody's then. */
size_t activation_count(const struct activation *activation);

/* What SERVER_STARTER_PORT calls a socket that no option names: PORT, HOST:PORT, [HOST]:PORT, a
   path, or @NAME. To be freed; NULL when there is no memory. */
char *activation_make_name(const struct activated_socket *socket);

/* Closes what nobody has claimed, and frees the rest. */
void activation_free(struct activation *activation);

#endif
