#include "listener.h"

#include "descriptor.h"
#include "socket_owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The first number that a worker's socket gets, as systemd and nginx have it too. */
#define FIRST_WORKER_FD 3
/* Descriptors that the supervisor needs besides the listeners, generously. */
#define SPARE_DESCRIPTORS 64
/* How often *:0 looks for a port that is free in both families. */
#define ANY_PORT_TRIES 16

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un local;
    };
    socklen_t length;
};

/* --- looking up ------------------------------------------------------------------------------- */

static void set_ipv4(struct endpoint *endpoint, in_addr_t host, uint16_t port)
{
    endpoint->ipv4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = host};
    endpoint->length = sizeof endpoint->ipv4;
}

static void set_ipv6(struct endpoint *endpoint, struct in6_addr host, uint16_t port)
{
    endpoint->ipv6 =
        (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = host};
    endpoint->length = sizeof endpoint->ipv6;
}

static int look_up(const char *host, int family, int flags, uint16_t port,
                   struct endpoint *endpoint)
{
    const struct addrinfo hints = {.ai_family = family, .ai_flags = flags};
    struct addrinfo *found;
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result == 0) {
        memcpy(&endpoint->any, found->ai_addr, found->ai_addrlen);
        endpoint->length = found->ai_addrlen;
        /* The port stands at the same place in both families. */
        endpoint->ipv4.sin_port = htons(port);
        freeaddrinfo(found);
    }
    return result;
}

/* Numeric addresses and "localhost" need no resolver, so they work without one. */
static int resolve(const struct address *address, struct endpoint *endpoint, struct error *error)
{
    uint32_t ipv4;
    struct in6_addr ipv6;
    if (strcmp(address->host, "localhost") == 0) {
        set_ipv4(endpoint, htonl(INADDR_LOOPBACK), address->port);
        return 0;
    }
    if (address_read_ipv4(address->host, &ipv4) == 0) {
        set_ipv4(endpoint, htonl(ipv4), address->port);
        return 0;
    }
    if (inet_pton(AF_INET6, address->host, &ipv6) == 1) {
        set_ipv6(endpoint, ipv6, address->port);
        return 0;
    }
    if (address->kind == ADDRESS_IPV6) { /* may carry a zone: fe80::1%eth0 */
        int result = look_up(address->host, AF_INET6, AI_NUMERICHOST, address->port, endpoint);
        return result == 0 ? 0
                           : error_set(error, "'%s' is not an IPv6 address: %s", address->host,
                                       gai_strerror(result));
    }
    int result = look_up(address->host, AF_INET, 0, address->port, endpoint);
    if (result != 0 && look_up(address->host, AF_INET6, 0, address->port, endpoint) == 0) {
        result = 0;
    }
    return result == 0 ? 0
                       : error_set(error, "cannot resolve host '%s': %s", address->host,
                                   gai_strerror(result));
}

static int find_endpoint(const struct address *address, struct endpoint *endpoint,
                         struct error *error)
{
    *endpoint = (struct endpoint){.length = 0};
    switch (address->kind) {
    case ADDRESS_ANY_IPV4:
    case ADDRESS_ANY:
        set_ipv4(endpoint, htonl(INADDR_ANY), address->port);
        return 0;
    case ADDRESS_UNIX:
        endpoint->local.sun_family = AF_UNIX;
        memcpy(endpoint->local.sun_path, address->path, strlen(address->path) + 1);
        endpoint->length =
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address->path) + 1);
        return 0;
    case ADDRESS_IPV6:
    case ADDRESS_HOST:
        return resolve(address, endpoint, error);
    }
    return -1;
}

/* --- names ------------------------------------------------------------------------------------ */

/* The address as people know it, for messages. */
static const char *describe(const struct endpoint *endpoint, char *buffer, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    if (endpoint->any.sa_family == AF_UNIX) {
        snprintf(buffer, size, "%s", endpoint->local.sun_path);
    } else if (endpoint->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &endpoint->ipv6.sin6_addr, host, sizeof host);
        snprintf(buffer, size, "[%s]:%u", host, ntohs(endpoint->ipv6.sin6_port));
    } else {
        inet_ntop(AF_INET, &endpoint->ipv4.sin_addr, host, sizeof host);
        snprintf(buffer, size, "%s:%u", host, ntohs(endpoint->ipv4.sin_port));
    }
    return buffer;
}

/* The key in SERVER_STARTER_PORT: what was asked for, in Server::Starter's spelling. */
static char *make_name(const struct address *address, uint16_t port, int family)
{
    char *name = NULL;
    int length = -1;
    switch (address->kind) {
    case ADDRESS_ANY_IPV4:
    case ADDRESS_ANY:
        length =
            family == AF_INET6 ? asprintf(&name, "[::]:%u", port) : asprintf(&name, "%u", port);
        break;
    case ADDRESS_IPV6:
        length = asprintf(&name, "[%s]:%u", address->host, port);
        break;
    case ADDRESS_HOST:
        length = asprintf(&name, "%s:%u", address->host, port);
        break;
    case ADDRESS_UNIX:
        length = asprintf(&name, "%s", address->path);
        break;
    }
    return length >= 0 ? name : NULL;
}

static uint16_t bound_port(int fd)
{
    struct endpoint endpoint = {.length = sizeof endpoint.local};
    if (getsockname(fd, &endpoint.any, &endpoint.length) != 0) {
        return 0;
    }
    return ntohs(endpoint.ipv4.sin_port);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int explain_bind_failure(const struct endpoint *endpoint, int socket_type,
                                struct error *error)
{
    int reason = errno;
    char where[ADDRESS_PATH_MAX + 16];
    describe(endpoint, where, sizeof where);
    if (reason == EADDRINUSE) {
        char owner[256];
        if (socket_owner_describe(&endpoint->any, endpoint->length, socket_type, owner,
                                  sizeof owner)) {
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

/* Connects to see whether somebody still answers there. */
static bool is_answered(const struct endpoint *endpoint)
{
    AUTO_CLOSE int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return true;
    }
    return connect(probe, &endpoint->any, endpoint->length) == 0 || errno != ECONNREFUSED;
}

/* A socket that a dead server left behind is in the way of bind; anything else there is not ours to
   remove. */
static int clear_path(const struct endpoint *endpoint, struct error *error)
{
    const char *path = endpoint->local.sun_path;
    struct stat status;
    if (lstat(path, &status) != 0) {
        return 0; /* whatever is wrong, bind says it better */
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error_set(error, "cannot listen on %s: a file that is not a socket is in the way",
                         path);
    }
    if (is_answered(endpoint)) {
        char owner[256];
        if (socket_owner_describe(&endpoint->any, endpoint->length, SOCK_STREAM, owner,
                                  sizeof owner)) {
            return error_set(error, "cannot listen on %s: it is still served by %s", path, owner);
        }
        return error_set(error, "cannot listen on %s: somebody still answers there", path);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return error_set(error, "cannot remove the stale socket %s: %s", path, strerror(errno));
    }
    return 0;
}

static int bind_unix(const char *path, const struct endpoint *endpoint, struct listener *listener,
                     struct error *error)
{
    if (clear_path(endpoint, error) != 0) {
        return -1;
    }
    /* Mode 0777, whatever the umask: who may connect is decided by the directory, as with
       Server::Starter. */
    mode_t mask = umask(0);
    int result = bind(listener->fd, &endpoint->any, endpoint->length);
    umask(mask);
    if (result != 0) {
        return explain_bind_failure(endpoint, SOCK_STREAM, error);
    }
    struct stat status;
    if (lstat(path, &status) == 0) {
        listener->path = path;
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
    }
    return 0;
}

static int bind_internet(int fd, const struct endpoint *endpoint, int socket_type,
                         struct error *error)
{
    const int on = 1;
    if (socket_type == SOCK_STREAM) { /* for UDP it would let a second server steal the port */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (endpoint->any.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(fd, &endpoint->any, endpoint->length) != 0) {
        return explain_bind_failure(endpoint, socket_type, error);
    }
    return 0;
}

/* Puts the socket where the worker wants it, so that nothing has to be moved at a spawn. If that
   number is taken here, it goes beyond them all, out of the way of the others. */
static int place(int fd, int wanted, int beyond)
{
    if (fd == wanted) {
        return fd;
    }
    bool is_free = wanted >= FIRST_WORKER_FD && fcntl(wanted, F_GETFD) < 0;
    return descriptor_raise(fd, is_free ? wanted : beyond);
}

/* What holds for the whole set while it is opened. */
struct opening {
    int backlog;
    int beyond; /* above every number that a worker gets */
};

static int open_socket(const struct address *address, const struct endpoint *endpoint,
                       const struct opening *opening, struct listener *listener,
                       struct error *error)
{
    int family = endpoint->any.sa_family;
    int fd = socket(family, address->socket_type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        char where[ADDRESS_PATH_MAX + 16];
        return error_set(error, "cannot make a socket for %s: %s",
                         describe(endpoint, where, sizeof where), strerror(errno));
    }
    listener->fd = place(fd, listener->worker_fd, opening->beyond);
    listener->socket_type = address->socket_type;
    if (family == AF_UNIX
            ? bind_unix(address->path, endpoint, listener, error) != 0
            : bind_internet(listener->fd, endpoint, address->socket_type, error) != 0) {
        return -1;
    }
    /* TCP finds out only here that somebody else listens, when both have SO_REUSEADDR. */
    if (address->socket_type == SOCK_STREAM &&
        listen(listener->fd, opening->backlog > 0 ? opening->backlog : SOMAXCONN) != 0) {
        return explain_bind_failure(endpoint, address->socket_type, error);
    }
    uint16_t port = family == AF_UNIX ? 0 : bound_port(listener->fd);
    listener->name = make_name(address, port, family);
    return listener->name != NULL ? 0 : error_set(error, "out of memory");
}

static void close_listener(struct listener *listener)
{
    struct stat status;
    const char *path = listener->path;
    if (path != NULL && lstat(path, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode) {
        unlink(path);
    }
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    free(listener->name);
    free(listener->label);
    *listener = (struct listener){.fd = -1};
}

/* A machine without IPv6 still serves *:PORT, on IPv4. */
static bool has_ipv6(void)
{
    AUTO_CLOSE int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct endpoint endpoint;
    set_ipv6(&endpoint, in6addr_any, 0);
    return probe >= 0 && bind(probe, &endpoint.any, endpoint.length) == 0;
}

/* *:PORT: the IPv4 wildcard in pair[0], the IPv6 one in pair[1]. Returns how many were opened. */
static int open_any(const struct address *address, const struct opening *opening,
                    struct listener pair[2], struct error *error)
{
    for (int tries = 1;; tries++) {
        struct endpoint endpoint;
        set_ipv4(&endpoint, htonl(INADDR_ANY), address->port);
        if (open_socket(address, &endpoint, opening, &pair[0], error) != 0) {
            return -1;
        }
        if (!has_ipv6()) {
            return 1;
        }
        set_ipv6(&endpoint, in6addr_any, bound_port(pair[0].fd));
        if (open_socket(address, &endpoint, opening, &pair[1], error) == 0) {
            return 2;
        }
        if (address->port != 0 || tries == ANY_PORT_TRIES) {
            return -1;
        }
        /* The port that the system chose is taken in IPv6: look for another. */
        for (int part = 0; part < 2; part++) {
            int worker_fd = pair[part].worker_fd;
            close_listener(&pair[part]);
            pair[part].worker_fd = worker_fd;
        }
    }
}

static int open_address(const struct address *address, const struct opening *opening,
                        struct listener *listeners, struct error *error)
{
    if (address->kind == ADDRESS_ANY) {
        return open_any(address, opening, listeners, error);
    }
    struct endpoint endpoint;
    if (find_endpoint(address, &endpoint, error) != 0 ||
        open_socket(address, &endpoint, opening, listeners, error) != 0) {
        return -1;
    }
    return 1;
}

/* --- the set ---------------------------------------------------------------------------------- */

size_t listener_count(const struct address *addresses, size_t count)
{
    size_t sockets = count;
    for (size_t i = 0; i < count; i++) {
        sockets += addresses[i].kind == ADDRESS_ANY;
    }
    return sockets;
}

static bool is_asked_for(const struct address *addresses, size_t count, int fd)
{
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].fd == fd) {
            return true;
        }
    }
    return false;
}

static int next_free_number(const struct address *addresses, size_t count, int fd)
{
    while (is_asked_for(addresses, count, fd)) {
        fd++;
    }
    return fd;
}

static int highest_number(const struct address *addresses, size_t count)
{
    int highest = FIRST_WORKER_FD + (int)listener_count(addresses, count) + (int)count;
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].fd > highest) {
            highest = addresses[i].fd;
        }
    }
    return highest;
}

/* Thousands of listeners need more descriptors than the usual soft limit. The workers inherit the
   higher limit: with the lower one they could not open another file. */
static void make_room(int highest)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)highest + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int check_numbers(const struct address *addresses, size_t count, struct error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        int fd = addresses[i].fd;
        if (fd >= 0 && (rlim_t)fd >= limit.rlim_cur) {
            return error_set(error, "descriptor %d is beyond the limit of open files, %llu", fd,
                             (unsigned long long)limit.rlim_cur);
        }
        if (fd >= 0 && is_asked_for(addresses + i + 1, count - i - 1, fd)) {
            return error_set(error, "descriptor %d is asked for by two sockets", fd);
        }
    }
    return 0;
}

int listener_set_open(struct listener_set *set, const struct address *addresses, size_t count,
                      int backlog, struct error *error)
{
    *set = (struct listener_set){.count = 0};
    const struct opening opening = {.backlog = backlog,
                                    .beyond = highest_number(addresses, count) + 1};
    make_room(opening.beyond);
    if (check_numbers(addresses, count, error) != 0) {
        return -1;
    }
    size_t sockets = listener_count(addresses, count);
    set->items = calloc(sockets > 0 ? sockets : 1, sizeof *set->items);
    if (set->items == NULL) {
        return error_set(error, "out of memory");
    }
    int next = FIRST_WORKER_FD;
    for (size_t i = 0; i < count; i++) {
        struct listener *listeners = &set->items[set->count];
        int wanted = addresses[i].kind == ADDRESS_ANY ? 2 : 1;
        for (int part = 0; part < wanted; part++) {
            int fd = addresses[i].fd;
            if (fd < 0) {
                fd = next_free_number(addresses, count, next);
                next = fd + 1;
            }
            listeners[part] = (struct listener){.fd = -1, .worker_fd = fd};
        }
        int opened = open_address(&addresses[i], &opening, listeners, error);
        set->count += (size_t)(opened < 0 ? wanted : opened);
        if (opened < 0) {
            listener_set_close(set);
            return -1;
        }
        next -= wanted - opened;
    }
    return 0;
}

void listener_set_close(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        close_listener(&set->items[i]);
    }
    free(set->items);
    *set = (struct listener_set){.count = 0};
}
