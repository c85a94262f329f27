#include "service_manager.h"

#include "ascii.h"
#include "descriptor.h"
#include "store_name.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The longest name of a stored descriptor, and what goes around it in a message. */
#define STORE_MESSAGE_SIZE (255 + 64)

/* --- finding it ------------------------------------------------------------------------------- */

static int take_address(struct service_manager *manager, const char *name, struct error *error)
{
    size_t length = strlen(name);
    bool is_abstract = name[0] == '@';
    if ((!is_abstract && name[0] != '/') || length < 2) {
        return error_set(error, "NOTIFY_SOCKET: expected a path or @NAME, got '%.100s'", name);
    }
    if (length >= sizeof manager->address.sun_path) {
        return error_set(error, "NOTIFY_SOCKET: '%.100s...' is too long for a socket", name);
    }
    manager->address.sun_family = AF_UNIX;
    memcpy(manager->address.sun_path, name, length);
    if (is_abstract) {
        manager->address.sun_path[0] = '\0';
    }
    manager->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

/* 0: none is wanted, or not from this process. */
static int64_t read_watchdog(void)
{
    const char *end;
    const char *interval = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (interval == NULL ||
        (pid != NULL && (ascii_parse_number(pid, INT32_MAX, &end) != getpid() || *end != '\0'))) {
        return 0;
    }
    long microseconds = ascii_parse_number(interval, INT64_MAX, &end);
    return microseconds > 0 && *end == '\0' ? microseconds : 0;
}

static int find(struct service_manager *manager, int floor, struct error *error)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || *name == '\0') {
        return 0;
    }
    if (take_address(manager, name, error) != 0) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return error_set(error, "NOTIFY_SOCKET: cannot make a socket: %s", strerror(errno));
    }
    manager->fd = descriptor_raise(fd, floor);
    manager->watchdog_us = read_watchdog();
    return 0;
}

int service_manager_open(struct service_manager *manager, int floor, struct error *error)
{
    *manager = (struct service_manager){.fd = -1, .marker_fd = -1};
    int result = find(manager, floor, error);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return result;
}

/* --- telling it ------------------------------------------------------------------------------- */

/* The address goes with every message: the socket may be another one when systemd has been replaced
   under the service, and who has taken a connection to the old one would never know. */
static int send_message(const struct service_manager *manager, const char *text, int fd,
                        struct error *error)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {.bytes = {0}};
    struct sockaddr_un address = manager->address;
    struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = manager->length, .msg_iov = &part, .msg_iovlen = 1};
    if (manager->fd < 0) {
        return 0;
    }
    if (fd >= 0) {
        control.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    ssize_t size;
    do {
        size = sendmsg(manager->fd, &message, MSG_NOSIGNAL);
    } while (size < 0 && errno == EINTR);
    if (size >= 0) {
        return 0;
    }
    int reason = errno;
    bool is_abstract = manager->address.sun_path[0] == '\0';
    error_set(error, "cannot notify the service manager: NOTIFY_SOCKET=%s%s: %s",
              is_abstract ? "@" : "", manager->address.sun_path + is_abstract, strerror(reason));
    errno = reason;
    return -1;
}

int service_manager_tell(const struct service_manager *manager, const char *lines,
                         struct error *error)
{
    return send_message(manager, lines, -1, error);
}

int64_t service_manager_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- its store -------------------------------------------------------------------------------- */

/* FDPOLL=0: a UDP socket with an error that nobody has read yet would be thrown out. */
int service_manager_store(const struct service_manager *manager, int fd, const char *name,
                          struct error *error)
{
    char text[STORE_MESSAGE_SIZE];
    snprintf(text, sizeof text, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    return send_message(manager, text, fd, error);
}

int service_manager_unstore(const struct service_manager *manager, const char *name,
                            struct error *error)
{
    char text[STORE_MESSAGE_SIZE];
    snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    return send_message(manager, text, -1, error);
}

/* A store that has no room, or none at all, closes what it is sent and says nothing. The end of a
   pipe that is sent last shows it: it is closed likewise. When this process is gone, the store
   throws its end out by itself, for it is watched (FDPOLL). */
int service_manager_store_marker(struct service_manager *manager, struct error *error)
{
    int ends[2];
    if (manager->fd < 0 || service_manager_keeps(manager)) {
        return 0;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return error_set(error, "cannot make a pipe: %s", strerror(errno));
    }
    int result = send_message(manager, "FDSTORE=1\nFDNAME=" STORE_NAME_MARKER, ends[1], error);
    int reason = errno;
    close(ends[1]);
    if (result != 0) {
        close(ends[0]);
        errno = reason;
        return -1;
    }
    descriptor_close(&manager->marker_fd);
    manager->marker_fd = descriptor_raise(ends[0], manager->fd);
    return 0;
}

bool service_manager_keeps(const struct service_manager *manager)
{
    struct pollfd marker = {.fd = manager->marker_fd, .events = POLLIN};
    return manager->marker_fd >= 0 && poll(&marker, 1, 0) == 0;
}

void service_manager_close(struct service_manager *manager)
{
    descriptor_close(&manager->marker_fd);
    descriptor_close(&manager->fd);
    manager->marker_fd = manager->fd = -1;
}
