/*
 * libtasuki: the library for servers, declared in include/tasuki.h.
 *
 * It reads what the supervisor left in the environment and writes to its notification socket. It
 * keeps no state, takes no lock, prints nothing, and shares no code with the supervisor: it is
 * linked into other people's programs and needs libc alone.
 */
#include "tasuki.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_digits(const char *text)
{
    const char *c = text;
    while (isdigit((unsigned char)*c)) {
        c++;
    }
    return c != text && *c == '\0';
}

/* Returns the number, or -ERANGE if it does not fit an int. DIGITS holds digits only. */
static int parse_int(const char *digits)
{
    errno = 0;
    long value = strtol(digits, NULL, 10);
    return errno != 0 || value > INT_MAX ? -ERANGE : (int)value;
}

/*
 * Takes the first entry off TEXT: cuts it into its address and its descriptor's digits, in place.
 * Returns what follows it (NULL after the last entry), and leaves *DIGITS at NULL if TEXT does not
 * begin with an entry.
 */
static char *take_entry(char *text, char **digits)
{
    *digits = NULL;
    for (char *end = strchr(text, ';');; end = strchr(end + 1, ';')) {
        if (end != NULL) {
            *end = '\0';
        }
        char *equals = strrchr(text, '=');
        if (equals != NULL && equals != text && is_digits(equals + 1)) {
            *equals = '\0';
            *digits = equals + 1;
            return end == NULL ? NULL : end + 1;
        }
        if (end == NULL) {
            return NULL;
        }
        /* No descriptor here, so this ';' belongs to a path. */
        *end = ';';
    }
}

/* Asks the kernel what the descriptor is. */
static int describe(struct tasuki_listener *listener)
{
    socklen_t size = sizeof listener->type;
    if (getsockopt(listener->fd, SOL_SOCKET, SO_TYPE, &listener->type, &size) != 0) {
        return -errno;
    }
    size = sizeof listener->family;
    if (getsockopt(listener->fd, SOL_SOCKET, SO_DOMAIN, &listener->family, &size) != 0) {
        return -errno;
    }
    /* Only a path can hold these; in "8080=x;9090=4" they are a broken entry before a good one. */
    if (listener->family != AF_UNIX && strpbrk(listener->address, "=;") != NULL) {
        return -EINVAL;
    }
    return 0;
}

/* Cuts LIST up in place into LISTENERS, which is large enough. Returns how many there are. */
static int parse_list(struct tasuki_listener *listeners, char *list)
{
    int count = 0;
    char *rest = list;
    while (rest != NULL) {
        struct tasuki_listener *listener = &listeners[count++];
        char *digits = NULL;
        listener->address = rest;
        rest = take_entry(rest, &digits);
        if (digits == NULL) {
            return -EINVAL;
        }
        listener->fd = parse_int(digits);
        if (listener->fd < 0) {
            return -EBADF;
        }
        int status = describe(listener);
        if (status < 0) {
            return status;
        }
    }
    return count;
}

/* The first descriptor of systemd's convention, sd_listen_fds(3). */
#define LISTEN_FDS_START 3
/* The longest entry that name_socket and "=FD;" make. */
#define ENTRY_MAX (sizeof(struct sockaddr_un) + sizeof "=2147483647;")

/* How many sockets LISTEN_FDS says that this process has. */
static int count_listen_fds(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    if (pid == NULL || count == NULL || !is_digits(pid) || parse_int(pid) != (int)getpid()) {
        return 0;
    }
    int number = is_digits(count) ? parse_int(count) : -EINVAL;
    return number > INT_MAX - LISTEN_FDS_START ? -EBADF : number;
}

/* What SERVER_STARTER_PORT would call the socket. Returns 0 or a negative errno value. */
static int name_socket(int fd, char *buffer, size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un local;
    } address = {.any.sa_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    char host[INET6_ADDRSTRLEN];
    if (getsockname(fd, &address.any, &length) != 0) {
        return -errno;
    }
    switch (address.any.sa_family) {
    case AF_INET:
        if (address.ipv4.sin_addr.s_addr == htonl(INADDR_ANY)) {
            snprintf(buffer, size, "%u", ntohs(address.ipv4.sin_port));
        } else {
            inet_ntop(AF_INET, &address.ipv4.sin_addr, host, sizeof host);
            snprintf(buffer, size, "%s:%u", host, ntohs(address.ipv4.sin_port));
        }
        return 0;
    case AF_INET6:
        inet_ntop(AF_INET6, &address.ipv6.sin6_addr, host, sizeof host);
        snprintf(buffer, size, "[%s]:%u", host, ntohs(address.ipv6.sin6_port));
        return 0;
    case AF_UNIX: {
        int room = (int)(length - offsetof(struct sockaddr_un, sun_path));
        bool is_abstract = room > 1 && address.local.sun_path[0] == '\0';
        snprintf(buffer, size, "%s%.*s", is_abstract ? "@" : "", room - is_abstract,
                 address.local.sun_path + is_abstract);
        return 0;
    }
    default:
        return -EINVAL;
    }
}

/* systemd's sockets as SERVER_STARTER_PORT would tell of them, to be freed; NULL: there are none.
   Returns 0 or a negative errno value. */
static int list_listen_fds(char **list)
{
    *list = NULL;
    int count = count_listen_fds();
    if (count <= 0) {
        return count;
    }
    size_t length = 0;
    for (int fd = LISTEN_FDS_START; fd < LISTEN_FDS_START + count; fd++) {
        char name[sizeof(struct sockaddr_un) + 1];
        int status = name_socket(fd, name, sizeof name);
        char *grown = status == 0 ? realloc(*list, length + ENTRY_MAX) : NULL;
        if (grown == NULL) {
            free(*list);
            *list = NULL;
            return status != 0 ? status : -ENOMEM;
        }
        *list = grown;
        length +=
            (size_t)snprintf(grown + length, ENTRY_MAX, "%s%s=%d", length > 0 ? ";" : "", name, fd);
    }
    return 0;
}

static int read_list(struct tasuki_listener **listeners, const char *list)
{
    size_t most = 1;
    for (const char *c = list; *c != '\0'; c++) {
        most += *c == ';';
    }
    size_t list_size = strlen(list) + 1;
    /* The array, and behind it the text that its addresses point into. */
    struct tasuki_listener *found = malloc(most * sizeof *found + list_size);
    if (found == NULL) {
        return -ENOMEM;
    }
    char *copy = (char *)(found + most);
    memcpy(copy, list, list_size);

    int count = parse_list(found, copy);
    if (count < 0) {
        free(found);
        return count;
    }
    *listeners = found;
    return count;
}

int tasuki_listeners(struct tasuki_listener **listeners)
{
    *listeners = NULL;
    const char *list = getenv("SERVER_STARTER_PORT");
    if (list != NULL) {
        return *list != '\0' ? read_list(listeners, list) : 0;
    }
    char *from_systemd = NULL;
    int result = list_listen_fds(&from_systemd);
    if (from_systemd == NULL) {
        return result < 0 ? result : 0;
    }
    result = read_list(listeners, from_systemd);
    free(from_systemd);
    return result;
}

static bool is_at(const struct tasuki_listener *listener, const char *address)
{
    if (strcmp(listener->address, address) == 0) {
        return true;
    }
    if (listener->family == AF_UNIX || !is_digits(address)) {
        return false;
    }
    const char *colon = strrchr(listener->address, ':');
    return colon != NULL && strcmp(colon + 1, address) == 0;
}

int tasuki_listener_find(const char *address, int type)
{
    struct tasuki_listener *listeners = NULL;
    int count = tasuki_listeners(&listeners);
    int fd = count < 0 ? count : -ENOENT;
    for (int i = 0; i < count; i++) {
        if ((type == 0 || listeners[i].type == type) && is_at(&listeners[i], address)) {
            fd = listeners[i].fd;
            break;
        }
    }
    free(listeners);
    return fd;
}

int tasuki_listeners_close_on_exec(void)
{
    struct tasuki_listener *listeners = NULL;
    int count = tasuki_listeners(&listeners);
    int result = count;
    for (int i = 0; i < count; i++) {
        int flags = fcntl(listeners[i].fd, F_GETFD);
        if (flags < 0 || fcntl(listeners[i].fd, F_SETFD, flags | FD_CLOEXEC) != 0) {
            result = -errno;
            break;
        }
    }
    free(listeners);
    return result;
}

int tasuki_generation(void)
{
    const char *text = getenv("SERVER_STARTER_GENERATION");
    if (text == NULL || *text == '\0') {
        return 0;
    }
    if (!is_digits(text)) {
        return -EINVAL;
    }
    int generation = parse_int(text);
    return generation == 0 ? -EINVAL : generation;
}

/* Returns the length of the address that NAME stands for, as sendto(2) wants it. */
static int notify_address(struct sockaddr_un *address, const char *name)
{
    size_t length = strlen(name);
    if (name[0] != '/' && name[0] != '@') {
        return -EAFNOSUPPORT;
    }
    if (length < 2) {
        return -EINVAL;
    }
    if (length > sizeof address->sun_path) {
        return -ENAMETOOLONG;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
    }
    /* Exactly as long as the name: in an abstract one every further NUL byte would count. */
    return (int)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int notify(const char *message)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || *name == '\0') {
        return 0;
    }
    struct sockaddr_un address;
    int address_length = notify_address(&address, name);
    if (address_length < 0) {
        return address_length;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    ssize_t sent = 0;
    do {
        sent = sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
                      (socklen_t)address_length);
    } while (sent < 0 && errno == EINTR);
    int result = sent < 0 ? -errno : 1;
    close(fd);
    return result;
}

int tasuki_notify_ready(void)
{
    return notify("READY=1");
}

int tasuki_notify_stopping(void)
{
    return notify("STOPPING=1");
}

int tasuki_notify_status(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return -ENOMEM;
    }
    /* A line break would begin another assignment, and a status must not say READY=1. */
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            *c = ' ';
        }
    }
    char *message = NULL;
    length = asprintf(&message, "STATUS=%s", text);
    free(text);
    if (length < 0) {
        return -ENOMEM;
    }
    int result = notify(message);
    free(message);
    return result;
}
