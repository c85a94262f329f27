#include "activation.h"

#include "array.h"
#include "ascii.h"
#include "store_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The first descriptor of the convention (SD_LISTEN_FDS_START). */
#define FIRST_FD 3
/* More than any limit of open files allows. */
#define COUNT_MAX (1 << 20)

/* --- what is there ---------------------------------------------------------------------------- */

static int explain_file(int fd, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return error_set(error, "LISTEN_FDS: descriptor %d is not open", fd);
    }
    return error_set(error, "LISTEN_FDS: expected a socket at descriptor %d, got a %s", fd,
                     S_ISFIFO(status.st_mode)  ? "pipe"
                     : S_ISREG(status.st_mode) ? "file"
                                               : "device or another kind of file");
}

/* A service of a unit with Accept=yes is given a connection, not the socket that it came from. */
static int check_listens(int fd, int socket_type, struct error *error)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    if (socket_type == SOCK_DGRAM ||
        (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0)) {
        return 0;
    }
    return error_set(error,
                     "LISTEN_FDS: descriptor %d is a socket that does not listen (a .socket unit "
                     "needs Accept=no)",
                     fd);
}

static int check_family(int fd, int family, struct error *error)
{
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX
               ? 0
               : error_set(error,
                           "LISTEN_FDS: expected an IPv4, IPv6 or unix socket at descriptor %d, "
                           "got one of family %d",
                           fd, family);
}

/* Whether anybody can still reach it: a unix socket without its file is as good as gone. */
static bool is_reachable(const struct activated_socket *socket)
{
    const struct sockaddr_un *address = (const struct sockaddr_un *)&socket->address;
    return !socket->file.is_made || unix_file_is_there(&socket->file, address->sun_path);
}

static int examine(int fd, struct activated_socket *socket, struct error *error)
{
    socklen_t size = sizeof socket->socket_type;
    *socket = (struct activated_socket){.fd = -1, .length = sizeof socket->address};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &socket->socket_type, &size) != 0 ||
        getsockname(fd, (struct sockaddr *)&socket->address, &socket->length) != 0) {
        return explain_file(fd, error);
    }
    if (check_family(fd, socket->address.ss_family, error) != 0 ||
        check_listens(fd, socket->socket_type, error) != 0) {
        return -1;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return error_set(error, "LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
    }
    socket->fd = fd;
    return 0;
}

/* --- what is said ----------------------------------------------------------------------------- */

/* The number of sockets; 0 where none are meant for this process. */
static int read_count(size_t *count, struct error *error)
{
    const char *end;
    const char *pid = getenv("LISTEN_PID");
    const char *text = getenv("LISTEN_FDS");
    *count = 0;
    if (pid == NULL || text == NULL || ascii_parse_number(pid, INT32_MAX, &end) != getpid() ||
        *end != '\0') {
        return 0;
    }
    long number = ascii_parse_number(text, COUNT_MAX, &end);
    if (number < 0 || *end != '\0') {
        return error_set(error, "LISTEN_FDS: expected the number of sockets, got '%.100s'", text);
    }
    *count = (size_t)number;
    return 0;
}

static size_t count_names(const char *names)
{
    size_t count = 1;
    for (; *names != '\0'; names++) {
        count += *names == ':';
    }
    return count;
}

/* What LISTEN_FDNAMES says of a socket: what it is called, or that it comes from the store. */
static int take_name(struct activated_socket *socket, const char *name, size_t length,
                     struct error *error)
{
    char **copy =
        store_name_parse(name, length, &socket->file) ? &socket->stored_name : &socket->label;
    *copy = length > 0 ? strndup(name, length) : NULL;
    return length > 0 && *copy == NULL ? error_set(error, "out of memory") : 0;
}

/* The end of a pipe that a supervisor before had stored to learn whether there was room. */
static bool is_marker(const char *name, size_t length)
{
    return length == sizeof STORE_NAME_MARKER - 1 && memcmp(name, STORE_NAME_MARKER, length) == 0;
}

/* A number that is nonsense must not decide how much memory is asked for. */
static struct activated_socket *add(struct activation *activation)
{
    struct activated_socket *grown =
        array_grow(activation->items, activation->count, sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    activation->items = grown;
    grown[activation->count] = (struct activated_socket){.fd = -1};
    return &grown[activation->count++];
}

static int take_one(struct activation *activation, int fd, const char *name, size_t length,
                    struct error *error)
{
    if (is_marker(name, length)) {
        close(fd);
        return 0;
    }
    struct activated_socket *socket = add(activation);
    if (socket == NULL) {
        return error_set(error, "out of memory");
    }
    return examine(fd, socket, error) != 0 ? -1 : take_name(socket, name, length, error);
}

static int take(struct activation *activation, struct error *error)
{
    size_t count;
    if (read_count(&count, error) != 0) {
        return -1;
    }
    const char *names = getenv("LISTEN_FDNAMES");
    if (count == 0) {
        return 0; /* then LISTEN_FDNAMES is not for this process either */
    }
    if (names != NULL && count_names(names) != count) {
        return error_set(error,
                         "LISTEN_FDNAMES: expected %zu names, as many as LISTEN_FDS says, got %zu",
                         count, count_names(names));
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = names != NULL ? strcspn(names, ":") : 0;
        if (take_one(activation, FIRST_FD + (int)i, names != NULL ? names : "", length, error) !=
            0) {
            return -1;
        }
        names = names != NULL && names[length] == ':' ? names + length + 1 : NULL;
    }
    return 0;
}

int activation_take(struct activation *activation, struct error *error)
{
    *activation = (struct activation){.count = 0};
    int result = take(activation, error);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (result != 0) {
        activation_free(activation);
    }
    return result;
}

/* --- claiming --------------------------------------------------------------------------------- */

static bool is_same_path(const struct sockaddr *one, socklen_t one_length,
                         const struct sockaddr *other, socklen_t other_length)
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    const char *first = ((const struct sockaddr_un *)one)->sun_path;
    const char *second = ((const struct sockaddr_un *)other)->sun_path;
    if (one_length <= start || other_length <= start) {
        return false; /* a socket without a name */
    }
    if (first[0] == '\0') { /* an abstract name counts every byte */
        return one_length == other_length && memcmp(first, second, one_length - start) == 0;
    }
    /* A path may be told with its final NUL or without. */
    size_t first_length = strnlen(first, one_length - start);
    return first_length == strnlen(second, other_length - start) &&
           memcmp(first, second, first_length) == 0;
}

static bool is_same(const struct sockaddr *one, socklen_t one_length, const struct sockaddr *other,
                    socklen_t other_length)
{
    if (one->sa_family != other->sa_family) {
        return false;
    }
    if (one->sa_family == AF_UNIX) {
        return is_same_path(one, one_length, other, other_length);
    }
    if (one->sa_family == AF_INET) {
        const struct sockaddr_in *first = (const struct sockaddr_in *)one;
        const struct sockaddr_in *second = (const struct sockaddr_in *)other;
        return first->sin_port == second->sin_port &&
               first->sin_addr.s_addr == second->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *first = (const struct sockaddr_in6 *)one;
    const struct sockaddr_in6 *second = (const struct sockaddr_in6 *)other;
    return first->sin6_port == second->sin6_port && first->sin6_scope_id == second->sin6_scope_id &&
           memcmp(&first->sin6_addr, &second->sin6_addr, sizeof first->sin6_addr) == 0;
}

/* `ListenStream=8080` of a unit is one socket for both families. */
static bool serves_ipv4_wildcard(const struct activated_socket *socket,
                                 const struct sockaddr *address)
{
    const struct sockaddr_in *wanted = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *bound = (const struct sockaddr_in6 *)&socket->address;
    int only_ipv6 = 1;
    socklen_t size = sizeof only_ipv6;
    return address->sa_family == AF_INET && socket->address.ss_family == AF_INET6 &&
           wanted->sin_addr.s_addr == htonl(INADDR_ANY) && wanted->sin_port == bound->sin6_port &&
           IN6_IS_ADDR_UNSPECIFIED(&bound->sin6_addr) &&
           getsockopt(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, &size) == 0 &&
           only_ipv6 == 0;
}

struct activated_socket *activation_find(const struct activation *activation,
                                         const struct sockaddr *address, socklen_t length,
                                         int socket_type)
{
    struct activated_socket *found = NULL;
    for (size_t i = 0; activation != NULL && i < activation->count; i++) {
        struct activated_socket *socket = &activation->items[i];
        if (socket->fd < 0 || socket->socket_type != socket_type || !is_reachable(socket)) {
            continue;
        }
        if (is_same((const struct sockaddr *)&socket->address, socket->length, address, length)) {
            return socket;
        }
        if (found == NULL && serves_ipv4_wildcard(socket, address)) {
            found = socket;
        }
    }
    return found;
}

size_t activation_count(const struct activation *activation)
{
    size_t count = 0;
    for (size_t i = 0; activation != NULL && i < activation->count; i++) {
        count += activation->items[i].fd >= 0 && activation->items[i].stored_name == NULL;
    }
    return count;
}

/* --- names ------------------------------------------------------------------------------------ */

static char *make_unix_name(const struct sockaddr_un *address, socklen_t length)
{
    size_t size = length - offsetof(struct sockaddr_un, sun_path);
    char *name = NULL;
    int written;
    if (size > 0 && address->sun_path[0] == '\0') {
        written = asprintf(&name, "@%.*s", (int)size - 1, address->sun_path + 1);
    } else {
        written = asprintf(&name, "%.*s", (int)size, address->sun_path);
    }
    return written >= 0 ? name : NULL;
}

char *activation_make_name(const struct activated_socket *socket)
{
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&socket->address;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&socket->address;
    char host[INET6_ADDRSTRLEN];
    char *name = NULL;
    int written;
    if (socket->address.ss_family == AF_UNIX) {
        return make_unix_name((const struct sockaddr_un *)&socket->address, socket->length);
    }
    if (socket->address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof host);
        written = asprintf(&name, "[%s]:%u", host, ntohs(ipv6->sin6_port));
    } else if (ipv4->sin_addr.s_addr == htonl(INADDR_ANY)) {
        written = asprintf(&name, "%u", ntohs(ipv4->sin_port));
    } else {
        inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof host);
        written = asprintf(&name, "%s:%u", host, ntohs(ipv4->sin_port));
    }
    return written >= 0 ? name : NULL;
}

void activation_free(struct activation *activation)
{
    for (size_t i = 0; i < activation->count; i++) {
        if (activation->items[i].fd >= 0) {
            close(activation->items[i].fd);
        }
        free(activation->items[i].label);
        free(activation->items[i].stored_name);
    }
    free(activation->items);
    *activation = (struct activation){.count = 0};
}
