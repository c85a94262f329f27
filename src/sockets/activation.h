/*
 * Sockets that the supervisor inherits in LISTEN_FDS, as systemd passes them to the service of a
 * .socket unit (sd_listen_fds(3)). This file reads the variables, checks the descriptors, and keeps
 * them until a listener claims them. It binds nothing and never removes a path: the sockets belong
 * to the service manager, or come from an earlier supervisor through its store.
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

/* Takes the inherited sockets if LISTEN_PID names this process; otherwise none. Removes the
   variables from the environment, so that no child takes them for its own. Returns 0; or -1 with
   the error in `error`, and nothing to free. */
int activation_take(struct activation *activation, struct error *error);

/* The unclaimed socket of this type and address, but none from the store whose file no longer
   exists: no client could reach it. A socket bound to the IPv6 wildcard that serves IPv4, too, also
   matches the IPv4 wildcard. NULL: there is none. To claim it, the caller takes `fd` and `label`,
   and leaves -1 and NULL. `activation` may be NULL. */
struct activated_socket *activation_find(const struct activation *activation,
                                         const struct sockaddr *address, socklen_t length,
                                         int socket_type);

/* The number of unclaimed sockets, without those from the store. */
size_t activation_count(const struct activation *activation);

/* What SERVER_STARTER_PORT calls a socket that no option names: PORT, HOST:PORT, [HOST]:PORT, a
   path, or @NAME. To be freed; NULL when there is no memory. */
char *activation_make_name(const struct activated_socket *socket);

/* Closes the unclaimed sockets, and frees the rest. */
void activation_free(struct activation *activation);

#endif
