#include "listener.h"

#include "ascii.h"
#include "descriptor.h"
#include "endpoint.h"
#include "open_files.h"
#include "socket_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often *:0 looks for a port that is free in both families. */
#define ANY_PORT_TRIES 16

/* What one opening works with. */
struct opening {
    const struct address *address;
    const struct endpoint *endpoint;
    struct listener *listener;
    int backlog; /* 0: the system's default */
    int beyond;
    struct activation *activation; /* NULL: there is none */
};

/* --- names ------------------------------------------------------------------------------------ */

/* The key in SERVER_STARTER_PORT: what was asked for, in Server::Starter's spelling. */
static char *make_name(const struct address *address, uint16_t port, int family)
{
    char *name = NULL;
    int written = -1;
    int length = address->length;
    switch (address->kind) {
    case ADDRESS_ANY_IPV4:
    case ADDRESS_ANY:
        written =
            family == AF_INET6 ? asprintf(&name, "[::]:%u", port) : asprintf(&name, "%u", port);
        break;
    case ADDRESS_IPV6:
        written = asprintf(&name, "[%.*s]:%u", length, address->text, port);
        break;
    case ADDRESS_HOST:
        written = asprintf(&name, "%.*s:%u", length, address->text, port);
        break;
    case ADDRESS_UNIX:
        written = asprintf(&name, "%.*s", length, address->text);
        break;
    case ADDRESS_ABSTRACT:
        written = asprintf(&name, "@%.*s", length, address->text);
        break;
    }
    return written >= 0 ? name : NULL;
}

static int name_listener(const struct opening *opening, struct error *error)
{
    struct listener *listener = opening->listener;
    const struct listener_value *label =
        listener_option_get(&opening->address->options, LISTENER_OPTION_NAME);
    int family = opening->endpoint->any.sa_family; /* as asked for: one from above may be of both */
    uint16_t port = family == AF_UNIX ? 0 : endpoint_bound_port(listener->fd);
    listener->name = make_name(opening->address, port, family);
    if (label != NULL) { /* overrides what somebody above called it */
        free(listener->label);
        listener->label = strndup(label->text, label->length);
    }
    if (listener->name == NULL || (label != NULL && listener->label == NULL)) {
        return error_set(error, "out of memory");
    }
    listener->path = listener->file.is_made ? listener->name : NULL;
    return 0;
}

const char *listener_type_name(const struct listener *listener)
{
    if (listener->family != AF_UNIX) {
        return listener->socket_type == SOCK_DGRAM ? "udp" : "tcp";
    }
    return listener->socket_type == SOCK_STREAM  ? "unix"
           : listener->socket_type == SOCK_DGRAM ? "unix-datagram"
                                                 : "unix-seqpacket";
}

/* --- options ---------------------------------------------------------------------------------- */

static int refuse_option(const struct opening *opening, enum listener_option_id id,
                         struct error *error)
{
    int reason = errno;
    char where[ENDPOINT_TEXT_SIZE];
    const struct listener_value *value = listener_option_get(&opening->address->options, id);
    return error_set(error, "cannot listen on %s: cannot set %s%s%.*s: %s%s",
                     endpoint_describe(opening->endpoint, where, sizeof where),
                     listener_option_rows[id].name, value->length > 0 ? "=" : "",
                     (int)value->length, value->text, strerror(reason),
                     reason == EPERM ? " (needs privileges)" : "");
}

/* A number from /proc/sys/net/; -1 if there is none. */
static int64_t read_limit(const char *name)
{
    char path[64];
    char text[32];
    const char *end;
    snprintf(path, sizeof path, "/proc/sys/net/%s", name);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[length > 0 ? length : 0] = '\0';
    return ascii_parse_number(text, INT32_MAX, &end);
}

/* Notes that the system gives less than was asked for; the caller tells it once the socket is open.
 */
static __attribute__((format(printf, 2, 3))) void warn(struct listener *listener,
                                                       const char *format, ...)
{
    struct error text;
    char *before = listener->warning;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text.text, sizeof text.text, format, arguments);
    va_end(arguments);
    if (asprintf(&listener->warning, "%s%s%s", before != NULL ? before : "",
                 before != NULL ? "; " : "", text.text) < 0) {
        listener->warning = NULL;
    }
    free(before);
}

/* Servers may take data with the first packet where the second bit is set (tcp(7)). */
static void check_fastopen(struct listener *listener)
{
    int64_t allowed = read_limit("ipv4/tcp_fastopen");
    if (allowed >= 0 && (allowed & 2) == 0) {
        warn(listener,
             "fastopen has no effect while the system's net.ipv4.tcp_fastopen is %" PRId64
             " (3 enables it for servers)",
             allowed);
    }
}

/* Buffers: beyond the limit where that is allowed (CAP_NET_ADMIN), else as large as the system has
   them, which does not say so itself. It doubles what it is told, for its own needs. */
static int set_buffer(const struct opening *opening, const struct listener_option_row *row,
                      const struct listener_value *value)
{
    int fd = opening->listener->fd;
    bool is_receive = row->number == SO_RCVBUF;
    int asked = (int)value->number;
    int got = 0;
    socklen_t size = sizeof got;
    if (setsockopt(fd, SOL_SOCKET, is_receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &asked,
                   sizeof asked) != 0 &&
        setsockopt(fd, SOL_SOCKET, row->number, &asked, sizeof asked) != 0) {
        return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, row->number, &got, &size) == 0 && got / 2 < asked) {
        warn(opening->listener, "%s=%d is above the system's %s (%d)", row->name, asked,
             is_receive ? "net.core.rmem_max" : "net.core.wmem_max", got / 2);
    }
    return 0;
}

/* Sets one that was given. */
static int set_option(const struct opening *opening, enum listener_option_id id)
{
    int fd = opening->listener->fd;
    const struct listener_option_row *row = &listener_option_rows[id];
    const struct listener_value *value = listener_option_get(&opening->address->options, id);
    if (value == NULL) {
        return 0;
    }
    if (id == LISTENER_OPTION_DEVICE) {
        return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, value->text, value->length);
    }
    if (row->kind == LISTENER_VALUE_BYTES) {
        return set_buffer(opening, row, value);
    }
    if (row->level < 0) {
        return 0; /* elsewhere */
    }
    if (id == LISTENER_OPTION_FASTOPEN && value->number > 0) {
        check_fastopen(opening->listener);
    }
    return setsockopt(fd, row->level, row->number, &value->number, sizeof value->number);
}

/* All of them before bind: some decide what may be bound, and no connection must come in before
   the rest are set. */
static int set_options(const struct opening *opening, struct error *error)
{
    for (enum listener_option_id id = 0; id < LISTENER_OPTION_COUNT; id++) {
        if (set_option(opening, id) != 0) {
            return refuse_option(opening, id, error);
        }
    }
    return 0;
}

/* --- binding ---------------------------------------------------------------------------------- */

static int explain_bind_failure(const struct opening *opening, struct error *error)
{
    int reason = errno;
    const struct endpoint *endpoint = opening->endpoint;
    char where[ENDPOINT_TEXT_SIZE];
    endpoint_describe(endpoint, where, sizeof where);
    if (reason == EADDRINUSE) {
        char owner[256];
        if (socket_owner_describe(&endpoint->any, endpoint->length, opening->address->socket_type,
                                  owner, sizeof owner)) {
            return error_set(error, "cannot listen on %s: address already in use by %s", where,
                             owner);
        }
    }
    if (reason == EACCES && endpoint->any.sa_family != AF_UNIX) {
        return error_set(error,
                         "cannot listen on %s: permission denied (low ports need "
                         "CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start)",
                         where);
    }
    return error_set(error, "cannot listen on %s: %s", where, strerror(reason));
}

/* Mode 0777 unless another is asked for, whatever the umask: who may connect is decided by the
   directory then, as with Server::Starter. */
static struct unix_rights rights_of(const struct address *address)
{
    const struct listener_value *mode =
        listener_option_get(&address->options, LISTENER_OPTION_MODE);
    const struct address_lookup *lookup = &address->lookup;
    return (struct unix_rights){.mode = mode != NULL ? (mode_t)mode->number : 0777,
                                .user = lookup->is_done ? lookup->user : UINT32_MAX,
                                .group = lookup->is_done ? lookup->group : UINT32_MAX};
}

static int bind_file(const struct opening *opening, struct error *error)
{
    struct listener *listener = opening->listener;
    const struct unix_rights rights = rights_of(opening->address);
    if (endpoint_needs_lookup(opening->address) && !opening->address->lookup.is_done) {
        return error_set(error, "cannot listen on %s: its owner was not looked up",
                         opening->endpoint->local.sun_path);
    }
    if (unix_file_clear(opening->endpoint, error) != 0) {
        return -1;
    }
    int result = unix_file_bind(listener->fd, opening->endpoint, &rights, &listener->file, error);
    return result == 0 || errno == 0 ? result : explain_bind_failure(opening, error);
}

static int bind_socket(const struct opening *opening, struct error *error)
{
    const int on = 1;
    int fd = opening->listener->fd;
    const struct endpoint *endpoint = opening->endpoint;
    int family = endpoint->any.sa_family;
    if (family != AF_UNIX && opening->address->socket_type == SOCK_STREAM) {
        /* For UDP it would let a second server steal the port. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (set_options(opening, error) != 0) {
        return -1;
    }
    if (opening->address->kind == ADDRESS_UNIX) {
        return bind_file(opening, error);
    }
    return bind(fd, &endpoint->any, endpoint->length) == 0 ? 0
                                                           : explain_bind_failure(opening, error);
}

static int backlog_of(const struct address *address, int backlog)
{
    const struct listener_value *own =
        listener_option_get(&address->options, LISTENER_OPTION_BACKLOG);
    return own != NULL ? (int)own->number : backlog;
}

/* TCP finds out only here that somebody else listens, when both have SO_REUSEADDR. */
static int listen_on(const struct opening *opening, struct error *error)
{
    int backlog = backlog_of(opening->address, opening->backlog);
    if (opening->address->socket_type == SOCK_DGRAM) {
        return 0;
    }
    if (listen(opening->listener->fd, backlog > 0 ? backlog : SOMAXCONN) != 0) {
        return explain_bind_failure(opening, error);
    }
    int64_t most = read_limit("core/somaxconn");
    if (most >= 0 && backlog > most) {
        warn(opening->listener,
             "a backlog of %d is above the system's net.core.somaxconn (%" PRId64 ")", backlog,
             most);
    }
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Puts the socket where the worker wants it, so that nothing has to be moved at a spawn. If that
   number is taken here, it goes beyond them all, out of the way of the others. */
static int place(int fd, int wanted, int beyond)
{
    if (fd == wanted) {
        return fd;
    }
    bool is_free = wanted > STDERR_FILENO && fcntl(wanted, F_GETFD) < 0;
    return descriptor_raise(fd, is_free ? wanted : beyond);
}

static void take_over(struct activated_socket *given, int beyond, struct listener *listener)
{
    listener->fd = place(given->fd, listener->worker_fd, beyond);
    listener->family = given->address.ss_family;
    listener->socket_type = given->socket_type;
    listener->origin = given->stored_name == NULL ? LISTENER_GIVEN : LISTENER_KEPT;
    listener->label = given->label;
    listener->file = given->file;
    listener->file.is_made = false; /* not ours until the service is set up: listener_own_file */
    given->fd = -1;
    given->label = NULL;
}

/* What was asked for when the supervisor before opened it is not known: what can be set anew is. */
static void renew(const struct opening *opening)
{
    struct listener *listener = opening->listener;
    const struct unix_rights rights = rights_of(opening->address);
    struct error ignored;
    for (enum listener_option_id id = 0; id < LISTENER_OPTION_COUNT; id++) {
        (void)!set_option(opening, id);
    }
    (void)!listen_on(opening, &ignored);
    if (listener->file.inode != 0 &&
        !unix_file_has_rights(opening->endpoint->local.sun_path, &rights)) {
        warn(listener, "its new mode and owner take effect after a stop and start");
    }
}

/* What whoever opened the socket has made of it stays, and so does its file. `name` is about the
   worker, and `type` has found the socket. */
static void warn_of_options(const struct opening *opening)
{
    for (enum listener_option_id id = 0; id < LISTENER_OPTION_COUNT; id++) {
        bool is_about_it = id != LISTENER_OPTION_NAME && id != LISTENER_OPTION_TYPE;
        if (is_about_it && listener_option_get(&opening->address->options, id) != NULL) {
            warn(opening->listener, "%s has no effect on a socket from LISTEN_FDS",
                 listener_option_rows[id].name);
            return;
        }
    }
}

static int take_given(const struct opening *opening, struct activated_socket *given,
                      struct error *error)
{
    take_over(given, opening->beyond, opening->listener);
    if (opening->listener->origin == LISTENER_KEPT) {
        renew(opening);
    } else {
        warn_of_options(opening);
    }
    return name_listener(opening, error);
}

static int try_to_open(const struct opening *opening, struct error *error)
{
    struct listener *listener = opening->listener;
    int type = opening->address->socket_type;
    int family = opening->endpoint->any.sa_family;
    struct activated_socket *given = activation_find(opening->activation, &opening->endpoint->any,
                                                     opening->endpoint->length, type);
    if (given != NULL) {
        return take_given(opening, given, error);
    }
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        int reason = errno;
        char where[ENDPOINT_TEXT_SIZE];
        return error_set(error, "cannot make a socket for %s: %s",
                         endpoint_describe(opening->endpoint, where, sizeof where),
                         open_files_reason(reason));
    }
    listener->fd = place(fd, listener->worker_fd, opening->beyond);
    listener->family = family;
    listener->socket_type = type;
    return bind_socket(opening, error) != 0 || listen_on(opening, error) != 0 ||
                   name_listener(opening, error) != 0
               ? -1
               : 0;
}

static int open_socket(const struct opening *opening, struct error *error)
{
    struct listener *listener = opening->listener;
    *listener = (struct listener){.fd = -1, .worker_fd = listener->worker_fd};
    if (try_to_open(opening, error) == 0) {
        return 0;
    }
    unix_file_remove(&listener->file, opening->endpoint->local.sun_path);
    listener_close(listener);
    return -1;
}

/* A machine without IPv6 still serves *:PORT, on IPv4. */
static bool has_ipv6(void)
{
    AUTO_CLOSE int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct endpoint endpoint;
    endpoint_set_ipv6(&endpoint, in6addr_any, 0);
    return probe >= 0 && bind(probe, &endpoint.any, endpoint.length) == 0;
}

/* *:PORT: the IPv4 wildcard in pair[0], the IPv6 one in pair[1]; `endpoint` is the opening's.
   Returns how many were opened. */
static int open_pair(struct opening *opening, struct endpoint *endpoint, struct listener pair[2],
                     struct error *error)
{
    uint16_t port = opening->address->port;
    for (int tries = 1;; tries++) {
        opening->listener = &pair[0];
        endpoint_set_ipv4(endpoint, htonl(INADDR_ANY), port);
        if (open_socket(opening, error) != 0) {
            return -1;
        }
        if (pair[0].family == AF_INET6 || !has_ipv6()) { /* one from above may serve both */
            return 1;
        }
        opening->listener = &pair[1];
        endpoint_set_ipv6(endpoint, in6addr_any, endpoint_bound_port(pair[0].fd));
        if (open_socket(opening, error) == 0) {
            return 2;
        }
        /* The port that the system chose may be taken in IPv6: look for another. */
        listener_close(&pair[0]);
        if (port != 0 || tries == ANY_PORT_TRIES) {
            return -1;
        }
    }
}

int listener_take(struct activated_socket *given, int beyond, struct listener *listener,
                  struct error *error)
{
    char *name = activation_make_name(given);
    *listener = (struct listener){.fd = -1, .worker_fd = listener->worker_fd, .name = name};
    if (name == NULL) {
        return error_set(error, "out of memory");
    }
    take_over(given, beyond, listener);
    return 0;
}

int listener_open(const struct address *address, int backlog, int beyond,
                  struct activation *activation, struct listener *listeners, struct error *error)
{
    struct endpoint endpoint;
    struct opening opening = {.address = address,
                              .endpoint = &endpoint,
                              .listener = listeners,
                              .backlog = backlog,
                              .beyond = beyond,
                              .activation = activation};
    if (address->kind == ADDRESS_ANY) {
        return open_pair(&opening, &endpoint, listeners, error);
    }
    return endpoint_make(address, &endpoint, error) == 0 && open_socket(&opening, error) == 0 ? 1
                                                                                              : -1;
}

static const struct listener_value *find_label(const struct address *address)
{
    return address != NULL ? listener_option_get(&address->options, LISTENER_OPTION_NAME) : NULL;
}

/* The label that the address asks for; or the one that the socket had from above, since no address
   gave it. Returns 0, or -1 (no memory). */
static int copy_label(const struct listener *listener, const struct address *address, char **label)
{
    const struct listener_value *asked = find_label(address);
    bool is_from_above = listener->label != NULL && find_label(listener->address) == NULL;
    *label = asked != NULL   ? strndup(asked->text, asked->length)
             : is_from_above ? strdup(listener->label)
                             : NULL;
    return (asked != NULL || is_from_above) && *label == NULL ? -1 : 0;
}

int listener_share(struct listener *listener, struct listener *copy, struct error *error)
{
    if (listener->holders == NULL) {
        listener->holders = malloc(sizeof *listener->holders);
        if (listener->holders == NULL) {
            return error_set(error, "out of memory");
        }
        *listener->holders = 1;
    }
    struct listener shared = *listener;
    shared.worker_fd = copy->worker_fd;
    shared.address = copy->address;
    shared.warning = NULL; /* told when it was opened */
    shared.name = strdup(listener->name);
    shared.path = listener->path != NULL ? shared.name : NULL;
    if (shared.name == NULL || copy_label(listener, copy->address, &shared.label) != 0) {
        free(shared.name);
        return error_set(error, "out of memory");
    }
    ++*listener->holders;
    *copy = shared;
    return 0;
}

void listener_set_backlog(const struct listener *listener, int backlog)
{
    int length = listener->address != NULL ? backlog_of(listener->address, backlog) : 0;
    if (listener->socket_type != SOCK_DGRAM && listener->address != NULL) {
        listen(listener->fd, length > 0 ? length : SOMAXCONN);
    }
}

void listener_own_file(struct listener *listener)
{
    if (listener->origin == LISTENER_KEPT && listener->file.inode != 0) {
        listener->file.is_made = true;
        listener->path = listener->name;
    }
}

void listener_leave_file(struct listener *listener)
{
    listener->file.is_made = false;
    listener->path = NULL;
}

/* Whether somebody else has the socket, now that this one has it no more. */
static bool leave_to_others(struct listener *listener)
{
    if (listener->holders != NULL && --*listener->holders > 0) {
        return true;
    }
    free(listener->holders);
    return false;
}

void listener_close(struct listener *listener)
{
    if (!leave_to_others(listener)) {
        if (listener->path != NULL) {
            unix_file_remove(&listener->file, listener->path);
        }
        if (listener->fd >= 0) {
            close(listener->fd);
        }
    }
    free(listener->name);
    free(listener->label);
    free(listener->warning);
    *listener = (struct listener){.fd = -1, .worker_fd = listener->worker_fd};
}
